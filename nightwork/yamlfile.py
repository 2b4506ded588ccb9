"""YAML that a person wrote: read safely, checked against a Pydantic model, every fault with its file and line."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from nightwork.errors import BadInput, Fault, bad_input

M = TypeVar("M", bound=BaseModel)
Location = tuple[int | str, ...]

MAX_BYTES = 1_000_000
MAX_DEPTH = 40


@dataclass(frozen=True)
class YamlFile:
    """The data of a YAML text, the line on which each value stands, and the origin of values set from elsewhere."""

    name: str
    data: Any
    lines: dict[Location, int]
    origins: dict[Location, str] = field(default_factory=dict)

    def where(self, location: Location) -> str:
        """Return `file:line` of the value at `location` (or of the nearest around it), or its origin elsewhere."""
        below = [origin for place, origin in self.origins.items() if place[: len(location)] == location]
        while location and location not in self.lines:
            if location in self.origins:
                return self.origins[location]
            location = location[:-1]
        if below and location not in self.lines:
            return below[0]
        return f"{self.name}:{self.lines.get(location, 1)}"


def read_text(path: Path, name: str | None = None, limit: int = MAX_BYTES) -> str:
    """Read a text that a person wrote; raises BadInput when it is missing, no plain file, too large or not UTF-8."""
    name = name or str(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise bad_input(name, "cannot be read: Is a directory")
        if not stat.S_ISREG(status.st_mode):
            raise bad_input(name, "is no plain file")
        if status.st_size > limit:
            raise bad_input(name, f"{status.st_size:,} bytes; expected at most {limit:,}")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise bad_input(name, f"not UTF-8 at byte {error.start}; save the file as UTF-8") from error
    except OSError as error:
        raise bad_input(name, f"cannot be read: {error.strerror}") from error


def parse(text: str, name: str, first_line: int = 1) -> YamlFile:
    """Parse one YAML document; `first_line` is the line of `name` on which `text` starts.

    Raises BadInput for bad syntax, duplicate keys, aliases (a short text could unfold to gigabytes) and deep nesting.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        data = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + (mark.line if mark else 0)
        raise bad_input(f"{name}:{line}", f"not valid YAML: {error.problem or error.context}") from error
    except _UNREADABLE as error:
        said = str(error).splitlines() or [type(error).__name__]
        raise bad_input(f"{name}:{first_line}", f"not valid YAML: {said[0]}") from error
    lines: dict[Location, int] = {}
    if node is not None:
        _note_lines(node, (), first_line, lines)
    return YamlFile(name, data, lines)


# What PyYAML's constructors raise for values such as `!!int ''`, `!!bool maybe` or `!!timestamp soon`.
_UNREADABLE = (yaml.YAMLError, ValueError, IndexError, KeyError, AttributeError, TypeError, ArithmeticError)


if yaml.__with_libyaml__:
    from yaml._yaml import CParser

    class _Base(Composer, CParser, SafeConstructor, Resolver):
        """PyYAML's own nodes and values over the events of libyaml, which reads four times as fast as PyYAML."""

        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            for part in (Composer, SafeConstructor, Resolver):
                part.__init__(self)
else:
    _Base = yaml.SafeLoader  # type: ignore[misc,assignment]


class _Loader(_Base):
    """Refuses while it reads what `parse` promises to refuse, before any of it costs time or memory."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()
        mark = event.start_mark
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases are not read; write the value out", problem_mark=mark)
        if self._depth >= MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem=f"nested deeper than {MAX_DEPTH} levels", problem_mark=mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be a plain text", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"key {key.value!r} stands twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _note_lines(node: yaml.Node, location: Location, first_line: int, lines: dict[Location, int]) -> None:
    lines.setdefault(location, first_line + node.start_mark.line)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            lines[(*location, key.value)] = first_line + key.start_mark.line
            _note_lines(value, (*location, key.value), first_line, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _note_lines(value, (*location, index), first_line, lines)


def dump(data: Any, width: int, **options: Any) -> str:
    """Return data of plain values as YAML, keys in their order."""
    return str(yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=width, **options))


_Dumper = yaml.CSafeDumper if yaml.__with_libyaml__ else yaml.SafeDumper


def validate(model: type[M], file: YamlFile, data: Any = None) -> M:
    """Check the data of `file` (or `data`, which was made from it) against `model`; raises BadInput with all faults."""
    try:
        return model.model_validate(file.data if data is None else data)
    except ValidationError as error:
        raise BadInput(*faults_of(error, file)) from error


def faults_of(error: ValidationError, file: YamlFile) -> list[Fault]:
    """Turn Pydantic's complaints into faults with lines and offending values."""
    faults = []
    for detail in sorted(error.errors(include_url=False), key=lambda detail: file.lines.get(tuple(detail["loc"]), 0)):
        location = tuple(detail["loc"])
        key = ".".join(str(part) for part in location) or "document"
        value = "" if detail["type"] in {"missing", "extra_forbidden"} else f", not {_short(detail['input'])}"
        faults.append(Fault(file.where(location), f"{key}: {_complaint(detail['type'], detail['msg'])}{value}"))
    return faults


def _complaint(kind: str, message: str) -> str:
    if kind == "missing":
        return "is required"
    if kind == "extra_forbidden":
        return "unknown key; remove it or mend its spelling"
    text = message.removeprefix("Value error, ").removeprefix("Input ")
    return text[:1].lower() + text[1:]


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # an integer with more digits than Python prints
        return "a number too long to print"
    return text if len(text) <= 80 else text[:77] + "..."
