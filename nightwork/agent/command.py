"""Any coding command line as agent: the prompt is its standard input, its edits in the worktree are the work.

It runs in C2 only; scope and plan are taken from the ticket. Its variables: NIGHTWORK_TICKET (the id),
NIGHTWORK_ATTEMPT, and NIGHTWORK_RESULT, a file into which it may write JSON: the fields of `Work`, or
`{"escalation": {...}}`; with either, `cost_usd`, what the round cost. A known tool (`preset`) tells its cost in what it
prints.
"""

from __future__ import annotations

import contextlib
import json
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from nightwork import beneath, stop
from nightwork.agent import presets, prompts
from nightwork.agent.assignment import Assignment, Check, TimedOut
from nightwork.agent.results import Escalation, Plan, Scope, Work
from nightwork.agent.trajectory import Trajectory
from nightwork.files import remove_tree
from nightwork.ledger import OverBudget, Purpose
from nightwork.llm import credentials
from nightwork.llm.metered import Account
from nightwork.outcome import Outcome, Reason, Status, Unfinished
from nightwork.sandbox import Finished, Run, named_files

MAX_RESULT_BYTES = 1_000_000
_OTHERS_SETTLE_S = 2.0
_LEAST_USD = 0.01  # with less left no round is begun
MAX_COST_USD = 1_000_000.0  # of one round; more is no amount, and sums must stay finite


