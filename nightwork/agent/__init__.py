"""Agents: the port. An agent takes one attempt through C0 (scope), C1 (plan) and C2 (implement and test)."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from nightwork.agent.assignment import Assignment, Check, Clock, TimedOut
from nightwork.agent.command import CommandAgent
from nightwork.agent.model import ModelAgent
from nightwork.agent.results import Escalation, Plan, Scope, Work
from nightwork.errors import bad_input
from nightwork.llm import open_model
from nightwork.sandbox import Confinement, why_unconfined
from nightwork.settings import FILE_NAME, AgentSettings

__all__ = [
    "Agent",
    "Assignment",
    "Check",
    "Clock",
    "Escalation",
    "Plan",
    "Scope",
    "TimedOut",
    "Work",
    "check_agent",
    "open_agent",
    "refuse_unconfined",
    "writes_code",
]


class Agent(Protocol):
    """Works on one attempt; made anew for each stage, so what it must remember is in its trajectory."""

    def scope(self) -> Scope | Escalation:
        """C0: say what the ticket asks for; reads only."""

    def plan(self, scope: Scope) -> Plan | Escalation:
        """C1: say how it will be done; reads only."""

    def implement(self, scope: Scope, plan: Plan, check: Check) -> Work | Escalation:
        """C2: edit the worktree until `check` has no objections or the fix rounds are used up."""


def check_agent(settings: AgentSettings, repository: Path, confinement: Confinement | None = None) -> None:
    """Raise BadInput for settings that name no agent, or one that may not run unconfined, before it gets a ticket."""
    if settings.kind == "model" and not settings.model:
        raise bad_input(
            FILE_NAME, "names no agent; `nightwork init` writes the file, then name your command line in it"
        )
    if settings.kind == "model":
        open_model(settings.model, repository)
    elif not settings.command:
        raise bad_input("agent.command", "is required with agent.kind: command; name your coding command line")
    if confinement is not None:
        refuse_unconfined(settings, confinement)


def writes_code(settings: AgentSettings) -> bool:
    """Say whether nobody knows beforehand what the agent does, as with all but the scripted one of the demo."""
    return settings.kind == "command" or not settings.model.startswith("scripted:")


def refuse_unconfined(settings: AgentSettings, confinement: Confinement) -> None:
    """Raise BadInput when commands of an agent that writes code would not be confined, and nobody asked for that."""
    reason = why_unconfined(confinement)
    if reason and confinement.confine and writes_code(settings):
        remedy = "install or allow it, or let agents and gates run with your rights by --no-sandbox"
        raise bad_input("sandbox", f"an agent that writes code is not run unconfined: {reason}; {remedy}")


def open_agent(assignment: Assignment, repository: Path) -> Agent:
    """Return the agent that the settings name; raises BadInput as `check_agent` does."""
    settings = assignment.settings
    check_agent(settings, repository)
    if settings.kind == "command":
        return CommandAgent(assignment)
    return ModelAgent(open_model(settings.model, repository), assignment)
