"""Command agents that are known: what each is started with, told and shown, by programs that stand in for them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from nightwork.agent import check_agent
from nightwork.agent_settings import AgentSettings
from nightwork.errors import BadInput
from nightwork.outcome import Status
from nightwork.settings import BatchSettings, Settings
from nightwork.stages.review import answer

Night = Any
# What stands in for a tool: notes its arguments and variables, does what a test adds, and prints.
PROGRAM = """#!{python}
import json, os, pathlib, sys
P = pathlib.Path
stdin = sys.stdin.read()
seen = {{"arguments": sys.argv[1:], "variables": dict(os.environ), "stdin": stdin, "files": {{}}}}
seen["files"] = {{str(p): p.read_text() for p in P(".").rglob("*") if p.is_file() and ".git" not in p.parts}}
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder whose programs go first on the search path."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "value-of-the-key")
    monkeypatch.setenv("UNRELATED_TOKEN", "value-of-another")
    return folder


def run(
    night: Night, tools: Path, preset: str, does: str, budget: float | None = None, **agent: Any
) -> tuple[Any, Any]:
    name = {"claude-code": "claude"}.get(preset, preset)
    note = f"P({str(tools / 'seen.json')!r}).write_text(json.dumps(seen))\n"
    (tools / name).write_text(PROGRAM.format(python=sys.executable) + note + does)
    (tools / name).chmod(0o755)
    (night.root / "tickets/B.md").unlink(missing_ok=True)
    open_ = {"sandbox": {"confine": False}}  # what it has seen is noted outside of its worktree
    night.write("nightwork.yaml", json.dumps({"agent": {"preset": preset, **agent}, **open_}))
    night.commit()
    return night.run(**({"budget_usd": budget} if budget is not None else {}))


def seen(tools: Path) -> Any:
    return json.loads((tools / "seen.json").read_text())


DONE = "P('a.txt').write_text('x')\n"


def test_claude_code_is_asked_for_json_within_the_budget(night: Night, tools: Path) -> None:
    said = {"type": "result", "subtype": "success", "is_error": False, "result": "done", "total_cost_usd": 0.25}
    does = DONE + f"print({json.dumps(said)!r})"
    batch, document = run(night, tools, "claude-code", does, budget=4, pass_env=["ANTHROPIC_API_KEY"], model="opus")
    assert document.counts[Status.COMPLETED] == 1, document.failed
    assert document.cost_usd == 0.25
    found = seen(tools)
    arguments = found["arguments"]
    assert arguments[:3] == ["--print", "--output-format", "json"]
    assert arguments[arguments.index("--max-budget-usd") + 1] == "4.0000"
    assert arguments[arguments.index("--setting-sources") + 1] == "project"
    assert arguments[arguments.index("--model") + 1] == "opus"
    assert "id: A" in found["stdin"]
    assert found["variables"]["ANTHROPIC_API_KEY"] == "value-of-the-key"
    assert "UNRELATED_TOKEN" not in found["variables"]
    assert "HOME" not in found["variables"] or found["variables"]["HOME"] != str(Path.home())
    assert document.agent == "command claude-code; it sees your variables ANTHROPIC_API_KEY, and has the network"
    assert "sees your variables ANTHROPIC" in (batch.folder / "merge_requests/A.md").read_text()


def test_a_budget_that_ran_out_before_anything_was_changed_is_no_failure_of_the_agent(
    night: Night, tools: Path
) -> None:
    said = {"type": "result", "subtype": "error_max_budget_usd", "is_error": True, "total_cost_usd": 1.0}
    batch, _ = run(night, tools, "claude-code", f"print({json.dumps(said)!r}); sys.exit(1)", budget=1)
    assert batch.state().items["A"].label() == "aborted(budget)"
    (tools / "claude").write_text(PROGRAM.format(python=sys.executable) + DONE)
    night.go_on(batch, budget_usd=9)
    assert batch.state().items["A"].status is Status.COMPLETED


def test_without_a_budget_none_is_passed_on(night: Night, tools: Path) -> None:
    run(night, tools, "claude-code", DONE)
    assert "--max-budget-usd" not in seen(tools)["arguments"]


def test_work_that_the_budget_cut_short_is_kept_as_partial(night: Night, tools: Path) -> None:
    said = {"type": "result", "subtype": "error_max_budget_usd", "is_error": True, "total_cost_usd": 4.01}
    _, document = run(night, tools, "claude-code", DONE + f"print({json.dumps(said)!r}); sys.exit(1)", budget=4)
    assert document.counts[Status.PARTIAL] == 1
    assert "error_max_budget_usd" in document.queue[0].remaining[0]
    assert document.cost_usd == 4.01


def test_a_claude_code_that_fails_has_cost_what_it_says(night: Night, tools: Path) -> None:
    said = {"type": "result", "subtype": "error_during_execution", "is_error": True, "total_cost_usd": 0.5}
    _, document = run(night, tools, "claude-code", f"print({json.dumps(said)!r}); sys.exit(1)")
    assert (document.failed[0].outcome, document.cost_usd) == ("failed(error)", 0.5)


@pytest.mark.parametrize(
    "printed", ["no json", "[]", '{"total_cost_usd": "much"}', '{"total_cost_usd": -1}', "[" * 9999]
)
def test_odd_output_costs_nothing_and_loses_nothing(night: Night, tools: Path, printed: str) -> None:
    _, document = run(night, tools, "claude-code", DONE + f"print({printed!r})")
    assert (document.counts[Status.COMPLETED], document.cost_usd) == (1, 0.0)


