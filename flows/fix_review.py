"""fix-review: each document of a range is audited and reviewed, and mended until it passes or that leads nowhere."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from flows.wiring.naming import run_name
from flows.wiring.parameters import End, Start, Track, TrackChoices
from flows.wiring.policy import refusing
from flows.wiring.tracks import work_through
from nightwork.track.range import Operation
from nightwork.track_settings import TrackOptions


@flow(name="fix-review", flow_run_name=run_name)
@refusing
def fix_review(track: Track, start: Start, end: End, options: TrackChoices = TrackOptions()) -> State[Any]:
    """Audit -> review -> fix -> audit -> review, in rounds, for each module of a range; a worse version never stays."""
    return work_through(Operation.FIX_REVIEW, track, start, end, options)
