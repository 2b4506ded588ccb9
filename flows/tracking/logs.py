"""What a run has said: its log and that of its stages from the server, where its output is not on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    LogFilter,
    LogFilterFlowRunId,
    LogFilterTimestamp,
)
from prefect.client.schemas.objects import Log
from prefect.client.schemas.sorting import LogSort

from flows.tracking.finding import again
from flows.tracking.run import Run
from nightwork.control.output import last_lines as lines_at_the_end
from nightwork.markdown import one_line, printable
from nightwork.redact import redact

_PAGE = 200
_ASK_EVERY_S = 2.0
_LONGEST = 300
_LATE = timedelta(seconds=20)  # a log arrives a little after it was written; those of several runs in no order


def of_server(client: SyncPrefectClient, run: Run, *, follow: bool = False) -> Iterator[str]:
    """Yield the log of a run and its stages in order of time; with `follow` until the run is over."""
    if run.flow_run_id is None:
        return
    told, since = set[UUID](), None
    while True:
        is_over = not follow or again(client, run).is_over()
        for log in _logs(client, run.flow_run_id, since):
            if log.id not in told:
                told.add(log.id)
                since = max(since or log.timestamp, log.timestamp)
                yield _line(log)
        if is_over:
            return
        time.sleep(_ASK_EVERY_S)


def last_lines(client: SyncPrefectClient | None, run: Run, output: Path | None, most: int) -> list[str]:
    """Return the last lines of what a run has said."""
    if output is not None:
        return lines_at_the_end(output, most)
    if client is None or run.flow_run_id is None:
        return []
    chosen = LogFilter(flow_run_id=LogFilterFlowRunId(any_=_ids(client, run.flow_run_id)))
    logs = client.read_logs(chosen, limit=most, sort=LogSort.TIMESTAMP_DESC)
    lines = [line for log in reversed(logs) for line in _line(log).splitlines()]
    return [one_line(line)[:_LONGEST] for line in lines[-most:]]


def _logs(client: SyncPrefectClient, run: UUID, since: datetime | None) -> Iterator[Log]:
    chosen = LogFilter(
        flow_run_id=LogFilterFlowRunId(any_=_ids(client, run)),
        timestamp=LogFilterTimestamp(after_=since - _LATE) if since else None,
    )
    offset = 0
    while page := client.read_logs(chosen, limit=_PAGE, offset=offset, sort=LogSort.TIMESTAMP_ASC):
        yield from page
        offset += len(page)


def _ids(client: SyncPrefectClient, run: UUID) -> list[UUID]:
    """Return a run and its stages."""
    chosen = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[run]))
    return [run, *(stage.id for stage in client.read_flow_runs(flow_run_filter=chosen))]


def _line(log: Log) -> str:
    return f"{log.timestamp.astimezone():%Y-%m-%d %H:%M:%S} {printable(redact(log.message))}"
