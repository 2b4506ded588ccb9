"""A track as it lies on disk: its definition, its modules in their order, its prompts, and ranges of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nightwork.errors import BadInput, Fault, bad_input
from nightwork.markdown import one_line
from nightwork.track.definition import FILE_NAME, Definition, checked_track_name
from nightwork.track.modules import Module
from nightwork.track.patterns import checked_path
from nightwork.track.reading import Reading, find_folder, read_track
from nightwork.track.templates import Template
from nightwork.workspace import Repository

__all__ = ["Module", "Track", "chosen", "open_track"]
_MOST_LISTED = 20


@dataclass(frozen=True)
class Track:
    """A track that can be worked on; `templates` are by "review", "fix", "research" and "phase:<name>"."""

    name: str
    root: Path  # of the git repository around it, else the track's own folder
    folder: Path
    definition: Definition
    modules: tuple[Module, ...]
    templates: Mapping[str, Template]

    @property
    def digest(self) -> str:
        """What is another one when the definition or a prompt is: an unfinished run cannot be gone on with then."""
        told = {
            "definition": self.definition.model_dump(mode="json"),
            "templates": {name: template.text for name, template in self.templates.items()},
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def open_track(where: str, repo: Path | None = None) -> Track:
    """Read a track: a folder, or a name in the setting `tracks.folders` of the repository around `repo`.

    `repo` is by default the current folder. Raises BadInput with everything that is wrong with the track.
    """
    folder = find_folder(where, repo)
    root = Repository.top(folder) or folder
    below = folder.relative_to(root)
    try:
        if below.parts:
            checked_path(below.as_posix())
    except ValueError as error:
        raise bad_input(below, f"{error}; a track cannot stand there") from error
    shown = (below / FILE_NAME).as_posix()
    reading = read_track(folder, shown)
    name, faults = _name(reading, shown)
    if reading.definition is None or reading.faults or faults:
        raise BadInput(*reading.faults, *faults)
    return Track(name, root, folder, reading.definition, tuple(reading.modules), reading.templates)


def _name(reading: Reading, shown: str) -> tuple[str, list[Fault]]:
    name = reading.file.data.get("name")
    if name is None:
        name = reading.folder.name
        try:
            checked_track_name(name)
        except ValueError as error:
            return name, [Fault(f"{shown}:1", f"name: {error}; the folder's, {name!r}, cannot be it")]
    return name, []


def chosen(track: Track, start: int, end: int, needs: Literal["document", "nothing"]) -> tuple[Module, ...]:
    """Return the modules of a range, both ends included, in their order.

    Raises BadInput with everything that keeps the whole range from being worked on: nothing is left out silently.
    """
    last = track.modules[-1].number
    problems = []
    if start > end:
        problems.append(f"begins after its end; did you mean {end} {start}?")
    problems += [
        f"there is no module {number}; {track.name} has modules {track.modules[0].number} to {last}"
        for number in sorted({start, end})
        if not 1 <= number <= last
    ]
    within = [module for module in track.modules if start <= module.number <= end]
    there = {module.number for module in within}
    gaps = [str(number) for number in range(max(start, 1), min(end, last) + 1) if number not in there]
    if gaps:
        problems.append(f"no documents of these numbers: {_listed(gaps)}; number without gaps, or choose other ends")
    missing = [module for module in within if needs == "document" and not module.document.exists()]
    if missing:
        paths = [one_line(module.document.relative_to(track.folder).as_posix()) for module in missing]
        problems.append(f"missing documents: {_listed(paths)}; `nightwork orchestrate` writes what is missing")
    if problems:
        raise BadInput(*(Fault(f"range {start} to {end} of {track.name}", problem) for problem in problems))
    return tuple(within)


def _listed(names: list[str]) -> str:
    rest = len(names) - _MOST_LISTED
    return ", ".join(names[:_MOST_LISTED]) + (f" and {rest:,} more" if rest > 0 else "")
