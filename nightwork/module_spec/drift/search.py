"""Drift of a whole project, from its spec files and its source alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nightwork import beneath
from nightwork.errors import bad_input
from nightwork.files import files_below
from nightwork.module_spec.document.baseline import read_baseline
from nightwork.module_spec.document.hashes import hash_of_bytes
from nightwork.module_spec.document.header import read_header, split
from nightwork.module_spec.document.paths import SUFFIX
from nightwork.module_spec.document.written import LARGEST_SPEC, checked_root
from nightwork.module_spec.drift.compare import compare
from nightwork.module_spec.drift.finding import Drift, Finding, Kind, Severity, UnitDrift
from nightwork.module_spec.source.reading import read_all
from nightwork.module_spec.source.selection import source_files
from nightwork.module_spec.source.skeleton import Skeleton
from nightwork.module_spec.source.units import SPECS
from nightwork.redact import redact
from nightwork.spec_settings import SpecsSettings

_LARGEST_SOURCE = 20_000_000


@dataclass(frozen=True, slots=True)
class Baseline:
    """A spec file with what it was written from; `problem` says why that is not known."""

    spec: str  # relative to the project's root
    unit: str
    skeletons: tuple[Skeleton, ...] = ()
    problem: str = ""
    files: tuple[str, ...] = ()  # as the front matter has them


@dataclass(frozen=True, slots=True)
class _Today:
    """The files that specs name: those as they were, those to read again, and those that are gone."""

    same: dict[str, Skeleton]
    changed: list[str]
    gone: list[str]


def find(root: Path, settings: SpecsSettings) -> Drift:
    """Return what changed since the specs of a project were written; parses only what has other bytes than then.

    `settings` tell which files should have a spec. Raises BadInput for a project without specs.
    """
    root = checked_root(root)
    if not (root / SPECS).is_dir():
        raise bad_input(root, f"has no {SPECS}/; `nightwork specs` writes them")
    baselines = list(read_specs(root))
    today = _look(root, [each for each in baselines if not each.problem])
    covered = {path for each in baselines for path in (*each.files, *(skeleton.path for skeleton in each.skeletons))}
    undocumented = [path for path in source_files(root, settings)[0] if path not in covered]
    wanted = [*today.changed, *(undocumented if today.gone else [])]
    skeletons = {**today.same, **(read_all(root, wanted) if wanted else {})}
    candidates = {path: skeletons[path] for path in undocumented if path in skeletons}
    units = [_unit(each, skeletons, candidates) for each in baselines]
    moved = {finding.after for unit in units for finding in unit.findings if finding.kind is Kind.RENAMED}
    units += [_undocumented(path) for path in undocumented if path not in moved]
    drifted = sorted((unit for unit in units if unit.findings), key=_order)
    return Drift(tuple(map(_redacted, drifted)), len(baselines), sum(unit.noise for unit in units))


def _order(unit: UnitDrift) -> tuple[int, str]:
    return unit.findings[0].severity.rank, unit.unit


def read_specs(root: Path) -> Iterator[Baseline]:
    """Yield the specs of a project by their paths; files that are no module specs are passed over."""
    for path in sorted(files_below(root / SPECS, SUFFIX)):
        if (found := _read_spec(root, path.relative_to(root))) is not None:
            yield found


def _read_spec(root: Path, path: Path) -> Baseline | None:
    name = path.as_posix()
    try:
        text = beneath.read(root, path, LARGEST_SPEC).decode()
    except (OSError, ValueError) as error:
        return Baseline(name, name, problem=f"the spec cannot be read: {error}")
    if (front := split(text)) is not None and front[0].get("type") not in {"module-spec", None}:
        return None
    found = read_header(text)
    if found is None:
        return Baseline(name, name, problem="the spec's front matter is missing, broken, or of another version")
    header, rest = found
    skeletons = read_baseline(rest)
    if not skeletons:
        problem = "the spec's baseline is missing or not as it was written"
        return Baseline(name, header.source_target, problem=problem, files=header.related_files)
    if not all(_is_inside(skeleton.path) for skeleton in skeletons):
        return Baseline(name, header.source_target, problem="the spec's baseline names a file outside of the project")
    return Baseline(name, header.source_target, skeletons)


def _is_inside(path: str) -> bool:
    return path != "" and not path.startswith("/") and ".." not in path.split("/") and "\0" not in path


def _look(root: Path, baselines: Sequence[Baseline]) -> _Today:
    """Tell which files are as they were from their bytes alone; nothing is parsed."""
    today = _Today({}, [], [])
    for before in (skeleton for each in baselines for skeleton in each.skeletons):
        try:
            source = beneath.read(root, Path(before.path), _LARGEST_SOURCE)
        except ValueError:  # too large, which whoever reads it says, or no file
            (today.changed if (root / before.path).is_file() else today.gone).append(before.path)
        except PermissionError:  # it is there; whoever reads it says that it cannot be read
            today.changed.append(before.path)
        except OSError:
            today.gone.append(before.path)
        else:
            if hash_of_bytes(source) == before.source_hash:
                today.same[before.path] = before
            else:
                today.changed.append(before.path)
    return today


def _unit(baseline: Baseline, today: Mapping[str, Skeleton], candidates: Mapping[str, Skeleton]) -> UnitDrift:
    if baseline.problem:
        finding = Finding(Kind.NO_BASELINE, Severity.HIGH, baseline.spec, baseline.problem)
        return UnitDrift((finding,), 0, baseline.unit, baseline.spec)
    own = {each.path: today[each.path] for each in baseline.skeletons if each.path in today}
    is_whole = len(own) == len(baseline.skeletons)
    return replace(
        compare(baseline.skeletons, own if is_whole else {**candidates, **own}), unit=baseline.unit, spec=baseline.spec
    )


def _undocumented(path: str) -> UnitDrift:
    return UnitDrift((Finding(Kind.UNDOCUMENTED, Severity.LOW, path, "the module has no spec"),), unit=path)


def _redacted(unit: UnitDrift) -> UnitDrift:
    findings = []
    for each in unit.findings:
        text, name, before, after = map(redact, (each.text, each.name, each.before, each.after))
        findings.append(replace(each, text=text, name=name, before=before, after=after))
    return replace(unit, findings=tuple(findings))
