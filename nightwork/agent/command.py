"""Any coding command line as agent: the prompt is its standard input, its edits in the worktree are the work.

It runs in C2 only; scope and plan are taken from the ticket. Its variables: NIGHTWORK_TICKET (the id),
NIGHTWORK_ATTEMPT, and NIGHTWORK_RESULT, a file into which it may write JSON: the fields of `Work`, or
`{"escalation": {...}}`; with either, `cost_usd`, what the round cost.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from nightwork import beneath
from nightwork.agent import prompts
from nightwork.agent.assignment import Assignment, Check, TimedOut
from nightwork.agent.results import Escalation, Plan, Scope, Work
from nightwork.agent.trajectory import Trajectory
from nightwork.outcome import Outcome, Reason, Status, Unfinished
from nightwork.sandbox import Finished, Run, named_files

MAX_RESULT_BYTES = 1_000_000
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
            said = self._read_result(path)
        self.trajectory.add_cost(stage, _cost_usd(said))
        self._refuse_failure(finished)
        result = self._result_of(said)
        escalated = isinstance(result, Escalation)
        value = result.model_dump(mode="json")
        self.trajectory.say(stage, f"exit code {finished.exit_code}\n{finished.tail()}")
        self.trajectory.accept(stage, {"escalation": value} if escalated else value)
        return result

    def _run(self, prompt: str, result: Path) -> Run:
        ticket, settings = self.assignment.ticket, self.assignment.settings
        passed = {name: os.environ[name] for name in settings.pass_env if name in os.environ}
        variables: dict[str, str | Path] = {
            **passed,
            "NIGHTWORK_TICKET": ticket.id,
            "NIGHTWORK_ATTEMPT": str(self.assignment.attempt),
            "NIGHTWORK_RESULT": result,
        }
        return Run(
            settings.command,
            self.assignment.worktree,
            prompt,
            variables,
            self.assignment.clock.left_s(),
            network=True,
            writable=(result.parent,),
            visible=named_files(settings.command),
        )

    def _refuse_failure(self, finished: Finished) -> None:
        if finished.timed_out:
            raise TimedOut(self.assignment.clock.limit_s)
        if finished.limit:
            message = f"`{self.assignment.settings.command[0]}` took {finished.limit}: {finished.tail(500)}"
            raise Unfinished(Outcome(status=Status.FAILED, reason=Reason.ERROR, message=message))
        if finished.exit_code != 0:
            code = "could not be started" if finished.exit_code is None else f"exited {finished.exit_code}"
            message = f"`{self.assignment.settings.command[0]}` {code}: {finished.tail(500)}"
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
            return Work.model_validate(data)
        except ValueError as error:
            command = self.assignment.settings.command[0]
            message = f"`{command}` wrote a result that cannot be used: {str(error)[:1000]}"
            raise Unfinished(Outcome(status=Status.FAILED, reason=Reason.MALFORMED, message=message)) from error


def _cost_usd(said: Any) -> float:
    """Return what a round cost as far as the command told it; a failed round costs as well."""
    cost = said.get("cost_usd") if isinstance(said, dict) else None
    is_amount = isinstance(cost, int | float) and not isinstance(cost, bool) and 0 <= cost < math.inf
    return min(float(cost), MAX_COST_USD) if is_amount and cost is not None else 0.0


class _Escalated(BaseModel):
    model_config = ConfigDict(extra="forbid")

    escalation: Escalation
