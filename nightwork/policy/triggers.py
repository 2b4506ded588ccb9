"""The escalation triggers that need no model: dependencies, schema migrations, sensitive paths, public names, risks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from nightwork.agent.results import Level, Plan, Scope, Trigger
from nightwork.gates.flags import matches
from nightwork.guarding import EscalationSettings
from nightwork.policy.dependencies import Unreadable, dependencies
from nightwork.policy.held import Held
from nightwork.policy.names import module_name, removed_names
from nightwork.policy.paths import plain
from nightwork.testfile import is_test_file
from nightwork.workspace import Repository
from nightwork.workspace.entries import TreeEntry

_MIGRATIONS = (
    "migrations/*.py", "migrations/*.sql", "migrations/*.js", "migrations/*.ts", "migrations/*.php", "migrations/*.rb",
    "migrations/*.go", "migrations/*.xml", "alembic/versions/*", "db/migrate/*", "db/changelog/*", "schema.prisma",
    "db/schema.rb", "structure.sql", "v[0-9]*__*.sql", "r__*.sql", "u[0-9]*__*.sql", "schema.sql",
)  # fmt: skip
_KINDS = r"(?:TABLE|INDEX|VIEW|SCHEMA|DATABASE|TYPE|COLUMN|TRIGGER|SEQUENCE)\b"
_DDL_SQL = re.compile(rf"\b(?:CREATE|ALTER|DROP|RENAME|TRUNCATE)\s+(?:\w+\s+){{0,3}}{_KINDS}", re.IGNORECASE)
# In code a table that is made is one that nobody has data in yet.
_DDL_CODE = re.compile(rf"\b(?:ALTER|DROP|RENAME|TRUNCATE)\s+{_KINDS}")
_CODE = (".py", ".js", ".ts", ".mjs", ".rb", ".go", ".rs", ".java", ".kt", ".cs", ".php", ".scala", ".ex", ".swift")
_PROSE = (".md", ".rst", ".txt", ".adoc", ".html", ".css", ".svg", ".png", ".po")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+\d*|\d+[a-z]*")
_MAX_LINES = 1_000_000
_MAX_SOURCE = 1_000_000  # bytes; nobody writes a larger module by hand


def held_by_scope(scope: Scope, settings: EscalationSettings) -> list[Held]:
    """Return what C0 says that needs a person before C1."""
    count, most = len(scope.questions), settings.open_questions
    held = list(_sensitive(scope.affected_files, settings))
    if most is not None and count >= most:
        text = f"{count} questions are open after C0: {'; '.join(scope.questions)}"
        held.append(Held(Trigger.UNCERTAINTY, text, "questions"))
    return held


def held_by_plan(plan: Plan, settings: EscalationSettings) -> list[Held]:
    """Return what C1 says that needs a person before anything is changed."""
    files = (*plan.files_to_create, *plan.files_to_change)
    held = [*_sensitive(files, settings), *(_migrations(files) if settings.migrations else ())]
    for risk in plan.risks if settings.high_risks else ():
        if risk.likelihood is risk.impact is Level.HIGH:
            kind = Trigger(risk.kind) if risk.kind != "performance" else Trigger.ARCHITECTURE
            held.append(Held(kind, f"the plan calls a risk likely and severe: {risk.description}", risk.description))
    return held


def held_by_change(
    repository: Repository, old: str, new: str, entries: Sequence[TreeEntry], settings: EscalationSettings
) -> list[Held]:
    """Return what the difference of two trees holds that needs a person before it is published."""
    held = list(_sensitive([entry.path for entry in entries], settings))
    if settings.dependencies:
        held += _new_dependencies(repository, entries)
    if settings.migrations:
        held += _migrations([entry.path for entry in entries])
        held += _ddl(repository, old, new, {each.path for each in held if each.trigger is Trigger.DATA})
    if settings.public_names:
        held += _removed_names(repository, old, entries)
    return held


def _sensitive(files: Sequence[str], settings: EscalationSettings) -> Iterator[Held]:
    """Yield the areas, a folder or a file, whose name tells of authentication or cryptography; each once."""
    words, areas = {word.casefold() for word in settings.sensitive_words}, set()
    for file in files:
        parts = PurePosixPath(file).parts
        if is_test_file(file) or file.lower().endswith(_PROSE) or (parts and parts[0].lower() in {"docs", "doc"}):
            continue
        for depth, part in enumerate(parts, 1):
            found = words & _words(part)
            area = "/".join(parts[:depth])
            if found and area not in areas:
                areas.add(area)
                text = f"{area}: {sorted(found)[0]} is in its name; authentication or cryptography"
                yield Held(Trigger.SECURITY, text, f"sensitive\0{plain(area)}", file)
            if found:
                break


def _words(name: str) -> set[str]:
    whole = {part.casefold() for part in re.split(r"[^A-Za-z0-9]+", name) if part}
    return whole | {word.casefold() for word in _WORD.findall(name)}


def _migrations(files: Sequence[str]) -> Iterator[Held]:
    for file in files:
        name = PurePosixPath(file).name
        if matches(plain(file), _MIGRATIONS) and name != "__init__.py" and not is_test_file(file):
            yield Held(Trigger.DATA, f"{file}: changes the schema of a database", f"migration\0{file}", file)


def _ddl(repository: Repository, old: str, new: str, told: set[str | None]) -> Iterator[Held]:
    files = [file for file in repository.changes(old, new) if file.path.lower().endswith((".sql", *_CODE))]
    files = [file for file in files if file.path not in told and not is_test_file(file.path)]
    for path, lines in repository.line_changes(old, new, files, _MAX_LINES).items():
        pattern = _DDL_SQL if path.lower().endswith(".sql") else _DDL_CODE
        said = {found[0].upper() for _, line in lines.added if (found := pattern.search(line[:10_000]))}
        if said and not said <= {
            found[0].upper() for line in lines.removed if (found := pattern.search(line[:10_000]))
        }:
            yield Held(Trigger.DATA, f"{path}: adds {sorted(said)[0]}", f"migration\0{path}", path)


def _new_dependencies(repository: Repository, entries: Sequence[TreeEntry]) -> Iterator[Held]:
    had, has = _named_by(repository, entries, old=True), _named_by(repository, entries, old=False)
    known = {name for names in had.values() for name in names or ()}
    for path, names in has.items():
        if names is None:
            text = f"{path}: cannot be read, so what it installs is not known"
            yield Held(Trigger.ARCHITECTURE, text, f"manifest\0{path}", path)
        for name in sorted(names or ()):
            if name not in known:
                text = f"{path}: new dependency {name}"
                yield Held(Trigger.ARCHITECTURE, text, f"dependency\0{name}", path)


def _named_by(repository: Repository, entries: Sequence[TreeEntry], old: bool) -> dict[str, frozenset[str] | None]:
    """Return what each changed manifest names on one side; None for one that cannot be read."""
    found: dict[str, frozenset[str] | None] = {}
    for entry in entries:
        blob = entry.old_blob if old else entry.new_blob
        if blob is None or not (old or entry.is_file):
            continue
        try:
            if dependencies(entry.name, "") is None:
                continue
        except Unreadable:
            pass
        try:
            found[entry.path] = dependencies(entry.name, repository.blob(blob).decode("utf-8", "replace"))
        except Unreadable:
            found[entry.path] = None
    return found


def _removed_names(repository: Repository, old: str, entries: Sequence[TreeEntry]) -> Iterator[Held]:
    touched = [entry for entry in entries if entry.old_blob and entry.path.endswith(".py")]
    paths = frozenset(repository.blobs(old)) if touched else frozenset()
    modules = {entry: module for entry in touched if (module := module_name(entry.path, paths))}
    blobs = [blob for entry in modules for blob in (entry.old_blob, entry.new_blob) if blob]
    sizes = repository.blob_sizes(blobs)
    sources = repository.read_blobs({blob: size for blob, size in sizes.items() if size <= _MAX_SOURCE})
    for entry, module in modules.items():
        before = sources.get(entry.old_blob or "", b"")
        for name in removed_names(before, sources.get(entry.new_blob) if entry.new_blob else None):
            text = f"{entry.name}: {module}.{name} is gone; others may use it"
            yield Held(Trigger.COMPATIBILITY, text, f"name\0{module}.{name}", entry.path)
