from __future__ import annotations

import pytest

from nightwork.errors import BadInput
from nightwork.settings import load
from nightwork.track_settings import TrackOptions


@pytest.mark.parametrize(
    "folders",
    [
        "{b1: /etc}",
        "{b1: ../b1}",
        "{b1: a/../../b1}",
        "{b1: ~/b1}",
        "{b1: ''}",
        "{'': b1}",
        "{a/b: b1}",
        "{b1: [x]}",
        "[b1]",
    ],
)
def test_a_track_of_the_settings_is_a_folder_of_the_repository(tmp_path, folders):
    (tmp_path / "nightwork.yaml").write_text(f"tracks:\n  folders: {folders}\n")
    with pytest.raises(BadInput) as caught:
        load(tmp_path, environment={})
    assert all(fault.where == "nightwork.yaml:2" for fault in caught.value.faults)


def test_what_one_run_sets_goes_before_the_settings_and_the_rest_stays(tmp_path):
    (tmp_path / "nightwork.yaml").write_text("tracks: {model: a, reviewer: b, parallel: 2, folders: {b1: courses/b1}}")
    options = TrackOptions(model="c", retries=0, budget_usd=0, no_sandbox=True)
    found = load(tmp_path, options.flags(), environment={})
    assert (found.tracks.model, found.tracks.reviewer, found.tracks.parallel) == ("c", "b", 2)
    assert (found.tracks.retries, found.tracks.budget_usd, found.sandbox.confine) == (0, 0, False)
    assert found.tracks.folders == {"b1": "courses/b1"}


def test_options_that_are_left_out_set_nothing(tmp_path):
    assert load(tmp_path, TrackOptions().flags(), environment={}) == load(tmp_path, environment={})
