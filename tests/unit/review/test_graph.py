"""The graph of a batch: boxes that do not overlap, arrows to the right, in words as well as in colours."""

from __future__ import annotations

import random
import re
from itertools import combinations, pairwise
from xml.etree import ElementTree

import networkx as nx
import pytest

from nightwork.manifest import BatchStatus
from nightwork.outcome import Status, Verdict
from nightwork.review.document import ReviewDocument, TicketRow
from nightwork.review.graph import MOST, graph, standing
from nightwork.review.layout import BOX_HEIGHT, BOX_WIDTH, lay_out


def ticket(name, *dependencies, status=Status.COMPLETED, verdict=None, title="a title") -> TicketRow:
    return TicketRow(ticket=name, title=title, status=status, verdict=verdict, dependencies=dependencies)


def drawn(*tickets) -> str:
    counts = dict.fromkeys(Status, 0) | {Status.COMPLETED: len(tickets)}
    about = {"batch_id": "b", "status": BatchStatus.COMPLETED, "base": "0" * 40, "sandbox": "bubblewrap"}
    return graph(ReviewDocument(**about, counts=counts, total=len(tickets), tickets=tickets))


def boxes(html) -> list[str]:
    svg = ElementTree.fromstring(re.search("<svg.*</svg>", html, re.DOTALL)[0])
    return [text.text for text in svg.iter("text") if text.get("class") == "id"]


def test_a_batch_without_dependencies_has_no_graph():
    assert drawn(ticket("A"), ticket("B")) == ""
    assert drawn(ticket("A", "not-in-the-batch")) == ""
    assert drawn() == ""


def test_a_box_says_what_came_of_its_ticket():
    html = drawn(
        ticket("A", verdict=Verdict.PASSED),
        ticket("B", "A", status=Status.PARTIAL, verdict=Verdict.PASSED),
        ticket("C", "B", verdict=Verdict.VETOED),
        ticket("D", "C", status=Status.SKIPPED),
    )
    assert boxes(html) == ["A", "B", "C", "D"]
    for told in ("✓ passed", "⚠ partial, passed", "✗ vetoed", "– skipped", "C vetoed after B"):
        assert told in html


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("verdict", [None, *Verdict])
def test_only_what_is_completed_and_passed_or_not_judged_yet_looks_good(status, verdict):
    tone = standing(ticket("A", status=status, verdict=verdict))[2]
    assert (tone == "good") == (status is Status.COMPLETED and verdict in {None, Verdict.PASSED})


def test_tickets_on_their_own_are_told_in_a_sentence_those_that_are_not_done_first():
    alone = [ticket(f"S-{number}") for number in range(30)]
    html = drawn(ticket("A"), ticket("B", "A"), *alone, ticket("Z", status=Status.ESCALATED))
    assert boxes(html) == ["A", "B"]
    assert "On their own: ⚠ Z escalated, ✓ S-0 completed" in html
    assert "and 11 more." in html


def test_of_many_tickets_those_are_drawn_that_hang_together_with_what_is_not_done():
    pairs = [(ticket(f"A-{n}"), ticket(f"B-{n}", f"A-{n}")) for n in range(99)]
    html = drawn(*sum(pairs, ()), ticket("X", status=Status.FAILED), ticket("Y", "X", status=Status.SKIPPED))
    assert len(boxes(html)) == MOST
    assert {"X", "Y"} <= set(boxes(html))
    assert "60 of 200 tickets that depend on each other are drawn; 140 more: 140 completed." in html
    assert len(html) < 60_000


def test_a_chain_that_is_too_long_is_drawn_from_its_beginning():
    names = [f"T-{number:03}" for number in range(200)]
    html = drawn(ticket(names[0]), *(ticket(name, before) for before, name in pairwise(names)))
    assert boxes(html) == names[:MOST]


@pytest.mark.parametrize("seed", range(20))
def test_boxes_stand_apart_and_every_arrow_goes_to_the_right_around_them(seed):
    drawing = lay_out(_some_graph(seed))
    for (_, one), (_, other) in combinations(drawing.boxes.items(), 2):
        assert abs(one[0] - other[0]) >= BOX_WIDTH or abs(one[1] - other[1]) >= BOX_HEIGHT
    for arrow in drawing.arrows:
        assert [x for x, _ in arrow] == sorted(x for x, _ in arrow)
        for x, y in arrow[1:-1]:
            assert not any(a < x < a + BOX_WIDTH and b <= y <= b + BOX_HEIGHT for a, b in drawing.boxes.values())
    for x, y in drawing.boxes.values():
        assert (0 <= x <= drawing.width - BOX_WIDTH, 0 <= y <= drawing.height - BOX_HEIGHT) == (True, True)


def test_an_arrow_that_others_imply_is_left_out():
    assert len(lay_out(nx.DiGraph([("A", "B"), ("B", "C"), ("A", "C")])).arrows) == 2


def _some_graph(seed: int) -> nx.DiGraph:
    chosen = random.Random(seed)
    graph = nx.DiGraph()
    graph.add_nodes_from(f"T-{number}" for number in range(25))
    for end in range(25):
        graph.add_edges_from((f"T-{start}", f"T-{end}") for start in range(end) if chosen.random() < 0.12)
    return graph
