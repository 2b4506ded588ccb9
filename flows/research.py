"""research: one research file for each module of a range, written where it is missing."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from flows.wiring.naming import run_name
from flows.wiring.parameters import End, Start, Track, TrackChoices
from flows.wiring.policy import refusing
from flows.wiring.tracks import work_through
from nightwork.track.range import Operation
from nightwork.track_settings import TrackOptions


@flow(name="research", flow_run_name=run_name)
@refusing
def research(track: Track, start: Start, end: End, options: TrackChoices = TrackOptions()) -> State[Any]:
    """Write the research file of each module of a range that has none, and check all of them."""
    return work_through(Operation.RESEARCH, track, start, end, options)
