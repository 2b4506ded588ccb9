"""A merge request, as every forge takes it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from nightwork.redact import Redacted


class MergeRequestState(StrEnum):
    """How far a merge request came."""

    DRAFT = "draft"
    READY = "ready"
    CHANGES_REQUESTED = "changes-requested"
    CLOSED = "closed"


class MergeRequest(BaseModel):
    """What is proposed: a branch, the commit it stands on, and what a reviewer reads first (Markdown, escaped)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ticket: str
    attempt: int
    title: Redacted
    branch: str
    parent: str
    commit: str
    stacked_on: tuple[str, ...] = ()
    state: MergeRequestState = MergeRequestState.DRAFT
    body: Redacted
