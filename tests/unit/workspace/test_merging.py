"""Merges of many pairs in one git process, against git itself, on hostile and on random histories."""

from __future__ import annotations

import random
import subprocess
from itertools import combinations

import pytest

from nightwork.change import Change
from nightwork.errors import GitError
from nightwork.together import unproven_pairs
from nightwork.workspace import Repository

PLAIN = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
FILE, EXECUTABLE, LINK, MODULE = "100644", "100755", "120000", "160000"
TEN = "".join(f"line {number}\n" for number in range(10))


def git(root, *arguments, stdin=b"", check=True):
    return subprocess.run(["git", *arguments], cwd=root, env=PLAIN, input=stdin, capture_output=True, check=check)


class History:
    """A repository whose commits are made from dictionaries {path: content, or (mode, content)}."""

    def __init__(self, root):
        self.root = root
        git(root, "init", "--quiet", "--initial-branch=main")
        self.count = 0

    def commit(self, files, parent=None):
        self.count += 1
        name = f"refs/heads/c{self.count}"
        stream = [f"commit {name}\ncommitter u <u@x> {1_700_000_000 + self.count} +0000\ndata 1\n.\n".encode()]
        stream += [f"from {parent}\n".encode()] if parent else []
        stream += [b"deleteall\n"]
        for path, entry in sorted(files.items()):
            mode, content = entry if isinstance(entry, tuple) else (FILE, entry)
            quoted = b'"' + path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
            if mode == MODULE:
                stream.append(b"M 160000 " + content.encode() + b" " + quoted + b"\n")
                continue
            data = content if isinstance(content, bytes) else content.encode()
            stream.append(f"M {mode} inline ".encode() + quoted + f"\ndata {len(data)}\n".encode() + data + b"\n")
        git(self.root, "fast-import", "--quiet", "--force", stdin=b"".join(stream))
        return git(self.root, "rev-parse", name).stdout.decode().strip()

    def repository(self):
        return Repository(self.root)

    def pair(self, base, ours, theirs):
        """Return the changes of two branches on one base."""
        start = self.commit(base)
        return [
            self.change(start, self.commit(files, start), name)
            for name, files in zip("AB", (ours, theirs), strict=True)
        ]

    def change(self, start, commit, name):
        files = tuple(self.repository().changes(start, commit))
        return Change(
            ticket=name,
            attempt=1,
            title=name,
            branch=f"agent/{name}",
            parent=start,
            origin=start,
            commit=commit,
            tree="0" * 40,
            files=files,
        )

    def by_git(self, one, other):
        """Return (clean, tree, files) as git tells it for this pair alone."""
        options = ("--write-tree", "--name-only", "--no-messages", "-z")
        done = git(self.root, "merge-tree", *options, one, other, check=False)
        assert done.returncode in (0, 1), done.stderr
        tree, *files = done.stdout.decode("utf-8", "replace").rstrip("\0").split("\0")
        return done.returncode == 0, tree, tuple(files)


@pytest.fixture
def history(tmp_path):
    return History(tmp_path)


def test_many_pairs_are_merged_in_one_go_and_answered_in_their_order(history):
    start = history.commit({b"a": TEN, b"b": "b\n"})
    ours = history.commit({b"a": TEN + "ours\n", b"b": "b\n"}, start)
    theirs = history.commit({b"a": TEN + "theirs\n", b"b": "b\n"}, start)
    other = history.commit({b"a": TEN, b"b": "B\n"}, start)
    pairs = [(ours, theirs), (ours, other), (theirs, ours), (ours, ours), (start, other), (ours, theirs)]
    found = history.repository().merge_all(pairs)
    assert [merge.is_clean for merge in found] == [False, True, False, True, True, False]
    assert [merge.conflicts for merge in found] == [("a",), (), ("a",), (), (), ("a",)]
    assert found[4].tree == history.repository().tree(other)
    assert history.repository().merge_all([]) == []


