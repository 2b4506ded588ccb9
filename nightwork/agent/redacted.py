"""What a model may not do with a secret: write it down, or write down the mark that stands for one."""

from __future__ import annotations

from nightwork.agent.tools import Refused
from nightwork.llm import ToolCall
from nightwork.redact import is_marked


def refuse_redacted(call: ToolCall) -> None:
    """Raise Refused for a call in which something was redacted: what stands there now is not what was meant."""
    if is_marked(call.input):
        raise Refused(
            f"{call.name} was not carried out: it holds what looks like a secret, which is redacted. Let the code read "
            "it from the environment; build the value of a test from parts; to edit beside one, leave its line alone."
        )
