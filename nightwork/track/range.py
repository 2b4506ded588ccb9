"""Which modules of which track an operation is about, with everything that could keep it from its work told at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from nightwork.errors import BadInput, Fault
from nightwork.settings import Settings, load
from nightwork.track.definition import FILE_NAME
from nightwork.track.paying import check_models
from nightwork.track.standing import checkpoint_path, report_path, state_folder, subject_of
from nightwork.track.track import Module, Track, chosen, open_track
from nightwork.track_settings import TrackOptions


class Operation(StrEnum):
    """What is done to each module of a range."""

    FIX_REVIEW = "fix-review"
    RESEARCH = "research"
    ORCHESTRATE = "orchestrate"


_NEEDS: Mapping[Operation, tuple[str, ...]] = {
    Operation.FIX_REVIEW: ("audit", "rubric"),
    Operation.RESEARCH: ("research",),
    Operation.ORCHESTRATE: ("audit", "rubric", "phases"),
}


@dataclass(frozen=True)
class Range:
    """An operation and the modules that it is about; made by `check`."""

    operation: Operation
    track: Track
    modules: tuple[Module, ...]
    settings: Settings
    options: TrackOptions

    @property
    def checkpoint(self) -> Path:
        """Where the checkpoint stands."""
        return checkpoint_path(self.track.root, self.operation, self.track.name)

    @property
    def folder(self) -> Path:
        """Where the state of this operation on this track is kept."""
        return state_folder(self.track.root, self.operation, self.track.name)

    @property
    def report(self) -> Path:
        """Where the report stands once a run has ended."""
        return report_path(self.track.root, self.operation, self.track.name)

    def subject(self) -> dict[str, str]:
        """Return what the checkpoint of this run says that it is about."""
        return subject_of(self.track, self.operation, self.modules, self.settings)


def check(
    operation: Operation, where: str, start: int, end: int, options: TrackOptions, repo: Path | None = None
) -> Range:
    """Read a track and say which modules an operation is about.

    Raises BadInput with every fault of the track and of the range, then for a model that cannot be used.
    """
    track = open_track(where, repo)
    definition = track.definition
    missing = [key for key in _NEEDS[operation] if not getattr(definition, key)]
    faults = [Fault(f"{track.folder.name}/{FILE_NAME}", f"{key}: is required by {operation}") for key in missing]
    modules: tuple[Module, ...] = ()
    try:
        modules = chosen(track, start, end, "document" if operation is Operation.FIX_REVIEW else "nothing")
    except BadInput as error:
        faults += error.faults
    if faults:
        raise BadInput(*faults)
    settings = load(track.root, options.flags())
    check_models(track.root, settings)
    return Range(operation, track, modules, settings, options)
