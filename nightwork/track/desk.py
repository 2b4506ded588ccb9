"""Where a version is audited: a copy of the track in which it lies in its place, while the track is as it was.

The track's own command judges, in the sandbox; what it writes, and what it may do to the copy, is thrown away.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from nightwork import beneath
from nightwork.errors import Infrastructure
from nightwork.files import remove_tree
from nightwork.markdown import printable
from nightwork.redact import Redacted
from nightwork.sandbox import Finished, Run, Sandbox, named_files
from nightwork.track.definition import Audit
from nightwork.track.track import Module, Track
from nightwork.track.versions import Version

_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".nightwork", ".nightwork-*.tmp", ".checkpoints", "__pycache__", ".venv", "node_modules"
)
_OUTPUT = 200_000
_TOLD = 6_000


class Audited(BaseModel):
    """What the audit says of a version; `told` is the end of what it printed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    passed: bool
    told: Redacted = ""


def audit(track: Track, module: Module, version: Version, sandbox: Sandbox, scratch: Path) -> Audited:
    """Run the audit command of a track over a version of a module.

    Raises Infrastructure when the command cannot be started: what was not audited is neither good nor bad.
    """
    command = track.definition.audit
    assert command is not None
    with _desk(track, module, version, scratch) as desk:
        files = {what: path.relative_to(track.folder).as_posix() for what, path in module.files().items()}
        words = command.words({**files, "number": str(module.number), "name": module.name, "track": track.name})
        run = Run(
            command=words,
            folder=desk,
            timeout_s=command.timeout.total_seconds(),
            output_limit=_OUTPUT,
            network=command.network,
            visible=named_files(words),
        )
        return _judged(sandbox.run(run), command)


def _judged(finished: Finished, command: Audit) -> Audited:
    said = printable(finished.tail(_TOLD))
    if finished.timed_out:
        return Audited(passed=False, told=f"the audit took more than {command.timeout.total_seconds():.0f} s\n{said}")
    if finished.limit:
        return Audited(passed=False, told=f"the audit broke a limit: {finished.limit}\n{said}")
    if finished.exit_code is None:
        raise Infrastructure("the audit", said or "could not be started")
    return Audited(passed=finished.exit_code == 0, told=said)


def _copy(source: str, target: str) -> None:
    """Copy a file, unless it is gone since its folder was read: other modules are written meanwhile."""
    with contextlib.suppress(FileNotFoundError):
        shutil.copy2(source, target, follow_symlinks=False)


@contextlib.contextmanager
def _desk(track: Track, module: Module, version: Version, scratch: Path) -> Iterator[Path]:
    scratch.mkdir(parents=True, exist_ok=True)
    desk = Path(tempfile.mkdtemp(prefix="desk-", dir=scratch))
    try:
        try:
            shutil.copytree(
                track.folder, desk, symlinks=True, ignore=_LEFT_OUT, dirs_exist_ok=True, copy_function=_copy
            )
            for what, text in version.texts.items():
                if text is not None:
                    beneath.replace(desk, module.files()[what].relative_to(track.folder), text.encode(), scratch)
        except (OSError, ValueError, shutil.Error) as error:
            raise Infrastructure("the audit's copy of the track", f"cannot be made: {error}") from error
        yield desk
    finally:
        remove_tree(desk)
