from __future__ import annotations

import importlib
import json
import pkgutil
import statistics
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module", autouse=True)
def _root_on_the_path():
    sys.path.insert(0, str(ROOT))
    yield
    sys.path.remove(str(ROOT))


def test_the_order_of_work_keeps_its_bar():
    from bench import scheduling

    found = scheduling.ratios(scheduling.as_planned, graphs=12)
    assert min(found) >= 1 - 1e-9
    assert statistics.mean(found) <= scheduling.MEAN_BAR
    assert max(found) <= scheduling.P95_BAR
    assert statistics.mean(found) < statistics.mean(scheduling.ratios(scheduling.by_id, graphs=12))


def test_a_simulation_is_the_same_each_time():
    from bench import scheduling

    assert scheduling.ratios(scheduling.wrong_by_two, graphs=3) == scheduling.ratios(scheduling.wrong_by_two, graphs=3)


def test_to_import_a_benchmark_has_no_effect():
    import bench

    before = threading.active_count(), set(ROOT.iterdir())
    for module in pkgutil.iter_modules(bench.__path__):
        importlib.import_module(f"bench.{module.name}")
    assert (threading.active_count(), set(ROOT.iterdir())) == before


@pytest.mark.parametrize(("value", "met"), [(1.0, True), (1.5, True), (1.51, False)])
def test_a_bar_is_met_by_what_is_not_above_it(value, met):
    from bench.figures import Figure, missed

    figure = Figure("f", value, bar=1.5)
    assert figure.met() is met
    assert missed([Figure("free", 9.0), figure]) is not met
    assert json.loads(json.dumps(figure.as_dict()))["met"] is met


def test_an_unknown_benchmark_is_refused_with_the_names_of_all():
    done = subprocess.run([sys.executable, "-m", "bench", "schedul"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "scheduling" in done.stderr


def test_what_is_measured_and_replayed_is_pinned():
    from bench import packages, releases

    assert all(name and version for name, version in packages.pins())
    assert {name for name, _ in packages.pins()} == set(packages.NAMES)
    assert all(len(packages.releases(name)) >= 6 for name in releases.REPLAYED)


def test_the_answering_model_tells_each_module_once_and_then_no_more(tmp_path):
    from bench.answering import SETTINGS, Answering, tell
    from nightwork.module_spec.source.scan import scan

    (tmp_path / "a.py").write_text("def a():\n    return 1\n")
    (tmp_path / "b.py").write_text("from a import a\n\ndef b():\n    return a()\n")
    project = scan(tmp_path, SETTINGS)
    first, second = Answering.of(project), Answering.of(project)
    assert [job.outcome for job in tell(project, first)] == [None, None]
    assert sorted(first.tokens) == ["a.py", "b.py"]
    assert all(job.outcome for job in tell(project, second))
    assert not second.tokens
