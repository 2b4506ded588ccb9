from __future__ import annotations

import os
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nightwork.errors import BadInput
from nightwork.workspace import Repository

AT = datetime(2026, 1, 5, 18, tzinfo=UTC)
PLAIN = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}


def git(folder, *arguments):
    identity = ("-c", "user.name=u", "-c", "user.email=u@x", "-c", "core.hooksPath=/dev/null")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, env=PLAIN, capture_output=True, check=True)
    return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n")


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "shop"
    root.mkdir()
    (root / "a.txt").write_text("one\ntwo\nthree\n")
    (root / "b.txt").write_text("b\n")
    (root / ".gitignore").write_text("*.log\n.nightwork/\n")
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "start")
    return root


@pytest.fixture
def repository(root):
    return Repository.open(root)


def files(repository, commit):
    return sorted(repository.git("ls-tree", "-r", "-z", "--name-only", commit).strip("\0").split("\0"))


def commit_files(repository, path, files, parent=None):
    """Write files (None deletes) in a fresh worktree and commit them."""
    parent = parent or repository.resolve("HEAD")
    repository.add_worktree(path, parent)
    for name, content in files.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            target.unlink()
        else:
            target.write_bytes(content if isinstance(content, bytes) else content.encode())
    return repository.commit(repository.snapshot(path), [parent], "work\n", AT)


def test_a_worktree_is_made_once_and_kept(repository, tmp_path):
    path = tmp_path / "w" / "A"
    head = repository.resolve("HEAD")
    assert repository.add_worktree(path, head) is True
    (path / "new.txt").write_text("mine")
    assert repository.add_worktree(path, head) is False
    assert (path / "new.txt").exists()
    assert git(path, "rev-parse", "HEAD") == head
    repository.remove_worktree(path)
    repository.remove_worktree(path)
    assert not path.exists()
    assert repository.add_worktree(path, head) is True
    assert not (path / "new.txt").exists()


@pytest.mark.parametrize(
    "state",
    [
        "not ready",
        "no .git",
        "empty folder",
        "registered and gone",
        "a file",
    ],
)
def test_a_half_made_worktree_is_made_anew(repository, tmp_path, state):
    path, head = tmp_path / "w" / "A", repository.resolve("HEAD")
    if state in {"empty folder", "a file"}:
        path.parent.mkdir()
        path.mkdir() if state == "empty folder" else path.write_text("x")
    else:
        repository.add_worktree(path, head)
        (path / "a.txt").unlink()
        if state == "not ready":
            Path(git(path, "rev-parse", "--absolute-git-dir"), "nightwork-whole").unlink()
        elif state == "no .git":
            (path / ".git").unlink()
        else:
            git(tmp_path, "init", "-q", "elsewhere")
            __import__("shutil").rmtree(path)
    assert repository.add_worktree(path, head) is True
    assert (path / "a.txt").read_text() == "one\ntwo\nthree\n"


def test_worktrees_whose_names_differ_by_an_ending_do_not_meet(repository, tmp_path):
    head = repository.resolve("HEAD")
    for name in ("A.ready", "A"):
        repository.add_worktree(tmp_path / name, head)
    repository.remove_worktree(tmp_path / "A")
    assert (tmp_path / "A.ready" / "a.txt").exists()


def test_a_snapshot_holds_new_files_and_not_ignored_ones(repository, tmp_path):
    commit = commit_files(
        repository, tmp_path / "w", {"new.txt": "n", "x.log": "ignored", "b.txt": None, "d/e.txt": "e"}
    )
    assert sorted(files(repository, commit)) == [".gitignore", "a.txt", "d/e.txt", "new.txt"]
    assert git(tmp_path / "w", "status", "--porcelain").splitlines() == [" D b.txt", "?? d/", "?? new.txt"]


