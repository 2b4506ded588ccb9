from io import StringIO

from rich.console import Console

from nightwork.module_spec.plan import Plan, Planned
from nightwork.module_spec.result import BatchResult, FailedModule
from nightwork.module_spec.terminal import render


def test_what_ended_a_run_is_told_once_and_apart_from_what_failed() -> None:
    stopped = [FailedModule(path=f"{number}.py", reason="the run was stopped") for number in range(20)]
    waiting = [FailedModule(path=f"w{number}.py", reason=f"depends on {number}.py") for number in range(20)]
    failed = FailedModule(path="x.py", reason="no answer")
    aborted = tuple(each.path for each in (*stopped, *waiting))
    text = render(BatchResult(total_modules=41, failed=(failed, *waiting, *stopped), aborted=aborted)).plain
    assert text.splitlines()[1:5] == [
        "✗ failed:",
        "  x.py: no answer",
        "✗ aborted:",
        "  20 modules: the run was stopped",
    ]
    assert text.splitlines()[-2:] == ["  and 18 more", "the same command goes on where this run ended"]


def test_a_project_without_source_files_says_so() -> None:
    assert "no source file was found" in render(BatchResult(total_modules=0)).plain


def test_a_plan_without_a_model_has_no_column_for_tokens() -> None:
    console = Console(width=100, record=True, file=StringIO())
    console.print(Plan(total_modules=2, model="none", write=(Planned(path="a.py"),)).render())
    text = console.export_text()
    assert ("a.py" in text, "tokens" in text) == (True, False)