def test_codex_reads_its_prompt_and_nothing_of_the_user(night: Night, tools: Path) -> None:
    _, document = run(night, tools, "codex", DONE)
    assert document.counts[Status.COMPLETED] == 1
    arguments = seen(tools)["arguments"]
    assert arguments[0] == "exec"
    assert arguments[-1] == "-"
    assert {"--json", "--ephemeral", "--ignore-user-config"} <= set(arguments)
    assert arguments[arguments.index("--sandbox") + 1] == "workspace-write"
    assert "id: A" in seen(tools)["stdin"]


def test_aider_gets_its_prompt_as_a_file_commits_nothing_and_leaves_nothing(night: Night, tools: Path) -> None:
    does = (
        DONE
        + "prompt = P(sys.argv[sys.argv.index('--message-file') + 1]).read_text()\nassert 'id: A' in prompt\n"
        + "P('.aider.tags.cache.v4').mkdir(); P('.aider.tags.cache.v4/x').write_text('x')\n"
        + "print('Tokens: 1k sent, 2k received. Cost: $0.02 message, $0.30 session.')\n"
    )
    batch, document = run(night, tools, "aider", does)
    assert document.counts[Status.COMPLETED] == 1, (document.failed, document.escalations)
    assert document.cost_usd == 0.30
    assert {"--yes-always", "--no-auto-commits", "--no-dirty-commits", "--no-gitignore"} <= set(
        seen(tools)["arguments"]
    )
    change = batch.change("A", 1)
    assert change and [file.path for file in change.files] == ["a.txt"]


def test_a_tool_in_the_sandbox_finds_its_prompt_and_its_scratch_folder(night: Night, tools: Path) -> None:
    (tools / "aider").write_text(
        f"#!{sys.executable}\nimport pathlib, sys\nP = pathlib.Path\nassert str(P.cwd()) == '/workspace'\n"
        "assert 'id: A' in P(sys.argv[sys.argv.index('--message-file') + 1]).read_text()\n"
        "P(sys.argv[sys.argv.index('--chat-history-file') + 1]).write_text('said')\n" + DONE
    )
    (tools / "aider").chmod(0o755)
    (night.root / "tickets/B.md").unlink()
    night.write("nightwork.yaml", json.dumps({"agent": {"preset": "aider"}}))
    night.commit()
    batch, document = night.run()
    assert document.sandbox == "bubblewrap"
    assert document.counts[Status.COMPLETED] == 1, document.failed
    change = batch.change("A", 1)
    assert change and [file.path for file in change.files] == ["a.txt"]


@pytest.mark.parametrize("preset", ["codex", "aider"])
def test_a_tool_that_cannot_keep_to_a_budget_is_refused_with_one(night: Night, tools: Path, preset: str) -> None:
    with pytest.raises(BadInput, match=rf"preset {preset} cannot keep to a budget"):
        run(night, tools, preset, DONE, budget=4)
    assert not (tools / "seen.json").exists()


def test_a_command_is_refused_with_a_budget_unless_it_is_told(tmp_path: Path) -> None:
    plain, told = (AgentSettings(kind="command", command=("x", word)) for word in ("y", "--most={budget_usd}"))
    check_agent(Settings(agent=plain), tmp_path)
    check_agent(Settings(agent=told, batch=BatchSettings(budget_usd=4)), tmp_path)
    for limits in (BatchSettings(budget_usd=0), BatchSettings(budget_per_ticket_usd=1)):
        with pytest.raises(BadInput, match=r"pass it on with \{budget_usd\}"):
            check_agent(Settings(agent=plain, batch=limits), tmp_path)


def test_a_resume_with_a_budget_is_refused_as_well(night: Night, tools: Path) -> None:
    batch, _ = run(night, tools, "codex", "sys.exit(1)")
    with pytest.raises(BadInput, match="cannot keep to a budget"):
        night.go_on(batch, budget_usd=1, retry_failed=True)


@pytest.mark.parametrize(
    "wrong", [{"preset": "codex", "command": ["x"]}, {"preset": "codex", "kind": "model"}, {"preset": "x"}]
)
def test_settings_that_contradict_themselves_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        AgentSettings.model_validate(wrong)


OBEY = {"CLAUDE.md": "base", ".claude/settings.json": "{}", "src/AGENTS.md": "base"}


def test_a_tool_reads_the_instructions_of_the_base_in_each_of_its_rounds(night: Night, tools: Path) -> None:
    for name, text in OBEY.items():
        night.write(name, text)
    does = (
        "P('CLAUDE.md').write_text('obey'); P('.codex').mkdir(exist_ok=True); P('.codex/config.toml').write_text('x')\n"
    )
    night.write("nightwork.yaml", "{}")
    batch, document = run(night, tools, "claude-code", does + DONE)
    assert document.counts[Status.ESCALATED] == 1
    answer(batch, "A", "rework", "again")
    document = night.go_on(batch)
    files = seen(tools)["files"]
    assert files["CLAUDE.md"] == "base"
    assert ".codex/config.toml" not in files
    assert document.counts[Status.ESCALATED] == 1  # what it wrote again still needs a word


def test_what_was_set_aside_for_a_round_is_put_back_after_it(night: Night, tools: Path) -> None:
    night.write("CLAUDE.md", "base")
    night.ticket("A")
    batch, document = run(night, tools, "claude-code", "P('CLAUDE.md').write_text('wanted'); " + DONE)
    answer(batch, "A", "rework", "only a.txt again")
    (tools / "claude").write_text(PROGRAM.format(python=sys.executable) + "P('b.txt').write_text('x')")
    document = night.go_on(batch)
    assert document.escalations[0].trigger == "security"
    answer(batch, "A", "publish", "")
    night.go_on(batch)
    assert night.git("show", "agent/A:CLAUDE.md") == "wanted"
    assert night.git("show", "agent/A:b.txt") == "x"
