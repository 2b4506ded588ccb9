"""Records on disk: one Pydantic model, one JSON file, written atomically, refused when it is not what was written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from nightwork.errors import StateError
from nightwork.files import write_atomically
from nightwork.redact import redact_data

M = TypeVar("M", bound=BaseModel)


def save(record: BaseModel, path: Path, *, exact: bool = False) -> None:
    """Write a record in one step, redacted unless it is to be `exact`: what commands are made of."""
    data = record.model_dump(mode="json")
    text = json.dumps(data if exact else redact_data(data), indent=1, ensure_ascii=False)
    write_atomically(path, text + "\n")


def load(model: type[M], path: Path) -> M | None:
    """Read a record; None when there is none, StateError (with the path) when it cannot be trusted."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise StateError(path, f"cannot be read: {error}", "mend it, or move it away to start over") from error
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "JSON"
        problem = f"not a {model.__name__} of this version: {place}: {first['msg']}"
        raise StateError(path, problem, "mend it, or move it away to start over; nothing was changed") from error
