"""Coding command lines that are known: how each is called without anybody at the keyboard, and how it tells its cost.

Their options are those that the tools document for such use. Each is kept from settings of the user, from servers of
tools that it was not given, and from commits of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nightwork.agent_settings import BUDGET, AgentSettings, Preset


@dataclass(frozen=True)
class Report:
    """What a tool's own output tells of one round: its cost, None when it does not say, and what cut it short."""

    cost_usd: float | None = None
    cut_short: str | None = None


@dataclass(frozen=True)
class Tool:
    """A known command line; `leftovers` are files of its own that it leaves in the worktree."""

    command: tuple[str, ...]
    budget: tuple[str, ...]
    read: Callable[[str], Report]
    model: str = "--model"
    last: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()


def _claude_code(stdout: str) -> Report:
    """Read the one JSON object of `--output-format json`."""
    said = _json(stdout)
    if not isinstance(said, dict):
        return Report()
    kind = said.get("subtype")
    cut_short = kind if isinstance(kind, str) and kind.startswith("error_max_") else None
    return Report(_amount(said.get("total_cost_usd")), cut_short)


def _codex(stdout: str) -> Report:  # noqa: ARG001  its events count tokens, not money
    return Report()


_AIDER_COST = re.compile(r"\$(\d{1,9}(?:\.\d{1,9})?) session")


def _aider(stdout: str) -> Report:
    costs = _AIDER_COST.findall(stdout)
    return Report(float(costs[-1]) if costs else None)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _amount(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


TOOLS = {
    Preset.CLAUDE_CODE: Tool(
        command=(
            "claude", "--print", "--output-format", "json", "--permission-mode", "acceptEdits",
            "--allowedTools", "Bash", "--setting-sources", "project", "--strict-mcp-config", "--no-session-persistence",
        ),
        budget=("--max-budget-usd", BUDGET),
        read=_claude_code,
    ),
    Preset.CODEX: Tool(
        command=(
            "codex", "exec", "--json", "--sandbox", "workspace-write", "--ephemeral", "--ignore-user-config",
            "--skip-git-repo-check",
        ),
        budget=(),
        last=("-",),
        read=_codex,
    ),
    Preset.AIDER: Tool(
        command=(
            "aider", "--message-file", "{prompt_file}", "--yes-always", "--no-auto-commits", "--no-dirty-commits",
            "--no-gitignore", "--no-suggest-shell-commands", "--no-check-update", "--no-stream", "--no-pretty",
            "--chat-history-file", "{scratch}/chat.md", "--input-history-file", "{scratch}/input",
        ),
        budget=(),
        read=_aider,
        leftovers=(".aider.tags.cache.v3", ".aider.tags.cache.v4", ".aider.chat.history.md", ".aider.input.history"),
    ),
}  # fmt: skip


def command_line(
    settings: AgentSettings, budget_usd: float | None, prompt_file: Path, scratch: Path
) -> tuple[str | Path, ...]:
    """Return the command of one round, with what its placeholders stand for; a budget only where there is one.

    Words that begin with a placeholder of a file are paths.
    """
    line = settings.command
    if settings.preset:
        tool = TOOLS[settings.preset]
        model = (tool.model, settings.model) if settings.model else ()
        line = (*tool.command, *model, *(tool.budget if budget_usd is not None else ()), *tool.last)
    budget = "" if budget_usd is None else f"{max(budget_usd, 0.0):.4f}"
    return tuple(_filled(part, budget, {"{prompt_file}": prompt_file, "{scratch}": scratch}) for part in line)


def can_enforce_budget(settings: AgentSettings) -> bool:
    """Say whether the command is told what it may spend."""
    if settings.preset:
        return bool(TOOLS[settings.preset].budget)
    return any(BUDGET in part for part in settings.command)


def program(settings: AgentSettings) -> str:
    """Return the name of the program that is run."""
    return TOOLS[settings.preset].command[0] if settings.preset else settings.command[0]


def read_report(settings: AgentSettings, stdout: str) -> Report:
    """Return what a known tool's output tells; nothing for any other."""
    return TOOLS[settings.preset].read(stdout) if settings.preset else Report()


def leftovers(settings: AgentSettings) -> tuple[str, ...]:
    """Return the files of its own that a known tool leaves behind."""
    return TOOLS[settings.preset].leftovers if settings.preset else ()


def _filled(part: str, budget: str, places: dict[str, Path]) -> str | Path:
    for name, place in places.items():
        if part.startswith(name):
            return place / part.removeprefix(name).lstrip("/")
    return part.replace(BUDGET, budget)
