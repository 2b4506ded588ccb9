"""The hook that others put into their .pre-commit-config.yaml."""

from __future__ import annotations

import shlex
from pathlib import Path

import yaml

from flows.cli import app

HOOKS = yaml.safe_load((Path(__file__).parents[3] / ".pre-commit-hooks.yaml").read_text())
# https://pre-commit.com/#new-hooks
REQUIRED = {"id", "name", "entry", "language"}
OPTIONAL = {
    "files": str, "exclude": str, "types": list, "types_or": list, "exclude_types": list, "always_run": bool,
    "fail_fast": bool, "verbose": bool, "pass_filenames": bool, "require_serial": bool, "description": str,
    "language_version": str, "minimum_pre_commit_version": str, "args": list, "stages": list,
}  # fmt: skip


def test_the_hook_has_what_pre_commit_asks_for_and_nothing_that_it_does_not_know():
    (hook,) = HOOKS
    assert set(hook) >= REQUIRED
    assert all(isinstance(hook[key], str) for key in REQUIRED)
    assert all(isinstance(hook[key], OPTIONAL[key]) for key in set(hook) - REQUIRED)
    assert (hook["id"], hook["language"], hook["pass_filenames"], hook["always_run"]) == (
        "nightwork-drift", "python", False, True,
    )  # fmt: skip


def test_the_hook_is_a_command_that_exists():
    (hook,) = HOOKS
    program, *arguments = [*shlex.split(hook["entry"]), *hook["args"]]
    command, bound, _ = app.parse_args(arguments)
    assert (program, command.__name__) == ("nightwork", "drift")
    assert bound.kwargs == {"check": True, "log": False}
