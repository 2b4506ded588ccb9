"""Confines commands by bubblewrap: namespaces of their own, an allow-list for a root, no network, no capability.

https://github.com/containers/bubblewrap. A command sees its folder at `/workspace`, the prepared environment, the
system's programs, and nothing else of the machine.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from nightwork.files import refuse_full_disk
from nightwork.sandbox import etc, seccomp, view
from nightwork.sandbox.confinement import DEFAULT, Confinement
from nightwork.sandbox.limits import MB, Limits
from nightwork.sandbox.process import Start, run_to_end
from nightwork.sandbox.run import Finished, Run
from nightwork.sandbox.variables import clean_variables, search_path

_APART = (
    "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
    "--uid", view.USER, "--gid", view.USER, "--hostname", "nightwork", "--chdir", view.WORKSPACE,
)  # fmt: skip
# Joins the control groups whose files come before "--", with the id that bwrap will have.
_JOIN = 'while [ "$1" != -- ]; do echo $$ >"$1" || exit 126; shift; done; shift; exec "$@"'
# Says on a descriptor that the command is there, so that what bwrap or the shell say is never taken for its output.
_BEGIN = """\
begun=$1 blocks=$2 processes=$3
shift 3
case $1 in
*/*) [ -f "$1" ] && [ -x "$1" ] ;;
*) command -v -- "$1" >/dev/null 2>&1 ;;
esac || exit 127
{ ulimit -c 0; ulimit -f "$blocks"; ulimit -p "$processes" || ulimit -u "$processes"; } 2>/dev/null
echo >"/proc/self/fd/$begun"
unset begun blocks processes
exec "$@"
"""
_BLOCK = 512
# The kernel refuses a process without a word; what is looked at each tenth of a second tells of it before.
_PROCESS_SHARE = 2
_FILE_SHARE = 1.05  # a single file may be a little larger than all may grow, so that its growth is what is told


class Bubblewrap:
    """Runs each command in a sandbox of its own; whatever it started ends with it."""

    name = "bubblewrap"

    def __init__(
        self,
        state_folder: Path,
        environment: Path | None = None,
        confinement: Confinement = DEFAULT,
        options: tuple[str, ...] = (),
    ) -> None:
        self._notes = state_folder / "running"
        self._written = state_folder / "sandbox"
        self._modules = state_folder.parent / "node_modules"
        self._environment = environment
        self._confinement = confinement
        self._options = options
        self._toolchain = view.toolchain(confinement.visible, state_folder.parent)
        etc.write(self._written)

    def inside(self, run: Run) -> str:
        """Return where a command sees its folder: at one place, whatever the folder."""
        del run
        return view.WORKSPACE

    def run(self, run: Run) -> Finished:
        """Run a command to its end; all that it started has ended when this returns."""
        if not run.folder.is_dir():
            return _not_started(run, f"there is no folder {run.folder.name!r}")
        began, begins = os.pipe()
        os.set_blocking(began, False)
        with os.fdopen(began, "rb", buffering=0) as pipe:
            try:
                finished = self._confined(run, begins)
            finally:
                os.close(begins)
            if not pipe.read(1) and finished.exit_code is not None:
                return _not_started(run, finished.tail(500) or "not found in the sandbox; sandbox.visible shows more")
        if finished.exit_code != 0:
            refuse_full_disk(run.folder, f"{run.command[0]!r} failed there")
        return finished

    def _confined(self, run: Run, begins: int) -> Finished:
        places = self._places(run)
        limits = Limits(self._confinement, [run.folder, *run.writable])
        try:
            rules = seccomp.program()
            with _file(rules or b"") as filters, _file(b"") as arguments:
                given = self._arguments(run, places, limits.tells, filters if rules else None)
                _fill(arguments, b"".join(os.fsencode(argument) + b"\0" for argument in given))
                bwrap = (shutil.which("bwrap") or "bwrap", "--args", str(arguments), "--", *self._begin(run, begins))
                join = ("/bin/sh", "-c", _JOIN, "sh", *map(str, limits.joined_by), "--")
                # Outside none of the run's own: LD_LIBRARY_PATH could lead into the folder of the change.
                outside = {"PATH": os.defpath}
                start = Start((*join, *bwrap), run.folder, outside, (limits.tells, begins, arguments, filters))
                return run_to_end(start, run, self._notes, limits)
        finally:
            limits.end()

    def _begin(self, run: Run, begins: int) -> list[str]:
        blocks = int(self._confinement.disk_mb * MB * _FILE_SHARE) // _BLOCK
        processes = self._confinement.processes * _PROCESS_SHARE
        limits = (str(begins), str(blocks), str(processes))
        words = [_told(word, self._places(run)) for word in run.command]
        return ["/bin/sh", "-c", _BEGIN, "sh", *limits, *words]

    def _places(self, run: Run) -> dict[Path, str]:
        """Return the folders of the host that may be written to, and where the command sees each."""
        numbered = {folder: f"/nightwork/{number}" for number, folder in enumerate(run.writable, 1)}
        own = {self._environment: view.ENVIRONMENT} if self._environment in run.writable else {}
        return {run.folder: view.WORKSPACE, **numbered, **{path: at for path, at in own.items() if path}}

    def _arguments(self, run: Run, places: Mapping[Path, str], tells: int, filters: int | None) -> list[str]:
        prepared = self._environment if self._environment not in places else None
        return [
            *("--info-fd", str(tells), *_APART, *self._options),
            *(["--seccomp", str(filters)] if filters is not None else []),
            *(["--share-net"] if run.network else []),
            *view.root(self._written / etc.ETC, run.network, self._confinement.tmp_mb, _home(run)),
            *view.shown(self._toolchain),
            *view.bound(str(self._modules), "/node_modules", "--ro-bind-try"),  # Node looks above the folder
            *(view.bound(str(prepared), view.ENVIRONMENT) if prepared else []),
            *view.writable(places),
            *view.git(run.folder, self._written),
            *view.shown([path for path in run.visible if not self._is_shown(str(path))]),
            *(word for pair in self._variables(run, places).items() for word in ("--setenv", *pair)),
            *view.sealed(),
        ]

    def _variables(self, run: Run, places: Mapping[Path, str]) -> dict[str, str]:
        first = [f"{view.ENVIRONMENT}/bin"] if self._environment else []
        path = search_path(first, self._is_shown)
        own = clean_variables(path, _home(run), "/tmp", view.ENVIRONMENT if self._environment else None)
        return own | {name: _told(value, places) for name, value in run.variables.items()}

    def _is_shown(self, folder: str) -> bool:
        path = Path(folder)
        shown = [*self._toolchain, *map(Path, ("/usr", "/bin", "/sbin"))]
        return any(place == path or place in path.parents for place in shown)


@contextlib.contextmanager
def _file(data: bytes) -> Iterator[int]:
    """Give a file without a name: on the command line everybody, the command too, could read the paths of the host."""
    descriptor = os.memfd_create("nightwork")
    try:
        _fill(descriptor, data)
        yield descriptor
    finally:
        os.close(descriptor)


def _fill(descriptor: int, data: bytes) -> None:
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)


def _home(run: Run) -> str:
    """Return the place of the home folder: that of the variable HOME when a command is given one."""
    named = str(run.variables.get("HOME", view.HOME))
    return named if view.may_be_home(named) else view.HOME


def _told(value: str | Path, places: Mapping[Path, str]) -> str:
    if isinstance(value, str):
        return value
    for folder, place in places.items():
        if value.is_relative_to(folder):
            return str(Path(place, value.relative_to(folder)))
    return str(value)


def _not_started(run: Run, reason: str) -> Finished:
    return Finished(None, "", f"{run.command[0]!r} could not be started: {reason}", 0.0)