HOSTILE = [
    b"new\nline",
    b"tab\t and  spaces ",
    b'quote " and \\ back',
    b"-rf",
    b"0",
    b"1",
    "ü/\u202e.txt".encode(),
    b"caf\xe9",
    b"\x1b[31mred",
    b":(glob)*",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_files_in_conflict_are_told_whatever_their_names(history, name):
    start = history.commit({name: "start\n", b"z": "z\n"})
    ours, theirs = (history.commit({name: text, b"z": f"{text}z"}, start) for text in ("ours\n", "theirs\n"))
    (found, clean) = history.repository().merge_all([(ours, theirs), (ours, ours)])
    assert sorted(found.conflicts) == sorted([name.decode("utf-8", "replace"), "z"])
    assert (found.is_clean, clean.is_clean) == (False, True)


def test_only_full_commit_hashes_are_merged(history):
    commit = history.commit({b"a": "a"})
    for wrong in ("HEAD", commit[:12], f"{commit}\n{commit}", f"-{commit[1:]}", ""):
        with pytest.raises(ValueError, match="no full commit hash"):
            history.repository().merge_all([(commit, wrong)])


def test_a_commit_that_is_not_there_ends_in_a_git_error(history):
    commit = history.commit({b"a": "a"})
    with pytest.raises(GitError, match="merge-tree"):
        history.repository().merge_all([(commit, commit), (commit, "1" * 40)])


def test_histories_without_a_common_commit_do_not_end_the_other_merges(history):
    one, other = history.commit({b"a": "a"}), history.commit({b"a": "b"})
    found = history.repository().merge_all([(one, other), (one, one)])
    assert [(merge.is_clean, merge.conflicts) for merge in found] == [(False, ("a",)), (True, ())]


def test_a_submodule_that_the_repository_says_to_ignore_counts_as_changed(history):
    (history.root / ".gitmodules").write_text('[submodule "m"]\n\tpath = m\n\turl = ./m\n\tignore = all\n')
    start = history.commit({b"m": (MODULE, "1" * 40)})
    moved = history.commit({b"m": (MODULE, "2" * 40)}, start)
    assert [file.path for file in history.repository().changes(start, moved)] == ["m"]


FOLDER = {b"d/x": TEN, b"d/y": TEN.upper(), b"top": "top\n"}
MOVED = {b"e/x": TEN, b"e/y": TEN.upper(), b"top": "top\n"}


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        pytest.param(FOLDER, MOVED, {**FOLDER, b"d/z": "z\n"}, id="a file is added in a folder that was renamed"),
        pytest.param(FOLDER, {b"d": "file\n", b"top": "top\n"}, FOLDER, id="nothing on one side"),
        pytest.param(
            {b"top": "t\n"}, {b"top": "t\n", b"d": "f\n"}, {b"top": "t\n", b"d/x": "f\n"}, id="file and folder"
        ),
        pytest.param({b"f": b"\0one"}, {b"f": b"\0two"}, {b"f": b"\0three"}, id="binary"),
        pytest.param({b"f": TEN}, {b"f": (EXECUTABLE, TEN)}, {b"f": TEN + "more\n"}, id="mode against content"),
        pytest.param({b"f": TEN}, {b"f": (LINK, "g")}, {b"f": TEN + "more\n"}, id="link against content"),
        pytest.param({b"f": TEN}, {b"g": TEN}, {b"f": TEN + "more\n"}, id="rename against content"),
        pytest.param({b"f": TEN}, {b"g": TEN}, {b"h": TEN}, id="two renames of one file"),
        pytest.param(
            {b"f": TEN, b"o": "o"}, {b"g": TEN, b"o": "o"}, {b"f": TEN, b"g": "n\n", b"o": "o"}, id="rename onto"
        ),
        pytest.param({b"f": TEN}, {}, {b"f": TEN + "more\n"}, id="deleted against changed"),
        pytest.param(
            {b"m": (MODULE, "1" * 40)}, {b"m": (MODULE, "2" * 40)}, {b"m": (MODULE, "3" * 40)}, id="submodule"
        ),
    ],
)
def test_what_git_calls_a_conflict_is_never_left_out(history, base, ours, theirs):
    pair = history.pair(base, ours, theirs)
    one, other = (change.commit for change in pair)
    (found,) = history.repository().merge_all([(one, other)])
    clean, tree, files = history.by_git(one, other)
    assert (found.is_clean, found.tree, found.conflicts) == (clean, tree, files)
    assert found.is_clean or unproven_pairs(pair)


