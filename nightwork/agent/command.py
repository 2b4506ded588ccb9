"""Any coding command line as agent: the prompt is its standard input, its edits in the worktree are the work.

It runs in C2 only; scope and plan are taken from the ticket. Its variables: NIGHTWORK_TICKET (the id),
NIGHTWORK_ATTEMPT, and NIGHTWORK_RESULT, a file into which it may write JSON: the fields of `Work`, or
`{"escalation": {...}}`.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from pydantic import BaseModel, ValidationError

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
            result = self._read_result(path)
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

    def _read_result(self, path: Path) -> Work | Escalation:
        if not path.exists():
            return Work(summary=self.assignment.ticket.title)
        try:
            if path.is_symlink() or path.stat().st_size > MAX_RESULT_BYTES:
                raise ValueError(f"expected a plain file of at most {MAX_RESULT_BYTES:,} bytes")
            data = json.loads(path.read_text(encoding="utf-8"))
            model: type[BaseModel] = Escalation if isinstance(data, dict) and "escalation" in data else Work
            result = model.model_validate(data["escalation"] if model is Escalation else data)
            assert isinstance(result, (Work, Escalation))
            return result
        except (ValidationError, ValueError, RecursionError) as error:
            message = f"`{self.assignment.settings.command[0]}` wrote a result that cannot be used: {error}"
            raise Unfinished(Outcome(status=Status.FAILED, reason=Reason.MALFORMED, message=message)) from error