def test_a_worktree_without_changes_has_the_tree_of_its_commit(repository, tmp_path):
    head = repository.resolve("HEAD")
    repository.add_worktree(tmp_path / "w", head)
    assert repository.snapshot(tmp_path / "w") == repository.tree(head)


def test_a_change_in_the_second_of_the_checkout_that_keeps_a_files_size_is_seen(repository, tmp_path):
    # Git compares times by the second: only an index that is not newer than the change makes it look inside.
    path = tmp_path / "w"
    repository.add_worktree(path, repository.resolve("HEAD"))
    checked_out = (path / "a.txt").stat()
    (path / "a.txt").write_text("one\nTWO\nthree\n")
    os.utime(path / "a.txt", ns=(checked_out.st_atime_ns, checked_out.st_mtime_ns))
    time.sleep(1.1)
    changed = repository.commit(repository.snapshot(path), [repository.resolve("HEAD")], "work\n", AT)
    assert git(repository.root, "show", f"{changed}:a.txt").splitlines()[1] == "TWO"


def test_the_same_arguments_make_the_same_commit(repository):
    head = repository.resolve("HEAD")
    first = repository.commit(repository.tree(head), [head], "feat: é\n\nbody\n", AT)
    assert first == repository.commit(repository.tree(head), [head], "feat: é\n\nbody\n", AT)
    assert first != repository.commit(repository.tree(head), [head], "other\n", AT)
    assert (
        git(repository.root, "show", "-s", "--format=%B|%an|%at|%P", first)
        == f"feat: é\n\nbody\n|nightwork|{int(AT.timestamp())}|{head}"
    )


def test_only_branches_of_ours_are_moved(repository):
    head = repository.resolve("HEAD")
    repository.set_branch("agent/A", head)
    assert repository.branch_head("agent/A") == head
    assert repository.branches("agent/") == ["agent/A"]
    assert repository.branch_head("agent/B") is None
    with pytest.raises(ValueError, match="not a branch of nightwork"):
        repository.set_branch("main", head)


@pytest.mark.parametrize("ref", ["none", "", "--all", "HEAD:a.txt", "a b", "HEAD~9"])
def test_an_unknown_base_is_refused(repository, ref):
    with pytest.raises(BadInput, match="no such commit"):
        repository.resolve(ref)


def test_a_folder_that_is_no_repository_is_refused(tmp_path, root):
    with pytest.raises(BadInput, match="no such folder"):
        Repository.open(tmp_path / "none")
    (tmp_path / "plain").mkdir()
    with pytest.raises(BadInput, match="not in a git repository"):
        Repository.open(tmp_path / "plain")
    git(tmp_path, "init", "-q", "empty")
    with pytest.raises(BadInput, match="no such commit"):
        Repository.open(tmp_path / "empty")
    (root / "deep").mkdir()
    assert Repository.open(root / "deep").root == root


def everything(repository, tmp_path):
    """Use all that could run something of the repository's."""
    head = repository.resolve("HEAD")
    commit = commit_files(repository, tmp_path / "w", {"a.txt": "1\n", "n.txt": "n\n"})
    other = commit_files(repository, tmp_path / "v", {"b.txt": "2\n"})
    repository.set_branch("agent/A", commit)
    repository.keep_wip("A", repository.tree(commit), head, AT)
    repository.add_worktree(tmp_path / "x", head, repository.wip("A", head))
    repository.restore(tmp_path / "x", head, ["a.txt", "n.txt"])
    repository.drop_wip("A")
    repository.merge(commit, other)
    repository.changes(head, commit)
    repository.read(commit, "a.txt")
    for name in "wvx":
        repository.remove_worktree(tmp_path / name)


def mine(root):
    """What of the user's must not change."""
    return {
        "status": git(root, "--no-optional-locks", "status", "--porcelain", "--branch"),
        "index": (root / ".git" / "index").read_bytes(),
        "config": (root / ".git" / "config").read_bytes(),
        "head": git(root, "rev-parse", "HEAD", "main"),
        "branch": git(root, "symbolic-ref", "HEAD"),
        "stash": git(root, "stash", "list"),
    }


