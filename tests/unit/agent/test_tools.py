from __future__ import annotations

import itertools
import os
import tempfile
from pathlib import Path

import pytest

from nightwork.agent.assignment import Clock, TimedOut
from nightwork.agent.tools import Refused, Toolbox
from nightwork.agent.trajectory import Trajectory
from nightwork.files import write_atomically
from nightwork.llm import ToolCall
from nightwork.sandbox import Confinement, Unconfined, open_sandbox, why_unconfined

NOTES = Path(tempfile.gettempdir()) / "nightwork-tests-running"

numbers = itertools.count()


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "w"
    (root / "src").mkdir(parents=True)
    (root / ".git").write_text("gitdir: elsewhere\n")
    (root / "a.txt").write_text("one\ntwo\ntwo\n")
    (root / "src" / "b.py").write_text("b = 1\n")
    (tmp_path / "secret.txt").write_text("secret\n")
    return root


def toolbox(root, limit_s=60):
    log = Trajectory(root.parent / "log" / "trajectory.jsonl")
    log.path.parent.mkdir(exist_ok=True)
    return Toolbox(root, Unconfined(NOTES), Clock(limit_s), 5, log)


def use(root, name, *, read_only=False, call_id=None, **given):
    call = ToolCall(id=call_id or f"call-{next(numbers)}", name=name, input=given)
    return toolbox(root).use(call, read_only)


OUTSIDE = [
    "..",
    "../secret.txt",
    "/etc/passwd",
    "src/../../secret.txt",
    "link/secret.txt",
    "file-link",
    "absolute-link",
]
GIT = [".git", ".git/config", ".GIT/config", "src/.Git/hooks/x", "src/../.git", "git-link"]
WRONG = ["a\0b", "a.txt/below/more", "\ud800", "src", "pipe"]


@pytest.mark.parametrize("path", [*OUTSIDE, *GIT, *WRONG], ids=ascii)
@pytest.mark.parametrize("tool", ["list", "search", "view", "edit"])
def test_a_path_that_is_not_for_agents_is_refused_by_every_tool(root, tool, path):
    (root / "link").symlink_to(root.parent)
    (root / "file-link").symlink_to("../secret.txt")
    (root / "absolute-link").symlink_to(root.parent / "secret.txt")
    (root / "git-link").symlink_to(".git")
    __import__("os").mkfifo(root / "pipe")
    if (path == "src" and tool in {"list", "search"}) or (path == "pipe" and tool == "search"):
        return
    given = {"search": {"pattern": "."}, "edit": {"old": "", "new": "x"}}.get(tool, {})
    with pytest.raises(Refused):
        use(root, tool, path=path, **given)
    assert (root.parent / "secret.txt").read_text() == "secret\n"
    assert (root / ".git").read_text() == "gitdir: elsewhere\n"


def test_the_list_shows_files_and_neither_git_nor_caches(root):
    (root / "__pycache__").mkdir()
    (root / "__pycache__" / "x.pyc").write_text("")
    assert use(root, "list").splitlines() == ["a.txt", "src/b.py"]
    assert use(root, "list", path="src") == "src/b.py"


def test_a_search_tells_file_line_and_text(root):
    assert use(root, "search", pattern="b *=") == "./src/b.py:1:b = 1"
    assert use(root, "search", pattern="gitdir|nothing") == "(no match)"
    assert use(root, "search", pattern="-e", path="src") == "(no match)"
    with pytest.raises(Refused, match="search"):
        use(root, "search", pattern="(")


def test_a_search_does_not_follow_links_to_outside(root):
    (root / "link").symlink_to(root.parent)
    assert use(root, "search", pattern="secret") == "(no match)"


def test_a_view_has_line_numbers_and_parts(root):
    assert use(root, "view", path="a.txt") == "1\tone\n2\ttwo\n3\ttwo"
    assert use(root, "view", path="a.txt", start=2, end=2) == "2\ttwo\n... 1 more lines"
    assert use(root, "view", path="a.txt", start=9) == "(empty)"
    with pytest.raises(Refused):
        use(root, "view", path="none.txt")
    with pytest.raises(Refused):
        use(root, "view", path="a.txt", start=0)
    (root / "x.bin").write_bytes(b"\xff\xfe")
    with pytest.raises(Refused):
        use(root, "view", path="x.bin")


