"""The settings of one target repository: `nightwork.yaml` at its root, then the environment, then flags.

Every key, with its default and its meaning, is in docs/settings.md, which a test holds against this module. Large
sections have modules of their own: `agent_settings`, `gate_settings`, `forge_settings`, `spec_settings`,
`track_settings`, `guarding`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import AwareDatetime, Field

from nightwork import yamlfile
from nightwork.agent_settings import AgentSettings, Preset
from nightwork.database import checked, take_from_environment, take_password
from nightwork.duration import Duration
from nightwork.errors import BadInput, Fault, bad_input
from nightwork.forge_settings import ForgeSettings
from nightwork.gate_settings import GateSettings
from nightwork.guarding import EscalationSettings, PolicySettings
from nightwork.price import Price
from nightwork.redact import hide_variable
from nightwork.sandbox.confinement import Confinement
from nightwork.section import RunSection, Section
from nightwork.spec_settings import SpecsSettings
from nightwork.track_settings import TracksSettings

FILE_NAME = "nightwork.yaml"
ENVIRONMENT_PREFIX = "NIGHTWORK_"
# What commands are told; no settings, so that nightwork can be used inside one.
AGENT_VARIABLES = frozenset({"NIGHTWORK_TICKET", "NIGHTWORK_ATTEMPT", "NIGHTWORK_RESULT", "NIGHTWORK_ENVIRONMENT"})


class BatchSettings(Section):
    """How much one batch takes on."""

    max_tickets: int = Field(default=20, ge=1, le=1000)
    timeout_per_ticket: Duration = timedelta(minutes=30)
    parallel_agents: int = Field(default=3, ge=1, le=64)
    budget_usd: float | None = Field(default=None, ge=0, le=1e6, description="what the batch may cost; never overshot")
    budget_per_ticket_usd: float | None = Field(default=None, ge=0, le=1e6, description="what one ticket may cost")
    deadline: AwareDatetime | None = None
    min_free_mb: int = Field(default=1000, ge=0, description="a run does not start with less free disk")


class RateLimitSettings(Section):
    """How a provider that takes no requests is waited for (batch-pipeline.md, "Rate Limits")."""

    hit_after: Duration = Field(default=timedelta(minutes=5), description="a reset further away is a hit")
    wait: Duration = Field(default=timedelta(hours=1), description="the wait when no reset is told")
    max_hits: int = Field(default=3, ge=0, le=100, description="more end the run, resumable")
    max_outage: Duration = Field(default=timedelta(hours=4), description="a longer one ends the run, resumable")


class RemoteSettings(Section):
    """How a repository that is named by its address is shared with runs on other machines."""

    lease: Duration = Field(default=timedelta(minutes=2), description="a run unseen for so long may be replaced")


class EnvironmentSettings(Section):
    """What is installed for agents and gates, once, before the first of them runs."""

    setup: tuple[str, ...] = Field(
        default=(), description="the command that installs into the folder NIGHTWORK_ENVIRONMENT; none by default"
    )
    lock_files: tuple[str, ...] = Field(
        default=(
            "*requirements*.txt",
            "*constraints*.txt",
            "pyproject.toml",
            "*.lock",
            "package.json",
            "package-lock.json",
            "pnpm-lock.yaml",
            "go.sum",
        ),
        description="files of the base commit that make another environment when they differ",
    )
    pass_env: tuple[str, ...] = Field(default=(), description="variables that the setup may see; none by default")
    timeout: Duration = timedelta(minutes=30)


class SandboxSettings(Confinement, Section):
    """How agents' commands and gates are confined."""


class RunOptions(RunSection):
    """What one run may set differently from the repository's settings; None leaves them as they are."""

    agent: str | None = Field(
        default=None,
        title="Agent",
        description="Who works: a model such as claude-sonnet-5-5, a script (scripted:FILE), claude-code, codex, aider",
    )
    tickets: str | None = Field(
        default=None,
        title="Tickets",
        description="Where tickets come from: a folder of Markdown files, or a Tracker block: tracker/NAME",
    )
    forge: str | None = Field(
        default=None,
        title="Forge",
        description="Page on which a person opens the merge request of a branch, such as"
        " https://github.com/owner/repository/compare/{branch}, or a Forge block: forge/NAME",
    )
    base: str | None = Field(
        default=None,
        title="Base",
        description="Branch, tag or commit from which the branches start",
    )
    max_tickets: int | None = Field(
        default=None, ge=1, le=1000, title="Tickets at most", description="The others stay in the queue; 1 to 1000"
    )
    parallel_agents: int | None = Field(
        default=None, ge=1, le=64, title="Agents", description="How many work at the same time; 1 to 64"
    )
    budget_usd: float | None = Field(
        default=None, ge=0, le=1e6, title="Budget, in dollars", description="What the batch may cost; never overshot"
    )
    budget_per_ticket_usd: float | None = Field(
        default=None, ge=0, le=1e6, title="Budget of a ticket, in dollars", description="What one ticket may cost"
    )
    deadline: AwareDatetime | None = Field(
        default=None, title="Deadline", description="No ticket is started that is not expected to end by then"
    )
    no_sandbox: bool = Field(
        default=False, title="Without a sandbox", description="Agents and gates run with the worker's rights"
    )
    strict: bool = Field(default=False, title="Strict", description="Refuse the batch when any ticket is unready")
    retry_failed: bool = Field(
        default=False, title="Retry what failed", description="On a resume: failed tickets again, as a new attempt"
    )
    answered_only: bool = Field(
        default=False,
        title="Only what was answered",
        description="On a resume: only tickets whose escalation was answered, and what waited for them",
    )
    credentials: str = Field(
        default="",
        title="Credentials",
        description="Name of a Claude Credentials block; empty: the worker's environment",
    )

    def flags(self) -> dict[str, Any]:
        """Return the settings that are set here, by dotted key."""
        chosen: dict[str, Any] = {"tickets": self.tickets, "base": self.base, "forge.link": self.forge}
        chosen["sandbox.confine"] = False if self.no_sandbox else None
        chosen |= {f"batch.{key}": getattr(self, key) for key in _BATCH_OPTIONS}
        chosen |= _of_agent(self.agent) if self.agent is not None else {}
        return {key: value for key, value in chosen.items() if value is not None}


