"""Whether bubblewrap works on this machine, found by running it once in each process."""

from __future__ import annotations

import functools
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from nightwork.sandbox import cgroup
from nightwork.sandbox.bubblewrap import Bubblewrap
from nightwork.sandbox.run import Run

# User namespaces inside are a way to the kernel's rarer code; bubblewrap older than 0.8.0 cannot forbid them.
_OPTIONS: tuple[tuple[str, ...], ...] = (("--disable-userns",), ())


@dataclass(frozen=True)
class Works:
    """How bubblewrap is called here; `problem` says why it cannot be, and what to do."""

    options: tuple[str, ...] = ()
    problem: str | None = None


@functools.cache
def works() -> Works:
    """Find out whether bubblewrap works here."""
    if sys.platform != "linux":
        return Works(problem="bubblewrap needs Linux")
    if shutil.which("bwrap") is None:
        return Works(problem="bubblewrap is not installed; `apt-get install bubblewrap` or your system's package of it")
    for options in _OPTIONS:
        if (said := _try(options)) is None:
            return Works(options)
    return Works(
        problem=f"bubblewrap does not work here ({said}); allow user namespaces: kernel.unprivileged_userns_clone=1, "
        "on Ubuntu an AppArmor profile for bwrap or kernel.apparmor_restrict_unprivileged_userns=0"
    )


def _try(options: tuple[str, ...]) -> str | None:
    with tempfile.TemporaryDirectory(prefix="nightwork-probe-") as folder:
        finished = Bubblewrap(Path(folder, "state"), options=options).run(Run(("true",), Path(folder), timeout_s=20))
    return None if finished.exit_code == 0 else finished.tail(300) or "it ended without a word"


def limits_held_by() -> str:
    """Say what holds the limits on processes and memory here."""
    kinds = cgroup.homes()
    if kinds.keys() == {"pids", "memory"}:
        return "processes and memory held by control groups"
    held = ", ".join(sorted(kinds))
    return f"processes and memory watched every 0.1 s{f', {held} by control groups' if held else ''}"