def test_a_folder_renamed_on_one_side_and_grown_on_the_other_is_a_conflict(history):
    pair = history.pair(FOLDER, MOVED, {**FOLDER, b"d/z": "z\n"})
    (found,) = history.repository().merge_all([tuple(change.commit for change in pair)])
    assert (found.is_clean, found.conflicts) == (False, ("e/z",))
    assert len(unproven_pairs(pair)) == 1


def test_a_pair_over_which_git_crashes_is_a_conflict_and_takes_no_other_along(history):
    base = {b"d/x": "x\n" + TEN, b"d/s/x": "sx\n" + TEN, b"d/s/y": "sy\n" + TEN}
    moved = {path.replace(b"d/", b"e/", 1): text for path, text in base.items()}
    start = history.commit(base)
    ours = history.commit({b"d/x": base[b"d/x"], b"d/s": base[b"d/s/x"]}, start)
    theirs = history.commit(moved, start)
    found = history.repository().merge_all([(start, ours), (ours, theirs), (start, theirs), (ours, theirs)])
    assert [merge.is_clean for merge in found] == [True, False, True, False]


NAMES = [b"a", b"b", b"lib", b"d/x", b"d/y", b"d/sub/x", b"d/sub/y", b"e/x", b"e/y", b"e/f/g/h"]


def changed(files, chance):
    """Return the files after one random edit of the kinds that git's merge treats apart."""
    files = dict(files)
    paths = sorted(files)
    kind = chance.choice(
        ["edit", "edit", "edit", "add", "add", "delete", "move", "move folder", "mode", "binary", "file"]
    )
    path = chance.choice(paths) if paths else b"a"
    place = (
        b"/".join(chance.sample([b"d", b"e", b"d/sub", b"new", b"lib"], 1)) + b"/n" + str(chance.randrange(4)).encode()
    )
    content = f"{chance.random()}\n" + TEN
    if kind == "edit" and paths and isinstance(files[path], str):
        lines = files[path].splitlines(keepends=True)
        lines[chance.randrange(len(lines))] = f"changed {chance.randrange(3)}\n"
        files[path] = "".join(lines)
    elif kind == "add":
        put(files, place, content)
    elif kind == "delete" and len(paths) > 1:
        del files[path]
    elif kind == "move" and paths:
        put(files, place, files.pop(path))
    elif kind == "move folder" and paths:
        folder = path.rpartition(b"/")[0] or b"d"
        target = chance.choice([b"moved", b"e", b"d/sub", b"new"])
        for old in [old for old in paths if old.startswith(folder + b"/")]:
            put(files, target + old[len(folder) :], files.pop(old))
    elif kind == "mode" and paths:
        files[path] = (chance.choice([EXECUTABLE, LINK]), "target")
    elif kind == "binary":
        put(files, path, b"\0" + str(chance.random()).encode())
    elif kind == "file":
        put(files, path.rpartition(b"/")[0] or b"lib", content)
    return files


def put(files, path, content):
    """Put a file in place; whatever is in its way goes."""
    for other in list(files):
        if other == path or other.startswith(path + b"/") or path.startswith(other + b"/"):
            del files[other]
    files[path] = content


@pytest.mark.parametrize("seed", range(12))
def test_the_pairs_that_are_left_out_have_no_conflict(history, seed):
    chance = random.Random(seed)
    base = {name: f"{name!r}\n" + TEN for name in NAMES}
    start = history.commit(base)
    changes = []
    for number in range(14):
        files = base
        for _ in range(chance.choice([1, 1, 1, 2, 3])):
            files = changed(files, chance)
        changes.append(history.change(start, history.commit(files, start), f"T{number}"))
    pairs = list(combinations(changes, 2))
    found = history.repository().merge_all([(one.commit, other.commit) for one, other in pairs])
    conflicts = {
        (one.ticket, other.ticket) for (one, other), merge in zip(pairs, found, strict=True) if not merge.is_clean
    }
    asked = {(one.ticket, other.ticket) for one, other in unproven_pairs(changes)}
    assert conflicts <= asked
    assert conflicts
    assert len(asked) < len(pairs)