def _of_agent(name: str) -> dict[str, Any]:
    """Return the settings that choose an agent by one name, in place of any that the file chooses."""
    is_preset = name in set(Preset)
    chosen = {"kind": "command", "preset": name, "model": ""} if is_preset else {"kind": "model", "model": name}
    return {f"agent.{key}": value for key, value in ({"preset": "", "command": [], "models": {}} | chosen).items()}


_BATCH_OPTIONS = ("max_tickets", "parallel_agents", "budget_usd", "budget_per_ticket_usd", "deadline")


class Settings(Section):
    """Everything that a batch is told."""

    tickets: str = "tickets"
    base: str = "HEAD"
    batch: BatchSettings = BatchSettings()
    agent: AgentSettings = AgentSettings()
    rate_limit: RateLimitSettings = RateLimitSettings()
    database: str = Field(
        default="", description="PostgreSQL for ledger and breakers of several machines, postgresql://...; else files"
    )
    prices: dict[str, Price] = Field(
        default={}, description="of models whose published price is not known or not yours"
    )
    remote: RemoteSettings = RemoteSettings()
    environment: EnvironmentSettings = EnvironmentSettings()
    sandbox: SandboxSettings = SandboxSettings()
    policy: PolicySettings = PolicySettings()
    escalation: EscalationSettings = EscalationSettings()
    forge: ForgeSettings = ForgeSettings()
    specs: SpecsSettings = SpecsSettings()
    tracks: TracksSettings = TracksSettings()
    gates: tuple[GateSettings, ...] = ()
    gate_config: tuple[str, ...] = Field(
        default=(
            "pyproject.toml",
            "setup.cfg",
            "tox.ini",
            "pytest.ini",
            ".pytest.ini",
            "pytest.toml",
            ".pytest.toml",
            "ruff.toml",
            ".ruff.toml",
            "mypy.ini",
            ".mypy.ini",
            "pyrightconfig.json",
            ".flake8",
            ".pylintrc",
            ".bandit",
            ".coveragerc",
            ".secrets.baseline",
            ".gitignore",
            ".ignore",
            "nightwork.yaml",
        ),
        description="files that configure gates; the gates see them as they are on the base commit",
    )

    def hide_secrets(self) -> None:
        """Let the values of the variables that commands may see be redacted wherever this process writes them."""
        for name in (*self.agent.pass_env, *self.environment.pass_env):
            hide_variable(name, os.environ.get(name, ""))

    def printable(self) -> str:
        """Return what differs from the defaults, as YAML; settings hold no secrets, only names of variables."""
        changed = self.model_dump(mode="json", exclude_defaults=True)
        return yaml.safe_dump(changed, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)


def load(
    repository: Path, flags: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Read the settings of `repository`; flags are dotted keys (`batch.parallel_agents`) and None means not given.

    A variable `NIGHTWORK_BATCH__PARALLEL_AGENTS` sets `batch.parallel_agents`; its value is read as YAML. Raises
    BadInput with every fault, each with its file and line or the variable's name. The database's password is taken out
    of the environment.
    """
    path = repository / FILE_NAME
    file = yamlfile.parse(yamlfile.read_text(path, FILE_NAME) if path.exists() else "{}", FILE_NAME)
    data = {} if file.data is None else file.data
    if not isinstance(data, dict):
        raise bad_input(f"{FILE_NAME}:1", f"expected a mapping of settings, not {type(data).__name__}")
    variables = os.environ if environment is None else dict(environment)
    take_from_environment(variables)
    layers = _environment_layer(variables)
    layers += [(dotted, dotted.split("."), value) for dotted, value in (flags or {}).items() if value is not None]
    lines = dict(file.lines)
    origins: dict[yamlfile.Location, str] = {}
    for source, keys, value in layers:
        _set(data, keys, value, source)
        lines = {place: line for place, line in lines.items() if place[: len(keys)] != tuple(keys)}
        origins[tuple(keys)] = source
    whole = yamlfile.YamlFile(FILE_NAME, data, lines, origins)
    if data.setdefault("database", "") is None:
        data["database"] = ""
    if data["database"]:
        checked(data["database"], f"{whole.where(('database',))}: database")  # Pydantic's complaint would show it
        take_password(variables)
    return yamlfile.validate(Settings, whole)


def _environment_layer(environment: Mapping[str, str]) -> list[tuple[str, list[str], Any]]:
    layer: list[tuple[str, list[str], Any]] = []
    faults: list[Fault] = []
    for name, text in sorted(environment.items()):
        if name.startswith(ENVIRONMENT_PREFIX) and name not in AGENT_VARIABLES:
            try:
                layer.append((name, name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__"), _value(text, name)))
            except BadInput as error:
                faults += error.faults
    if faults:
        raise BadInput(*faults)
    return layer


def _value(text: str, name: str) -> Any:
    return yamlfile.parse(text, name).data


def _set(data: dict[str, Any], keys: list[str], value: Any, source: str) -> None:
    for key in keys[:-1]:
        data = data.setdefault(key, {})
        if not isinstance(data, dict):
            raise bad_input(source, f"{key!r} holds no keys in {FILE_NAME}")
    data[keys[-1]] = value
