from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightwork.errors import BadInput
from nightwork.track.patterns import checked_name, path_of
from nightwork.track.track import open_track
from nightwork.workspace import Repository

NAMED = """\
documents:
  pattern: "{number:02}-{name}.md"
  names: [intro, loops, the end]
"""
BESIDE = """\
documents: {pattern: "{number:02}-{name}.md"}
sidecars: [{name: quiz, path: "{number:02}-{name}.quiz.md"}]
research: {path: "{number:02}-{name}.research.md"}
"""


def test_modules_are_the_files_that_have_the_form_of_the_pattern_in_the_order_of_their_numbers(course):
    folder = course(files=("lessons/10-ten.md", "lessons/02-two.md", "lessons/README.md", "lessons/01-a b.md", "x.md"))
    track = open_track(str(folder))
    assert [(module.number, module.name, module.id) for module in track.modules] == [
        (1, "a b", "001-a-b"),
        (2, "two", "002-two"),
        (10, "ten", "010-ten"),
    ]
    assert track.modules[0].document == folder / "lessons" / "01-a b.md"
    assert (track.name, track.root, track.folder) == ("course", folder, folder)


def test_listed_documents_may_be_missing(course):
    track = open_track(str(course(NAMED, ("02-loops.md",))))
    assert [(module.id, module.document.exists()) for module in track.modules] == [
        ("001-intro", False),
        ("002-loops", True),
        ("003-the-end", False),
    ]


def test_a_file_beside_a_document_is_no_document(course):
    track = open_track(str(course(BESIDE, ("01-a.md", "01-a.quiz.md", "01-a.research.md", "02-b.md", "02-b.quiz.md"))))
    assert [module.id for module in track.modules] == ["001-a", "002-b"]
    assert track.modules[1].research == track.folder / "02-b.research.md"
    assert set(track.modules[0].files()) == {"document", "quiz", "research"}


@pytest.mark.parametrize(
    ("pattern", "files", "ids"),
    [
        ("{number}.md", ("1.md", "2.md"), ["001", "002"]),
        ("{number:02}-{name}/lesson.md", ("01-a/lesson.md", "01-a/x.md", "02-b/none.md"), ["001-a"]),
        ("{name}/{number:03} {name}.md", ("a/001 a.md", "a/002 b.md"), ["001-a"]),
        ("глава {number}. {name}.md", ("глава 1. Über größe.md",), ["001-Über-größe"]),
    ],
)
def test_number_and_name_may_stand_anywhere_in_the_pattern(course, pattern, files, ids):
    track = open_track(str(course(f'documents: {{pattern: "{pattern}"}}', files)))
    assert [module.id for module in track.modules] == ids


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ((), "no file has the form"),
        (("lessons/01-a.md", "lessons/01-b.md"), "number 1 stands for lessons/01-a.md and lessons/01-b.md"),
        (("lessons/1-a.md",), "the pattern writes this number otherwise: lessons/01-a.md"),
        (("lessons/00-a.md",), "numbered from 1"),
        (("lessons/20240101-a.md",), "numbered from 1 to 99,999"),
        (("lessons/01-a;rm.md",), "a name holds letters"),
        (("lessons/01-a\x1b[31m.md",), "a name holds letters"),
        (("lessons/01-a\u202eb.md",), "a name holds letters"),
        (("lessons/01-{number}.md",), "a name holds letters"),
        (("lessons/01--a.md",), "a name begins with a letter"),
        (("lessons/01-a..b.md",), "a name begins with a letter"),
        (("lessons/01-a .md",), "a name begins with a letter"),
    ],
)
def test_files_that_cannot_be_documents_are_faults(course, faults, files, word):
    told = faults(course(files=files))
    assert any(word in problem for _, problem in told), told
    assert all("\x1b" not in problem and "\u202e" not in problem for _, problem in told)


def test_a_name_that_is_no_text_is_a_fault(course, faults):
    folder = course()
    (folder / "lessons" / os.fsdecode(b"04-\xff.md")).write_text("x")
    assert any("a name holds letters" in problem for _, problem in faults(folder))


