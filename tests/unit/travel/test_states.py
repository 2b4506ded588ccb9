"""What a remote holds is data: a state that is not what a run has pushed is refused, and nothing of it is written."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from nightwork.errors import BadInput, StateError
from nightwork.travel import Source, visit
from nightwork.travel.files import refuse_unsafe
from nightwork.workspace.stored import PLAIN, Stored


def entry(path, kind=PLAIN, size=1):
    return Stored(path, kind, "0" * 40, size)


@pytest.mark.parametrize(
    "entries",
    [
        [entry("../x")],
        [entry("a/../../x")],
        [entry("/etc/x")],
        [entry("a//x")],
        [entry(".git/config")],
        [entry("a/.GIT/hooks/x")],
        [entry("link", "120000")],
        [entry("tool", "100755")],
        [entry("module", "160000", None)],
        [entry("a\\b")],
        [entry("a\nb")],
        [entry("n" * 256)],
        [entry("/".join("abcdefghijklmn"))],
        [entry("A.md"), entry("a.md")],
        [entry("tickets/A/x"), entry("tickets/a/y")],
        [entry("x"), entry("x/y")],
        [entry("large", size=200_000_000)],
        [entry(str(number), size=90_000_000) for number in range(20)],
        [entry("settings.json")],
        [entry("decisions.lock")],
    ],
)
def test_a_tree_that_could_write_elsewhere_or_without_end_is_refused(entries):
    with pytest.raises(StateError):
        refuse_unsafe(entries, "a test")


def test_what_batches_hold_may_come_in():
    names = ["manifest.yaml", "tickets/A/attempt-1/trajectory.jsonl", "merge_requests/A.md", "together.json", "ä/ö.md"]
    refuse_unsafe([entry(name) for name in names], "a test")


def push_state(remote, files, note=None, name="night"):
    """Put a state in the place of the one that the remote holds: bytes, or (mode, bytes)."""
    git, entries = remote.git, ""
    for path, data in files.items():
        blob = remote.folder / "blob"
        blob.write_text(data)
        entries += f"100644 blob {git('hash-object', '-w', str(blob))}\t{path}\n"
        blob.unlink()
    (remote.folder / "tree").write_text(entries)
    with (remote.folder / "tree").open() as file:
        tree = subprocess.run(
            ["git", "mktree"], cwd=remote.folder, stdin=file, capture_output=True, text=True, check=True
        ).stdout.strip()
    text = f"x\n\n{json.dumps(note or {})}"
    commit = git("-c", "user.name=M", "-c", "user.email=m@localhost", "commit-tree", tree, "-m", text)
    git("update-ref", f"refs/nightwork/batches/{name}", commit)


def test_a_state_of_something_else_or_half_a_state_is_refused_and_nothing_is_written(travelled, machine, at_home):
    manifest, checkpoint = (travelled.kept(name) for name in ("manifest.yaml", "checkpoint.json"))
    states = [
        {"manifest.yaml": manifest},
        {"checkpoint.json": checkpoint},
        {"manifest.yaml": manifest.replace("night", "other"), "checkpoint.json": checkpoint},
        {"manifest.yaml": "a: [", "checkpoint.json": checkpoint},
        {"manifest.yaml": manifest, "checkpoint.json": "{"},
    ]
    at_home("second")
    for files in states:
        push_state(travelled, files)
        with pytest.raises(StateError, match="night"), visit(Source(travelled.url), "a test"):
            pass
        assert not machine("second").batch.folder.exists()
        assert "refs/nightwork/lock" not in travelled.refs()


def test_a_state_that_would_move_other_refs_is_refused(travelled, at_home):
    files = {name: travelled.kept(name) for name in ("manifest.yaml", "checkpoint.json")}
    at_home("second")
    for ref in (
        "refs/heads/main",
        "refs/nightwork/wip/../x",
        "refs/nightwork/wip/A",
        "refs/heads/agent/A.lock",
        "HEAD",
    ):
        push_state(travelled, files, {"refs": {ref: "1" * 40}})
        with pytest.raises(StateError, match="is no ref of a ticket"), visit(Source(travelled.url), "a test"):
            pass


def test_a_ref_that_names_no_batch_is_refused(travelled, at_home):
    travelled.git("update-ref", "refs/nightwork/batches/a/b", "refs/nightwork/batches/night")
    at_home("second")
    with pytest.raises(StateError, match="a/b"), visit(Source(travelled.url), "a test"):
        pass


def test_settings_are_those_of_the_machine_where_the_batch_goes_on(travelled, machine, at_home, monkeypatch):
    at_home("second")
    monkeypatch.setenv("NIGHTWORK_BATCH__MIN_FREE_MB", "7")
    with visit(Source(travelled.url), "a test"):
        pass
    listed = travelled.git("ls-tree", "-r", "--name-only", "refs/nightwork/batches/night")
    assert "settings.json" not in listed
    assert machine("second").batch.settings().sandbox.confine is False  # as the repository says
    assert machine("second").batch.folder.joinpath("settings.json").exists()


def test_a_repository_that_brings_state_of_its_own_is_refused(remote, at_home):
    (remote.work / ".nightwork").symlink_to("/")
    remote.push({"more.txt": "more"})
    at_home("a")
    with pytest.raises(BadInput, match=r"\.nightwork"), visit(Source(remote.url), "a test"):
        pass


def test_a_copy_that_was_spoilt_is_mended_and_one_that_was_removed_is_made_again(remote, machine, at_home):
    at_home("a")
    with visit(Source(remote.url), "a test") as root:
        pass
    (root / "nightwork.yaml").write_text("spoilt: [")
    (root / ".git" / "index.lock").touch()
    (root / ".git" / "refs" / "heads" / "main.lock").touch()
    remote.push({"new.txt": "new"})
    with visit(Source(remote.url), "a test") as root:
        assert (root / "new.txt").exists()
    shutil.rmtree(root)
    with visit(Source(remote.url), "a test") as root:
        assert (root / "new.txt").exists()
    assert not list(root.parent.glob("*.making"))


def test_another_default_branch_a_moved_one_and_a_deleted_one_are_followed(remote, at_home):
    at_home("a")
    remote.git("branch", "side", "main")
    with visit(Source(remote.url), "a test") as root:
        pass
    remote.push({"new.txt": "new"})
    remote.git("branch", "trunk", "main")
    remote.git("symbolic-ref", "HEAD", "refs/heads/trunk")
    remote.git("branch", "-D", "main", "side")
    remote.git("branch", "side/deeper", "trunk")
    with visit(Source(remote.url), "a test") as root:
        assert (root / "new.txt").exists()
        heads = remote.git("-C", str(root), "for-each-ref", "--format=%(refname)", "refs/heads")
        assert heads.split() == ["refs/heads/side/deeper", "refs/heads/trunk"]


def test_a_remote_without_a_commit_is_told(tmp_path, at_home, remote):
    remote.git("init", "--quiet", "--bare", str(tmp_path / "empty.git"))
    at_home("a")
    with pytest.raises(BadInput, match="no commit"), visit(Source(f"file://{tmp_path}/empty.git"), "a test"):
        pass
