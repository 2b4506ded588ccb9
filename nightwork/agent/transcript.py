"""A trajectory as people read it: Markdown in which nothing of what was said can pose as anything else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nightwork.agent.trajectory import Trajectory
from nightwork.markdown import escape, fence
from nightwork.redact import redact

MAX_BLOCK = 4_000
MAX_CHARACTERS = 200_000


def transcript(attempt_folder: Path) -> str:
    """Return the conversation of an attempt; long blocks are cut, and so is the whole at 200,000 characters."""
    trajectory = Trajectory(attempt_folder / "trajectory.jsonl")
    parts = ["# Transcript", *(part for record in trajectory.records for part in _told(record))]
    text = redact("\n\n".join(parts)) if len(parts) > 1 else "# Transcript\n\nNothing was said."
    left_out = len(text) - MAX_CHARACTERS
    return text if left_out <= 0 else f"{text[:MAX_CHARACTERS]}\n\n... {left_out:,} characters left out"


def _told(record: dict[str, Any]) -> Iterator[str]:
    stage = escape(record["stage"])
    match record["kind"]:
        case "user":
            yield f"**{stage}: to the agent**"
            yield fence(_cut(record["text"]))
        case "assistant":
            message = record["message"]
            yield f"**{stage}: the agent**"
            if message["text"]:
                yield fence(_cut(message["text"]))
            for call in message["calls"]:
                yield f"calls {escape(call['name'])}"
                yield fence(_cut(json.dumps(call["input"], indent=1, ensure_ascii=False)), "json")
        case "result":
            yield f"**{stage}: {'refused' if record['is_error'] else 'answer'}**"
            yield fence(_cut(record["text"]))
        case "escalated":
            yield f"**{stage}: escalated**: {escape(record['value'].get('summary', ''))}"
        case "left_out":
            told = f"the oldest {record['results']} answers of tools and all thinking so far"
            yield f"**{stage}: {told} are left out from here on**"
        case "malformed":
            yield f"**{stage}: not usable**: {escape(record['reason'])}"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_BLOCK else f"{text[:MAX_BLOCK]}\n... {len(text) - MAX_BLOCK:,} characters left out"
