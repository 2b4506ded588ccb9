"""What drift is told in: findings with a severity, by module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from rich.console import Group, RenderableType
from rich.text import Text

from nightwork.shown import Shown


class Severity(StrEnum):
    """How much a change matters to those who trust the spec."""

    HIGH = "high"  # code that uses the module breaks, or the spec cannot be trusted at all
    MEDIUM = "medium"  # code that uses the module may break
    LOW = "low"  # the spec is no longer the whole truth

    @property
    def rank(self) -> int:
        """Return 0 for the most severe."""
        return list(Severity).index(self)

    def lower(self) -> Severity:
        """Return the severity one step down; there is none below LOW."""
        return list(Severity)[min(self.rank + 1, Severity.LOW.rank)]


class Kind(StrEnum):
    """What has changed."""

    NO_BASELINE = "no_baseline"  # the spec does not tell what it was written from
    DELETED = "deleted"  # a file that is no longer there
    REMOVED = "removed"  # a name that is no longer there, or no longer exported
    RENAMED = "renamed"  # the same under another name, or the same file at another path
    SIGNATURE = "signature"
    UNPARSABLE = "unparsable"  # a file that can no longer be parsed: nothing else can be said of it
    ADDED = "added"  # a name that is new, or newly exported
    BODY = "body"  # what a name does, or says of itself
    DEPENDENCY = "dependency"  # an import gained or lost
    UNDOCUMENTED = "undocumented"  # a module that has no spec


@dataclass(frozen=True, slots=True)
class Finding:
    """One change: `name` is the name as the spec has it, "" for a whole file; `line` is today's, 0 when there is none.

    `before` and `after` are the signatures as written, where there are two. Everything comes from hostile files.
    """

    kind: Kind
    severity: Severity
    path: str
    text: str
    name: str = ""
    before: str = ""
    after: str = ""
    line: int = 0

    @property
    def order(self) -> tuple[int, str, int, str]:
        """Return what findings of one module are sorted by: the most severe first."""
        return self.severity.rank, self.path, list(Kind).index(self.kind), self.name


@dataclass(frozen=True, slots=True)
class UnitDrift:
    """What changed in one module, the most severe first; `noise` counts its files whose changes mean nothing."""

    findings: tuple[Finding, ...]
    noise: int = 0
    unit: str = ""
    spec: str = ""  # relative to the project's root; "" when the module has none


@dataclass(frozen=True, slots=True)
class Drift(Shown):
    """What changed in a project: its modules with findings, the worst first; `specs` counts all that were read."""

    units: tuple[UnitDrift, ...]
    specs: int
    noise: int

    def findings(self) -> Iterator[Finding]:
        """Yield the findings of all modules."""
        for unit in self.units:
            yield from unit.findings

    def counts(self) -> Counter[Severity]:
        """Return how many findings each severity has."""
        return Counter(finding.severity for finding in self.findings())

    def reaches(self, level: Severity) -> bool:
        """Say whether any finding is at least as severe as `level`."""
        return any(finding.severity.rank <= level.rank for finding in self.findings())

    def html(self) -> str:
        """Return it for a notebook."""
        from nightwork.module_spec.drift.notebook import fragment

        return fragment(self)

    def render(self) -> RenderableType:
        """Return it as people read it on a terminal."""
        from nightwork.module_spec.drift import log, terminal

        return Group(Text(log.summary(self)), terminal.render(self))
