"""Finds the folder of a track and reads what it holds; everything that is wrong is told at once."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError

from nightwork import beneath, yamlfile
from nightwork.errors import BadInput, Fault, bad_input
from nightwork.settings import FILE_NAME as SETTINGS
from nightwork.settings import load
from nightwork.track.consistency import disagreements
from nightwork.track.definition import FILE_NAME, Definition, checked_track_name
from nightwork.track.modules import Module, modules_of
from nightwork.track.patterns import checked_path
from nightwork.track.templates import FIX, PHASE, RESEARCH, REVIEW, Template, default_template, parse_template
from nightwork.workspace import Repository
from nightwork.yamlfile import Location, YamlFile

_LARGEST_PROMPT = 200_000
_MOST_PROBLEMS = 20
# Without these nobody can tell which files a module has.
_PLACES = frozenset({"documents", "sidecars", "research"})


def find_folder(where: str, repo: Path | None) -> Path:
    """Return the folder of a track: a name of the settings goes before a folder, which `./NAME` always is.

    Relative folders are those of `repo`, by default of the current folder. Raises BadInput when there is no track.
    """
    base = (repo or Path()).absolute()
    if not base.is_dir():
        raise bad_input(base, "no such folder; name a git repository with --repo")
    top = Repository.top(base) or base
    folders = {} if "/" in where else load(top).tracks.folders
    folder = (top / folders[where] if where in folders else base / where).resolve()
    if where in folders and not folder.is_relative_to(top.resolve()):
        raise bad_input(f"tracks.folders: {where}", f"{folders[where]!r} leads out of the repository")
    if not where.strip() or not (folder / FILE_NAME).exists():
        known = f", or a name of `tracks.folders`: {', '.join(folders)}" if folders else ""
        raise bad_input(f"track {where!r}", f"no {FILE_NAME} in {folder.name}/; expected a folder with one{known}")
    return folder


def name_in(folder: Path) -> str:
    """Return the name of the track of a folder as far as it can be told; the folder's own where none is."""
    try:
        data = yamlfile.parse(yamlfile.read_text(folder / FILE_NAME, FILE_NAME), FILE_NAME).data
        return checked_track_name(data["name"]) if isinstance(data, dict) else folder.name
    except (BadInput, KeyError, TypeError, ValueError):
        return folder.name


@dataclass
class Reading:
    """What was read of a folder; without a definition or with faults it is no track."""

    folder: Path
    file: YamlFile
    definition: Definition | None = None
    modules: list[Module] = field(default_factory=list)
    templates: dict[str, Template] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def add(self, location: Location, problem: str) -> None:
        """Note what is wrong with the value at a place of the file."""
        key = ".".join(str(part) for part in location)
        self.faults.append(Fault(self.file.where(location), f"{key}: {problem}"))


def read_track(folder: Path, shown: str) -> Reading:
    """Read the definition, the prompts and the modules of a folder; `shown` is how faults name its `track.yaml`."""
    reading = Reading(folder, yamlfile.parse(yamlfile.read_text(folder / FILE_NAME, shown), shown))
    if not isinstance(reading.file.data, dict):
        raise bad_input(f"{shown}:1", "expected a mapping; `documents` at least is required")
    sound, dropped = _validated(reading)
    _read_templates(reading)
    if sound is not None and not dropped & _PLACES:
        found = list(disagreements(sound))
        for location, problem in found:
            reading.add(location, problem)
        if not any(location[0] in _PLACES for location, _ in found):
            _read_modules(reading, sound)
    reading.definition = None if dropped else sound
    return reading


def _validated(reading: Reading) -> tuple[Definition | None, set[str]]:
    """Return the definition without its faulty top keys, and those; their faults are noted."""
    data = reading.file.data
    try:
        return Definition.model_validate(data), set()
    except ValidationError as error:
        reading.faults += yamlfile.faults_of(error, reading.file)
        dropped = {str(detail["loc"][0]) for detail in error.errors(include_url=False) if detail["loc"]}
    try:
        return Definition.model_validate({key: value for key, value in data.items() if key not in dropped}), dropped
    except ValidationError:
        return None, dropped


def _read_modules(reading: Reading, definition: Definition) -> None:
    reserved = {reading.folder / FILE_NAME, *(reading.folder / path for _, _, path in _prompts(reading.file.data))}
    words = definition.audit.command if definition.audit else ()
    reserved |= {reading.folder / posixpath.normpath(word) for word in (SETTINGS, *words)}
    reading.modules, problems = modules_of(definition, reading.folder, reserved)
    for problem in problems[:_MOST_PROBLEMS]:
        reading.add(("documents",), problem)
    if len(problems) > _MOST_PROBLEMS:
        reading.add(("documents",), f"and {len(problems) - _MOST_PROBLEMS:,} more of this kind")


def _read_templates(reading: Reading) -> None:
    given = {kind: (location, path) for location, kind, path in _prompts(reading.file.data)}
    for name in (REVIEW, FIX, RESEARCH, *(name for name in given if name.startswith(f"{PHASE}:"))):
        if name not in given:
            reading.templates[name] = default_template(name)
            continue
        location, path = given[name]
        if not _is_path(path):
            continue  # told already
        try:
            text = beneath.read(reading.folder, Path(path), _LARGEST_PROMPT).decode("utf-8-sig")
            shown = PurePosixPath(reading.file.name).parent / path
            reading.templates[name] = parse_template(text, str(shown), name.partition(":")[0])
        except BadInput as error:
            reading.faults += [fault for fault in error.faults if fault not in reading.faults]
        except UnicodeDecodeError as error:
            reading.add(location, f"{path}: not UTF-8 at byte {error.start}")
        except OSError as error:
            reading.add(location, f"{path}: cannot be read: {error.strerror}")
        except ValueError as error:
            reading.add(location, f"{path}: {error}")


def _is_path(text: str) -> bool:
    try:
        return bool(checked_path(text))
    except ValueError:
        return False


def _prompts(data: dict[str, Any]) -> Iterator[tuple[Location, str, str]]:
    """Yield where a prompt is named, for what, and its file, as far as that can be told of data that may be faulty."""
    prompts, phases = data.get("prompts"), data.get("phases")
    for kind in (REVIEW, FIX, RESEARCH):
        path = prompts.get(kind) if isinstance(prompts, dict) else None
        if isinstance(path, str):
            yield ("prompts", kind), kind, path
    for place, phase in enumerate(phases if isinstance(phases, list) else ()):
        path = phase.get("prompt") if isinstance(phase, dict) else None
        if isinstance(path, str):
            yield ("phases", place, "prompt"), f"{PHASE}:{phase.get('name')}", path
