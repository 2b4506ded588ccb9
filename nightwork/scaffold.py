"""What `nightwork init` writes: a commented nightwork.yaml that fits the repository, and a ticket template."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nightwork.errors import bad_input
from nightwork.files import write_atomically
from nightwork.gate_settings import GateSettings, Measure
from nightwork.settings import FILE_NAME

_HEAD = """\
# Settings of nightwork; every key with its default is in docs/settings.md.

# Where tickets come from: a folder of Markdown files.
tickets: tickets

# Who does the work: a model of Anthropic's in nightwork's own loop, with the key in ANTHROPIC_API_KEY; or a coding
# command line in place of `model`: `preset: claude-code`, `codex` or `aider`, or `kind: command` and
# `command: ["my-agent", "--print"]`, with the names of the variables that it may see in `pass_env`.
agent:
  model: claude-sonnet-5-5

batch:
  budget_usd: null   # what a batch may cost, in dollars, never overshot; null is no limit
  max_tickets: 20
  timeout_per_ticket: 30m
  parallel_agents: 3

# Commands that judge every change, compared with the base commit: only what a change brings counts.
"""

_TEMPLATE = """\
---
id: PROJ-1
title: One line that says what changes for whom
labels: []            # add ready-for-agent when the list below is ticked; bug and docs set the commit type
priority: medium      # critical, high, medium, low
complexity: small     # trivial, small, medium, large
dependencies: []
estimated_files: []   # for example [src/feature.py, tests/*]
state: open           # done once it is merged, cancelled when it is not wanted any more
---

What is wanted and why, in a few sentences.

## Acceptance criteria

<!-- what must hold afterwards, one line each, each beginning with "- " -->

## Test cases

<!-- cases that show it, in the same form -->

## Agent Readiness

- [ ] Acceptance criteria clear
- [ ] No open questions
- [ ] Dependencies: None
- [ ] Estimated files:
- [ ] Complexity: Small
"""


def write(root: Path) -> list[Path]:
    """Write both files and return their paths; raises BadInput, and changes nothing, when settings exist already."""
    settings, template = root / FILE_NAME, root / "tickets" / "TEMPLATE.md"
    if settings.exists():
        raise bad_input(settings, "exists already; edit it, or move it away to have a new one made")
    write_atomically(settings, _HEAD + _gates_text(suggest(root)))
    if template.exists():
        return [settings]
    write_atomically(template, _TEMPLATE)
    return [settings, template]


def suggest(root: Path) -> list[GateSettings]:
    """Return gates that fit what the repository holds: Python's usual tools, and a package.json's scripts."""
    return [*_python(root), *_javascript(root)]


def _python(root: Path) -> list[GateSettings]:
    sources = [path.name for path in sorted(root.iterdir()) if _is_python_folder(path)]
    if not sources and not list(root.glob("*.py")):
        return []
    code = " ".join(name for name in sources if name not in _NO_PRODUCT_CODE and " " not in name) or "."
    gates = [
        _gate("lint", Measure.SYNTAX, "ruff check --no-cache --exit-zero --output-format sarif .", "sarif"),
        _gate(
            "tests",
            Measure.TESTS,
            "python -m pytest -q -p no:cacheprovider --rootdir=. --junitxml=.nightwork-tests.xml",
            "junit",
            ".nightwork-tests.xml",
        ),
        _gate("security", Measure.SECURITY, f"bandit --quiet --recursive --exit-zero --format sarif {code}", "sarif"),
        GateSettings(
            name="secrets",
            measures=Measure.SECURITY,
            command=("detect-secrets", "scan", "--no-verify", "--all-files", "--exclude-files", _NO_SECRETS_IN, "."),
            report="detect_secrets",
        ),
    ]
    if _mentions_mypy(root):
        gates.insert(1, _gate("types", Measure.SYNTAX, "mypy --cache-dir=/dev/null --output json .", "mypy"))
    return gates


# Each `assert` of a test is a finding for bandit.
_NO_PRODUCT_CODE = frozenset({"test", "tests", "doc", "docs", "example", "examples", "benchmarks", "bench"})
_NO_SECRETS_IN = r"(^|/)(\.git|\.venv|node_modules|__pycache__|\.[a-z]+_cache)(/|$)|\.nightwork-tests\.xml$"


def _is_python_folder(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".") and any(path.glob("**/*.py"))


def _mentions_mypy(root: Path) -> bool:
    if (root / "mypy.ini").exists():
        return True
    files = [root / "pyproject.toml", root / "setup.cfg"]
    return any("mypy]" in path.read_text(encoding="utf-8", errors="replace") for path in files if path.exists())


def _javascript(root: Path) -> list[GateSettings]:
    try:
        package: Any = json.loads((root / "package.json").read_text(encoding="utf-8"))
        scripts = dict(package.get("scripts", {}))
    except (OSError, ValueError, AttributeError, TypeError):
        return []
    names = {"lint": Measure.SYNTAX, "typecheck": Measure.SYNTAX, "test": Measure.TESTS}
    return [
        _gate(f"npm-{name}", measure, f"npm run --silent {name}", "exit_code")
        for name, measure in names.items()
        if name in scripts
    ]


def _gate(name: str, measures: Measure, command: str, report: str, path: str | None = None) -> GateSettings:
    return GateSettings(name=name, measures=measures, command=tuple(command.split()), report=report, report_path=path)


def _gates_text(gates: Sequence[GateSettings]) -> str:
    if not gates:
        return "# Nothing was recognised here; without gates no change is ever called ready.\ngates: []\n"
    lines = ["gates:"]
    for gate in gates:
        lines += [f"  - name: {gate.name}", f"    measures: {gate.measures}"]
        lines += [f"    command: {json.dumps(list(gate.command))}", f"    report: {gate.report}"]
        lines += [f"    report_path: {gate.report_path}"] if gate.report_path else []
    return "\n".join(lines) + "\n"
