"""Reads the JSON that `detect-secrets scan` prints; it holds hashes of the secrets, and not even those are kept."""

from __future__ import annotations

from collections.abc import Iterator

from nightwork.gates.report import Finding, Report, Severity
from nightwork.gates.reports.unreadable import UnreadableReport
from nightwork.gates.reports.untrusted import as_text, limited, line_number, load_json, one_line, relative_path

FORM = "detect_secrets"


def parse(text: str, root: str) -> Report:
    """Read the possible secrets, each a finding of high severity whose rule is the kind of secret."""
    data = load_json(FORM, text)
    results = data.get("results") if isinstance(data, dict) else None
    if not isinstance(results, dict):
        raise UnreadableReport(FORM, "expected an object with `results`")
    return Report(findings=limited(FORM, _findings(results, root)))


def _findings(results: dict[str, object], root: str) -> Iterator[Finding]:
    for path, secrets in results.items():
        if not isinstance(secrets, list):
            raise UnreadableReport(FORM, f"expected a list for {one_line(path, 80)!r}")
        for secret in secrets:
            if not isinstance(secret, dict):
                raise UnreadableReport(FORM, f"expected objects for {one_line(path, 80)!r}")
            kind = one_line(as_text(secret.get("type")), 80) or "Secret"
            yield Finding(
                rule=kind,
                message=f"possible secret: {kind}",
                path=relative_path(path, root),
                line=line_number(secret.get("line_number")),
                severity=Severity.HIGH,
            )
