"""The demo runs with nothing but the installation, and everything that it leaves can be gone on with."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nightwork.outcome import Status
from nightwork.review import ReviewDocument
from nightwork.ticket import parse_ticket

# One run without a server takes 40 s and more; everything after it goes on from there.


@pytest.mark.timeout(280)
def test_the_demo_needs_no_server_and_leads_to_a_finished_batch(
    serverless: Any, command_line: Callable[..., Any], request: pytest.FixtureRequest
):
    ran = serverless("demo", "--json", timeout_s=200)
    assert ran.code == 0, ran.err
    document = ReviewDocument.model_validate_json(ran.out)
    _is_as_scripted(document)
    assert "Traceback" not in ran.err
    assert " ERROR " not in ran.err
    (named,) = re.findall(r"^example repository: (.+)$", ran.err, re.MULTILINE)
    shop = Path(named)
    request.addfinalizer(lambda: _remove(shop))
    _is_a_clean_checkout(shop)
    _has_a_follow_up_ticket(shop, document)
    assert not (serverless.home / ".prefect" / "prefect.db").exists()
    server = request.getfixturevalue("server")
    _goes_on(command_line(PREFECT_API_URL=server), shop, ran.out)


def _is_as_scripted(document: ReviewDocument) -> None:
    counts = {str(status): number for status, number in document.counts.items() if number}
    assert counts == {"completed": 4, "partial": 1, "escalated": 1, "skipped": 1}
    assert set(document.counts) == set(Status)
    assert document.total == 7
    assert [row.ticket for row in document.unready] == ["SHOP-8"]
    rows = {row.ticket: row for row in document.queue}
    assert set(rows) == {"SHOP-1", "SHOP-2", "SHOP-3", "SHOP-4", "SHOP-5"}
    assert rows["SHOP-4"].verdict == "vetoed"
    assert not rows["SHOP-4"].ready
    assert rows["SHOP-2"].stacked_on == ("SHOP-1",)
    assert document.together
    assert (document.together.status, document.together.order) == ("passed", ("SHOP-1", "SHOP-2", "SHOP-3", "SHOP-5"))
    assert [row.ticket for row in document.escalations] == ["SHOP-6"]
    assert [row.ticket for row in document.skipped] == ["SHOP-7"]


def _is_a_clean_checkout(shop: Path) -> None:
    import subprocess

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=shop, capture_output=True, text=True, check=True).stdout

    assert git("status", "--porcelain=v1", "--ignored") == "!! .nightwork/\n"
    assert git("branch", "--show-current") == "main\n"
    assert len(git("worktree", "list").splitlines()) <= 2  # the escalated ticket keeps its worktree


def _has_a_follow_up_ticket(shop: Path, document: ReviewDocument) -> None:
    (row,) = [row for row in document.queue if row.follow_up]
    assert row.ticket == "SHOP-5"
    path = shop / str(row.follow_up)
    ticket = parse_ticket(path.read_text(encoding="utf-8"), path.name)
    assert ticket.dependencies == ("SHOP-5",)
    assert ticket.acceptance_criteria
    assert ticket.faults() == ["label 'ready-for-agent' is missing"]


def _goes_on(nightwork: Any, shop: Path, printed: str) -> None:
    shown = nightwork("review", "--repo", str(shop))
    assert (shown.code, "SHOP-4" in shown.out) == (0, True)
    again = nightwork("review", "--json", "--repo", str(shop))
    assert (again.code, again.out) == (0, printed)
    approved = nightwork("decide", "SHOP-1", "approve", cwd=shop)
    assert approved.code == 0
    assert approved.out == f"git -C {shop} merge --no-ff agent/SHOP-1\n"
    assert nightwork("decide", "SHOP-4", "reject", "-m", "shell=True", cwd=shop).code == 0
    late = nightwork("decide", "SHOP-4", "approve", cwd=shop)
    assert (late.code, late.out) == (1, "")
    assert "decided already: reject" in late.err
    wrong = nightwork("answer", "SHOP-6", "whatever", cwd=shop)
    assert (wrong.code, "price-per-pieces" in wrong.err) == (2, True)
    assert nightwork("answer", "SHOP-6", "price-per-pieces", cwd=shop).code == 0
    resumed = nightwork("resume", "--json", cwd=shop)
    document = ReviewDocument.model_validate_json(resumed.out)
    assert resumed.code == 1, resumed.err  # SHOP-5 stays partial
    counts = {str(status): number for status, number in document.counts.items() if number}
    assert counts == {"completed": 6, "partial": 1}
    verdicts = {row.ticket: row.verdict for row in document.queue}
    assert (verdicts["SHOP-6"], verdicts["SHOP-7"]) == ("passed", "passed")
    assert document.together
    assert (document.together.status, document.together.total) == ("passed", 6)
    decisions = {row.ticket: row.decision for row in document.queue if row.decision}
    assert decisions == {"SHOP-1": "approve", "SHOP-4": "reject"}
    _is_a_clean_checkout(shop)
    nothing = nightwork("resume", cwd=shop)
    assert (nothing.code, "nothing to resume" in nothing.err) == (0, True)
    _can_be_looked_back_on_and_cleaned_up(nightwork, shop)


def _can_be_looked_back_on_and_cleaned_up(nightwork: Any, shop: Path) -> None:
    told = nightwork("trends", "--json", cwd=shop)
    (batch,) = told.json()["batches"]
    assert (told.code, batch["total"], batch["approved"], batch["decided"]) == (0, 7, 1, 2)
    assert batch["batch_id"] in nightwork("trends", cwd=shop).out
    assert (shop / ".nightwork" / "trends.html").exists()
    planned = nightwork("clean", "--dry-run", "--json", cwd=shop)
    assert [(row["kind"], row["name"]) for row in planned.json()["removals"]] == [("branch", "agent/SHOP-4")]
    assert "1 removed" in nightwork("clean", cwd=shop).err
    assert nightwork("clean", cwd=shop).err.strip() == "nothing to remove"


def _remove(shop: Path) -> None:
    import shutil

    if shop.parent.name.startswith("nightwork-demo-"):
        shutil.rmtree(shop.parent)
