"""The command line of nightwork: which commands there are, and what an error of theirs looks like.

Exit codes: 0 all done, 1 some items did not complete, 2 wrong use or bad input, 3 aborted and resumable.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import cyclopts
from cyclopts import Group

from flows.commands import ABORTED, ALL_DONE, BAD_INPUT, batches, control, morning, night, note, setup, specs, tracks
from nightwork import __version__

app = cyclopts.App(
    name="nightwork",
    version=__version__,
    help="Runs batches of agent work overnight: tickets in the evening, gated draft merge requests in the morning.",
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
)
_COMMANDS: dict[str, tuple[Callable[..., int], ...]] = {
    "Begin": (setup.demo, setup.init, setup.doctor, setup.clean),
    "Night": (night.run, night.resume, night.intake, night.generate, night.gates),
    "Morning": (morning.review, morning.decide, morning.answer, morning.trends),
    "Control room": (control.up, control.down),
    "Specs": (specs.specs, specs.drift),
    "Tracks": (tracks.fix_review, tracks.research, tracks.orchestrate),
    "Runs": (batches.list_runs, batches.show, batches.logs, batches.stop),
}
_NAMES = {batches.list_runs: "list"}
for title, commands in _COMMANDS.items():
    group = Group.create_ordered(title)
    for command in commands:
        app.command(command, name=_NAMES.get(command), group=group)

_GO_ON = "`nightwork resume` goes on with a batch, the same command with specs and tracks"


def main() -> None:
    """Run the command line and exit with its code."""
    os.environ.setdefault("DO_NOT_TRACK", "1")  # else Prefect says on the terminal that it tracks, and does
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: list[str]) -> int:
    """Run one command; returns its exit code, with one clear message for everything that a person can mend."""
    from nightwork.errors import BadInput, NightworkError

    try:
        code = app(arguments, exit_on_error=False, print_error=True, result_action="return_value")
        return code if isinstance(code, int) else ALL_DONE
    except cyclopts.CycloptsError:
        return BAD_INPUT
    except BadInput as error:
        for fault in error.faults:
            note(f"error: {fault}")
        return BAD_INPUT
    except NightworkError as error:
        note(f"error: {error}")
        return ABORTED
    except OSError as error:
        note(f"error: {error}; nothing finished is lost: {_GO_ON}")
        return ABORTED
    except KeyboardInterrupt:
        note(f"stopped; {_GO_ON}")
        return ABORTED


if __name__ == "__main__":
    main()
