"""Every exception that nightwork raises on purpose.

NightworkError
├── BadInput            something a person wrote is wrong: every fault at once, exit code 2
│   └── DecidedElsewhere another decision on the same matter was first, on another machine
├── StateError          a file of our own is corrupt or belongs to something else: its path, never "start over"
├── Infrastructure      the machine's fault, never the agent's: the item is aborted and a resume runs it again
│   ├── GitError        a git command failed
│   └── ProviderRefused a provider takes no request of ours: the key, the permission, the credit
├── ModelError          the model cannot be used as it is: the item failed
│   ├── ContextOverflow the conversation is longer than the model takes; only nightwork.agent sees it
│   ├── Unanswered      a call failed as often as it may be made
│   ├── ThinkingRefused the thinking in a conversation is not taken back; only nightwork.agent sees it
│   └── ScriptExhausted the scripted model was asked for more turns than its script holds
├── Tampered            a workspace is not as it was made: nothing of it is looked at, the item failed
├── RateLimited         a provider asks us to wait; only nightwork.llm sees it
├── Unavailable         a call failed on the way, and may be made again; only nightwork.llm sees it
├── Stopped             a person or a signal asked for the end: what runs is aborted, resumable
├── Unfinished          (nightwork.outcome) carries a failed or aborted outcome through a task runner
└── Unended             (nightwork.shown) carries the result of a run that did not complete to its caller

Arguments stay in `args` and the text is built in `__str__`, so that all of them pickle.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One thing wrong with one input: where it stands and what was expected there."""

    where: str
    problem: str

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"


class NightworkError(Exception):
    """Base of all errors that nightwork raises on purpose."""

    def _render_traceback_(self) -> list[str]:
        """Tell a notebook what is wrong, as the command line does: the way to it through the code helps nobody."""
        return [f"{type(self).__name__}: {self}"]


class BadInput(NightworkError):
    """What a person wrote cannot be used; `args` are its `Fault`s."""

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Everything that is wrong."""
        return self.args

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


def bad_input(where: object, problem: str) -> BadInput:
    """Build the error for a single fault."""
    return BadInput(Fault(str(where), problem))


class DecidedElsewhere(BadInput):
    """What a person decided holds no more, for another decision reached the remote first; each fault names it."""


class StateError(NightworkError):
    """State on disk is not what this run wrote: (path, problem, what to do)."""

    def __str__(self) -> str:
        path, problem, remedy = self.args
        return f"{path}: {problem}; {remedy}"


class Infrastructure(NightworkError):
    """The machine could not do its part: (what failed, why)."""

    def __str__(self) -> str:
        return ": ".join(str(argument) for argument in self.args)


class GitError(Infrastructure):
    """A git command failed: (command line, exit code, what git said)."""

    def __str__(self) -> str:
        command, exit_code, said = self.args
        return f"`{command}` exited {exit_code}: {said}"


class ProviderRefused(Infrastructure):
    """A provider takes no request of ours until a person has seen to it: (provider, why)."""

    def __str__(self) -> str:
        provider, why = self.args
        return f"{provider} takes no request of ours: {why}; a person has to see to it, then resume"


class ModelError(NightworkError):
    """A model gave nothing that can be used: (model, why)."""

    def __str__(self) -> str:
        return ": ".join(str(argument) for argument in self.args)


class ContextOverflow(ModelError):
    """A conversation is longer than the model takes: (model, why)."""


class Unanswered(ModelError):
    """A call failed as often as it may be made: (model, why)."""


class ThinkingRefused(ModelError):
    """A model does not take back what it has thought: (model, why)."""


class ScriptExhausted(ModelError):
    """A scripted model has no further turn: (script, ticket, stage, turn asked for)."""

    def __str__(self) -> str:
        script, ticket, stage, turn = self.args
        return f"{script}: the script has no turn {turn} for {ticket} {stage}; add it, or end the stage earlier"


class Tampered(NightworkError):
    """A workspace is not as it was made: (path, what is wrong)."""

    def __str__(self) -> str:
        path, problem = self.args
        return f"{path}: {problem}; nothing of it is published"


class RateLimited(NightworkError):
    """A provider takes no request for a while: (provider, seconds until it does, None when it does not say)."""

    def __str__(self) -> str:
        provider, reset_s = self.args
        return f"{provider}: rate limit" + (f", {reset_s:.0f} s" if reset_s is not None else ", no time told")


class Unavailable(NightworkError):
    """A provider could not answer this one call: (provider, why, what it cost in dollars, None when nobody knows)."""

    @property
    def cost_usd(self) -> float | None:
        """What the call cost; None when nobody knows."""
        return float(self.args[2]) if len(self.args) > 2 and self.args[2] is not None else None

    def __str__(self) -> str:
        return f"{self.args[0]}: {self.args[1]}"


class Stopped(NightworkError):
    """The run was asked to stop: (who or what asked)."""
