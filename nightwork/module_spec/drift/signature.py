"""Signatures as their callers see them: parameters with kinds and defaults, and whether old calls still fit."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from nightwork.module_spec.drift import splitting
from nightwork.module_spec.source.skeleton import SymbolKind

_LONGEST = 4_000  # characters; what is longer is compared as text
_VALUES = frozenset({SymbolKind.CONSTANT, SymbolKind.FIELD})
_PARAMETER = re.compile(r"(\.\.\.)?((?:(?:public|private|protected|readonly|override)\s+)*)(.+?)(\?)?", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = re.compile(r"@@([0-9a-f]{1,6})@@")


class Passing(StrEnum):
    """How an argument reaches a parameter."""

    POSITION = "positional-only"
    EITHER = "positional"
    KEYWORD = "keyword-only"
    REST = "rest of the positions"
    KEYWORDS = "rest of the keywords"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; `default` is None when an argument is required."""

    name: str
    passing: Passing
    annotation: str = ""
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature without its formatting; `parts` are the rest of it by what people call it, `value` a variable's."""

    parameters: tuple[Parameter, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    value: str | None = None


def read(text: str, kind: SymbolKind, language: str) -> Signature | None:
    """Return a signature taken apart; None when it cannot be."""
    if len(text) > _LONGEST:
        return None
    if kind in _VALUES:
        return _value(text)
    return _python(text) if language == "python" else _ecmascript(text)


def _python(text: str) -> Signature | None:
    try:
        # Python warns of escapes that it does not know, and warnings are the whole process's: it gets to see none.
        statement = ast.parse(_ESCAPE.sub(lambda found: f"@@{ord(found[1]):x}@@", text) + ": pass").body[0]
        if isinstance(statement, ast.ClassDef):
            given = [*statement.bases, *statement.keywords]
            return Signature(parts={"bases": ", ".join(map(_text, given)), **_generic(statement)})
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            return None
        form = "async" if isinstance(statement, ast.AsyncFunctionDef) else ""
        parts = {"form": form, "return type": _text(statement.returns), **_generic(statement)}
        return Signature(tuple(_parameters(statement.args)), parts)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _generic(statement: ast.stmt) -> dict[str, str]:
    return {"type parameters": ", ".join(map(_text, getattr(statement, "type_params", [])))}


def _parameters(arguments: ast.arguments) -> list[Parameter]:
    found = []
    positional = [(each, Passing.POSITION) for each in arguments.posonlyargs]
    positional += [(each, Passing.EITHER) for each in arguments.args]
    required = len(positional) - len(arguments.defaults)
    defaults: list[ast.expr | None] = [*[None] * required, *arguments.defaults]
    for (each, passing), default in zip(positional, defaults, strict=True):
        found.append(_parameter(each, passing, default))
    if arguments.vararg:
        found.append(_parameter(arguments.vararg, Passing.REST))
    for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        found.append(_parameter(each, Passing.KEYWORD, default))
    if arguments.kwarg:
        found.append(_parameter(arguments.kwarg, Passing.KEYWORDS))
    return found


def _parameter(argument: ast.arg, passing: Passing, default: ast.expr | None = None) -> Parameter:
    return Parameter(argument.arg, passing, _text(argument.annotation), _text(default) if default else None)


def _text(expression: ast.AST | None) -> str:
    written = ast.unparse(expression) if expression else ""
    return _ESCAPED.sub(lambda found: "\\" + chr(int(found[1], 16)), written)


def _value(text: str) -> Signature | None:
    declared = splitting.split(text, "=", 1)
    named = splitting.split(declared[0], ":", 1) if declared else None
    if not declared or not named:
        return None
    parts = {"form": splitting.tight(named[0]), "type": splitting.tight(named[1]) if len(named) > 1 else ""}
    return Signature((), parts, splitting.tight(declared[1]) if len(declared) > 1 else None)


def _ecmascript(text: str) -> Signature | None:
    around = splitting.parenthesised(text)
    if around is None or text.startswith(("class", "abstract class", "interface", "type", "enum", "const enum")):
        return Signature(parts={"declaration": splitting.tight(text)})
    before, inside, behind = around
    given = splitting.split(inside, ",")
    if given is None:
        return None
    parameters = tuple(_ecmascript_parameter(each) for each in given if each)
    returns = behind.removesuffix("=>").strip().removeprefix(":")
    return Signature(parameters, {"form": splitting.tight(before), "return type": splitting.tight(returns)})


def _ecmascript_parameter(text: str) -> Parameter:
    declared = splitting.split(text, "=", 1) or [text]
    named = splitting.split(declared[0], ":", 1) or [declared[0]]
    found = _PARAMETER.fullmatch(named[0])
    rest, modifiers, name, optional = found.groups() if found else (None, "", named[0], None)
    annotation = splitting.tight(modifiers + (named[1] if len(named) > 1 else ""))
    default = splitting.tight(declared[1]) if len(declared) > 1 else "undefined" if optional else None
    return Parameter(splitting.tight(name), Passing.REST if rest else Passing.POSITION, annotation, default)


@dataclass(frozen=True, slots=True)
class Difference:
    """What is different in words, and whether whoever used the old signature can go on as before."""

    texts: tuple[str, ...]
    is_compatible: bool


def difference(before: Signature, after: Signature) -> Difference:
    """Compare two signatures; no texts when only formatting differs. Of values only their lack counts."""
    told: list[tuple[str, bool]] = []
    pairs = _paired(before.parameters, after.parameters)
    for old, new in pairs:
        told += _parameter_changes(old, new)
    kept_old, kept_new = {old.name for old, _ in pairs}, {new.name for _, new in pairs}
    told += [(f"parameter `{each.name}` removed", False) for each in before.parameters if each.name not in kept_old]
    for place, each in enumerate(after.parameters):
        if each.name not in kept_new:
            told.append(_added(each, place, before.parameters))
    if _is_reordered(pairs, after.parameters):
        told.append(("parameters reordered", False))
    for what in sorted({*before.parts, *after.parts}):
        if before.parts.get(what, "") != after.parts.get(what, ""):
            told.append((_changed(what, before.parts.get(what, ""), after.parts.get(what, "")), False))
    if (before.value is None) != (after.value is None):
        told.append(("has a value now", True) if before.value is None else ("has no value any more", False))
    return Difference(tuple(text for text, _ in told), all(is_compatible for _, is_compatible in told))


def _paired(before: Sequence[Parameter], after: Sequence[Parameter]) -> list[tuple[Parameter, Parameter]]:
    """Return which parameter became which: by position where only that counts, and by name."""
    by_name = {each.name: each for each in after}
    pairs = [(each, by_name[each.name]) for each in before if each.name in by_name]
    taken = {each.name for pair in pairs for each in pair}
    for old, new in zip(before, after, strict=False):
        is_same = old.passing is Passing.POSITION or replace(old, name=new.name) == new
        if old.passing is new.passing is not Passing.KEYWORD and is_same and not {old.name, new.name} & taken:
            pairs.append((old, new))
    return sorted(pairs, key=lambda pair: before.index(pair[0]))


def _parameter_changes(old: Parameter, new: Parameter) -> list[tuple[str, bool]]:
    told = []
    if old.name != new.name:
        told.append((f"parameter `{old.name}` is called `{new.name}`", old.passing is not Passing.EITHER))
    if old.passing != new.passing:
        told.append((f"parameter `{new.name}` is {new.passing}, was {old.passing}", False))
    if old.annotation != new.annotation:
        told.append((_changed(f"type of `{new.name}`", old.annotation, new.annotation), False))
    if old.default is None and new.default is not None:
        told.append((f"parameter `{new.name}` is optional now", True))
    elif old.default is not None and new.default is None:
        told.append((f"parameter `{new.name}` is required now", False))
    elif old.default is not None and new.default is not None and old.default != new.default:
        told.append((_changed(f"default of `{new.name}`", old.default, new.default), False))
    return told


def _added(new: Parameter, place: int, before: Sequence[Parameter]) -> tuple[str, bool]:
    positional = sum(each.passing in {Passing.POSITION, Passing.EITHER} for each in before)
    if new.passing in {Passing.POSITION, Passing.EITHER}:
        is_at_end = place >= positional and not any(each.passing is Passing.REST for each in before)
        is_compatible = new.default is not None and is_at_end
    else:
        is_compatible = new.default is not None or new.passing in {Passing.REST, Passing.KEYWORDS}
    return f"{'optional' if new.default is not None else 'new'} parameter `{new.name}` added", is_compatible


def _is_reordered(pairs: Sequence[tuple[Parameter, Parameter]], after: Sequence[Parameter]) -> bool:
    places = [after.index(new) for _, new in pairs if new.passing in {Passing.POSITION, Passing.EITHER}]
    return places != sorted(places)


def _changed(what: str, before: str, after: str) -> str:
    if before and after:
        return f"{what} changed from `{before}` to `{after}`"
    return f"{what} added: `{after}`" if after else f"{what} removed: `{before}`"
