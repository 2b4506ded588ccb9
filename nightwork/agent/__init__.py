"""Agents: the port. An agent takes one attempt through C0 (scope), C1 (plan) and C2 (implement and test)."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from nightwork.agent.assignment import Assignment, Check, Clock, TimedOut
from nightwork.agent.command import CommandAgent
from nightwork.agent.model import ModelAgent
from nightwork.agent.presets import can_enforce_budget
from nightwork.agent.results import Escalation, Plan, Scope, Work
from nightwork.errors import bad_input
from nightwork.llm import open_model
from nightwork.settings import BUDGET, FILE_NAME, AgentSettings

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
]


class Agent(Protocol):
    """Works on one attempt; made anew for each stage, so what it must remember is in its trajectory."""

    def scope(self) -> Scope | Escalation:
        """C0: say what the ticket asks for; reads only."""

    def plan(self, scope: Scope) -> Plan | Escalation:
        """C1: say how it will be done; reads only."""

    def implement(self, scope: Scope, plan: Plan, check: Check) -> Work | Escalation:
        """C2: edit the worktree until `check` has no objections or the fix rounds are used up."""


def check_agent(settings: AgentSettings, repository: Path, budget_usd: float | None = None) -> None:
    """Raise BadInput for settings that name no agent, before any ticket is given to one.

    With a budget a command agent has to be told of it: nobody else can stop what it spends.
    """
    if settings.kind == "model" and not settings.model:
        raise bad_input(
            FILE_NAME, "names no agent; `nightwork init` writes the file, then name your command line in it"
        )
    if settings.kind == "model":
        open_model(settings.model, repository)
    elif not settings.command and not settings.preset:
        raise bad_input("agent.command", "is required with agent.kind: command; name your coding command line")
    elif budget_usd is not None and not can_enforce_budget(settings):
        name = f"preset {settings.preset}" if settings.preset else f"command {settings.command[0]!r}"
        problem = f"{name} cannot keep to the budget of ${budget_usd:g}; pass it on with {BUDGET}, or set no budget"
        raise bad_input("agent.command", problem)


def open_agent(assignment: Assignment, repository: Path) -> Agent:
    """Return the agent that the settings name; raises BadInput as `check_agent` does."""
    settings = assignment.settings
    check_agent(settings, repository)
    if settings.kind == "command":
        return CommandAgent(assignment)
    return ModelAgent(open_model(settings.model, repository), assignment)
