"""Agents: the port. An agent takes one attempt through C0 (scope), C1 (plan) and C2 (implement and test)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Protocol

from nightwork.agent.assignment import Assignment, Check, Clock, TimedOut
from nightwork.agent.command import CommandAgent
from nightwork.agent.model import ModelAgent
from nightwork.agent.presets import can_enforce_budget
from nightwork.agent.results import Escalation, Plan, Scope, Work
from nightwork.agent.trajectory import Trajectory
from nightwork.agent_settings import BUDGET, AgentSettings
from nightwork.errors import bad_input
from nightwork.llm import Model, open_model
from nightwork.llm.metered import Metered
from nightwork.sandbox import Confinement, why_unconfined
from nightwork.settings import FILE_NAME, Settings

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


def check_agent(settings: Settings, repository: Path) -> None:
    """Raise BadInput for settings that name no agent, before any ticket is given to one.

    With a budget a command agent has to be told of it: nobody else can stop what it spends.
    """
    agent, limits = settings.agent, settings.batch
    names = {agent.model_of(stage) for stage in ("C0", "C1", "C2")}
    if agent.kind == "model" and "" in names:
        raise bad_input(
            FILE_NAME, "names no agent; `nightwork init` writes the file, then name your command line in it"
        )
    if agent.kind == "model":
        for name in sorted(names):
            open_model(name, repository, agent, settings.prices)
    elif not agent.command and not agent.preset:
        raise bad_input("agent.command", "is required with agent.kind: command; name your coding command line")
    elif (limits.budget_usd, limits.budget_per_ticket_usd) != (None, None) and not can_enforce_budget(agent):
        name = f"preset {agent.preset}" if agent.preset else f"command {agent.command[0]!r}"
        raise bad_input("agent.command", f"{name} cannot keep to a budget; pass it on with {BUDGET}, or set no budget")


def writes_code(settings: AgentSettings) -> bool:
    """Say whether nobody knows beforehand what the agent does, as with all but the scripted one of the demo."""
    return settings.kind == "command" or any(
        not settings.model_of(stage).startswith("scripted:") for stage in ("C0", "C1", "C2")
    )


def refuse_unconfined(settings: AgentSettings, confinement: Confinement) -> None:
    """Raise BadInput when commands of an agent that writes code would not be confined, and nobody asked for that."""
    reason = why_unconfined(confinement)
    if reason and confinement.confine and writes_code(settings):
        remedy = "install or allow it, or let agents and gates run with your rights by --no-sandbox"
        raise bad_input("sandbox", f"an agent that writes code is not run unconfined: {reason}; {remedy}")


def open_agent(assignment: Assignment, repository: Path, stage: str) -> Agent:
    """Return the agent that the settings name for a stage; raises BadInput as `check_agent` does."""
    settings = assignment.settings
    if settings.kind == "command":
        return CommandAgent(assignment)
    model = open_model(settings.model_of(stage), repository, settings, assignment.prices)
    return ModelAgent(_payable(model, assignment), assignment)


def _payable(model: Model, assignment: Assignment) -> Model:
    """Return a model whose calls are paid for, waited for and tried again; one that bills nobody is as it is."""
    if model.provider is None:
        return model
    if assignment.account is None:
        raise bad_input("agent.model", f"{model.name} bills its calls, and there is no account for them")
    log, clock = Trajectory(assignment.trajectory), assignment.clock
    clock.paused_s = log.waited_s(clock.started)

    def waited(seconds: float) -> None:
        clock.pause(seconds)
        log.add_wait("", seconds, clock.started)

    return Metered(model, model.provider, replace(assignment.account, waited=waited))