def link_document(folder):
    (folder / "lessons" / "04-link.md").symlink_to("01-intro.md")


def link_folder(folder):
    (folder / "lessons").rename(folder / "elsewhere")
    (folder / "lessons").symlink_to("elsewhere")


def folder_as_document(folder):
    (folder / "lessons" / "04-x.md").mkdir()


def dangling_link(folder):
    (folder / "lessons" / "04-x.md").symlink_to("/etc/nowhere")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (link_document, "lessons/04-link.md: is a link"),
        (link_folder, "lessons: is a link"),
        (folder_as_document, "04-x.md is no plain file"),
        (dangling_link, "lessons/04-x.md: is a link"),
    ],
)
def test_links_and_folders_in_the_place_of_documents_are_faults(course, faults, change, word):
    folder = course()
    change(folder)
    assert any(word in problem for _, problem in faults(folder)), faults(folder)


def test_links_in_the_place_of_what_may_be_written_are_faults(course, faults, tmp_path):
    folder = course(BESIDE, ("01-a.md", "02-b.md"))
    (folder / "01-a.quiz.md").symlink_to(tmp_path / "outside")
    (folder / "02-b.research.md").mkdir()
    told = [problem for _, problem in faults(folder)]
    assert any("01-a.quiz.md is a link" in problem for problem in told)
    assert any("02-b.research.md is no plain file" in problem for problem in told)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('documents: {pattern: "{name}.md", names: [a, A]}', "'A' stands twice"),
        ('documents: {pattern: "one.md", names: [a, b]}', "all documents are one file"),
        ('documents: {pattern: "{name}.yaml", names: [track]}', "says how the track is judged"),
        (
            'documents: {pattern: "{number}-{name}.md", names: [a, b]}\nsidecars: [{name: s, path: "{number}-a.md"}]',
            "1-a.md: is the document of module 1, and the s of module 1 too",
        ),
        ('documents: {pattern: "{name}.md", names: ["../../x"]}', "a name holds letters"),
        ('documents: {pattern: "{name}.md", names: [".."]}', "a name begins with"),
        ('documents: {pattern: "{name}/{number}.md", names: [".git"]}', "a name begins with"),
        ('documents: {pattern: ".{name}/{number}.md", names: ["git"]}', "'.git' holds no documents"),
        ('documents: {pattern: ".{name}/{number}.md", names: ["nightwork"]}', "'.nightwork' holds no documents"),
        (
            'documents: {pattern: "{name}.py", names: [audit]}\naudit: {command: [python3, x/../audit.py]}',
            "says how the track is judged",
        ),
        ('documents: {pattern: "{name}.yaml", names: [nightwork]}', "says how the track is judged"),
        (
            'documents: {pattern: "{name}", names: [a, b]}\nsidecars: [{name: s, path: "a/{name}"}]',
            "is a file of one module and a folder of another",
        ),
        (
            'documents: {pattern: "a/{name}", names: [a, b]}\nresearch: {path: "{name}"}',
            "is a file of one module and a folder of another",
        ),
    ],
)
def test_two_things_in_one_place_and_places_of_others_are_faults(course, faults, text, word):
    told = faults(course(text, ("audit.py",)))
    assert any(word in problem for _, problem in told), told


def test_many_faults_of_one_kind_are_counted(course, faults):
    told = faults(course(files=[f"lessons/{number:02}-a;b.md" for number in range(1, 60)]))
    assert len(told) == 21
    assert "39 more" in told[-1][1]


def test_a_prompt_that_is_a_link_or_none_is_a_fault(course, faults, tmp_path):
    folder = course('documents: {pattern: "{number}.md"}\nprompts: {review: r.md, fix: f.md, research: d}', ("1.md",))
    (tmp_path / "secret").write_text("$document $rubric")
    (folder / "r.md").symlink_to(tmp_path / "secret")
    (folder / "f.md").write_bytes(b"\xff")
    (folder / "d").mkdir()
    told = faults(folder)
    assert [where for where, _ in told] == ["track.yaml:2"] * 3


