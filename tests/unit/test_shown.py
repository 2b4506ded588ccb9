"""Results in a notebook: what IPython asks of them, for every kind of result."""

from __future__ import annotations

import pickle

import pytest
from IPython.core.formatters import DisplayFormatter
from IPython.core.interactiveshell import InteractiveShell

from nightwork.module_spec.drift import Drift, Finding, Kind, Severity, UnitDrift
from nightwork.module_spec.plan import Plan, Planned
from nightwork.module_spec.result import BatchResult, FailedModule
from nightwork.shown import Shown, Unended
from nightwork.trends import Trends

HOSTILE = "</style><script>alert(1)</script>\x1b[2J\u202e & <b>"
FINDING = Finding(Kind.REMOVED, Severity.HIGH, HOSTILE, HOSTILE, name=HOSTILE, line=3)
RESULTS: list[Shown] = [
    Trends(),
    BatchResult(total_modules=1, failed=(FailedModule(path=HOSTILE, reason=HOSTILE),), model=HOSTILE, cost_usd=1.0),
    Plan(total_modules=1, model=HOSTILE, write=(Planned(path=HOSTILE, input_tokens=3),), input_tokens=3),
    Drift(units=(UnitDrift(findings=(FINDING,), unit=HOSTILE),), specs=1, noise=0),
]


@pytest.mark.parametrize("result", RESULTS, ids=lambda each: type(each).__name__)
def test_a_notebook_shows_a_result_as_html_and_as_text(result: Shown) -> None:
    forms, _ = DisplayFormatter().format(result)
    assert forms["text/html"].startswith('<div class="nightwork')
    assert forms["text/plain"] == result.text()
    assert "\x1b" not in forms["text/plain"]


@pytest.mark.parametrize("result", RESULTS, ids=lambda each: type(each).__name__)
def test_hostile_text_stays_text(result: Shown) -> None:
    html = result.html()
    assert html.count("</style>") == 1
    assert not any(mark in html for mark in ("<script", "<b>", "\x1b", "\u202e"))


def test_long_tables_end_with_a_number() -> None:
    many = tuple(FailedModule(path=f"m{number}.py", reason="r" * 5_000) for number in range(1_000))
    html = BatchResult(total_modules=1_000, failed=many).html()
    assert "and 970 more" in html
    assert len(html) < 20_000
    units = (UnitDrift(findings=(FINDING,) * 1_000, unit="a.py"),)
    assert "and 970 more" in Drift(units=units, specs=1, noise=0).html()


def test_modules_that_need_a_person_come_first() -> None:
    failed = tuple(FailedModule(path=path, reason="why") for path in ("a.py", "b.py"))
    given = {"degraded": ("c.py",), "skipped": ("d.py", "e.py"), "stale": ("d.py",), "successful": ("f.py",)}
    html = BatchResult(total_modules=6, failed=failed, aborted=("a.py",), **given).html()
    order = [f"{name}.py</td><td>{told}" for name, told in (("b", "✗ failed"), ("a", "✗ aborted"), ("c", "⚠ degraded"))]
    order += [
        f"{name}.py</td><td>{told}" for name, told in (("d", "⚠ stale"), ("f", "✓ written"), ("e", "– unchanged"))
    ]
    places = [html.index(each) for each in order]
    assert places == sorted(places)


def test_a_run_that_did_not_complete_tells_how_it_ended_and_what_it_came_to_without_a_traceback() -> None:
    unended = Unended(BatchResult(total_modules=3), "Incomplete: 3 modules")
    lines = unended._render_traceback_()
    assert lines[0] == "Incomplete: 3 modules"
    assert "3 modules: nothing to do" in lines[-1]
    assert unended._repr_html_() == unended.result.html()
    again = pickle.loads(pickle.dumps(unended))
    assert (str(again), again.result) == (str(unended), unended.result)


def test_an_uncaught_one_is_shown_so_by_the_shell(capsys: pytest.CaptureFixture[str]) -> None:
    shell = InteractiveShell()
    try:
        raise Unended(BatchResult(total_modules=3), "Incomplete: 3 modules")
    except Unended:
        shell.showtraceback()
    told = capsys.readouterr()
    text = told.out + told.err
    assert text.startswith("Incomplete: 3 modules\n")
    assert "Traceback" not in text
    assert "test_shown.py" not in text
