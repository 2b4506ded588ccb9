"""Which runs there are, and which one is meant by an id: a name, a unique beginning of one, or a flow run's uuid."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterName,
    FlowRunFilterParentTaskRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from flows.tracking.run import OPERATIONS, Run, early
from flows.tracking.truth import looked_at
from nightwork.control import Detached
from nightwork.errors import BadInput, bad_input
from nightwork.markdown import one_line

_PAGE = 200
_RECENT = timedelta(days=7)
_MOST_RECENT = 20
_SOON = timedelta(minutes=1)
_SHOWN = 5
_ACTIVE = frozenset({StateType.RUNNING, StateType.PENDING, StateType.CANCELLING, StateType.PAUSED, StateType.SCHEDULED})


def runs(
    client: SyncPrefectClient, notes: Sequence[Detached], folder: Path | None = None, *, is_all: bool = False
) -> list[Run]:
    """Return the runs that are active, and those of the last week that are over, 20 at most; newest first.

    `is_all` leaves out none that are over, `folder` all that work elsewhere. What a schedule starts later is none yet.
    """
    now = datetime.now(UTC)
    operations, since = _operations(client), None if is_all else now - _RECENT
    active = [looked_at(client, run, operations[run.flow_id], now) for run in _pages(client, _chosen(_ACTIVE, now))]
    ended = _pages(client, _chosen(frozenset(StateType) - _ACTIVE, now, since))
    over = (run for run in (Run.of(each, operations[each.flow_id]) for each in ended) if _is_in(run, folder))
    unknown = [
        run for run in _early(client, notes) if is_all or run.started_at is None or run.started_at > now - _RECENT
    ]
    found = [run for run in active if _is_in(run, folder)]
    return newest_first([*found, *islice(over, None if is_all else _MOST_RECENT), *unknown])


def run_of(client: SyncPrefectClient, text: str, notes: Sequence[Detached], *, is_unwanted: bool = False) -> Run:
    """Return the run that is meant; see `looked_at` for one that `is_unwanted`.

    Raises BadInput, naming the nearest, when none is meant or several are.
    """
    found = _meant(client, text)
    names = {run.name for run in found} | {note.name for note in notes if text and note.name.startswith(text)}
    if text in names:
        names = {text}
    if len(names) != 1:
        newest = [] if names else [run.name for run in islice(_pages(client, _outermost()), 50)]
        raise _unclear(text, names, [*newest, *(note.name for note in reversed(notes))])
    (name,) = names
    those = [run for run in found if run.name == name]
    if len(those) > 1:
        told = f"is the name of {len(those)} runs; use one of their own ids: {', '.join(str(run.id) for run in those)}"
        raise bad_input(f"run {one_line(text)!r}", told)
    if not those:
        return among(name, notes)
    operation = _operations(client)[those[0].flow_id]
    return looked_at(client, those[0], operation, datetime.now(UTC), is_unwanted=is_unwanted)


def among(text: str, notes: Sequence[Detached]) -> Run:
    """Return the run in the background that is meant, when no server knows of any; raises BadInput as `run_of` does."""
    found = [note for note in notes if note.name == text] or [
        note for note in notes if text and note.name.startswith(text)
    ]
    if len(found) != 1:
        raise _unclear(text, {note.name for note in found}, [note.name for note in reversed(notes)])
    return early(found[0])


def again(client: SyncPrefectClient, run: Run, *, is_unwanted: bool = False) -> Run:
    """Return a run as it is now; see `looked_at` for one that `is_unwanted`."""
    if run.flow_run_id is None:
        return run
    now = datetime.now(UTC)
    return looked_at(client, client.read_flow_run(run.flow_run_id), run.operation, now, is_unwanted=is_unwanted)


def _meant(client: SyncPrefectClient, text: str) -> list[FlowRun]:
    try:
        number = UUID(text)
    except ValueError:
        chosen = _outermost(name=FlowRunFilterName(like_=text))
        return [run for run in _pages(client, chosen) if run.name.startswith(text)] if text else []
    try:
        run = client.read_flow_run(number)
    except ObjectNotFound:
        return []
    return [run] if run.flow_id in _operations(client) else []


def _unclear(text: str, names: Collection[str], known: Sequence[str]) -> BadInput:
    where = f"run {one_line(text)[:100]!r}"
    if names:
        shown = ", ".join(one_line(name) for name in sorted(names, reverse=True)[:_SHOWN])
        return bad_input(where, f"{len(names)} runs begin so: {shown}{', ...' if len(names) > _SHOWN else ''}")
    nearest = difflib.get_close_matches(text, known, _SHOWN, 0.3) or known[:_SHOWN]
    told = (
        f"; the nearest: {', '.join(one_line(name) for name in dict.fromkeys(nearest))}"
        if nearest
        else "; there is none at all"
    )
    return bad_input(where, f"there is none of that id{told}; `nightwork list --all` shows all")


def _early(client: SyncPrefectClient, notes: Sequence[Detached]) -> list[Run]:
    """Return the runs in the background of which the server does not know."""
    names = [note.name for note in notes]
    chosen = FlowRunFilter(name=FlowRunFilterName(any_=names))
    known = {run.name for run in _pages(client, chosen)} if names else set[str]()
    return [early(note) for note in notes if note.name not in known]


def _operations(client: SyncPrefectClient) -> Mapping[UUID, str]:
    chosen = FlowFilter(name=FlowFilterName(any_=list(OPERATIONS)))
    return {flow.id: flow.name for flow in client.read_flows(flow_filter=chosen)}


def _chosen(kinds: Collection[StateType], now: datetime, since: datetime | None = None) -> FlowRunFilter:
    return _outermost(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(kinds))),
        expected_start_time=FlowRunFilterExpectedStartTime(after_=since, before_=now + _SOON),
    )


def _outermost(**more: object) -> FlowRunFilter:
    return FlowRunFilter.model_validate({"parent_task_run_id": FlowRunFilterParentTaskRunId(is_null_=True), **more})


def _pages(client: SyncPrefectClient, chosen: FlowRunFilter) -> Iterator[FlowRun]:
    """Yield runs of our operations, those that were to start last first."""
    flows, offset = FlowFilter(name=FlowFilterName(any_=list(OPERATIONS))), 0
    while True:
        page = client.read_flow_runs(
            flow_filter=flows,
            flow_run_filter=chosen,
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
            limit=_PAGE,
            offset=offset,
        )
        yield from page
        if len(page) < _PAGE:
            return
        offset += len(page)


def _is_in(run: Run, folder: Path | None) -> bool:
    return folder is None or run.folder == str(folder) or Path(run.folder or "/").is_relative_to(folder)


def newest_first(found: Sequence[Run]) -> list[Run]:
    """Return runs by when they began, or are to begin."""
    now = datetime.now(UTC)
    return sorted(found, key=lambda run: run.started_at or run.scheduled_at or now, reverse=True)
