"""The form in which a person decides: a run suspends with it, its process ends, and the answer starts the run again."""

from __future__ import annotations

import logging
from typing import Annotated, Any, Literal, NoReturn

from prefect.context import FlowRunContext
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from pydantic import Field, create_model

from nightwork.decision import Kind
from nightwork.review import words
from nightwork.stages.subject import Answer, Subject

_DECISIONS = tuple(kind.replace("-", " ") for kind in (Kind.APPROVE, Kind.REQUEST_CHANGES, Kind.REJECT))
_COMMENT = "What to change, or what the next reader is to know. To request changes needs it: the agent reads it."
_WORD = "What the agent is to know beside the option; it reads this as you write it."
_NAME = "Who decides; it stands in the record of decisions."
_LONGEST_NAME = 80
# Where a person looks first says of itself only that the run was suspended.
_WAITS = "waits for a person: Resume opens the form (in the newer UI in the menu at the top right)"

logger = logging.getLogger("nightwork.decision")

Comment = Annotated[str, Field(max_length=10_000)]
Name = Annotated[str, Field(max_length=_LONGEST_NAME)]


def answer_to(subject: Subject, form: str) -> Answer | None:
    """Return what a person has said to the newest form of this run; the first time, suspend until somebody has.

    There is no time-out, so nothing is ever assumed. None when the run has asked about something else.
    """
    asked = _asked()
    key = asked[-1] if asked else _next_key(subject)
    if not key.startswith(f"{subject.key}-on-"):
        return None
    if not asked:
        logger.info(_WAITS)
    return answer_of(suspend_flow_run(form_for(subject, form), key=key))


def ask_again(subject: Subject, form: str) -> NoReturn:
    """Suspend the run with a further form."""
    key = _next_key(subject)
    logger.info(_WAITS)
    suspend_flow_run(form_for(subject, form), key=key)
    raise RuntimeError(f"the form {key} had an answer before it was shown")


def form_for(subject: Subject, description: str) -> type[RunInput]:
    """Return the form of a subject; `description` is Markdown, in which everything is escaped already."""
    is_escalation = subject.escalation is not None
    choices = subject.options if is_escalation else _DECISIONS
    about = "Which way to go." if is_escalation else "What becomes of the merge request."
    fields: dict[str, Any] = {
        "option" if is_escalation else "decision": (Literal[choices], Field(description=about)),
        "comment": (Comment, Field(default="", description=_WORD if is_escalation else _COMMENT)),
        "name": (Name, Field(default="", description=_NAME)),
    }
    form: type[RunInput] = create_model("Answer" if is_escalation else "Decision", __base__=RunInput, **fields)
    return form.with_initial_data(description=description)


def answer_of(said: RunInput) -> Answer:
    """Return what was entered as the record of decisions takes it."""
    entered = said.model_dump()
    choice = entered["option"] if "option" in entered else entered["decision"].replace(" ", "-")
    name = words.line(entered["name"], _LONGEST_NAME)
    return Answer(choice, entered["comment"].strip(), f"{name} (Prefect UI)" if name else "Prefect UI")


def _asked() -> list[str]:
    """Return the keys of the forms that this run has shown since it was last started anew, oldest first."""
    keys = _run().empirical_policy.pause_keys or set()
    return sorted(keys, key=lambda key: int(key.rpartition("-")[2]))


def _next_key(subject: Subject) -> str:
    """Return a key that this run never had: a Retry forgets the forms before it, but the server keeps their answers."""
    return f"{subject.key}-on-{_run().run_count}-{len(_asked()) + 1}"


def _run() -> Any:
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RuntimeError("a form belongs to a flow run")
    return context.flow_run
