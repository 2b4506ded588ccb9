from __future__ import annotations

import pytest

from nightwork.metrics import batch_metrics
from nightwork.outcome import Status


def measure(completed=0, escalated=0, total=0, scores=(), minutes=()):
    counts = {Status.COMPLETED: completed, Status.ESCALATED: escalated}
    return {metric.name: metric for metric in batch_metrics(counts, total, scores, minutes)}


def test_the_five_metrics_of_the_contract_stand_with_their_targets():
    targets = {name: metric.target for name, metric in measure().items()}
    assert targets == {
        "tickets per batch": "10-20",
        "completion rate": "> 80 %",
        "average quality score": "> 85",
        "escalation rate": "< 20 %",
        "review time per merge request": "< 15 min",
    }


@pytest.mark.parametrize(
    ("name", "given", "value", "met"),
    [
        ("tickets per batch", {"total": 9}, 9, False),
        ("tickets per batch", {"total": 10}, 10, True),
        ("tickets per batch", {"total": 20}, 20, True),
        ("tickets per batch", {"total": 21}, 21, False),
        ("completion rate", {"completed": 8, "total": 10}, 80, False),
        ("completion rate", {"completed": 9, "total": 10}, 90, True),
        ("average quality score", {"scores": [80, 90]}, 85, False),
        ("average quality score", {"scores": [81, 90]}, 85.5, True),
        ("escalation rate", {"escalated": 2, "total": 10}, 20, False),
        ("escalation rate", {"escalated": 1, "total": 10}, 10, True),
        ("escalation rate", {"escalated": 0, "total": 10}, 0, True),
        ("review time per merge request", {"minutes": [15]}, 15, False),
        ("review time per merge request", {"minutes": [10, 18]}, 14, True),
    ],
)
def test_a_metric_has_its_value_and_whether_it_meets_the_target(name, given, value, met):
    metric = measure(**given)[name]
    assert (metric.value, metric.met) == (value, met)


@pytest.mark.parametrize(
    "name", ["completion rate", "average quality score", "escalation rate", "review time per merge request"]
)
def test_what_nothing_is_known_of_is_none_and_meets_no_target(name):
    metric = measure()[name]
    assert (metric.value, metric.met) == (None, None)
