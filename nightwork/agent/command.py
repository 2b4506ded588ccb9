"""Any coding command line as agent: the prompt is its standard input, its edits in the worktree are the work.

It runs in C2 only; scope and plan are taken from the ticket. Its variables: NIGHTWORK_TICKET (the id),
NIGHTWORK_ATTEMPT, and NIGHTWORK_RESULT, a file into which it may write JSON: the fields of `Work`, or
`{"escalation": {...}}`; with either, `cost_usd`, what the round cost.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nightwork.agent import prompts
from nightwork.agent.assignment import Assignment, Check, TimedOut
from nightwork.agent.results import Escalation, Plan, Scope, Work
from nightwork.agent.trajectory import Trajectory
from nightwork.outcome import Outcome, Reason, Status, Unfinished
from nightwork.sandbox import Finished, Run

MAX_RESULT_BYTES = 1_000_000


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
        approach = f"`{self.assignment.settings.command[0]}` works on the ticket by itself"
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
        stage = f"C2 round {number + 1} answer {len(self.assignment.answers)}"
        if (done := self.trajectory.accepted(stage)) is not None:
            return Escalation.model_validate(done["escalation"]) if "escalation" in done else Work.model_validate(done)
        prompt = prompts.for_command(self.assignment, vetoes)
        self.trajectory.say(stage, prompt)
        with tempfile.TemporaryDirectory(prefix="nightwork-result-") as folder:
            path = Path(folder) / "result.json"
            finished = self.assignment.sandbox.run(self._run(prompt, path))
            self._refuse_failure(finished)
            result, cost_usd = self._read_result(path)
        self.trajectory.add_cost(stage, cost_usd)
        escalated = isinstance(result, Escalation)
        value = result.model_dump(mode="json")
        self.trajectory.say(stage, f"exit code {finished.exit_code}\n{finished.tail()}")
        self.trajectory.accept(stage, {"escalation": value} if escalated else value)
        return result

    def _run(self, prompt: str, result: Path) -> Run:
        ticket, settings = self.assignment.ticket, self.assignment.settings
        passed = {name: os.environ[name] for name in settings.pass_env if name in os.environ}
        variables = {
            **passed,
            "NIGHTWORK_TICKET": ticket.id,
            "NIGHTWORK_ATTEMPT": str(self.assignment.attempt),
            "NIGHTWORK_RESULT": str(result),
        }
        return Run(settings.command, self.assignment.worktree, prompt, variables, self.assignment.clock.left_s())

    def _refuse_failure(self, finished: Finished) -> None:
        if finished.timed_out:
            raise TimedOut(self.assignment.clock.limit_s)
        if finished.exit_code != 0:
            code = "could not be started" if finished.exit_code is None else f"exited {finished.exit_code}"
            message = f"`{self.assignment.settings.command[0]}` {code}: {finished.tail(500)}"
            reason = Reason.INFRASTRUCTURE if finished.exit_code is None else Reason.ERROR
            status = Status.ABORTED if finished.exit_code is None else Status.FAILED
            raise Unfinished(Outcome(status=status, reason=reason, message=message))

    def _read_result(self, path: Path) -> tuple[Work | Escalation, float]:
        if not os.path.lexists(path):
            return Work(summary=self.assignment.ticket.title), 0.0
        try:
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_RESULT_BYTES:
                raise ValueError(f"expected a plain file of at most {MAX_RESULT_BYTES:,} bytes")
            data = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(data, dict) and "escalation" in data:
                escalated = _Escalated.model_validate(data)
                return escalated.escalation, escalated.cost_usd
            worked = _Worked.model_validate(data)
            return Work.model_validate(worked.model_dump(exclude={"cost_usd"})), worked.cost_usd
        except (ValidationError, ValueError, RecursionError, OSError) as error:
            command = self.assignment.settings.command[0]
            message = f"`{command}` wrote a result that cannot be used: {str(error)[:1000]}"
            raise Unfinished(Outcome(status=Status.FAILED, reason=Reason.MALFORMED, message=message)) from error


class _Escalated(BaseModel):
    model_config = ConfigDict(extra="forbid")

    escalation: Escalation
    cost_usd: float = Field(default=0.0, ge=0, allow_inf_nan=False)


class _Worked(Work):
    cost_usd: float = Field(default=0.0, ge=0, allow_inf_nan=False)