def test_the_users_checkout_index_branch_and_config_stay(root, tmp_path):
    (root / "b.txt").write_text("half done\n")
    (root / "c.txt").write_text("staged\n")
    git(root, "add", "c.txt")
    (root / "untracked.txt").write_text("u")
    before = mine(root)
    everything(Repository.open(root), tmp_path)
    assert mine(root) == before
    assert git(root, "worktree", "list").count("\n") == 0


HOOKS = (
    "post-checkout",
    "pre-commit",
    "post-commit",
    "post-index-change",
    "reference-transaction",
    "post-merge",
    "pre-auto-gc",
)


def spy(tmp_path):
    """A program that leaves a trace, and passes its input on."""
    program, trace = tmp_path / "spy.sh", tmp_path / "trace"
    program.write_text(f'#!/bin/sh\necho "$0 $*" >> "{trace}"\ncat 2>/dev/null\nexit 0\n')
    program.chmod(0o755)
    return program, trace


@pytest.mark.parametrize("where", ["hooks folder", "core.hooksPath"])
def test_no_hook_runs(root, tmp_path, where):
    program, trace = spy(tmp_path)
    folder = root / ".git" / "hooks" if where == "hooks folder" else tmp_path / "hooks"
    folder.mkdir(exist_ok=True)
    for name in HOOKS:
        (folder / name).write_bytes(program.read_bytes())
        (folder / name).chmod(0o755)
    if where == "core.hooksPath":
        git(root, "config", "core.hooksPath", str(folder))
    everything(Repository.open(root), tmp_path)
    assert not trace.exists()


@pytest.mark.parametrize("driver", ["x", "a.b", "with space", "Ü"])
@pytest.mark.parametrize(
    "place",
    [
        "config",
        pytest.param(
            "included",
        ),
        pytest.param(
            "worktree config",
        ),
    ],
)
def test_no_program_of_the_repositorys_configuration_runs(root, tmp_path, place, driver):
    program, trace = spy(tmp_path)
    (root / ".gitattributes").write_text("*.txt filter=%s diff=%s merge=%s\n" % ((driver.replace(" ", "-"),) * 3))
    git(root, "add", ".gitattributes")
    git(root, "commit", "-q", "-m", "attributes")
    name = driver.replace(" ", "-")
    file = root / ".git" / "config"
    if place == "included":
        file = tmp_path / "included.config"
        git(root, "config", "include.path", str(file))
    elif place == "worktree config":
        git(root, "config", "extensions.worktreeConfig", "true")
        file = root / ".git" / "config.worktree"
    for key in (
        "filter.{}.clean",
        "filter.{}.smudge",
        "filter.{}.process",
        "diff.{}.textconv",
        "diff.{}.command",
        "merge.{}.driver",
    ):
        git(root, "config", "--file", str(file), key.format(name), str(program))
    git(root, "config", "--file", str(file), f"filter.{name}.required", "true")
    git(root, "config", "--file", str(file), "core.fsmonitor", str(program))
    git(root, "config", "--file", str(file), "diff.external", str(program))
    git(root, "config", "--file", str(file), "core.pager", str(program))
    everything(Repository.open(root), tmp_path)
    assert not trace.exists(), trace.read_text()


def test_no_filter_runs_whose_name_holds_an_equals_sign(root, tmp_path):
    program, trace = spy(tmp_path)
    (root / ".gitattributes").write_text("*.txt filter=a=b\n")
    git(root, "add", ".gitattributes")
    git(root, "commit", "-q", "-m", "attributes")
    git(root, "config", "filter.a=b.smudge", str(program))
    everything(Repository.open(root), tmp_path)
    assert not trace.exists()


