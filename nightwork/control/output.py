"""What a run in the background has said, read while it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from nightwork.markdown import one_line, printable
from nightwork.redact import redact

_LOOK_EVERY_S = 0.3
_TAIL = 20_000


def lines_of(path: Path, is_over: Callable[[], bool], *, follow: bool = False) -> Iterator[str]:
    """Yield the lines of an output; with `follow` those as well that come until the run is over, whichever way."""
    rest = ""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        while True:
            was_over = not follow or is_over()  # asked before the file is read to its end
            *lines, rest = (rest + file.read()).split("\n")
            yield from (printable(redact(line)) for line in lines)
            if was_over:
                break
            time.sleep(_LOOK_EVERY_S)
    if rest:
        yield printable(redact(rest))


def last_lines(path: Path, most: int) -> list[str]:
    """Return the last lines of an output."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _TAIL, 0))
        return [one_line(redact(line)) for line in file.read().decode("utf-8", "replace").splitlines()][-most:]
