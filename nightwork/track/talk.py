"""What is said with models about one module: each step is a conversation of its own, kept so that none is held twice.

A reviewer never sees what a writer was told. An answer that is none is asked for again once, with what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from nightwork import stop
from nightwork.agent.trajectory import Trajectory
from nightwork.llm import Message, Model, Reply, Request, Tool, ToolResult, input_schema
from nightwork.llm.answers import read_answer
from nightwork.outcome import Outcome, Reason, Status, Unfinished
from nightwork.redact import is_marked

F = TypeVar("F", bound=BaseModel)
_ASKED_AGAIN = 1
_REDACTED = (
    "The answer holds what looks like a secret, which is redacted before anything is kept, so the text is not what you "
    "meant. Submit again with a value that nobody would take for a real one."
)


@dataclass(frozen=True)
class Question:
    """What is asked in one step: `tool` is what the answer is submitted by."""

    step: str
    system: str
    prompt: str
    tool: str
    about: str


class Talk:
    """All conversations of one try of a module, in the order in which they were held."""

    def __init__(self, folder: Path, item: str) -> None:
        self.trajectory = Trajectory(folder / "trajectory.jsonl")
        self._item = item

    def known(self, step: str, form: type[F]) -> F | None:
        """Return what a step has come to; None while it has not ended."""
        done = self.trajectory.accepted(step)
        return None if done is None else form.model_validate(done)

    def keep(self, step: str, value: BaseModel) -> None:
        """Keep what a step has come to."""
        self.trajectory.accept(step, value.model_dump(mode="json"))

    def ask(self, question: Question, model: Model, form: type[F], problem: Callable[[F], str], max_tokens: int) -> F:
        """Return a model's answer; `problem` says what is wrong with one that has the form, if anything is.

        Raises Unfinished (failed, malformed) when the second answer is none either, and what the model's call raises.
        """
        step, talk = question.step, self.trajectory
        if (done := self.known(step, form)) is not None:
            return done
        if not talk.of(step):
            talk.say(step, question.prompt)
        while True:
            reply = self._last_reply(step)
            if reply is None:
                stop.check()
                talk.add_reply(step, model.complete(self._request(question, form, max_tokens)))
                continue
            answer, told = read_answer(reply, question.tool, form)
            told = told or (problem(answer) if answer else "")
            if answer is not None and not told and is_marked(reply.message.model_dump()):
                told = _REDACTED
            if answer is not None and not told:
                self.keep(step, answer)
                return answer
            self._ask_again(question, reply, told, model.name)

    def _request(self, question: Question, form: type[BaseModel], max_tokens: int) -> Request:
        step = question.step
        tool = Tool(name=question.tool, description=question.about, parameters=input_schema(form), strict=True)
        return Request(
            ticket=self._item,
            stage=step,
            turn=self.trajectory.count(step, "assistant"),
            system=question.system,
            tools=(tool,),
            messages=self.trajectory.messages(step),
            max_tokens=max_tokens,
            is_whole=True,
            is_cached=False,  # no two documents begin alike, and few answers are asked for again
        )

    def _last_reply(self, step: str) -> Reply | None:
        """Return the reply that waits to be read or told of; None when the model is to speak next."""
        is_pending = bool(self.trajectory.is_last(step) and self.trajectory.pending_calls())
        for record in reversed(self.trajectory.of(step)):
            if record["kind"] in {"user", "result"} and not is_pending:
                return None
            if record["kind"] == "assistant":
                message = Message.model_validate(record["message"])
                return Reply(message=message, stop_reason=record["stop_reason"])
        return None

    def _ask_again(self, question: Question, reply: Reply, told: str, model: str) -> None:
        step = question.step
        if self.trajectory.add_malformed(step, told) > _ASKED_AGAIN or reply.stop_reason == "refusal":
            message = f"{model} gave no valid answer in {step!r}, asked again: {told}"
            raise Unfinished(Outcome(status=Status.FAILED, reason=Reason.MALFORMED, message=message))
        for call in self.trajectory.pending_calls():
            self.trajectory.add_result(step, ToolResult(call_id=call.id, text=told, is_error=True))
        if not reply.message.calls:
            self.trajectory.say(step, f"{told} Call `{question.tool}`.")
