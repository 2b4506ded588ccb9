"""The ids of runs: read by people, typed into shells, used as names of files."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nightwork.run_id import LONGEST, is_run_id, run_id

AT = datetime(2026, 2, 1, 12, 0, 0, tzinfo=UTC)
STAMP = f"{AT.astimezone():%Y%m%d%H%M%S}"


@pytest.mark.parametrize(
    ("operation", "about", "name"),
    [
        ("fix-review", ["b1", 1, 92], "fix-review-b1-1-92"),
        ("overnight", ["2026-01-15-overnight"], "overnight-2026-01-15-overnight"),
        ("overnight", [""], "overnight"),
        ("module-specs", ["my shop; rm -rf *"], "module-specs-my-shop-rm--rf"),
        ("module-specs", ["../..\x1b[31m"], "module-specs-31m"),
        ("module-specs", ["ä/ö"], "module-specs"),
        ("module-specs", ["x" * 300], f"module-specs-{'x' * 64}"),
    ],
)
def test_an_id_is_safe_in_a_shell_and_as_the_name_of_a_file(operation: str, about: list[object], name: str) -> None:
    made = run_id(operation, about, AT)
    assert made == f"{name}-{STAMP}"
    assert is_run_id(made, operation)


@pytest.mark.parametrize(
    "name",
    ["", "overnight", "happy-cat", "generation-20260201120000", "overnight-1-20260201", "overnight-a b-20260201120000",
     "overnight-" + "1" * LONGEST],
)  # fmt: skip
def test_other_names_are_no_ids(name: str) -> None:
    assert not is_run_id(name, "overnight")