def test_an_edit_replaces_what_stands_there_exactly_once(root):
    assert use(root, "edit", path="a.txt", old="one", new="1") == "a.txt changed"
    assert (root / "a.txt").read_text() == "1\ntwo\ntwo\n"
    with pytest.raises(Refused, match="occurs 2 times"):
        use(root, "edit", path="a.txt", old="two", new="2")
    with pytest.raises(Refused, match="occurs 0 times"):
        use(root, "edit", path="a.txt", old="three", new="3")
    with pytest.raises(Refused, match="exists and is not empty"):
        use(root, "edit", path="a.txt", old="", new="all")
    assert (root / "a.txt").read_text() == "1\ntwo\ntwo\n"


def test_an_edit_makes_new_files_with_their_folders(root):
    use(root, "edit", path="new/deep/c.py", old="", new="c = 1\r\n")
    assert (root / "new" / "deep" / "c.py").read_bytes() == b"c = 1\r\n"
    assert not list(root.rglob("*.tmp"))


def test_an_edit_keeps_line_endings_and_mode(root):
    (root / "a.txt").write_bytes(b"one\r\ntwo\r\n")
    (root / "a.txt").chmod(0o755)
    use(root, "edit", path="a.txt", old="two", new="2")
    assert (root / "a.txt").read_bytes() == b"one\r\n2\r\n"
    assert (root / "a.txt").stat().st_mode & 0o777 == 0o755


def test_an_edit_through_a_link_inside_changes_what_it_points_to(root):
    (root / "alias").symlink_to("a.txt")
    use(root, "edit", path="alias", old="one", new="1")
    assert (root / "alias").is_symlink()
    assert (root / "a.txt").read_text().startswith("1")


@pytest.mark.parametrize(("old", "new"), [("one", "one one"), ("one", "one"), ("two\ntwo", "two\ntwo\ntwo")])
def test_an_edit_that_is_repeated_after_a_kill_is_applied_once(root, old, new):
    use(root, "edit", call_id="C2-0-0", path="a.txt", old=old, new=new)
    once = (root / "a.txt").read_text()
    assert use(root, "edit", call_id="C2-0-0", path="a.txt", old=old, new=new) == "a.txt changed"
    assert (root / "a.txt").read_text() == once


def test_an_edit_whose_intent_alone_was_noted_is_applied(root):
    before = (root / "a.txt").read_text()
    use(root, "edit", call_id="C2-0-0", path="a.txt", old="one", new="1")
    (root / "a.txt").write_text(before)
    use(root, "edit", call_id="C2-0-0", path="a.txt", old="one", new="1")
    assert (root / "a.txt").read_text() == "1\ntwo\ntwo\n"


@pytest.mark.parametrize(
    ("tool", "given"), [("edit", {"path": "a.txt", "old": "one", "new": "1"}), ("run", {"command": ["touch", "x"]})]
)
def test_a_stage_that_only_reads_refuses_what_writes(root, tool, given):
    with pytest.raises(Refused, match="not allowed"):
        use(root, tool, read_only=True, **given)
    assert not (root / "x").exists()
    assert use(root, "view", read_only=True, path="src/b.py") == "1\tb = 1"


def test_a_command_tells_its_exit_code_and_output(root):
    assert use(root, "run", command=["sh", "-c", "pwd; exit 3"]) == f"exit code 3\n{root}"
    assert "could not be started" in use(root, "run", command=["no-such-command"])


def test_a_long_answer_is_cut_in_the_middle(root):
    (root / "long.txt").write_text("x" * 100_000)
    answer = use(root, "view", path="long.txt")
    assert "characters left out" in answer
    assert len(answer) < 31_000


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("fly", {}),
        ("view", {}),
        ("view", {"path": 3}),
        ("view", {"path": "a", "x": 1}),
        ("run", {"command": []}),
        ("run", {"command": "ls"}),
    ],
)
def test_a_call_that_is_none_is_refused(root, tool, given):
    with pytest.raises(Refused):
        use(root, tool, **given)


