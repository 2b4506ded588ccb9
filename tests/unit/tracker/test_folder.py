from __future__ import annotations

import pytest

from nightwork.errors import BadInput
from nightwork.tracker import open_tracker
from nightwork.tracker.folder import FolderTracker

GOOD = "---\nid: {0}\ntitle: t\nlabels: [ready-for-agent]\n---\n## Acceptance criteria\n- works\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tickets").mkdir()
    for name in ("B-1", "A-1"):
        (tmp_path / "tickets" / f"{name}.md").write_text(GOOD.format(name))
    return tmp_path / "tickets"


def test_tickets_come_in_the_order_of_their_files(folder):
    found = FolderTracker(folder).fetch()
    assert [(where, ticket.id) for where, ticket in found.tickets] == [
        ("tickets/A-1.md", "A-1"),
        ("tickets/B-1.md", "B-1"),
    ]
    assert found.unreadable == ()


def test_what_is_no_ticket_is_passed_over(folder):
    for name in ("README.md", "readme.md", "Template.md", "notes.txt"):
        (folder / name).write_text("x")
    (folder / "deep").mkdir()
    (folder / "deep" / "C-1.md").write_text(GOOD.format("C-1"))
    assert len(FolderTracker(folder).fetch().tickets) == 2
    assert FolderTracker(folder).fetch().unreadable == ()


def make(path, kind):
    if kind == "link to outside":
        path.symlink_to("/etc/passwd")
    elif kind == "dangling link":
        path.symlink_to("nowhere.md")
    elif kind == "link to itself":
        path.symlink_to(path.name)
    elif kind == "folder":
        path.mkdir()
    elif kind == "large":
        path.write_text("x" * 1_000_001)
    elif kind == "no text":
        path.write_bytes(b"---\nid: \xff\n---\n")
    else:
        path.write_text(kind)


@pytest.mark.parametrize(
    "kind",
    [
        "link to outside",
        "dangling link",
        pytest.param("link to itself"),
        "folder",
        "large",
        "no text",
        "",
        pytest.param("---\n\x01\n---\n"),
        "---\nid: C\n---\n",
    ],
    ids=ascii,
)
def test_a_faulty_file_is_told_and_the_others_go_on(folder, kind):
    make(folder / "C-1.md", kind)
    found = FolderTracker(folder).fetch()
    assert [ticket.id for _, ticket in found.tickets] == ["A-1", "B-1"]
    ((where, faults),) = found.unreadable
    assert where == "tickets/C-1.md"
    assert all(fault.where.startswith("tickets/C-1.md") for fault in faults)


def test_a_link_inside_the_folder_is_read(folder):
    (folder / "C-1.md").symlink_to("A-1.md")
    assert len(FolderTracker(folder).fetch().tickets) == 3


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadInput, match="no such folder of tickets"):
        open_tracker("tickets", tmp_path).fetch()


def test_a_source_is_a_folder_of_the_repository_or_absolute(folder, tmp_path):
    assert open_tracker("tickets", tmp_path).folder == folder
    assert open_tracker(str(folder), tmp_path / "elsewhere").folder == folder
    with pytest.raises(BadInput, match="no tracker 'jira'"):
        open_tracker("jira:PROJ", tmp_path)
