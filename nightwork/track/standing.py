"""How far an operation over a range has come: its checkpoint, gone on with or begun anew."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from nightwork.checkpoint import BatchState, load_checkpoint
from nightwork.errors import Infrastructure, StateError, bad_input
from nightwork.outcome import PENDING, Outcome, Reason, Status, Unfinished
from nightwork.settings import Settings
from nightwork.track import versions
from nightwork.track.track import Module, Track
from nightwork.track.tries import Ended, Tries

_UNFINISHED = frozenset({Status.PENDING, Status.RUNNING, Status.ABORTED})


def checkpoint_path(root: Path, operation: str, track: str) -> Path:
    """Return where the checkpoint of an operation on a track stands (batch-operations-guide.md, "Checkpoints")."""
    return root / ".checkpoints" / f"{operation}-{track}.json"


def state_folder(root: Path, operation: str, track: str) -> Path:
    """Return where everything else is kept of an operation on a track: its tries at modules, and its report."""
    return root / ".nightwork" / "tracks" / f"{operation}-{track}"


def report_path(root: Path, operation: str, track: str) -> Path:
    """Return where the report of an operation on a track stands."""
    return state_folder(root, operation, track) / "report.md"


def subject_of(track: Track, operation: str, modules: Sequence[Module], settings: Settings) -> dict[str, str]:
    """Return what a run is about; one that differs in any of it cannot be gone on with."""
    tracks = settings.tracks
    shaping = f"{track.digest} {tracks.model} {tracks.reviewer or tracks.model}"
    return {
        "operation": operation,
        "track": track.name,
        "folder": track.folder.relative_to(track.root).as_posix(),
        "start": str(modules[0].number),
        "end": str(modules[-1].number),
        "settings": hashlib.sha256(shaping.encode()).hexdigest()[:16],
    }


def take_up(path: Path, subject: Mapping[str, str], modules: Sequence[Module]) -> BatchState:
    """Return the state from which a run over these modules goes on: an unfinished one, or a new one.

    Raises BadInput when the checkpoint is that of an unfinished run about something else, and StateError when it is
    corrupt or of another kind.
    """
    state = load_checkpoint(path)
    if state is not None and state.kind != "track":
        raise StateError(path, f"is the checkpoint of another kind of batch, {state.kind!r}", "move it away")
    if state is None or (state.subject != subject and _is_finished(state)):
        batch_id = "{operation}-{track}-{start}-{end}".format(**subject)
        return BatchState.new("track", batch_id, [module.id for module in modules], subject)
    if state.subject != subject:
        raise bad_input(path, _told(state, subject))
    return state


def begins(state: BatchState, modules: Sequence[Module], tries: Callable[[str], Tries]) -> dict[str, Outcome]:
    """Return how each module begins: what is settled stays so while its files are as they were left."""
    return {module.id: _begin(state.items.get(module.id, PENDING), module, tries(module.id)) for module in modules}


def _begin(before: Outcome, module: Module, tries: Tries) -> Outcome:
    try:
        ended = tries.last()
    except StateError:  # told when the module is worked on, and no obstacle to the others
        return PENDING.with_(attempt=before.attempt)
    if ended and not ended.again and ended.outcome.attempt >= before.attempt and not is_over(before):
        before = ended.outcome  # it was over when the run was killed, and the checkpoint was not told any more
    if before.status is Status.FAILED:
        return PENDING.with_(attempt=before.attempt + 1)
    if is_over(before) and _is_changed(module, ended):
        return PENDING.with_(attempt=before.attempt + 1)
    return before if is_over(before) else PENDING.with_(attempt=before.attempt)


def is_over(outcome: Outcome) -> bool:
    """Say whether a module is left as it is while its files are."""
    return outcome.is_settled() or outcome.reason is Reason.EXISTS


def _is_changed(module: Module, ended: Ended | None) -> bool:
    """Say whether somebody has changed the files of a module since it ended."""
    if ended is None or not ended.story.digest:
        return False
    try:
        return versions.read(module, module.files()).digest() != ended.story.digest
    except (Unfinished, Infrastructure):
        return True


def _is_finished(state: BatchState) -> bool:
    return not _left(state)


def _left(state: BatchState) -> int:
    return sum(outcome.status in _UNFINISHED for outcome in state.items.values())


def _told(state: BatchState, subject: Mapping[str, str]) -> str:
    known = state.subject
    span = f"modules {known.get('start')} to {known.get('end')}"
    told = f"an unfinished run of {span}, {_left(state)} of {len(state.items)} left"
    same = (known.get("start"), known.get("end")) == (subject["start"], subject["end"])
    why = ", begun with another track.yaml, other prompts or other models" if same else ""
    if known.get("folder") != subject.get("folder"):
        why = f" of the track in {known.get('folder')!r}, which has the same name"
    way = "finish it with the range and the settings it was begun with, or delete the file to start over"
    return f"holds {told}{why}; {way}"