def test_a_command_ends_when_the_tickets_time_is_over(root):
    with pytest.raises(TimedOut):
        toolbox(root, limit_s=0).use(ToolCall(id="x", name="run", input={"command": ["true"]}), False)
    said = toolbox(root, limit_s=0.3).use(ToolCall(id="x", name="run", input={"command": ["sleep", "60"]}), False)
    assert "its time limit" in said


@pytest.mark.parametrize("tool", ["list", "search", "view", "edit"])
@pytest.mark.parametrize("path", ["loop", "loop/x"])
def test_a_link_to_itself_is_refused(root, tool, path):
    (root / "loop").symlink_to("loop")
    given = {"search": {"pattern": "."}, "edit": {"old": "", "new": "x"}}.get(tool, {})
    with pytest.raises(Refused):
        use(root, tool, path=path, **given)


@pytest.mark.parametrize(
    ("tool", "path"), [("list", "x" * 300), ("view", "x" * 300), ("edit", "x" * 300), ("edit", "a.txt/below")]
)
def test_a_path_that_the_file_system_refuses_is_refused(root, tool, path):
    given = {"edit": {"old": "", "new": "x"}}.get(tool, {})
    with pytest.raises(Refused):
        use(root, tool, path=path, **given)


class Swapping(Trajectory):
    """A trajectory that lets a command swap a folder for a link between the look at a file and its edit."""

    def intend(self, call_id, digest):
        super().intend(call_id, digest)
        (self.root / "src").rename(self.root / "kept")
        (self.root / "src").symlink_to(self.root.parent / "outside")


def test_a_folder_swapped_for_a_link_during_an_edit_leads_nowhere(root):
    outside = root.parent / "outside"
    outside.mkdir()
    log = Swapping(root.parent / "log" / "trajectory.jsonl")
    log.path.parent.mkdir()
    log.root = root
    tools = Toolbox(root, Unconfined(NOTES), Clock(60), 5, log)
    with pytest.raises(Refused):
        tools.use(ToolCall(id="x", name="edit", input={"path": "src/b.py", "old": "1", "new": "2"}), False)
    assert not list(outside.iterdir())
    write_atomically(root / "src" / "b.py", "2")
    assert list(outside.iterdir())  # what looks at paths alone would have


def test_an_edit_does_not_write_through_a_second_name(root):
    os.link(root.parent / "secret.txt", root / "both.txt")
    use(root, "edit", path="both.txt", old="secret", new="open")
    assert (root / "both.txt").read_text() == "open\n"
    assert (root.parent / "secret.txt").read_text() == "secret\n"


@pytest.mark.parametrize("path", [".git ", ".git./config", "git~1", "src/.g\u200cit/config", ".git::$INDEX_ALLOCATION"])
def test_an_edit_of_the_repository_by_another_of_its_names_is_refused(root, path):
    with pytest.raises(Refused, match="belongs to git"):
        use(root, "edit", path=path, old="", new="x")


def test_in_the_sandbox_no_answer_shows_the_path_of_the_host(root, tmp_path):
    if why_unconfined(Confinement()):
        pytest.skip(why_unconfined(Confinement()))
    log = Trajectory(tmp_path / "trajectory.jsonl")
    tools = Toolbox(root, open_sandbox(tmp_path / "state"), Clock(60), 5, log)
    (root / "link").symlink_to(tmp_path)
    calls = [
        ("list", {"path": "link"}),
        ("list", {}),
        ("search", {"pattern": "o"}),
        ("search", {"pattern": "("}),
        ("view", {"path": "none"}),
        ("view", {"path": "a.txt"}),
        ("edit", {"path": "a.txt/x", "old": "", "new": "x"}),
        ("run", {"command": ["sh", "-c", "pwd; env; cat /proc/1/cmdline; ls /tmp; cat no; git status; python3 no.py"]}),
        ("run", {"command": ["none"]}),
    ]  # fmt: skip
    for number, (name, given) in enumerate(calls):
        try:
            said = tools.use(ToolCall(id=str(number), name=name, input=given), False)
        except Refused as error:
            said = str(error)
        assert str(tmp_path) not in said
    assert use(root, "run", command=["pwd"]) == f"exit code 0\n{root}"  # as it is without the sandbox
