"""Imports gained, lost, and taken at another time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from nightwork.module_spec.drift.finding import Finding, Kind, Severity
from nightwork.module_spec.source.skeleton import EdgeKind, Skeleton

_MOST_LEVELS = 1_000  # a baseline may say anything


@dataclass
class _Taken:
    names: set[str] = field(default_factory=set)
    kinds: set[EdgeKind] = field(default_factory=set)
    line: int = 0


def dependency_findings(before: Skeleton, after: Skeleton) -> Iterator[Finding]:
    """Yield one finding for each import's target that is new, gone, or taken otherwise."""
    olds, news = _targets(before), _targets(after)
    for target in sorted({*olds, *news}):
        old, new = olds.get(target), news.get(target)
        told = _told(old, new)
        if told:
            line = new.line if new else 0
            yield Finding(Kind.DEPENDENCY, Severity.LOW, before.path, told, name=target, line=line)


def _targets(skeleton: Skeleton) -> dict[str, _Taken]:
    found: dict[str, _Taken] = {}
    for each in skeleton.imports:
        taken = found.setdefault("." * min(each.level, _MOST_LEVELS) + each.module, _Taken(line=each.line))
        taken.names.update(each.names)
        taken.kinds.add(each.kind)
    return found


def _told(old: _Taken | None, new: _Taken | None) -> str:
    if old is None or new is None:
        return "imported now" if new else "no longer imported"
    told = [f"takes `{name}`" for name in sorted(new.names - old.names)]
    told += [f"no longer takes `{name}`" for name in sorted(old.names - new.names)]
    if old.kinds != new.kinds:
        told.append(f"imported {_kinds(new)}, was {_kinds(old)}")
    return "; ".join(told)


def _kinds(taken: _Taken) -> str:
    return " and ".join(sorted(taken.kinds))
