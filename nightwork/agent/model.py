"""A model as agent: one conversation per attempt through C0, C1 and C2, in nightwork's own turn loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from nightwork import stop
from nightwork.agent import prompts
from nightwork.agent.assignment import Assignment, Check
from nightwork.agent.redacted import refuse_redacted
from nightwork.agent.results import Context, Escalation, Option, Plan, Scope, Trigger, Work
from nightwork.agent.tools import Refused, Toolbox, describe, descriptions
from nightwork.agent.trajectory import CHECKS, PUBLISHING, Trajectory
from nightwork.agent.window import Window
from nightwork.errors import ContextOverflow, ThinkingRefused
from nightwork.llm import Model, Request, ToolCall, ToolResult
from nightwork.markdown import data_block, printable
from nightwork.outcome import Outcome, Reason, Status, Unfinished

R = TypeVar("R", bound=BaseModel)

_ENDINGS: dict[str, type[BaseModel]] = {"submit_scope": Scope, "submit_plan": Plan, "submit_work": Work}
_RESULTS: dict[str, type[BaseModel]] = {**_ENDINGS, "escalate": Escalation}
_TOOLS = (*descriptions(), *(describe(name, model, strict=True) for name, model in _RESULTS.items()))
_CUT = frozenset({"max_tokens", "model_context_window_exceeded"})
_ASKED_AGAIN = 1


class ModelAgent:
    """Drives a model through one attempt; everything it knows is in the trajectory, so that it can be made anew."""

    def __init__(self, model: Model, assignment: Assignment) -> None:
        self.model = model
        self.assignment = assignment
        self.trajectory = Trajectory(assignment.trajectory)
        settings = assignment.settings
        timeout_s = settings.command_timeout.total_seconds()
        self.tools = Toolbox(assignment.worktree, assignment.sandbox, assignment.clock, timeout_s, self.trajectory)
        limit = model.context_window and min(model.context_window, settings.max_context_tokens)
        self.window = Window(self.trajectory, limit)

    def scope(self) -> Scope | Escalation:
        """C0: read until the scope is clear."""
        return self._stage("C0", prompts.c0(self.assignment), "submit_scope", Scope, preamble=prompts.C0)

    def plan(self, scope: Scope) -> Plan | Escalation:  # noqa: ARG002  the conversation holds it
        """C1: read until the plan stands."""
        return self._stage("C1", prompts.c1(), "submit_plan", Plan)

    def implement(self, scope: Scope, plan: Plan, check: Check) -> Work | Escalation:  # noqa: ARG002
        """C2: edit and run; what the gates object to goes back to the model, `fix_rounds` times."""

        def objections(work: BaseModel) -> str | None:
            rounds = self.trajectory.count("C2", "result", fix_round=True)
            if rounds >= self.assignment.settings.fix_rounds or (isinstance(work, Work) and work.remaining):
                return None
            vetoes = check()
            return prompts.objections(vetoes) if vetoes else None

        self._reopen()
        return self._stage("C2", prompts.c2(), "submit_work", Work, objections)

    def _reopen(self) -> None:
        """Take C2 up again for what a person wants done differently before it is published."""
        for number, record in enumerate(self.trajectory.escalations()):
            is_told = record["stage"] == PUBLISHING and number < len(self.assignment.answers)
            if is_told and number not in self.assignment.settled:
                self.trajectory.reopen("C2", number, prompts.answered(self.assignment.answers[number]))

    def _tell_decisions(self, stage: str) -> None:
        """Hand over what a person has said to what nightwork asked before any work was paid for."""
        said = {record["text"] for record in self.trajectory.records if record["kind"] == "user"}
        for number, record in enumerate(self.trajectory.escalations()):
            if record["stage"] in CHECKS and number < len(self.assignment.answers):
                text = prompts.answered(self.assignment.answers[number])
                if text not in said:
                    self.trajectory.say(stage, text)

    def _stage(
        self,
        stage: str,
        opening: str,
        ending: str,
        result: type[R],
        objections: Callable[[BaseModel], str | None] = lambda _: None,
        preamble: str = "",
    ) -> R | Escalation:
        if (done := self.trajectory.accepted(stage)) is not None:
            self._close(stage)
            return result.model_validate(done)
        if not self.trajectory.of(stage):
            self.trajectory.say(stage, opening, preamble)
        self._tell_decisions(stage)
        while True:
            escalation = self._take_answers(stage)
            if escalation is not None:
                return escalation
            ended = self._answer_reply(stage, ending, result, objections)
            if ended is not None:
                return ended
            if self._limit_reached(stage):
                return self._escalate_limit(stage)
            self._turn(stage)

    def _turn(self, stage: str) -> None:
        stop.check()
        self.assignment.clock.left_s()
        self.window.keep(stage)
        try:
            reply = self.model.complete(self._request(stage))
        except ContextOverflow:
            if not self.window.shorten(stage):
                raise
        except ThinkingRefused:
            if not self.window.forget_thinking(stage):
                raise
        else:
            self.trajectory.add_reply(stage, reply)

    def _request(self, stage: str) -> Request:
        return Request(
            ticket=self.assignment.ticket.id,
            stage=stage,
            turn=self.trajectory.count(stage, "assistant"),
            system=prompts.SYSTEM,
            tools=_TOOLS,
            messages=self.trajectory.messages(),
            counted=self.trajectory.counted(),
        )

    def _answer_reply(
        self, stage: str, ending: str, result: type[R], objections: Callable[[BaseModel], str | None]
    ) -> R | Escalation | None:
        """Carry out what the last reply asks for and has no answer yet: an escalation first, which bars an ending."""
        stopped = self.trajectory.stop_reason(stage)
        self._refuse_refusal(stopped)
        if self.trajectory.ends_without_call(stage):
            self._ask_for_call(stage, stopped)
        escalates = any(call.name == "escalate" for call in self.trajectory.last_calls())
        pending = sorted(self.trajectory.pending_calls(), key=lambda call: call.name != "escalate")
        for call in pending:
            if escalates and call.name in _ENDINGS:
                self._result(stage, call, "not taken: it stands beside an escalation", refused=True)
                continue
            ended = self._answer(stage, call, ending, result, objections)
            if ended is not None:
                return ended
        if self.trajectory.stop_reason(stage) in _CUT:
            self._tell_cut(stage)
        return None

    def _refuse_refusal(self, stopped: str) -> None:
        if stopped == "refusal":
            message = f"{self.model.name} refused: {printable(self.trajectory.last_text()) or 'without a word'}"
            raise Unfinished(Outcome(status=Status.FAILED, reason=Reason.GAVE_UP, message=message))

    def _ask_for_call(self, stage: str, stopped: str) -> None:
        """Ask again for a reply that called no tool, and say why it was no use."""
        if stopped == "pause_turn":
            self.trajectory.say(stage, prompts.go_on())
        elif stopped in _CUT:
            self._malformed(stage, f"the answer was cut off ({stopped})")
            self._tell_cut(stage)
        else:
            self._malformed(stage, "you called no tool")
            self.trajectory.say(stage, "Call a tool: the one that ends this stage, or one that helps you get there.")

    def _tell_cut(self, stage: str) -> None:
        if self.trajectory.stop_reason(stage) == "model_context_window_exceeded":
            self.window.shorten(stage)
        self.trajectory.say(stage, prompts.cut(self.trajectory.last_usage().output_tokens))

    def _answer(
        self,
        stage: str,
        call: ToolCall,
        ending: str,
        result: type[R],
        objections: Callable[[BaseModel], str | None],
    ) -> R | Escalation | None:
        if call.unreadable:
            self._malformed(stage, f"{call.name}: {call.unreadable}")
            self._result(stage, call, call.unreadable, refused=True)
            return None
        if call.name == "escalate":
            escalation = self._parse(stage, call, Escalation)
            if escalation is not None:
                self.trajectory.escalate(stage, call.id, escalation.model_dump(mode="json"))
            return escalation
        if call.name in _ENDINGS:
            return self._end(stage, call, ending, result, objections)
        try:
            refuse_redacted(call)
            answer = self.tools.use(call, read_only=stage != "C2")
            text, refused = data_block(call.name, answer), False
        except Refused as error:
            text, refused = str(error), True
        self._result(stage, call, text, refused)
        return None

    def _end(
        self,
        stage: str,
        call: ToolCall,
        ending: str,
        result: type[R],
        objections: Callable[[BaseModel], str | None],
    ) -> R | None:
        if call.name != ending:
            self._result(stage, call, f"this stage ends with `{ending}`", refused=True)
            return None
        value = self._parse(stage, call, result)
        if value is None:
            return None
        if (said := objections(value)) is not None:
            answer = ToolResult(call_id=call.id, text=said, is_error=True)
            self.trajectory.add_result(stage, answer, fix_round=True)
            return None
        value = value.submitted() if isinstance(value, Work) else value
        self.trajectory.accept(stage, value.model_dump(mode="json"))
        self._close(stage)
        return value

    def _close(self, stage: str) -> None:
        """Answer what the stage's last reply still asks for, so that the conversation can go on in the next."""
        for call in self.trajectory.pending_calls() if self.trajectory.is_last(stage) else ():
            ends = call.name in _ENDINGS
            self._result(stage, call, "accepted" if ends else "not carried out: the stage has ended", refused=not ends)

    def _parse(self, stage: str, call: ToolCall, model: type[R]) -> R | None:
        try:
            return model.model_validate(call.input)
        except ValidationError as error:
            faults = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False)]
            reason = f"{call.name}: " + "; ".join(faults)
            self._malformed(stage, reason)
            self._result(stage, call, reason, refused=True)
            return None

    def _malformed(self, stage: str, reason: str) -> None:
        """Count a reply that cannot be used, once; the one after it ends the ticket if it cannot be used either."""
        if self.trajectory.add_malformed(stage, reason) > _ASKED_AGAIN:
            message = f"{self.model.name} gave no valid answer in {stage}, asked again once: {reason}"
            raise Unfinished(Outcome(status=Status.FAILED, reason=Reason.MALFORMED, message=message))

    def _result(self, stage: str, call: ToolCall, text: str, refused: bool = False) -> None:
        self.trajectory.add_result(stage, ToolResult(call_id=call.id, text=text, is_error=refused))

    def _take_answers(self, stage: str) -> Escalation | None:
        """Hand over the answer to an escalation of this stage; returns it again while it has none."""
        for number, record in enumerate(self.trajectory.escalations()):
            if record["stage"] != stage:
                continue
            if number >= len(self.assignment.answers):
                return Escalation.model_validate(record["value"])
            self._deliver(stage, record["call_id"], prompts.answered(self.assignment.answers[number]))
        return None

    def _deliver(self, stage: str, call_id: str, text: str) -> None:
        answered = {record["call_id"] for record in self.trajectory.of(stage) if record["kind"] == "result"}
        said = {record["text"] for record in self.trajectory.of(stage) if record["kind"] == "user"}
        if call_id and call_id not in answered:
            self.trajectory.add_result(stage, ToolResult(call_id=call_id, text=text))
        elif not call_id and text not in said:
            self.trajectory.say(stage, text)

    def _limit_reached(self, stage: str) -> bool:
        extensions = sum(not record["call_id"] for record in self.trajectory.escalations() if record["stage"] == stage)
        extensions += self.trajectory.reopenings(stage)
        limit = self.assignment.settings.max_turns * (1 + extensions)
        return self.trajectory.count(stage, "assistant") >= limit

    def _escalate_limit(self, stage: str) -> Escalation:
        turns = self.trajectory.count(stage, "assistant")
        escalation = Escalation(
            trigger=Trigger.ITERATION_LIMIT,
            summary=f"{stage} did not end within {turns} turns",
            context=Context(
                tried=f"{turns} turns in {stage}; the transcript shows them",
                why="the agent kept working without reaching the end of the stage",
                blocks="the ticket, until somebody says whether it is worth more turns",
            ),
            options=(
                Option(name="continue", description=f"allow another {self.assignment.settings.max_turns} turns"),
                Option(name="narrow", description="say in the message what to leave out, then go on"),
            ),
            recommendation="narrow",
        )
        self.trajectory.escalate(stage, "", escalation.model_dump(mode="json"))
        return escalation
