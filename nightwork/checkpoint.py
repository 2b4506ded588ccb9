"""The checkpoint of a batch: one file, replaced atomically after each item; it is the truth of what is done.

The contract (batch-module-contract.md, "checkpoint"): valid JSON of the `BatchState` schema, an atomic write, and a
resume that passes over what is done and takes up what is not.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from nightwork import records
from nightwork.files import write_atomically
from nightwork.outcome import PENDING, Outcome

_NOTHING: Mapping[str, str] = MappingProxyType({})


class BatchState(BaseModel):
    """What a batch knows of its items; `run_id` is born and dies with the checkpoint and is part of every cache key."""

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[1] = 1
    kind: Literal["overnight", "specs", "track"]
    batch_id: str
    run_id: str = Field(default_factory=lambda: uuid.uuid4().hex, pattern=r"^[A-Za-z0-9_-]{1,64}$")
    saved_at: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))
    subject: dict[str, str] = Field(
        default_factory=dict, description="what the batch is about, where its id is not all"
    )
    items: dict[str, Outcome]

    @classmethod
    def new(
        cls,
        kind: Literal["overnight", "specs", "track"],
        batch_id: str,
        names: list[str],
        subject: Mapping[str, str] = _NOTHING,
    ) -> BatchState:
        """Return the state of a batch in which nothing has been done."""
        return cls(kind=kind, batch_id=batch_id, items=dict.fromkeys(names, PENDING), subject=dict(subject))

    @field_validator("items", mode="before")
    @classmethod
    def _names(cls, items: Any) -> Any:
        return {_of_key(key): outcome for key, outcome in items.items()} if isinstance(items, dict) else items

    def as_json(self) -> str:
        """Return the state as JSON; an item's defaults are left out."""
        head = self.model_dump_json(exclude={"items"}).removesuffix("}")
        texts = self._texts
        for name, outcome in self.items.items():
            if name not in texts or texts[name][0] is not outcome:
                texts[name] = (outcome, f"{json.dumps(_as_key(name))}:{outcome.model_dump_json(exclude_defaults=True)}")
        return f'{head},"items":{{{",".join([texts[name][1] for name in self.items])}}}}}'

    @cached_property
    def _texts(self) -> dict[str, tuple[Outcome, str]]:
        """Return each item's text with the outcome, which never changes, of which it was made.

        To make the texts of 1,500 items anew after each of them takes longer than to write them to disk.
        """
        return {}


_BYTES = "\0"  # begins the key of an item whose name is a file's and holds bytes that JSON cannot


def _as_key(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        return _BYTES + os.fsencode(name).hex()
    return name


def _of_key(key: str) -> str:
    return os.fsdecode(bytes.fromhex(key[1:])) if key[:1] == _BYTES else key


def load_checkpoint(path: str | Path) -> BatchState | None:
    """Read a checkpoint; None when there is none, StateError (with the path) when it cannot be trusted."""
    return records.load(BatchState, Path(path))


def save_checkpoint(state: BatchState, path: str | Path) -> None:
    """Write the checkpoint in one step."""
    state.saved_at = datetime.now(UTC)
    write_atomically(Path(path), state.as_json())


def clear_checkpoint(path: str | Path) -> None:
    """Remove the checkpoint of a batch that has ended well; none is fine."""
    Path(path).unlink(missing_ok=True)