def test_with_a_merge_driver_switched_off_a_conflict_is_still_one(root, tmp_path):
    (root / ".gitattributes").write_text("*.txt merge=mine\n")
    git(root, "add", ".gitattributes")
    git(root, "commit", "-q", "-m", "attributes")
    git(root, "config", "merge.mine.driver", "true")
    repository = Repository.open(root)
    ours = commit_files(repository, tmp_path / "o", {"a.txt": "ours\ntwo\nthree\n"})
    theirs = commit_files(repository, tmp_path / "t", {"a.txt": "theirs\ntwo\nthree\n"})
    assert repository.merge(ours, theirs).conflicts == ("a.txt",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GIT_DIR", "/nonexistent"),
        ("GIT_WORK_TREE", "/tmp"),
        ("GIT_INDEX_FILE", "/nonexistent/index"),
        ("GIT_OBJECT_DIRECTORY", "/nonexistent"),
        ("GIT_NAMESPACE", "other"),
        ("GIT_CONFIG_COUNT", "x"),
        pytest.param(
            "GIT_COMMON_DIR",
            "/nonexistent",
        ),
        ("GIT_CONFIG_PARAMETERS", "'core.bare'='true'"),
        pytest.param(
            "GIT_CONFIG_PARAMETERS",
            "not quoted",
        ),
        pytest.param(
            "GIT_QUARANTINE_PATH",
            "/nonexistent",
        ),
        ("GIT_ICASE_PATHSPECS", "1"),
        ("GIT_CEILING_DIRECTORIES", "/"),
        ("GIT_AUTHOR_NAME", "somebody"),
        ("GIT_AUTHOR_DATE", "yesterday"),
        ("GIT_EXTERNAL_DIFF", "false"),
        ("GIT_DIFF_OPTS", "--unified=0"),
        ("GIT_CONFIG", "/nonexistent"),
        ("GIT_TRACE", "1"),
        ("LC_ALL", "de_DE.UTF-8"),
    ],
)
def test_what_a_surrounding_git_has_set_does_not_mislead(root, tmp_path, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    repository = Repository.open(root)
    commit = commit_files(repository, tmp_path / "w", {"a.txt": "1\n"})
    repository.set_branch("agent/A", commit)
    assert repository.root == root
    assert git(root, "rev-parse", "agent/A") == commit
    assert git(root, "show", "-s", "--format=%an", commit) == "nightwork"
    assert [change.path for change in repository.changes(repository.resolve("HEAD"), commit)] == ["a.txt"]


def test_the_users_own_ignore_list_does_not_hide_work(root, tmp_path, monkeypatch):
    (tmp_path / "xdg" / "git").mkdir(parents=True)
    (tmp_path / "xdg" / "git" / "ignore").write_text("new.txt\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    commit = commit_files(Repository.open(root), tmp_path / "w", {"new.txt": "n"})
    assert "new.txt" in files(Repository.open(root), commit)


def test_changes_tell_of_every_kind(root, repository, tmp_path):
    files = {
        "moved.txt": "one\ntwo\nthree\n",
        "a.txt": None,
        "b.txt": "b\nc\n",
        "picture.bin": b"\0\1\2" * 10,
        "a b\tc.txt": "x\n",
        "zwei\nzeilen.txt": "x\n",
        "größe.txt": "x\n",
        '"quoted".txt': "x\n",
        ":(top)x": "x\n",
    }
    commit = commit_files(repository, tmp_path / "w", files)
    found = {
        change.path: (change.status, change.added, change.deleted, change.old_path)
        for change in repository.changes(repository.resolve("HEAD"), commit)
    }
    assert found == {
        "moved.txt": ("R", 0, 0, "a.txt"),
        "b.txt": ("M", 1, 0, None),
        "picture.bin": ("A", None, None, None),
        **dict.fromkeys(("a b\tc.txt", "zwei\nzeilen.txt", "größe.txt", '"quoted".txt', ":(top)x"), ("A", 1, 0, None)),
    }
    assert list(found) == sorted(found)
    back = {change.path: change.status for change in repository.changes(commit, repository.resolve("HEAD"))}
    assert (back["b.txt"], back["picture.bin"]) == ("M", "D")


def test_a_name_that_is_no_unicode_does_not_stop_the_change(repository, tmp_path):
    repository.add_worktree(tmp_path / "w", repository.resolve("HEAD"))
    (tmp_path / "w" / "caf\udce9.txt").write_text("x\n")
    commit = repository.commit(repository.snapshot(tmp_path / "w"), [repository.resolve("HEAD")], "m\n", AT)
    (change,) = repository.changes(repository.resolve("HEAD"), commit)
    assert change.model_dump_json()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        pytest.param(b"x\n"),
        pytest.param(b"x\n\n"),
        pytest.param(b"\xff\0\r\n"),
    ],
    ids=repr,
)
def test_a_file_is_read_byte_for_byte(repository, tmp_path, content):
    commit = commit_files(repository, tmp_path / "w", {"f": content})
    assert repository.read(commit, "f") == content
    assert repository.read(commit, "none") is None
    assert repository.read(commit, "") is None


