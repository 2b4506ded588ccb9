"""Trends: numbers of many batches, in order, as table, page and JSON."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from rich.console import Console

from nightwork.manifest import BatchStatus
from nightwork.metrics import batch_metrics
from nightwork.outcome import Status
from nightwork.trends import BatchFigures, Trends
from nightwork.trends.page import page
from nightwork.trends.terminal import blocks, render


def figures(number, completed=9, escalated=0, scores=(90.0,), minutes=(), cost=1.0, name=None):
    counts = dict.fromkeys(Status, 0) | {Status.COMPLETED: completed, Status.ESCALATED: escalated}
    total = completed + escalated
    return BatchFigures(
        batch_id=name or f"2026-01-{number:02}-overnight",
        created_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number),
        status=BatchStatus.COMPLETED,
        total=total,
        counts=counts,
        metrics=batch_metrics(counts, total, scores, minutes),
        ready=completed,
        decided=2,
        approved=1,
        cost_usd=cost,
        cost_per_completed_usd=cost / completed if completed else None,
    )


def shown(trends, width=120):
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(render(trends))
    return out.getvalue()


def test_a_number_is_followed_over_all_batches():
    trends = Trends(batches=(figures(1, completed=9, escalated=1), figures(2, completed=0, cost=3.5)))
    series = {each.name: each for each in trends.series()}
    assert series["completion rate"].values == (90.0, None)
    assert series["completion rate"].met == (True, None)
    assert series["cost"].values == (1.0, 3.5)
    assert series["cost per completed ticket"].values == (1 / 9, None)
    assert series["completion rate"].target == "> 80 %"


def test_the_table_has_a_row_a_batch_the_targets_and_the_course():
    text = shown(Trends(batches=tuple(figures(n, completed=n) for n in range(1, 9))))
    rows = [line for line in text.splitlines() if "-overnight" in line]
    assert [row.split()[0] for row in rows] == [f"2026-01-{n:02}-overnight" for n in range(1, 9)]
    assert "> 80 %" in text
    assert "▁" in text
    assert "–" in text  # review time: nothing known
    assert "1 of 2" in text


@pytest.mark.parametrize(
    ("values", "expected"),
    [((0, 5, 10), "▁▅█"), ((None, 3.0), "·█"), ((0, 0), "▁▁"), ((), ""), ((None,), "·"), ((7,), "█")],
)
def test_blocks_are_as_high_as_their_numbers(values, expected):
    assert blocks(values) == expected


@pytest.mark.parametrize("count", [0, 1, 2, 30])
def test_the_page_is_whole_with_any_number_of_batches(count):
    text = page(Trends(batches=tuple(figures(n + 1, name=f"b{n}") for n in range(count))), "shop")
    drawn = text.split("<body>")[1].split("</body>")[0]
    tree = ElementTree.fromstring(drawn.strip())
    assert len(tree.findall(".//svg")) == (7 if count else 0)
    assert "script" not in text


def test_hostile_names_stay_text():
    name = "<img src=x onerror=alert(1)>\x1b[2J"
    trends = Trends(batches=(figures(1, name=name), figures(2)))
    assert "<img" not in page(trends, name)
    assert "\x1b" not in shown(trends) + page(trends, name)


def test_the_document_reads_back():
    trends = Trends(batches=(figures(1), figures(2)))
    assert Trends.model_validate_json(trends.model_dump_json()) == trends
