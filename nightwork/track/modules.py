"""The modules of a track: which files they are, and whether every one of them may be read and written."""

from __future__ import annotations

import stat
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nightwork.markdown import one_line
from nightwork.track.definition import DOCUMENT, RESEARCH, Definition
from nightwork.track.patterns import MAX_NUMBER, Found, checked_name, checked_path, files_of, path_of

MAX_MODULES = 10_000
_ID_LENGTH = 60


@dataclass(frozen=True)
class Module:
    """One document of a track with what belongs to it; any of its files may be missing."""

    number: int
    name: str
    document: Path
    sidecars: Mapping[str, Path]
    research: Path | None

    @property
    def id(self) -> str:
        """Its number and its name, such as `003-variables`: one of its kind in the track, and safe for a file name."""
        return f"{self.number:03}" + (f"-{self.name.replace(' ', '-')[:_ID_LENGTH]}" if self.name else "")

    def files(self) -> dict[str, Path]:
        """Return all that belongs to the module, by what it is."""
        return {DOCUMENT: self.document, **self.sidecars, **({RESEARCH: self.research} if self.research else {})}


def modules_of(definition: Definition, folder: Path, reserved: Collection[Path]) -> tuple[list[Module], list[str]]:
    """Return the modules of a track in their order, and what is wrong with them or with their files.

    `reserved` are files that no module may have: those that say how it is judged.
    """
    documents = definition.documents
    if documents.names:
        named = [(number, name) for number, name in enumerate(documents.names, 1)]
        modules = [_module(definition, folder, number, name) for number, name in named]
        problems: list[str] = []
    else:
        found, problems = _found(definition, folder)
        modules = [_module(definition, folder, each.number, each.name) for each in found]
    files = [(module, what, path) for module in modules for what, path in module.files().items()]
    places = _Places(folder, reserved)
    problems += [problem for module, what, path in files for problem in places.problems(module, what, path)]
    return modules, problems


def _module(definition: Definition, folder: Path, number: int, name: str) -> Module:
    return Module(
        number=number,
        name=name,
        document=folder / path_of(definition.documents.pattern, number, name),
        sidecars={each.name: folder / path_of(each.path, number, name) for each in definition.sidecars},
        research=folder / path_of(definition.research.path, number, name) if definition.research else None,
    )


def _found(definition: Definition, folder: Path) -> tuple[list[Found], list[str]]:
    pattern = definition.documents.pattern
    fitting = list(files_of(pattern, folder))
    # `01-intro.quiz.md` has the form of a document of the name `intro.quiz` too.
    others = {path for each in fitting for path in _beside(definition, each)}
    fitting = sorted((each for each in fitting if each.path not in others), key=lambda each: (each.number, each.path))
    if len(fitting) > MAX_MODULES:
        return [], [f"{len(fitting):,} files have the form {pattern}; a track has at most {MAX_MODULES:,} documents"]
    numbers: dict[int, list[str]] = defaultdict(list)
    for each in fitting:
        numbers[each.number].append(each.path)
    bad = {each.path: problem for each in fitting if (problem := _problem(pattern, each))}
    problems = [f"{one_line(path)}: {problem}" for path, problem in bad.items()]
    problems += [
        f"number {number} stands for {' and '.join(map(one_line, paths))}; give each document its own"
        for number, paths in numbers.items()
        if number and len(paths) > 1
    ]
    if not fitting:
        problems = [
            f"no file has the form {pattern}; put the documents there, or list those to write as documents.names"
        ]
    return [each for each in fitting if each.path not in bad], problems


def _beside(definition: Definition, found: Found) -> Iterator[str]:
    patterns = [each.path for each in definition.sidecars]
    patterns += [definition.research.path] if definition.research else []
    return (path for each in patterns if (path := path_of(each, found.number, found.name)) != found.path)


def _problem(pattern: str, found: Found) -> str | None:
    """Say why a file that has the form of a document cannot be one."""
    if found.is_link:
        return "is a link; put the file itself there"
    if not 1 <= found.number <= MAX_NUMBER:
        return (
            f"documents are numbered from 1 to {MAX_NUMBER:,}; rename the file, or choose a pattern that leaves it out"
        )
    try:
        if found.name:
            checked_name(found.name)
    except ValueError as error:
        return f"{error}; rename the file"
    right = path_of(pattern, found.number, found.name)
    return None if right == found.path else f"the pattern writes this number otherwise: {one_line(right)}"


class _Places:
    """Says what is wrong with the place of a file; folders are looked at once."""

    def __init__(self, folder: Path, reserved: Collection[Path]) -> None:
        self._folder = folder
        self._reserved = {_key(path) for path in reserved}
        self._owners: dict[str, str] = {}
        self._above: set[str] = set()
        self._folders: dict[Path, str | None] = {folder: None}

    def problems(self, module: Module, what: str, path: Path) -> Iterator[str]:
        """Yield what is wrong with one file of a module."""
        relative = one_line(path.relative_to(self._folder).as_posix())
        owner = self._owners.setdefault(_key(path), f"the {what} of module {module.number}")
        if owner != f"the {what} of module {module.number}":
            yield f"{relative}: is {owner}, and the {what} of module {module.number} too"
        above = [_key(each) for each in path.parents if each.is_relative_to(self._folder)]
        self._above.update(above)
        if _key(path) in self._above or any(key in self._owners for key in above):
            yield f"{relative}: is a file of one module and a folder of another"
        if _key(path) in self._reserved:
            yield f"{relative}: says how the track is judged, and cannot be the {what} of module {module.number}"
        try:
            checked_path(path.relative_to(self._folder).as_posix())
        except ValueError as error:
            yield f"{relative}: {error}"
        if problem := self._of_folder(path.parent) or _of_file(path):
            yield f"{relative}: {problem}"

    def _of_folder(self, folder: Path) -> str | None:
        if folder not in self._folders:
            self._folders[folder] = self._of_folder(folder.parent) or _kind(folder, stat.S_ISDIR, "folder")
        return self._folders[folder]


def _of_file(path: Path) -> str | None:
    return _kind(path, stat.S_ISREG, "plain file")


def _kind(path: Path, is_right: object, wanted: str) -> str | None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"cannot be looked at: {error.strerror}"
    if stat.S_ISLNK(mode):
        return f"{one_line(path.name)} is a link; put the {wanted} itself there"
    return None if callable(is_right) and is_right(mode) else f"{one_line(path.name)} is no {wanted}"


def _key(path: Path) -> str:
    """Return what is the same for paths that some file system takes for one."""
    return unicodedata.normalize("NFC", str(path)).casefold()
