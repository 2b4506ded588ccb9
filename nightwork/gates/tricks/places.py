"""What the place of a changed file shows: modules that hide others, code of others, copies, what the gates start."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from nightwork.gates.flags import is_test_file, matches
from nightwork.gates.judgement import Flag
from nightwork.gates.tricks import commands
from nightwork.gates.tricks.remark import Edited, Remark
from nightwork.gates.tricks.wording import is_code
from nightwork.settings import GateSettings

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
_IMPORTED = frozenset({".py", ".pyc", ".so", ".pyd", ".pyw"})
# Metadata of an installed package: what stands on the import path may register plugins of test runners.
_METADATA = (".dist-info", ".egg-info")


def place_remarks(
    edits: Sequence[Edited], gates: Sequence[GateSettings], copies: Mapping[str, str], stubs: frozenset[str]
) -> Iterator[Remark]:
    """Yield what is seen; `copies` are new files with what they copy, `stubs` new type stubs beside their module."""
    tools = commands.modules_run(gates)
    told = commands.description_files(gates)
    runs = (*commands.instruction_files(gates), *told)
    for edited in edits:
        if edited.file.status[0] != "D":
            yield from _shadows(edited, tools, stubs)
            yield from _foreign(edited, copies)
        paths = [path for path in (edited.path, edited.file.old_path) if path]
        if any(matches(path, runs) for path in paths):
            yield Remark(Flag.GATE_CONFIG_CHANGED, edited.path, text="a gate starts it, or is told by it what to run")
        if any(commands.is_package_json(path) and matches(path, told) for path in paths) and (
            commands.changes_what_runs(edited.before, edited.after)
        ):
            yield Remark(Flag.GATE_COMMAND_CHANGED, edited.path, text="its scripts, or configuration of their tools")


def _shadows(edited: Edited, tools: frozenset[str], stubs: frozenset[str]) -> Iterator[Remark]:
    path = PurePosixPath(edited.path)
    name = _module(path)
    if path.suffix == ".pth" or name in _AT_START:
        yield Remark(Flag.MODULE_SHADOWED, edited.path, text="runs whenever Python starts")
    elif any(part.lower().endswith(_METADATA) for part in path.parts):
        yield Remark(Flag.MODULE_SHADOWED, edited.path, text="metadata of a package, which may register plugins")
    elif edited.path in stubs:
        yield Remark(Flag.MODULE_SHADOWED, edited.path, text="type checkers read it in place of its module")
    elif edited.is_new and name and _is_importable(path) and (name in _STANDARD | tools or _TOOL.fullmatch(name)):
        yield Remark(Flag.MODULE_SHADOWED, edited.path, text=f"takes the place of {name}")


def _module(path: PurePosixPath) -> str | None:
    if path.suffix.lower() not in _IMPORTED:
        return None
    name = path.name.partition(".")[0]
    return path.parent.name if name == "__init__" else name


def _is_importable(path: PurePosixPath) -> bool:
    """Tell whether Python finds a module by its bare name: at the top, below src, in a folder of tests."""
    folder = path.parent.parent if path.name.startswith("__init__.") else path.parent
    return str(folder) in {".", "src", "lib", "python"} or is_test_file(f"{folder}/x")


def _foreign(edited: Edited, copies: Mapping[str, str]) -> Iterator[Remark]:
    if edited.is_new and _VENDORED.search(edited.path.lower()):
        yield Remark(Flag.VENDORED_CODE, edited.path)
    copied = copies.get(edited.path)
    is_long = (edited.after or b"").count(b"\n") >= COPY_LINES
    if copied and is_long and is_code(edited.path) and not is_test_file(edited.path):
        yield Remark(Flag.COPIED_CODE, edited.path, text=f"nearly the same as {copied}")
