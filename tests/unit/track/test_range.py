"""Ranges of a track: both ends are part of them, and nothing is left out silently."""

from __future__ import annotations

import pytest

from nightwork.errors import BadInput
from nightwork.track.track import chosen, open_track

NAMED = """\
documents:
  pattern: "{number:02}-{name}.md"
  names: [intro, loops, the end]
"""


def range_faults(track, start, end, needs="document"):
    with pytest.raises(BadInput) as caught:
        chosen(track, start, end, needs)
    return [fault.problem for fault in caught.value.faults]


@pytest.mark.parametrize(("start", "end", "numbers"), [(1, 3, [1, 2, 3]), (1, 1, [1]), (2, 3, [2, 3]), (3, 3, [3])])
def test_a_range_counts_from_one_and_holds_both_ends(course, start, end, numbers):
    assert [module.number for module in chosen(open_track(str(course())), start, end, "document")] == numbers


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (3, 1, ["begins after its end; did you mean 1 3?"]),
        (0, 2, ["there is no module 0; course has modules 1 to 3"]),
        (2, 4, ["there is no module 4"]),
        (-5, 9, ["there is no module -5", "there is no module 9"]),
        (9, 0, ["begins after its end", "no module 0", "no module 9"]),
    ],
)
def test_a_range_that_is_none_of_the_track_is_refused_with_all_its_faults(course, start, end, words):
    told = range_faults(open_track(str(course())), start, end)
    assert len(told) == len(words)
    assert all(word in problem for word, problem in zip(words, told, strict=True))


def test_gaps_in_a_range_are_refused_and_outside_of_it_do_not_matter(course):
    track = open_track(str(course(files=[f"lessons/{number:02}-x.md" for number in (1, 2, 5, 6)])))
    assert "no documents of these numbers: 3, 4;" in range_faults(track, 1, 6)[0]
    assert len(chosen(track, 5, 6, "document")) == 2


def test_missing_documents_are_refused_where_they_are_needed(course):
    track = open_track(str(course(NAMED, ("02-loops.md",))))
    assert "missing documents: 01-intro.md, 03-the end.md;" in range_faults(track, 1, 3)[0]
    assert len(chosen(track, 1, 3, "nothing")) == 3