def test_restore_brings_paths_back_and_takes_new_ones_away(repository, tmp_path):
    path = tmp_path / "w"
    commit_files(repository, path, {"a.txt": "changed", "b.txt": None, "new.txt": "n", "keep.txt": "k"})
    repository.restore(path, repository.resolve("HEAD"), ["a.txt", "b.txt", "new.txt", "never.txt"])
    assert (path / "a.txt").read_text() == "one\ntwo\nthree\n"
    assert (path / "b.txt").read_text() == "b\n"
    assert not (path / "new.txt").exists()
    assert (path / "keep.txt").exists()


def test_restore_of_nothing_does_nothing(repository, tmp_path):
    path = tmp_path / "w"
    commit_files(repository, path, {"a.txt": "changed"})
    repository.restore(path, repository.resolve("HEAD"), [])
    assert (path / "a.txt").read_text() == "changed"


@pytest.mark.parametrize(
    "name",
    [pytest.param("new.toml"), "a.txt"],
)
def test_restore_takes_a_folder_away_that_stands_where_a_file_belongs(repository, tmp_path, name):
    path, head = tmp_path / "w", repository.resolve("HEAD")
    repository.add_worktree(path, head)
    (path / name).unlink(missing_ok=True)
    (path / name).mkdir()
    (path / name / "x").write_text("x")
    repository.restore(path, head, [name])
    assert (path / name).is_file() == (name == "a.txt")
    assert (path / name).exists() == (name == "a.txt")


def test_restore_never_reaches_outside_through_a_link(repository, tmp_path):
    path, head = tmp_path / "w", repository.resolve("HEAD")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "ruff.toml").write_text("mine")
    repository.add_worktree(path, head)
    (path / "config").symlink_to(tmp_path / "outside")
    repository.restore(path, head, ["config/ruff.toml"])
    assert (tmp_path / "outside" / "ruff.toml").read_text() == "mine"


@pytest.mark.parametrize(
    "name",
    [
        "[ab].txt",
        "*.txt",
        pytest.param(":weird"),
        pytest.param(":(glob)x"),
    ],
)
def test_restore_takes_a_path_as_it_is_written(repository, tmp_path, name):
    start = commit_files(repository, tmp_path / "s", {name: "start\n"})
    path = tmp_path / "w"
    commit_files(repository, path, {name: "changed", "a.txt": "changed"}, parent=start)
    repository.restore(path, start, [name])
    assert (path / name).read_text() == "start\n"
    assert (path / "a.txt").read_text() == "changed"


