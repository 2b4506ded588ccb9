"""The tools of an agent: list, search, view, edit, run; each confined to the worktree.

What a tool answers is a text for the model; a refusal is an answer too. Paths are checked here, commands run in the
sandbox.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nightwork import beneath
from nightwork.agent.assignment import Clock
from nightwork.agent.trajectory import Trajectory
from nightwork.llm import Tool, ToolCall, input_schema
from nightwork.sandbox import Run, Sandbox

MAX_LINES = 400
MAX_ENTRIES = 500
MAX_CHARACTERS = 30_000
MAX_FILE_BYTES = 2_000_000


class Refused(Exception):
    """A tool's refusal; its text goes to the model."""


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class List(_Input):
    """List the files and folders below a folder."""

    path: str = "."


class Search(_Input):
    """Search file contents for an extended regular expression (grep -E); returns file:line:text."""

    pattern: Annotated[str, Field(min_length=1, max_length=1000)]
    path: str = "."


class View(_Input):
    """Show a text file with line numbers, at most 400 lines at a time."""

    path: str
    start: Annotated[int, Field(ge=1)] = 1
    end: int | None = None


class Edit(_Input):
    """Replace `old`, which must occur exactly once in the file, by `new`; an empty `old` creates the file."""

    path: str
    old: str
    new: str


class RunCommand(_Input):
    """Run a command (a list of words, no shell) in the worktree; returns its exit code and output."""

    command: Annotated[tuple[str, ...], Field(min_length=1)]


_INPUTS: dict[str, type[_Input]] = {"list": List, "search": Search, "view": View, "edit": Edit, "run": RunCommand}
# Errors that the path itself brings; anything else (a full disk) is the machine's, and ends the item.
_PATH_ERRORS = frozenset({
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG,
    errno.ELOOP, errno.EINVAL, errno.ENXIO, errno.ENODEV,
})  # fmt: skip
_READ_ONLY = frozenset({"list", "search", "view"})


def descriptions() -> tuple[Tool, ...]:
    """Return the tools as a model is told of them; the same for every stage, so that prompts stay cacheable."""
    return tuple(describe(name, model) for name, model in _INPUTS.items())


def describe(name: str, model: type[BaseModel], strict: bool = False) -> Tool:
    """Return a tool whose input is a Pydantic model."""
    return Tool(name=name, description=model.__doc__ or "", parameters=input_schema(model), strict=strict)


