"""What the place of a changed file shows: modules that hide others, code of others, copies, what the gates start."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from nightwork.gate_settings import GateSettings
from nightwork.gates.flags import matches
from nightwork.gates.judgement import Flag
from nightwork.gates.tricks import commands
from nightwork.gates.tricks.remark import Edited, Remark
from nightwork.gates.tricks.wording import is_code
from nightwork.testfile import is_test_file

COPY_LINES = 20  # a shorter file is the same as another by chance

_VENDORED = re.compile(
    r"(^|/)(vendor|vendored|vendors|third[_-]?party|3rdparty|node_modules|bower_components|site-packages|dist-packages"
    r"|_vendor(ed)?|pods|carthage)/"
)
_TOOL = re.compile(
    r"""_pytest|bandit|black|coverage|detect_secrets|flake8|hypothesis|iniconfig|isort|mypy|nose2?|nox|pip|pluggy
    |py_compile|pycodestyle|pyflakes|pylint|pyright|pytest|pytest_\w+|ruff|setuptools|tox|typing_extensions|xdist""",
    re.VERBOSE,
)
_AT_START = frozenset({"sitecustomize", "usercustomize"})
_STANDARD = sys.stdlib_module_names - {"test"}
_ROOTS = frozenset({"src", "lib", "python"})
_IMPORTED = frozenset({".py", ".pyc", ".so", ".pyd", ".pyw"})
# Metadata of an installed package: what stands on the import path may register plugins of test runners.
_METADATA = (".dist-info", ".egg-info")


def place_remarks(
    edits: Sequence[Edited], gates: Sequence[GateSettings], copies: Mapping[str, str], paths: Collection[str]
) -> Iterator[Remark]:
    """Yield what is seen; `copies` are new files with what they copy, `paths` all files after the change."""
    tools = commands.modules_run(gates)
    told = commands.description_files(gates)
    runs = (*commands.instruction_files(gates), *told)
    own = _own_modules(set(paths) - {edited.path for edited in edits if edited.is_new})
    for edited in edits:
        if edited.file.status[0] != "D":
            yield from _shadows(edited, tools)
            yield from _hides_own(edited, own, paths)
            yield from _foreign(edited, copies)
        names = [path for path in (edited.path, edited.file.old_path) if path]
        if any(matches(path, runs) for path in names):
            yield Remark(Flag.GATE_CONFIG_CHANGED, edited.path, text="a gate starts it, or is told by it what to run")
        if any(commands.is_package_json(path) and matches(path, told) for path in names) and (
            commands.changes_what_runs(edited.before, edited.after)
        ):
            yield Remark(Flag.GATE_COMMAND_CHANGED, edited.path, text="its scripts, or configuration of their tools")


def _shadows(edited: Edited, tools: frozenset[str]) -> Iterator[Remark]:
    path = PurePosixPath(edited.path)
    name = _module(path)
    if path.suffix == ".pth" or name in _AT_START:
        yield Remark(Flag.MODULE_SHADOWED, edited.path, text="runs whenever Python starts")
    elif any(part.lower().endswith(_METADATA) for part in path.parts):
        yield Remark(Flag.MODULE_SHADOWED, edited.path, text="metadata of a package, which may register plugins")
    elif edited.is_new and name and _is_importable(path) and (name in _STANDARD | tools or _TOOL.fullmatch(name)):
        yield Remark(Flag.MODULE_SHADOWED, edited.path, text=f"takes the place of {name}")


def _hides_own(edited: Edited, own: Collection[tuple[str, str]], paths: Collection[str]) -> Iterator[Remark]:
    """Find what hides a module of the project: a stub from type checkers, a namesake from the tests."""
    path = PurePosixPath(edited.path)
    if edited.is_new and path.suffix == ".pyi" and edited.path[:-1] in paths:
        yield Remark(Flag.MODULE_SHADOWED, edited.path, text="type checkers read it in place of its module")
    name, folder = _module(path), _folder(path)
    is_part = str(folder / "__init__.py") in paths  # of a package, and found only as that
    has_namesake = any(other == name and place != str(folder) for place, other in own)
    if has_namesake and edited.is_new and _is_importable(path) and not is_part:
        yield Remark(Flag.MODULE_SHADOWED, edited.path, text=f"takes the place of the project's own {name}")


def _own_modules(paths: Collection[str]) -> frozenset[tuple[str, str]]:
    """Return (folder, name) of the modules and packages that the product is imported by."""
    found = set()
    for path in map(PurePosixPath, paths):
        if path.suffix in _IMPORTED and not is_test_file(str(path)):
            at = 1 if path.parts[0] in _ROOTS and len(path.parts) > 1 else 0
            found.add(("/".join(path.parts[:at]) or ".", path.parts[at].partition(".")[0]))
    return frozenset(found)


def _module(path: PurePosixPath) -> str | None:
    if path.suffix.lower() not in _IMPORTED:
        return None
    name = path.name.partition(".")[0]
    return path.parent.name if name == "__init__" else name


def _is_importable(path: PurePosixPath) -> bool:
    """Tell whether Python finds a module by its bare name: at the top, below src, in a folder of tests."""
    folder = str(_folder(path))
    return folder == "." or folder in _ROOTS or is_test_file(f"{folder}/x")


def _folder(path: PurePosixPath) -> PurePosixPath:
    return path.parent.parent if path.name.startswith("__init__.") else path.parent


def _foreign(edited: Edited, copies: Mapping[str, str]) -> Iterator[Remark]:
    if edited.is_new and _VENDORED.search(edited.path.lower()):
        yield Remark(Flag.VENDORED_CODE, edited.path)
    copied = copies.get(edited.path)
    is_long = (edited.after or b"").count(b"\n") >= COPY_LINES
    if copied and is_long and is_code(edited.path) and not is_test_file(edited.path):
        yield Remark(Flag.COPIED_CODE, edited.path, text=f"nearly the same as {copied}")
