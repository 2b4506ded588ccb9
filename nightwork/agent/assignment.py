"""What an agent is given for one attempt, and how the time it has is counted."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nightwork.agent_settings import AgentSettings
from nightwork.errors import NightworkError
from nightwork.llm.metered import Account
from nightwork.price import Price
from nightwork.sandbox import Sandbox
from nightwork.ticket import Ticket

# Runs the gates on the work as it is; returns what they veto, empty when nothing.
Check = Callable[[], Sequence[str]]


class TimedOut(NightworkError):
    """The ticket's time is over: (seconds it had)."""

    def __str__(self) -> str:
        return f"the ticket's {self.args[0]:.0f} seconds are over"


@dataclass
class Clock:
    """The time that one ticket has; waiting for a provider does not count."""

    limit_s: float
    started: float = field(default_factory=time.monotonic)
    paused_s: float = 0.0

    def pause(self, seconds: float) -> None:
        """Leave out time for which the ticket could do nothing."""
        self.paused_s += seconds

    def left_s(self) -> float:
        """Return the seconds that are left; raises TimedOut when there are none."""
        left = self.limit_s + self.paused_s - (time.monotonic() - self.started)
        if left <= 0:
            raise TimedOut(self.limit_s)
        return left


@dataclass(frozen=True)
class Assignment:
    """One attempt: the ticket, its worktree, where its trajectory is kept, and what people said since it began.

    Without an `account` only what costs nothing can be used.
    `around` surrounds each run of a command line.
    `answers` stand in the order of the escalations; `settled` are the numbers of those that ask nothing of the agent.
    """

    ticket: Ticket
    attempt: int
    worktree: Path
    trajectory: Path
    settings: AgentSettings
    sandbox: Sandbox
    clock: Clock
    account: Account | None = None
    answers: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()
    prices: Mapping[str, Price] = field(default_factory=dict)
    settled: frozenset[int] = frozenset()
    around: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext

    def heard(self) -> tuple[str, ...]:
        """Return the answers that the agent is to act on."""
        return tuple(answer for number, answer in enumerate(self.answers) if number not in self.settled)