def test_a_track_is_found_by_its_name_in_the_settings_and_by_its_folder(tmp_path, monkeypatch, course):
    folder = course()
    (tmp_path / "nightwork.yaml").write_text("tracks: {folders: {b1: course}}")
    Repository.create(tmp_path, "all")
    below = tmp_path / "course" / "lessons"
    assert open_track("b1", below).folder == open_track("..", below).folder == folder
    assert open_track("b1", below).root == tmp_path
    monkeypatch.chdir(below)
    assert open_track("b1").name == "course"
    with pytest.raises(BadInput, match=r"track 'b2': no track.yaml in b2/; .* a name of `tracks.folders`: b1"):
        open_track("b2")


def test_a_name_of_the_settings_goes_before_a_folder(tmp_path, course):
    course()
    (tmp_path / "b1").mkdir()
    (tmp_path / "b1" / "track.yaml").write_text('documents: {pattern: "{name}.md", names: [x]}')
    (tmp_path / "nightwork.yaml").write_text("tracks: {folders: {b1: course}}")
    assert open_track("b1", tmp_path).name == "course"
    assert open_track("./b1", tmp_path).name == "b1"


def test_a_path_asks_no_settings(tmp_path, course):
    course()
    (tmp_path / "nightwork.yaml").write_text("broken: [")
    assert open_track("./course", tmp_path).name == "course"
    with pytest.raises(BadInput, match=r"nightwork\.yaml"):
        open_track("course", tmp_path)


def test_a_name_that_leads_out_of_the_repository_is_refused(tmp_path, course):
    folder = course()
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link").symlink_to(folder)
    (inside / "nightwork.yaml").write_text("tracks: {folders: {b1: link}}")
    with pytest.raises(BadInput, match="leads out of the repository"):
        open_track("b1", inside)


@pytest.mark.parametrize("place", [".nightwork/course", "x/.checkpoints/course"])
def test_a_track_among_what_is_not_of_a_person_is_refused(tmp_path, course, place):
    folder = course()
    Repository.create(tmp_path, "all")
    there = tmp_path / place
    there.parent.mkdir(parents=True)
    folder.rename(there)
    with pytest.raises(BadInput, match="a track cannot stand there"):
        open_track(str(there))


def test_a_folder_whose_name_is_none_for_a_track_needs_one(tmp_path, course, faults):
    odd = tmp_path / "my course"
    course().rename(odd)
    assert "'my course', cannot be it" in faults(odd)[0][1]
    (odd / "track.yaml").write_text("name: mine\n" + (odd / "track.yaml").read_text())
    assert open_track(str(odd)).name == "mine"


def test_another_definition_or_prompt_is_another_digest_and_another_document_is_not(course):
    text = 'documents: {pattern: "{number}.md"}\nprompts: {review: r.md}\n'
    folder = course(text, ("1.md",))
    (folder / "r.md").write_text("$document $rubric")
    first = open_track(str(folder)).digest
    (folder / "2.md").write_text("x")
    (folder / "track.yaml").write_text(text + "# a word\n")
    assert open_track(str(folder)).digest == first
    (folder / "r.md").write_text("$document $rubric!")
    second = open_track(str(folder)).digest
    (folder / "track.yaml").write_text(text + "max_rounds: 4\n")
    assert len({first, second, open_track(str(folder)).digest}) == 3


NAMES = st.text(min_size=1, max_size=30)


@given(NAMES, st.integers(1, 99_999))
def test_no_name_leads_out_of_the_folder_of_a_track(name, number):
    try:
        checked_name(name)
    except ValueError:
        return
    path = path_of("a/{name}/{number:02}-{name}.md", number, name)
    parts = Path(path).parts
    assert len(parts) == 3
    assert not {"..", ".", ".git"} & set(parts)
    assert "\0" not in path
