"""YAML that a person wrote: read safely, checked against a Pydantic model, every fault with its file and line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

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
        while location and location not in self.lines:
            if location in self.origins:
                return self.origins[location]
            location = location[:-1]
        return f"{self.name}:{self.lines.get(location, 1)}"


def read_text(path: Path, name: str | None = None) -> str:
    """Read a text that a person wrote; raises BadInput when it is missing, too large or not UTF-8."""
    name = name or str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise bad_input(name, f"{path.stat().st_size:,} bytes; expected at most {MAX_BYTES:,}")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise bad_input(name, f"not UTF-8 at byte {error.start}; save the file as UTF-8") from error
    except OSError as error:
        raise bad_input(name, f"cannot be read: {error.strerror}") from error


def parse(text: str, name: str, first_line: int = 1) -> YamlFile:
    """Parse one YAML document; `first_line` is the line of `name` on which `text` starts.

    Raises BadInput for bad syntax, duplicate keys, aliases (a short text could unfold to gigabytes) and deep nesting.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        lines = _Lines(name, first_line)
        if node is not None:
            lines.walk(node)
        data = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + (mark.line if mark else 0)
        raise bad_input(f"{name}:{line}", f"not valid YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise bad_input(f"{name}:{first_line}", f"not valid YAML: {str(error).splitlines()[0]}") from error
    finally:
        loader.dispose()
    return YamlFile(name, data, lines.found)


def validate(model: type[M], file: YamlFile, data: Any = None) -> M:
    """Check the data of `file` (or `data`, which was made from it) against `model`; raises BadInput with all faults."""
    try:
        return model.model_validate(file.data if data is None else data)
    except ValidationError as error:
        raise BadInput(*faults_of(error, file)) from error


def faults_of(error: ValidationError, file: YamlFile) -> list[Fault]:
    """Turn Pydantic's complaints into faults with lines and offending values."""
    faults = []
    for detail in error.errors(include_url=False):
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
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


class _Lines:
    """Walks the composed nodes once, noting lines and refusing what `parse` promises to refuse."""

    def __init__(self, name: str, first_line: int) -> None:
        self.name = name
        self.first_line = first_line
        self.found: dict[Location, int] = {}
        self.seen: set[int] = set()

    def walk(self, node: yaml.Node, location: Location = ()) -> None:
        line = self.first_line + node.start_mark.line
        if id(node) in self.seen:
            raise bad_input(f"{self.name}:{line}", "YAML aliases are not read; write the value out")
        if len(location) > MAX_DEPTH:
            raise bad_input(f"{self.name}:{line}", f"nested deeper than {MAX_DEPTH} levels")
        self.seen.add(id(node))
        self.found.setdefault(location, line)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                self._note_key(key, (*location, str(key.value)))
                self.walk(value, (*location, str(key.value)))
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self.walk(value, (*location, index))

    def _note_key(self, key: yaml.Node, place: Location) -> None:
        line = self.first_line + key.start_mark.line
        if place in self.found:
            raise bad_input(f"{self.name}:{line}", f"key {key.value!r} stands twice")
        self.found[place] = line