def test_a_merge_without_conflict_has_both_sides(repository, tmp_path):
    ours = commit_files(repository, tmp_path / "o", {"a.txt": "ONE\ntwo\nthree\n"})
    theirs = commit_files(repository, tmp_path / "t", {"b.txt": "B\n"})
    merged = repository.merge(ours, theirs)
    assert merged.conflicts == ()
    commit = repository.commit(merged.tree, [ours, theirs], "merge\n", AT)
    assert git(repository.root, "show", f"{commit}:a.txt").startswith("ONE")
    assert git(repository.root, "show", f"{commit}:b.txt") == "B"
    assert repository.is_ancestor(ours, commit)
    assert not repository.is_ancestor(commit, ours)


def test_a_merge_with_conflict_names_the_files(repository, tmp_path):
    ours = commit_files(repository, tmp_path / "o", {"a.txt": "ours\n", "ü b.txt": "1\n"})
    theirs = commit_files(repository, tmp_path / "t", {"a.txt": "theirs\n", "ü b.txt": "2\n"})
    assert sorted(repository.merge(ours, theirs).conflicts) == ["a.txt", "ü b.txt"]


def test_work_in_progress_is_kept_and_brought_back(repository, tmp_path):
    head = repository.resolve("HEAD")
    commit_files(repository, tmp_path / "w", {"a.txt": "half\n", "n.txt": "new\n", "b.txt": None})
    tree = repository.snapshot(tmp_path / "w")
    assert repository.keep_wip("A", tree, head, AT) == repository.keep_wip("A", tree, head, AT)
    repository.remove_worktree(tmp_path / "w")
    repository.add_worktree(tmp_path / "w", head, repository.wip("A", head))
    assert repository.snapshot(tmp_path / "w") == tree
    assert (tmp_path / "w" / "n.txt").read_text() == "new\n"
    assert not (tmp_path / "w" / "b.txt").exists()


def test_work_in_progress_of_another_start_or_none_is_left_alone(repository, tmp_path):
    head = repository.resolve("HEAD")
    later = commit_files(repository, tmp_path / "l", {"c.txt": "c\n"})
    assert repository.wip("A", head) is None
    repository.keep_wip("A", repository.tree(later), later, AT)
    assert repository.wip("A", head) is None
    repository.add_worktree(tmp_path / "w", head, repository.wip("A", head))
    assert repository.snapshot(tmp_path / "w") == repository.tree(head)
    repository.drop_wip("A")
    repository.drop_wip("A")
    assert git(repository.root, "for-each-ref", "refs/nightwork/") == ""


def test_a_repository_is_made_of_a_folder(tmp_path):
    (tmp_path / "f.txt").write_text("x")
    assert files(Repository.create(tmp_path, "first"), "HEAD") == ["f.txt"]


def changed_lines(repository, tmp_path, files, limit=1_000_000):
    base = repository.resolve("HEAD")
    commit = commit_files(repository, tmp_path / "w", files)
    return repository.line_changes(base, commit, repository.changes(base, commit), limit)


def test_changed_lines_are_told_by_path_with_their_numbers(repository, tmp_path):
    files = {"a.txt": "one\nTWO\nthree\nfour", 'n/\u00e9 "x"\t.txt': "new\n", "b.txt": None}
    found = changed_lines(repository, tmp_path, files)
    assert found["a.txt"].added == ((2, "TWO"), (4, "four"))
    assert found["a.txt"].removed == ("two",)
    assert found['n/\u00e9 "x"\t.txt'].added == ((1, "new"),)
    assert found["b.txt"].removed == ("b",)


def test_lines_of_a_difference_that_look_like_its_headers_are_lines(repository, tmp_path):
    text = "diff --git a/x b/x\n@@ -1 +9 @@\n--- a/x\n+++ b/x\n"
    found = changed_lines(repository, tmp_path, {"a.txt": text, "c.txt": "c\n"})
    assert [line for _, line in found["a.txt"].added] == text.splitlines()
    assert found["c.txt"].added == ((1, "c"),)


