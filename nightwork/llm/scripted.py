"""A model whose words are written in a file: for the demo, for tests, and for trying settings without a key.

A script is YAML: ticket -> stage -> list of turns; a turn is a list of tool calls `{tool: input}` or a text. Which turn
comes next follows from the conversation alone, so that a resumed run goes on where it was.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from nightwork import yamlfile
from nightwork.errors import ScriptExhausted, bad_input
from nightwork.llm.messages import Message, Reply, Request, ToolCall


class ScriptedModel:
    """Answers with the turns of its script, and fails when the script runs out."""

    provider: str | None = None
    context_window: int | None = None

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = f"scripted:{path.name}"
        self._script = _read(path, path.stat().st_mtime_ns if path.exists() else 0)

    def worst_case_usd(self, request: Request) -> float:  # noqa: ARG002
        """A script costs nothing."""
        return 0.0

    def complete(self, request: Request) -> Reply:
        """Return the script's turn for the request; raises ScriptExhausted when there is none."""
        turns = self._script.get(request.ticket, {}).get(request.stage) or []
        if request.turn >= len(turns):
            raise ScriptExhausted(self.path.name, request.ticket, request.stage, request.turn + 1)
        turn = turns[request.turn]
        if isinstance(turn, str):
            return Reply(message=Message(role="assistant", text=turn))
        calls = tuple(
            ToolCall(id=f"{request.stage}-{request.turn}-{index}", name=name, input=arguments or {})
            for index, call in enumerate(turn)
            for name, arguments in call.items()
        )
        return Reply(message=Message(role="assistant", calls=calls), stop_reason="tool_use")


@functools.lru_cache(maxsize=8)
def _read(path: Path, _changed_ns: int) -> dict[str, dict[str, list[Any]]]:
    file = yamlfile.parse(yamlfile.read_text(path), path.name)
    faults = "expected ticket -> stage -> list of turns, a turn being a text or a list of {tool: input}"
    if not isinstance(file.data, dict):
        raise bad_input(path.name, faults)
    for ticket, stages in file.data.items():
        for stage, turns in (stages or {}).items() if isinstance(stages, dict) else [("", None)]:
            if not isinstance(turns, list) or not all(_is_turn(turn) for turn in turns):
                raise bad_input(file.where((ticket, stage)), faults)
    return file.data


def _is_turn(turn: Any) -> bool:
    return isinstance(turn, str) or (
        isinstance(turn, list) and bool(turn) and all(isinstance(call, dict) and len(call) == 1 for call in turn)
    )
