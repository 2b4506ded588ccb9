"""What flow runs are called: the outermost one by its id, which commands take; stages inside it as people read them."""

from __future__ import annotations

import contextlib
import contextvars
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.runtime import flow_run

from nightwork.run_id import is_run_id, run_id
from nightwork.track.reading import name_in

_chosen: contextvars.ContextVar[str] = contextvars.ContextVar("chosen_run_id", default="")


@contextlib.contextmanager
def called(name: str) -> Iterator[None]:
    """Let the next outermost run have the id that its starter has told already; an empty one is no id."""
    token = _chosen.set(name)
    try:
        yield
    finally:
        _chosen.reset(token)


def run_name() -> str:
    """Return the name of the flow run that begins; one that is tried again keeps its id."""
    context = FlowRunContext.get()
    operation, parameters = str(flow_run.flow_name), flow_run.parameters
    if context is None or context.flow_run is None:
        return operation
    run = context.flow_run
    if run.parent_task_run_id is not None:
        return " ".join(filter(None, [operation, parameters.get("batch_id")]))
    known = next((name for name in (_chosen.get(), run.name) if is_run_id(name, operation)), None)
    return known or _id_of(run, operation, _about(parameters))


def name_with(batch_id: str) -> str:
    """Return the name of the flow run around now that its batch is known."""
    context = FlowRunContext.get()
    operation = str(flow_run.flow_name)
    if context is None or context.flow_run is None or context.flow_run.parent_task_run_id is not None:
        return f"{operation} {batch_id}"
    return _id_of(context.flow_run, operation, [batch_id])


def _id_of(run: FlowRun, operation: str, about: list[object]) -> str:
    return run_id(operation, about, run.expected_start_time or datetime.now(UTC))


def _about(parameters: Mapping[str, Any]) -> list[object]:
    """Return what a run is about: its part of a track, its batch, else the repository when it has no batch."""
    if "track" in parameters:
        return [track_name(str(parameters["track"])), parameters.get("start"), parameters.get("end")]
    return [parameters["batch_id"] or ""] if "batch_id" in parameters else [place_name(str(parameters.get("repo", "")))]


def track_name(folder: str) -> str:
    """Return what the track of a folder is called; the last part of the path when that is none."""
    return name_in(Path(folder).resolve()) if Path(folder).is_dir() else place_name(folder)


def place_name(repo: str) -> str:
    """Return what a folder or an address is called: its last part."""
    if Path(repo).is_dir():
        return Path(repo).resolve().name
    return re.split("[/:]", repo.rstrip("/"))[-1].removesuffix(".git")
