"""A run never touches the user's checkout, and runs nothing that the repository's own configuration names."""

from __future__ import annotations

import hashlib
import shlex
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

HOOKS = (
    "applypatch-msg",
    "commit-msg",
    "fsmonitor-watchman",
    "post-applypatch",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-rewrite",
    "post-update",
    "pre-applypatch",
    "pre-auto-gc",
    "pre-commit",
    "pre-merge-commit",
    "pre-push",
    "pre-rebase",
    "pre-receive",
    "prepare-commit-msg",
    "proc-receive",
    "push-to-checkout",
    "reference-transaction",
    "sendemail-validate",
    "update",
)


def _program(path: Path, marker: Path, name: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\necho "{name} $0 $*" >> {marker}\ncat 2>/dev/null || true\n')
    path.chmod(0o755)
    return str(path)


def _arm(repo: Any, tmp_path: Path) -> Path:
    """Set every trap that a repository can set for git; returns the file into which each would write."""
    marker = tmp_path / "marker"
    for folder in (repo.path / ".git" / "hooks", tmp_path / "more-hooks"):
        for name in HOOKS:
            _program(folder / name, marker, name)
    tools = tmp_path / "tools"
    for key, name in {
        "core.hooksPath": None,
        "core.fsmonitor": "fsmonitor",
        "filter.trap.clean": "clean",
        "filter.trap.smudge": "smudge",
        "filter.trap.process": "process",
        "filter.other.clean": "clean-2",
        "filter.other.smudge": "smudge-2",
        "merge.trap.driver": "merge",
        "diff.trap.textconv": "textconv",
        "diff.trap.command": "diff",
        "diff.external": "external",
        "core.pager": "pager",
        "core.editor": "editor",
        "core.sshCommand": "ssh",
        "core.alternateRefsCommand": "alternate",
        "gpg.program": "gpg",
        "credential.helper": "credential",
    }.items():
        program = str(tmp_path / "more-hooks") if name is None else _program(tools / name, marker, name)
        repo.git("config", key, program)
    for key in ("commit.gpgSign", "tag.gpgSign", "filter.trap.required", "core.autocrlf"):
        repo.git("config", key, "true")
    return marker


# What the tests themselves pass to git, so that they set no trap off.
_OFF = ("core.fsmonitor=false", "core.hooksPath=/dev/null", "filter.trap.required=false")
_OFF += tuple(f"filter.{name}.{program}=" for name in ("trap", "other") for program in ("clean", "smudge", "process"))
OFF = ("--no-optional-locks", "--no-pager", *(part for option in _OFF for part in ("-c", option)))


def _seen(repo: Any) -> dict[str, Any]:
    """Everything of a checkout that a user would miss."""
    ours = (".git/objects", ".git/refs", ".git/worktrees", ".git/logs/refs/heads/agent", ".nightwork")
    files = {
        name: (stat.S_IMODE(path.lstat().st_mode), _content(path))
        for path in sorted(repo.path.rglob("*"))
        if not path.is_dir() and not (name := str(path.relative_to(repo.path))).startswith(ours)
    }
    return {
        "files": files,
        "head": repo.git(*OFF, "rev-parse", "HEAD"),
        "index": repo.git(*OFF, "ls-files", "-s"),
        "status": repo.git(*OFF, "status", "--porcelain=v2"),
        "others": repo.git(*OFF, "for-each-ref", "refs/stash", "refs/tags", "refs/heads/main", "refs/heads/mine"),
    }


def _content(path: Path) -> str:
    return str(path.readlink()) if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest()


def _settings_that_touch(writes_a_file: dict[str, Any]) -> dict[str, Any]:
    agent = ["sh", "-c", 'cat > /dev/null; echo changed >> src/a.txt; echo new > "src/$NIGHTWORK_TICKET.dat"']
    return {**writes_a_file, "agent": {**writes_a_file["agent"], "command": agent}}


def test_a_dirty_checkout_full_of_traps_is_as_it_was_and_no_trap_went_off(
    nightwork: Any,
    new_repo: Callable[..., Any],
    ticket: Callable[..., str],
    writes_a_file: dict[str, Any],
    tmp_path: Path,
):
    attributes = "*.txt filter=trap diff=trap merge=trap\n*.dat filter=other merge=trap text eol=crlf\n"
    repo = new_repo(
        _settings_that_touch(writes_a_file),
        ("T-1",),
        {
            ".gitattributes": attributes,
            ".gitignore": "*.log\n",
            "src/b.txt": "two\n",
            "src/c.txt": "three\n",
            "tickets/T-2.md": ticket("T-2", dependencies="T-1"),
            "tickets/T-3.md": ticket("T-3"),
        },
    )
    marker = _arm(repo, tmp_path)
    repo.write({"src/a.txt": "modified\n", "src/new.txt": "staged\n", "untracked.txt": "mine\n", "x.log": "ignored\n"})
    repo.git(*OFF, "add", "src/new.txt")
    repo.git(*OFF, "rm", "--quiet", "--cached", "src/b.txt")
    (repo.path / "src" / "c.txt").unlink()
    marker.unlink(missing_ok=True)
    before = _seen(repo)
    assert not marker.exists()
    ran = nightwork("run", "--repo", str(repo.path), "--json")
    assert ran.code == 0, ran.err
    assert not marker.exists(), marker.read_text()
    assert _seen(repo) == before
    assert not marker.exists()
    assert sorted(repo.git(*OFF, "branch", "--format=%(refname:lstrip=2)").splitlines()) == [
        "agent/T-1",
        "agent/T-2",
        "agent/T-3",
        "main",
    ]
    assert repo.git(*OFF, "show", "--no-textconv", "agent/T-1:src/a.txt") == "one\nchanged"
    assert repo.git(*OFF, "show", "--no-textconv", "agent/T-2:src/a.txt") == "one\nchanged\nchanged"
    assert repo.git(*OFF, "for-each-ref", "refs/nightwork") == ""
    assert len(repo.git(*OFF, "worktree", "list").splitlines()) == 1


def test_a_run_can_be_started_from_a_sub_folder_and_a_path_with_spaces_and_letters_of_any_script(
    nightwork: Any, new_repo: Callable[..., Any], writes_a_file: dict[str, Any]
):
    repo = new_repo(writes_a_file, files={"src/deep er/größe.txt": "ß\n"}, name="my répo 仓库 'q' $x")
    before = _seen(repo)
    by_flag = nightwork("run", "--json", "--repo", str(repo.path / "src" / "deep er"))
    assert by_flag.code == 0, by_flag.err
    assert _seen(repo) == before
    assert sorted(repo.branches()) == ["agent/T-1", "main"]
    by_folder = nightwork("review", "--json", cwd=repo.path / "src")
    assert (by_folder.code, by_folder.out) == (0, by_flag.out)
    decided = nightwork("decide", "T-1", "approve", cwd=repo.path / "src" / "deep er")
    assert decided.code == 0
    assert not (repo.path / "src" / ".nightwork").exists()


def test_the_merge_command_of_an_approval_can_be_pasted_into_a_shell(
    nightwork: Any, new_repo: Callable[..., Any], writes_a_file: dict[str, Any]
):
    repo = new_repo(writes_a_file, name="my répo 'q' $x")
    assert nightwork("run", "--repo", str(repo.path)).code == 0
    decided = nightwork("decide", "T-1", "approve", "--repo", str(repo.path))
    assert shlex.split(decided.out) == ["git", "-C", str(repo.path), "merge", "--no-ff", "agent/T-1"]


def test_a_linked_worktree_with_a_detached_head_can_be_run_from_and_stays_as_it_is(
    nightwork: Any, new_repo: Callable[..., Any], writes_a_file: dict[str, Any], tmp_path: Path
):
    repo = new_repo(writes_a_file)
    base = repo.git("rev-parse", "HEAD")
    repo.write({"src/later.txt": "later\n"})
    repo.commit("later")
    linked = type(repo)(tmp_path / "linked")
    repo.git("worktree", "add", "--quiet", "--detach", str(linked.path), base)
    before = _seen(repo), _seen(linked)
    ran = nightwork("run", "--json", "--repo", str(linked.path))
    assert ran.code == 0, ran.err
    assert ran.json()["base"] == base
    assert (_seen(repo), _seen(linked)) == before
    assert linked.git("branch", "--show-current") == ""
    assert repo.git("rev-parse", "agent/T-1^") == base
    assert sorted(repo.branches()) == ["agent/T-1", "main"]
    assert len(repo.git("worktree", "list").splitlines()) == 2


def test_a_detached_head_is_the_base_of_a_dry_run_too(
    serverless: Any, new_repo: Callable[..., Any], writes_a_file: dict[str, Any]
):
    repo = new_repo(writes_a_file)
    repo.git("checkout", "--quiet", "--detach")
    before = _seen(repo)
    assert serverless("run", "--dry-run", "--repo", str(repo.path)).code == 0
    assert _seen(repo) == before
    assert (repo.path / ".nightwork").exists() is False


def test_a_repository_without_settings_is_told_so_in_one_clear_error(nightwork: Any, new_repo: Callable[..., Any]):
    repo = new_repo(None)
    ran = nightwork("run", "--repo", str(repo.path))
    assert ran.code == 2, ran.err
    assert ran.out == ""
    assert "Traceback" not in ran.err
    assert len([line for line in ran.err.splitlines() if line.startswith("error: ")]) == 1
    assert not (repo.path / ".nightwork").exists()


def test_the_error_of_a_repository_without_settings_names_the_file_and_what_to_do(
    serverless: Any, new_repo: Callable[..., Any]
):
    ran = serverless("run", "--repo", str(new_repo(None).path))
    assert "nightwork.yaml" in ran.err
    assert "nightwork init" in ran.err
