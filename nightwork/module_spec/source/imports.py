"""Which file an import means, from names and paths alone: nothing is imported, nothing is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from nightwork.module_spec.source.language.ecmascript.resolve import package_of, resolve
from nightwork.module_spec.source.skeleton import EdgeKind, Import, Skeleton

_PACKAGE = "__init__"


@dataclass(frozen=True, slots=True)
class Target:
    """What one import leads to: a file of the project, or a package outside; `names` are what is taken of it."""

    path: str
    kind: EdgeKind
    names: tuple[str, ...] = ()
    is_external: bool = False


class PythonImports:
    """The Python files of a project by the names under which they can be imported.

    A source root is the project's folder, its `src`, what the settings name, and each folder above a top package.
    """

    def __init__(self, paths: Iterable[str], source_roots: Sequence[str] = ()) -> None:
        self._stems = {path.rpartition(".")[0]: path for path in paths}
        packages = {_split(stem)[0] for stem in self._stems if _split(stem)[1] == _PACKAGE}
        roots = {"", "src", *source_roots, *(_root_of(package, packages) for package in packages)}
        self._packages = packages
        self._by_name: dict[str, list[str]] = {}
        for stem, path in self._stems.items():
            for name in _names(stem, roots):
                self._by_name.setdefault(name, []).append(path)
        self._deepest = max((name.count(".") for name in self._by_name), default=0) + 1
        self._tops = {name.partition(".")[0] for name in self._by_name}
        self._found: dict[tuple[str, str], str | None] = {}

    def targets(self, skeleton: Skeleton) -> Iterator[Target]:
        """Yield what each import of a file leads to, in the order of the source."""
        folder = _split(skeleton.path)[0]
        for each in skeleton.imports:
            yield from self._relative(folder, each) if each.level else self._absolute(folder, each)

    def _relative(self, folder: str, each: Import) -> Iterator[Target]:
        parts = folder.split("/") if folder else []
        if each.level > len(parts) + 1:
            return
        base = "/".join([*parts[: len(parts) - each.level + 1], *filter(None, each.module.split("."))])
        whole = self._file(base) if each.module or base else self._stems.get(_PACKAGE)
        yield from _taken(whole, each, lambda name: self._file(f"{base}/{name}" if base else name))

    def _absolute(self, folder: str, each: Import) -> Iterator[Target]:
        whole = self._named(folder, each.module)
        found = list(_taken(whole, each, lambda name: self._named(folder, f"{each.module}.{name}")))
        yield from found
        if found or not each.module:
            return
        *parts, _ = f"{each.module}.".split(".", self._deepest + 1)  # a name of a million parts is one import too
        top, above = parts[0], ".".join(parts)
        while whole is None and "." in above:
            above = above.rpartition(".")[0]
            whole = self._named(folder, above)
        if whole is not None:
            yield Target(whole, each.kind)
        elif top not in self._tops:
            yield Target(top, each.kind, is_external=True)

    def _file(self, stem: str) -> str | None:
        return self._stems.get(f"{stem}/{_PACKAGE}" if stem else _PACKAGE) or self._stems.get(stem)

    def _named(self, folder: str, name: str) -> str | None:
        """Return the file of a dotted name as a file of that folder sees it: beside a script, else the nearest."""
        key = (folder, name)
        if key not in self._found:
            beside = None
            if folder not in self._packages:
                beside = self._file("/".join(filter(None, [folder, *name.split(".")])))
            candidates = self._by_name.get(name, ())
            self._found[key] = beside or min(
                candidates, key=lambda path: (-len(shared_folders(folder, path)), path), default=None
            )
        return self._found[key]


class FileImports:
    """The files of a project by their paths, as languages import them that name files: TypeScript, JavaScript."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = frozenset(paths)

    def targets(self, skeleton: Skeleton) -> Iterator[Target]:
        """Yield what each import of a file leads to, in the order of the source."""
        for each in skeleton.imports:
            path = resolve(each.module, skeleton.path, self._paths)
            package = package_of(each.module)
            if path is not None:
                yield Target(path, each.kind, each.names)
            elif package is not None:
                yield Target(package, each.kind, is_external=True)


def shared_folders(one: str, other: str) -> list[str]:
    """Return the folders that two paths have in common, from the top."""
    shared = []
    for ours, theirs in zip(one.split("/"), other.split("/"), strict=False):
        if ours != theirs:
            break
        shared.append(ours)
    return shared


def _taken(whole: str | None, each: Import, submodule: Callable[[str], str | None]) -> Iterator[Target]:
    """Yield the submodules among an import's names, then the module itself with the names that are its own."""
    own = []
    for name in each.names:
        path = submodule(name) if name != "*" else None
        if path is not None:
            yield Target(path, each.kind)
        else:
            own.append(name)
    if whole is not None and (own or not each.names):
        yield Target(whole, each.kind, tuple(own))


def _split(path: str) -> tuple[str, str]:
    folder, _, name = path.rpartition("/")
    return folder, name


def _root_of(package: str, packages: set[str]) -> str:
    """Return the folder that has to be on the path for a package to be found."""
    while package and (parent := _split(package)[0]) in packages:
        package = parent
    return _split(package)[0]


def _names(stem: str, roots: set[str]) -> Iterator[str]:
    """Yield the dotted names of a file, one for each root above it."""
    parts = stem.split("/")
    if parts[-1] == _PACKAGE:
        parts.pop()
    for depth in range(len(parts)):
        if "/".join(parts[:depth]) in roots:
            yield ".".join(parts[depth:])
