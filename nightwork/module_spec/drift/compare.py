"""Today's skeletons against those of a baseline: which changes there are, and how severe each is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from nightwork.module_spec.document.baseline import baseline_form
from nightwork.module_spec.drift import signature
from nightwork.module_spec.drift.dependencies import dependency_findings
from nightwork.module_spec.drift.finding import Finding, Kind, Severity, UnitDrift
from nightwork.module_spec.drift.pairing import local_name, nameless, pair
from nightwork.module_spec.source.skeleton import Skeleton, Symbol, SymbolKind

_SEVERITIES = {
    Kind.REMOVED: Severity.HIGH,
    Kind.RENAMED: Severity.HIGH,
    Kind.SIGNATURE: Severity.MEDIUM,
    Kind.ADDED: Severity.LOW,
    Kind.BODY: Severity.LOW,
}
_VALUES = frozenset({SymbolKind.CONSTANT, SymbolKind.FIELD})


def compare(baseline: tuple[Skeleton, ...], today: Mapping[str, Skeleton]) -> UnitDrift:
    """Return what changed in the files of a baseline; files that only `today` has may be old ones at another path."""
    findings: list[Finding] = []
    noise = 0
    known = {skeleton.path for skeleton in baseline}
    elsewhere = {each.tree_hash: path for path, each in sorted(today.items(), reverse=True) if path not in known}
    for before in baseline:
        after = today.get(before.path)
        if after is None:
            findings.append(_gone(before, elsewhere))
        elif before.source_hash != after.source_hash:
            found = list(_file_findings(before, after))
            noise += not found
            findings += found
    return UnitDrift(tuple(sorted(findings, key=lambda finding: finding.order)), noise)


def _gone(before: Skeleton, elsewhere: Mapping[str, str]) -> Finding:
    path = elsewhere.get(before.tree_hash)
    if path is not None and not before.error and (before.symbols or before.imports):
        return Finding(Kind.RENAMED, Severity.HIGH, before.path, f"the file is `{path}` now", after=path)
    return Finding(Kind.DELETED, Severity.HIGH, before.path, "the file is no longer there")


def _file_findings(before: Skeleton, after: Skeleton) -> Iterator[Finding]:
    if after.error:
        severity = Severity.LOW if before.error else Severity.MEDIUM
        yield Finding(Kind.UNPARSABLE, severity, before.path, after.error)
    elif before.error:
        yield Finding(Kind.BODY, Severity.LOW, before.path, "can be parsed now; it could not when the spec was written")
    elif before.tree_hash != after.tree_hash:
        found = [*_symbol_findings(before, _as_baseline(after)), *dependency_findings(before, after)]
        text = "statements or docstrings outside of any name changed"
        yield from found or [Finding(Kind.BODY, Severity.LOW, before.path, text)]


def _as_baseline(after: Skeleton) -> Skeleton:
    """Return today's skeleton in the form of a baseline, lines kept."""
    (form,) = baseline_form([after])
    lines = [symbol.line for symbol in after.symbols]
    symbols = [replace(symbol, line=line) for symbol, line in zip(form.symbols, lines, strict=True)]
    return replace(form, symbols=tuple(symbols))


def _symbol_findings(before: Skeleton, after: Skeleton) -> Iterator[Finding]:
    pairing = pair(before.symbols, after.symbols)
    for old in pairing.removed:
        yield _finding(Kind.REMOVED, before.path, old, f"{old.kind} removed")
    for new in pairing.added:
        finding = _finding(Kind.ADDED, before.path, new, f"{new.kind} added", new)
        yield replace(finding, before="")
    for old, new in pairing.renamed:
        yield _finding(Kind.RENAMED, before.path, old, f"{old.kind} is called `{local_name(new)}` now", new)
        yield from _changes(before, old, new)
    for old, new in pairing.kept:
        if old.is_public != new.is_public:
            kind, text = (Kind.ADDED, "public now") if new.is_public else (Kind.REMOVED, "no longer public")
            yield replace(_finding(kind, before.path, old, text, new), severity=_SEVERITIES[kind])
        yield from _changes(before, old, new)


def _changes(file: Skeleton, old: Symbol, new: Symbol) -> Iterator[Finding]:
    if old.kind is not new.kind:
        yield _finding(Kind.SIGNATURE, file.path, old, f"{new.kind} now, was {old.kind}", new)
        return
    if old.signature != new.signature and nameless(old) != nameless(new):
        yield from _signature_changes(file, old, new)
    if old.body != new.body:
        text = "has another value" if old.kind in _VALUES else "does something else"
        yield _finding(Kind.BODY, file.path, old, text, new)
    elif old.summary != new.summary:
        yield _finding(Kind.BODY, file.path, old, "says something else of itself", new)


def _signature_changes(file: Skeleton, old: Symbol, new: Symbol) -> Iterator[Finding]:
    before, after = (signature.read(nameless(each), each.kind, file.language) for each in (old, new))
    if before is None or after is None:
        yield _finding(Kind.SIGNATURE, file.path, old, "signature changed", new)
        return
    found = signature.difference(before, after)
    if found.texts:
        finding = _finding(Kind.SIGNATURE, file.path, old, "; ".join(found.texts), new)
        yield replace(finding, severity=Severity.LOW) if found.is_compatible else finding


def _finding(kind: Kind, path: str, subject: Symbol, text: str, new: Symbol | None = None) -> Finding:
    """Return what is said of a symbol as the spec has it; `new` is what became of it."""
    severity = _SEVERITIES[kind] if subject.is_public else _SEVERITIES[kind].lower()
    after, line = (new.signature, new.line) if new else ("", 0)
    return Finding(kind, severity, path, text, subject.name, subject.signature, after, line)
