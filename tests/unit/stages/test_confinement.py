"""Batches in the sandbox and without it, with real git and real processes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nightwork.doctor import examine
from nightwork.outcome import Reason, Status, Verdict
from nightwork.review.markdown import artifact
from nightwork.review.page import page
from nightwork.sandbox import Confinement, Unconfined, open_sandbox, why_unconfined
from nightwork.settings import RunOptions

pytestmark = pytest.mark.skipif(why_unconfined(Confinement()) is not None, reason=str(why_unconfined(Confinement())))
Night = Any
WARNED = "no sandbox: agents and gates ran with the rights"
ADD = 'echo "$NIGHTWORK_ATTEMPT" >> "$NIGHTWORK_TICKET.txt"'


def alone(night: Night) -> None:
    (night.root / "tickets" / "B.md").unlink()


def test_a_batch_is_confined_and_its_reports_say_so(night: Night) -> None:
    night.settings(
        f"{ADD}; pwd >> $NIGHTWORK_TICKET.txt; echo x > ../../../../escaped || true",
        {"tests": "test $PWD = /workspace"},
    )
    night.commit()
    batch, document = night.run()
    assert document.sandbox == "bubblewrap"
    assert [row.verdict for row in document.queue] == [Verdict.PASSED, Verdict.PASSED]
    assert night.git("show", "agent/A:A.txt") == "1\n/workspace"
    assert not (night.root / "escaped").exists()
    assert WARNED not in artifact(document) + page(document)
    judged = batch.judgement("A", 1)
    assert judged and judged.sandbox == "bubblewrap"


def test_without_the_sandbox_every_report_warns_and_a_resume_keeps_to_it(night: Night) -> None:
    alone(night)
    batch, document = night.run(no_sandbox=True)
    assert document.sandbox == "unconfined"
    assert WARNED in artifact(document)
    assert WARNED in page(document)
    judged = batch.judgement("A", 1)
    assert judged and judged.sandbox == "unconfined"
    assert "Unconfined: the agent ran without a sandbox." in (batch.folder / "merge_requests" / "A.md").read_text()
    assert not batch.settle_settings(RunOptions()).sandbox.confine
    assert isinstance(batch.sandbox(), Unconfined)


def test_a_ticket_whose_command_breaks_a_limit_fails_and_the_others_go_on(night: Night) -> None:
    night.ticket("B")
    forks = "[ $NIGHTWORK_TICKET = B ] || { for n in $(seq 60); do sleep 3 & done; wait; }"
    night.settings(f"{forks}; {ADD}", sandbox={"processes": 32})
    night.commit()
    batch, document = night.run()
    (failed,) = document.failed
    assert failed.ticket == "A"
    assert "`sh` took more than 32 processes (sandbox.processes)" in failed.reason
    outcome = batch.state().items["A"]
    assert (outcome.status, outcome.reason) == (Status.FAILED, Reason.ERROR)
    assert batch.state().items["B"].status is Status.COMPLETED


def test_a_gate_that_breaks_a_limit_could_not_run(night: Night) -> None:
    alone(night)
    fill = "head -c 60000000 /dev/zero > x; sleep 1"
    night.settings(ADD, {"tests": f"test ! -e A.txt || {{ {fill}; }}"}, sandbox={"disk_mb": 20})
    night.commit()
    _, document = night.run()
    (row,) = document.queue
    assert row.verdict is Verdict.VETOED
    assert "can no longer run: took more than 20 MB of disk (sandbox.disk_mb)" in row.why + str(row)


def test_what_a_gate_reports_of_the_checkout_is_told_relative_to_it(night: Night) -> None:
    alone(night)
    found = {
        "ruleId": "X1",
        "message": {"text": "bad"},
        "locations": [
            {"physicalLocation": {"artifactLocation": {"uri": "file:///workspace/A.txt"}, "region": {"startLine": 1}}}
        ],
    }
    report = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}, "results": [found]}]}
    night.write("report.json", json.dumps(report))
    line = "if [ -e A.txt ]; then cat report.json; else sed 's/{.ruleId.*}}}\\]}//' report.json; fi"
    night.settings(ADD, {"lint": line})
    data = json.loads((night.root / "nightwork.yaml").read_text())
    data["gates"][0]["report"] = "sarif"
    data["agent"]["fix_rounds"] = 0
    night.write("nightwork.yaml", json.dumps(data))
    night.commit()
    batch, _ = night.run()
    judged = batch.judgement("A", 1)
    assert judged
    assert [finding.path for gate in judged.gates for finding in gate.findings] == ["A.txt"]


def test_the_doctor_tells_of_the_sandbox_and_of_a_program_that_it_does_not_show(
    night: Night, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = tmp_path / "home" / "bin"
    own.mkdir(parents=True)
    (own / "my-agent").write_text("#!/bin/sh\n")
    (own / "my-agent").chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{own}:/usr/bin:/bin")
    for command, status in ((["my-agent"], "wrong"), ([str(own / "my-agent")], "fine"), (["sh"], "fine")):
        data = json.loads((night.root / "nightwork.yaml").read_text())
        data["agent"]["command"] = command
        night.write("nightwork.yaml", json.dumps(data))
        checks = {check.name: check for check in examine(night.root)}
        assert checks["sandbox"].status == "fine"
        assert "bubblewrap" in checks["sandbox"].found
        assert checks["agent"].status == status


def test_options_turn_the_sandbox_off() -> None:
    assert RunOptions(no_sandbox=True).flags() == {"sandbox.confine": False}


def test_the_sandbox_of_a_state_folder_is_the_one_that_the_settings_ask_for(tmp_path: Path) -> None:
    assert open_sandbox(tmp_path).name == "bubblewrap"
    assert open_sandbox(tmp_path, confinement=Confinement(confine=False)).name == "unconfined"


def test_the_result_of_a_command_agent_comes_out_of_the_sandbox(night: Night) -> None:
    alone(night)
    night.settings(f'{ADD}; echo $NIGHTWORK_RESULT > where; printf \'{{"summary": "did it"}}\' > $NIGHTWORK_RESULT')
    night.commit()
    night.run()
    assert night.git("log", "-1", "--format=%s", "agent/A") == "feat(A): did it"
    assert night.git("show", "agent/A:where") == "/nightwork/1/result.json"


def test_a_result_that_is_a_link_to_a_file_of_the_host_is_not_read(night: Night, tmp_path: Path) -> None:
    alone(night)
    (tmp_path / "secret.json").write_text('{"summary": "hunter2"}')
    night.settings(f"{ADD}; ln -s {tmp_path}/secret.json $NIGHTWORK_RESULT")
    night.commit()
    batch, _ = night.run()
    outcome = batch.state().items["A"]
    assert (outcome.status, outcome.reason) == (Status.FAILED, Reason.MALFORMED)
    assert "hunter2" not in outcome.message
