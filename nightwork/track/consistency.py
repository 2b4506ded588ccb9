"""What the parts of a `track.yaml` must agree on, beyond what each of them says alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nightwork.track.definition import AUDIT_VALUES, DOCUMENT, RESEARCH, Definition
from nightwork.track.patterns import has_name, has_number
from nightwork.yamlfile import Location


def disagreements(definition: Definition) -> Iterator[tuple[Location, str]]:
    """Yield what contradicts itself in a definition, each with the place at which it stands in the file."""
    yield from _of_documents(definition)
    yield from _of_patterns(definition)
    yield from _of_names(definition)
    yield from _of_phases(definition)
    yield from _of_audit(definition)


def _of_documents(definition: Definition) -> Iterator[tuple[Location, str]]:
    documents = definition.documents
    if not documents.names and not has_number(documents.pattern):
        yield ("documents", "pattern"), "{number} must stand in it; or list the documents' `names` in their order"
    if len(documents.names) > 1 and not (has_number(documents.pattern) or has_name(documents.pattern)):
        yield ("documents", "pattern"), "{number} or {name} must stand in it, or all documents are one file"
    yield from _twice(("documents", "names"), documents.names)


def _of_patterns(definition: Definition) -> Iterator[tuple[Location, str]]:
    documents = definition.documents
    can_name = bool(documents.names) or has_name(documents.pattern)
    others: list[tuple[Location, str]] = [
        (("sidecars", place, "path"), sidecar.path) for place, sidecar in enumerate(definition.sidecars)
    ]
    if definition.research:
        others.append((("research", "path"), definition.research.path))
    for location, pattern in others:
        if has_name(pattern) and not can_name:
            yield location, "{name} stands for nothing: it does not stand in documents.pattern"
        elif not (has_number(pattern) or has_name(pattern)):
            yield location, "{number} or {name} must stand in it, or all modules share one file"
    yield from _shared([(("documents", "pattern"), documents.pattern), *others])


def _shared(patterns: list[tuple[Location, str]]) -> Iterator[tuple[Location, str]]:
    first: dict[str, str] = {}
    for location, pattern in patterns:
        key = ".".join(str(part) for part in location)
        if first.setdefault(pattern.casefold(), key) != key:
            yield location, f"is the same file as {first[pattern.casefold()]}"


def _of_names(definition: Definition) -> Iterator[tuple[Location, str]]:
    reserved = {*AUDIT_VALUES, RESEARCH}
    for place, sidecar in enumerate(definition.sidecars):
        if sidecar.name in reserved:
            yield ("sidecars", place, "name"), f"{sidecar.name!r} has a meaning of its own; choose another name"
    yield from _twice(("sidecars",), [each.name for each in definition.sidecars], "name")
    yield from _twice(("phases",), [each.name for each in definition.phases], "name")
    if definition.rubric:
        yield from _twice(("rubric", "dimensions"), [each.name for each in definition.rubric.dimensions], "name")


def _of_phases(definition: Definition) -> Iterator[tuple[Location, str]]:
    written = (DOCUMENT, RESEARCH, *(each.name for each in definition.sidecars))
    for place, phase in enumerate(definition.phases):
        if phase.writes not in written:
            yield ("phases", place, "writes"), f"{phase.writes!r} is no file of a module; expected {', '.join(written)}"
        elif phase.writes == RESEARCH and definition.research is None:
            yield ("phases", place, "writes"), "there is no section `research` that says where the file stands"


def _of_audit(definition: Definition) -> Iterator[tuple[Location, str]]:
    known = (*AUDIT_VALUES, *(each.name for each in definition.sidecars))
    for place, name in definition.audit.placeholders() if definition.audit else ():
        if name not in known:
            listed = ", ".join(f"{{{each}}}" for each in known)
            yield ("audit", "command", place), f"{{{name}}} stands for nothing; known: {listed}"


def _twice(location: Location, names: Iterable[str], key: str | None = None) -> Iterator[tuple[Location, str]]:
    seen: dict[str, int] = {}
    for place, name in enumerate(names):
        if seen.setdefault(name.casefold(), place) != place:
            yield (*location, place, *([key] if key else [])), f"{name!r} stands twice; give each a name of its own"