class CommandAgent:
    """Runs one command for each round of one attempt; rounds that ended are never run again."""

    def __init__(self, assignment: Assignment) -> None:
        self.assignment = assignment
        self.trajectory = Trajectory(assignment.trajectory)

    def scope(self) -> Scope:
        """C0: the ticket as it stands."""
        ticket = self.assignment.ticket
        criteria = ticket.acceptance_criteria or (ticket.title,)
        return Scope(objective=ticket.title, in_scope=criteria, affected_files=ticket.estimated_files)

    def plan(self, scope: Scope) -> Plan:
        """C1: the command plans for itself."""
        approach = f"`{presets.program(self.assignment.settings)}` works on the ticket by itself"
        return Plan(approach=approach, files_to_change=scope.affected_files)

    def implement(self, scope: Scope, plan: Plan, check: Check) -> Work | Escalation:  # noqa: ARG002
        """C2: run the command; what the gates object to goes into the prompt of another run, `fix_rounds` times."""
        vetoes: list[str] = []
        for number in range(1 + self.assignment.settings.fix_rounds):
            result = self._round(number, vetoes)
            if isinstance(result, Escalation) or result.remaining:
                return result
            if number == self.assignment.settings.fix_rounds or not (vetoes := list(check())):
                break
        return result

    def _round(self, number: int, vetoes: list[str]) -> Work | Escalation:
        stage = f"C2 round {number + 1} answer {len(self.assignment.heard())}"
        if (done := self.trajectory.accepted(stage)) is not None:
            if "escalation" in done:
                self._note(stage, done["escalation"])
                return Escalation.model_validate(done["escalation"])
            return Work.model_validate(done)
        prompt = prompts.for_command(self.assignment, vetoes)
        self.trajectory.say(stage, prompt)
        with self._paid(stage) as bill, tempfile.TemporaryDirectory(prefix="nightwork-result-") as folder:
            path = Path(folder) / "result.json"
            with self.assignment.around():
                finished = self.assignment.sandbox.run(self._run(prompt, path, bill.limit_usd))
                self._remove_leftovers()
            said = self._read_result(path)
            report = presets.read_report(self.assignment.settings, finished.stdout)
            told = _cost_usd(said)
            bill.cost_usd = _bounded(report.cost_usd) if told is None else told
        if not report.cut_short:
            self._refuse_failure(finished)
        result = self._cut_short(report.cut_short) if report.cut_short else self._result_of(said)
        escalated = isinstance(result, Escalation)
        value = result.model_dump(mode="json")
        self.trajectory.say(stage, f"exit code {finished.exit_code}\n{finished.tail()}")
        if isinstance(result, Escalation) or result.cut_short is None:  # what money ended goes on with more of it
            self.trajectory.accept(stage, {"escalation": value} if escalated else value)
        if escalated:
            self._note(stage, value)
        return result

    @contextlib.contextmanager
    def _paid(self, stage: str) -> Iterator[_Bill]:
        """Reserve what a round may cost, and settle what it says it has cost: all of it when it says nothing."""
        bill, account = _Bill(), self.assignment.account
        if account is None:
            yield bill
            return
        ticket = self.assignment.ticket.id
        purpose = Purpose(account.batch, ticket, stage, Path(presets.program(self.assignment.settings)).name)
        number = self._reserve(account, purpose, bill)
        told = 0.0 if bill.limit_usd is None else None
        try:
            yield bill
        finally:
            account.ledger.settle(number, told if bill.cost_usd is None else bill.cost_usd)

    def _reserve(self, account: Account, purpose: Purpose, bill: _Bill) -> int:
        """Reserve the ticket's share, after a wait while others hold what they may not need."""
        while True:
            bill.limit_usd = account.share_usd(purpose.ticket)
            at_most = 0.0 if bill.limit_usd is None else max(bill.limit_usd, _LEAST_USD)
            try:
                return account.ledger.reserve(purpose, at_most, account.limits)
            except OverBudget as error:
                if not error.may_fit_later:
                    raise
            stop.wait(_OTHERS_SETTLE_S)
            self.assignment.clock.pause(_OTHERS_SETTLE_S)

    def _note(self, stage: str, escalation: dict[str, Any]) -> None:
        """Note an escalation, once, where those of the attempt are numbered."""
        if not self.trajectory.count(stage, "escalated"):
            self.trajectory.escalate(stage, "", escalation)

    def _run(self, prompt: str, result: Path, budget_usd: float | None) -> Run:
        ticket, settings = self.assignment.ticket, self.assignment.settings
        variables: dict[str, str | Path] = {
            **credentials.variables(settings.pass_env),
            "NIGHTWORK_TICKET": ticket.id,
            "NIGHTWORK_ATTEMPT": str(self.assignment.attempt),
            "NIGHTWORK_RESULT": result,
        }
        prompt_file = result.with_name("prompt.md")
        prompt_file.write_text(prompt, encoding="utf-8", errors="replace")
        command = presets.command_line(settings, budget_usd, prompt_file, result.parent)
        return Run(
            command,
            self.assignment.worktree,
            prompt,
            variables,
            self.assignment.clock.left_s(),
            network=True,
            writable=(result.parent,),
            visible=named_files(settings.command),
        )

    def _remove_leftovers(self) -> None:
        for name in presets.leftovers(self.assignment.settings):
            path = self.assignment.worktree / name
            if path.is_dir() and not path.is_symlink():
                remove_tree(path)
            else:
                path.unlink(missing_ok=True)

    def _cut_short(self, reason: str) -> Work:
        left = f"unfinished: {presets.program(self.assignment.settings)} says {reason}"
        why: Literal["budget"] | None = "budget" if "budget" in reason else None
        return Work(summary=self.assignment.ticket.title, remaining=(left,), cut_short=why)

    def _refuse_failure(self, finished: Finished) -> None:
        if finished.timed_out:
            raise TimedOut(self.assignment.clock.limit_s)
        if finished.limit:
            message = f"`{presets.program(self.assignment.settings)}` took {finished.limit}: {finished.tail(500)}"
            raise Unfinished(Outcome(status=Status.FAILED, reason=Reason.ERROR, message=message))
        if finished.exit_code != 0:
            code = "could not be started" if finished.exit_code is None else f"exited {finished.exit_code}"
            message = f"`{presets.program(self.assignment.settings)}` {code}: {finished.tail(500)}"
            reason = Reason.INFRASTRUCTURE if finished.exit_code is None else Reason.ERROR
            status = Status.ABORTED if finished.exit_code is None else Status.FAILED
            raise Unfinished(Outcome(status=status, reason=reason, message=message))

    def _read_result(self, path: Path) -> Any:
        """Return the JSON that the command wrote; None when it wrote none."""
        try:
            return json.loads(beneath.read(path.parent, Path(path.name), MAX_RESULT_BYTES).decode("utf-8"))
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError, OSError) as error:
            return error

    def _result_of(self, said: Any) -> Work | Escalation:
        if said is None:
            return Work(summary=self.assignment.ticket.title)
        try:
            if isinstance(said, Exception):
                raise ValueError(str(said)) from said
            data = {key: value for key, value in said.items() if key != "cost_usd"} if isinstance(said, dict) else said
            if isinstance(data, dict) and "escalation" in data:
                return _Escalated.model_validate(data).escalation
            return Work.model_validate(data).submitted()
        except ValueError as error:
            command = presets.program(self.assignment.settings)
            message = f"`{command}` wrote a result that cannot be used: {str(error)[:1000]}"
            raise Unfinished(Outcome(status=Status.FAILED, reason=Reason.MALFORMED, message=message)) from error


@dataclass
class _Bill:
    """What a round may cost and has cost, in dollars; None is no limit, and not told."""

    limit_usd: float | None = None
    cost_usd: float | None = None


def _cost_usd(said: Any) -> float | None:
    """Return what a round cost as far as the command told it; a failed round costs as well."""
    cost = said.get("cost_usd") if isinstance(said, dict) else None
    return _bounded(cost) if isinstance(cost, int | float) and not isinstance(cost, bool) else None


def _bounded(cost: float | None) -> float | None:
    return min(float(cost), MAX_COST_USD) if cost is not None and 0 <= cost < math.inf else None


class _Escalated(BaseModel):
    model_config = ConfigDict(extra="forbid")

    escalation: Escalation
