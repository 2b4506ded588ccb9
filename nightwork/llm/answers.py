"""What a model submits by a call of a tool, checked: the form that was asked for, or what is wrong with the answer."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from nightwork.llm.messages import Reply, ToolCall
from nightwork.markdown import printable
from nightwork.redact import redact

F = TypeVar("F", bound=BaseModel)
_MAX_TOLD = 300
_TOLD_FAULTS = 10


def read_answer(reply: Reply, tool: str, form: type[F]) -> tuple[F | None, str]:
    """Return what a reply submits by a tool, or None and why it is no answer, as the model is told."""
    calls = [call for call in reply.message.calls if call.name == tool]
    if reply.stop_reason == "refusal":
        return None, f"the model refused: {short(reply.message.text)}"
    if not calls:
        cut = f"The answer was cut off ({reply.stop_reason}); be shorter." if "max" in reply.stop_reason else ""
        return None, cut or "You did not call the tool."
    return _validated(calls[0], form)


def short(text: str) -> str:
    """Return hostile text as one short line without secrets."""
    text = " ".join(printable(redact(text)).split())
    return text if len(text) <= _MAX_TOLD else f"{text[:_MAX_TOLD]}..."


def _validated(call: ToolCall, form: type[F]) -> tuple[F | None, str]:
    if call.unreadable:
        return None, short(call.unreadable)
    try:
        return form.model_validate(call.input), ""
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)[:_TOLD_FAULTS]
        return None, short("; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults))