class Toolbox:
    """The tools, bound to one worktree."""

    def __init__(
        self, root: Path, sandbox: Sandbox, clock: Clock, command_timeout_s: float, trajectory: Trajectory
    ) -> None:
        self.root = root.resolve()
        self.sandbox = sandbox
        self.clock = clock
        self.command_timeout_s = command_timeout_s
        self.trajectory = trajectory
        self._tools: dict[str, Callable[[Any, ToolCall], str]] = {
            "list": self._list,
            "search": self._search,
            "view": self._view,
            "edit": self._edit,
            "run": self._run,
        }

    def use(self, call: ToolCall, read_only: bool) -> str:
        """Carry out one call; raises Refused with a text for the model."""
        name = call.name
        if name not in _INPUTS:
            raise Refused(f"there is no tool {name!r}; there are {', '.join(_INPUTS)}")
        if read_only and name not in _READ_ONLY:
            raise Refused(f"{name} is not allowed in this stage; it only reads")
        try:
            return _cut(self._tools[name](_INPUTS[name].model_validate(call.input), call))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise Refused(f"{name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        except (ValueError, RuntimeError) as error:
            raise Refused(f"{name}: {error}") from error
        except OSError as error:
            if error.errno not in _PATH_ERRORS:
                raise
            raise Refused(f"{name}: {error.strerror}") from error

    def resolve(self, path: str) -> Path:
        """Return the real path of something, relative to the worktree; raises Refused for anything else and git's own.

        What it names may have been swapped by the time it is opened, so that no link is followed then.
        """
        if "\0" in path:
            raise Refused(f"{path!r} is no path")
        real = (self.root / path).resolve()
        if not real.is_relative_to(self.root):
            raise Refused(f"{path!r} is outside the repository")
        given = real.relative_to(self.root)
        if any(beneath.is_gits_own(part) for part in (*given.parts, *Path(path).parts)):
            raise Refused(f"{path!r} belongs to git")
        return given

    def _list(self, given: List, _: ToolCall) -> str:
        path = self.resolve(given.path)
        try:
            with beneath.opened_folder(self.root, path) as folder:
                found = list(islice(_files(folder, path), MAX_ENTRIES + 1))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Refused(f"{given.path!r} is no folder") from error
        if len(found) > MAX_ENTRIES:
            return "\n".join([*found[:MAX_ENTRIES], f"... more than {MAX_ENTRIES} files; list a sub-folder"])
        return "\n".join(found) or "(empty)"

    def _search(self, given: Search, _: ToolCall) -> str:
        path = str(self.resolve(given.path))
        options = ("-rnIE", "--devices=skip", "--exclude-dir=.git", "--exclude=.git", "-e", given.pattern)
        finished = self.sandbox.run(Run(("grep", *options, "--", path), self.root, timeout_s=self._timeout_s(30)))
        if finished.exit_code == 1:
            return "(no match)"
        if finished.exit_code != 0:
            raise Refused(f"search: {finished.limit or finished.tail() or 'took too long'}")
        return "\n".join(finished.stdout.splitlines()[:MAX_LINES])

    def _view(self, given: View, _: ToolCall) -> str:
        lines = self._read(given.path).splitlines()
        end = min(given.end or len(lines), given.start + MAX_LINES - 1, len(lines))
        shown = [f"{number}\t{lines[number - 1]}" for number in range(given.start, end + 1)]
        rest = [f"... {len(lines) - end} more lines"] if end < len(lines) else []
        return "\n".join([*shown, *rest]) or "(empty)"

    def _edit(self, given: Edit, call: ToolCall) -> str:
        path = self.resolve(given.path)
        try:
            text = self._read(given.path)
        except FileNotFoundError:
            text = ""
        if self.trajectory.intended(call.id) == _digest(text):
            return f"{given.path} changed"
        if not given.old and text:
            raise Refused(f"{given.path!r} exists and is not empty; give the text to replace as `old`")
        if given.old and text.count(given.old) != 1:
            raise Refused(f"`old` occurs {text.count(given.old)} times in {given.path!r}; it must occur exactly once")
        changed = text.replace(given.old, given.new) if given.old else given.new
        self.trajectory.intend(call.id, _digest(changed))
        beneath.replace(self.root, path, changed.encode("utf-8"), scratch=self.trajectory.path.parent)
        return f"{given.path} changed"

    def _run(self, given: RunCommand, _: ToolCall) -> str:
        finished = self.sandbox.run(
            Run(given.command, self.root, timeout_s=self._timeout_s(self.command_timeout_s), output_limit=200_000)
        )
        if finished.limit:
            return f"ended, for it took {finished.limit}\n{finished.tail()}"
        if finished.timed_out:
            return f"ended after {finished.duration_s:.0f} s, its time limit\n{finished.tail()}"
        return f"exit code {finished.exit_code}\n{finished.tail(MAX_CHARACTERS)}"

    def _read(self, name: str) -> str:
        path = self.resolve(name)
        if path == Path():
            raise Refused(f"{name!r} is no file")
        return beneath.read(self.root, path, MAX_FILE_BYTES).decode("utf-8")

    def _timeout_s(self, most: float) -> float:
        return min(most, self.clock.left_s())


def _files(folder: int, path: Path) -> Iterator[str]:
    """Yield the files below an open folder, which stands at `path`, links as what they are."""
    for parent, folders, files, _ in os.fwalk(dir_fd=folder):
        folders[:] = sorted(name for name in folders if name not in {".git", "__pycache__", "node_modules"})
        for name in sorted(files):
            found = path / parent / name
            if found != Path(".git"):
                yield str(found)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _cut(text: str) -> str:
    half = MAX_CHARACTERS // 2
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[:half]}\n... {len(text) - MAX_CHARACTERS:,} characters left out ...\n{text[-half:]}"
