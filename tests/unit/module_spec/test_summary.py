from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from markdown_it import MarkdownIt

from nightwork.module_spec.result import BatchResult, FailedModule
from nightwork.module_spec.summary import summary_log_name, write_summary_log

SUMMARY = BatchResult(
    total_modules=6,
    successful=("src/a.py", "src/b.py"),
    degraded=("src/c.py",),
    skipped=("src/d.py", "src/e.py"),
    failed=(FailedModule(path="src/f|x.py", reason="no answer\n# really", attempts=4),),
    stale=("src/e.py",),
    duration_ms=61_500,
    input_tokens=12_000,
    output_tokens=900,
    cost_usd=0.25,
    model="some-model",
    aborted=("src/f|x.py",),
)


def written(summary: BatchResult, folder: Path) -> str:
    path = folder / "specs" / "log.md"
    write_summary_log(summary, path)
    assert [each.name for each in path.parent.iterdir()] == ["log.md"]
    return path.read_text()


def test_every_module_stands_in_the_log_with_its_status(tmp_path: Path) -> None:
    text = written(SUMMARY, tmp_path)
    for line in (
        "The batch ended early; the same command goes on. Everything written so far is whole.",
        "| total | 6 |", "| successful | 2 |", "| degraded | 1 |", "| skipped | 2 |", "| failed | 1 |",
        "| of the skipped: stale | 1 |", "Duration: 61.5 s. Model: some-model.", "Tokens: 12,000 in, 900 out. Cost: $0.2500.",
        r"| src/f\|x.py | 4 | no answer \# really |", "- src/a.py",
    ):  # fmt: skip
        assert line in text.splitlines()
    headings = [
        token.content for token in MarkdownIt("commonmark").parse(text) if token.level == 1 and token.type == "inline"
    ]
    assert [each for each in headings if not each.startswith(("|", "Dur", "Tok", "The"))] == [
        "Module specs: batch summary", "failed", "successful", "degraded", "skipped", "stale",
    ]  # fmt: skip


def test_a_batch_without_a_model_tells_of_no_money(tmp_path: Path) -> None:
    text = written(BatchResult(total_modules=1, successful=("a.py",)), tmp_path)
    assert "Cost" not in text
    assert "- a.py" in text


def test_a_secret_in_a_reason_is_not_written(tmp_path: Path) -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    failed = (FailedModule(path="a.py", reason=f"the key {secret} is refused"),)
    assert secret not in written(BatchResult(total_modules=1, failed=failed), tmp_path).replace("\\", "")


def test_the_name_of_a_log_is_its_time_in_utc() -> None:
    assert summary_log_name(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "batch-summary-20260102T030405Z.md"
    east = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=4)))
    assert summary_log_name(east) == "batch-summary-20260101T230405Z.md"