def test_neither_attributes_nor_bytes_hide_changed_lines(repository, tmp_path):
    (repository.root / ".gitattributes").write_text("* -diff\n")
    found = changed_lines(repository, tmp_path, {"a.txt": b"one\0\nx\n"})
    assert found["a.txt"].added == ((1, "one\0"), (2, "x"))


def test_lines_of_a_file_that_became_a_link_belong_to_it(repository, tmp_path):
    base = repository.resolve("HEAD")
    repository.add_worktree(tmp_path / "w", base)
    (tmp_path / "w" / "a.txt").unlink()
    (tmp_path / "w" / "a.txt").symlink_to("b.txt")
    commit = commit_files(repository, tmp_path / "w", {"b.txt": "c\n"})
    found = repository.line_changes(base, commit, repository.changes(base, commit), 100)
    assert found["a.txt"].added == ((1, "b.txt"),)
    assert found["b.txt"].added == ((1, "c"),)


def test_large_files_are_not_compared_by_line(repository, tmp_path):
    assert set(changed_lines(repository, tmp_path, {"a.txt": "x" * 101, "c.txt": "c"}, limit=100)) == {"c.txt"}


def test_copies_are_found_in_files_that_did_not_change(repository, tmp_path):
    text = "".join(f"line {n}\n" for n in range(40))
    first = commit_files(repository, tmp_path / "w", {"long.txt": text})
    second = commit_files(repository, tmp_path / "v", {"copy.txt": text + "more\n", "other.txt": "o\n"}, first)
    assert repository.copies(first, second) == {"copy.txt": "long.txt"}


def test_a_folder_of_gate_configuration_is_as_on_the_base(repository, tmp_path, root):
    (root / "config").mkdir()
    (root / "config" / "a.cfg").write_text("base\n")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "config")
    base = repository.resolve("HEAD")
    changed = commit_files(repository, tmp_path / "w", {"config/a.cfg": "mine\n", "config/b.cfg": "mine\n"})
    repository.add_worktree(tmp_path / "g", changed)
    repository.restore(tmp_path / "g", base, ["config", "missing"])
    assert sorted(path.name for path in (tmp_path / "g" / "config").iterdir()) == ["a.cfg"]
    assert (tmp_path / "g" / "config" / "a.cfg").read_text() == "base\n"


def test_what_is_written_outside_of_a_sparse_checkout_is_kept(repository, tmp_path):
    commit = commit_files(repository, tmp_path / "first", {"in/f": "x\n", "out/f": "x\n", "out/g": "x\n"})
    git(repository.root, "checkout", "--quiet", "--detach", commit)
    git(repository.root, "sparse-checkout", "set", "in")
    worktree = tmp_path / "second"
    repository.add_worktree(worktree, commit)
    assert not (worktree / "out").exists()
    (worktree / "out").mkdir()
    (worktree / "out" / "f").write_text("changed\n")
    (worktree / "out" / "new").write_text("new\n")
    tree = repository.snapshot(worktree)
    assert {entry.path for entry in repository.entries(repository.tree(commit), tree)} == {"out/f", "out/new"}


def test_clones_that_are_one_have_one_identity_and_everything_else_has_its_own(root, repository, tmp_path):
    own = repository.identity()
    assert str(root) in own
    (root / "docs").mkdir()
    assert Repository(root / "docs").identity() != own
    assert Repository(tmp_path).identity().endswith(str(tmp_path)), "no repository at all"
    clones = [tmp_path / name for name in ("one", "two")]
    for clone in clones:
        git(tmp_path, "clone", "--quiet", str(root), clone.name)
        git(clone, "config", "nightwork.source", "https://git.example.org/shop.git")
        (clone / "docs").mkdir()
    assert len({Repository.open(clone).identity() for clone in clones}) == 1
    assert len({Repository(clone / "docs").identity() for clone in clones}) == 1
    assert Repository(clones[0] / "docs").identity() != Repository(clones[0]).identity()
