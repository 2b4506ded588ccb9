"""orchestrate: the modules of a range are written anew, one after the other, phase by phase, then judged."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from flows.wiring.naming import run_name
from flows.wiring.parameters import End, Start, Track, TrackChoices
from flows.wiring.policy import refusing
from flows.wiring.tracks import work_through
from nightwork.track.range import Operation
from nightwork.track_settings import TrackOptions


@flow(name="orchestrate", flow_run_name=run_name)
@refusing
def orchestrate(track: Track, start: Start, end: End, options: TrackChoices = TrackOptions()) -> State[Any]:
    """Phases -> audit -> review -> fix, for one module of a range after the other."""
    return work_through(Operation.ORCHESTRATE, track, start, end, options)
