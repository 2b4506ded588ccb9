"""Module specs through a real Prefect server: a task a module, answers kept by key, kills, and what the UI shows."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from messages_server import Answer, Asked, MessagesServer, failed, tools
from prefect.settings import get_current_settings
from spec_projects import MODULES, SHOP, spec_bytes, write

from flows.module_specs import module_specs
from nightwork.module_spec.result import BatchResult
from nightwork.shown import Unended
from nightwork.spec_settings import SpecsOptions

pytestmark = pytest.mark.usefixtures("server")

MODEL = "claude-opus-5-5"
RUN = """
import sys
from flows.module_specs import module_specs
from nightwork.spec_settings import SpecsOptions
state = module_specs(sys.argv[1], SpecsOptions(model="claude-opus-5-5", parallel=2), return_state=True)
sys.exit(0 if state.name == "Completed" else 9)
"""


def unheard_of(files: Mapping[str, str]) -> dict[str, str]:
    """Return sources for which no answer is kept: the store outlives a test and a session."""
    return {name: f"{text}\n\nSTAMP = {uuid.uuid4().hex!r}\n" for name, text in files.items()}


class Shop:
    """A project, the server that answers for it, and how often each unit was asked for."""

    def __init__(self, root: Path, server: MessagesServer) -> None:
        self.root, self.server = root, server
        self.asked: list[str] = []
        self.failing: tuple[str, ...] = ()
        self.pid = self.left = 0

    def say(self, asked: Asked) -> Answer:
        found = re.search(r"^=== (\S+)$", asked.words(), re.MULTILINE)
        assert found
        self.asked.append(found[1])
        self.left -= 1
        if self.left == 0:
            os.kill(self.pid, signal.SIGKILL)
        if found[1] in self.failing:
            return failed(500)
        return tools(submit_spec={"purpose": f"Purpose of {found[1]}.", "intent": f"Intent of {found[1]}."})

    def run(self, model: str = MODEL, **options: Any) -> tuple[Any, BatchResult]:
        given = SpecsOptions.model_validate({"model": model, "max_retries": 0, **options})
        state = module_specs(str(self.root), given, return_state=True)
        try:
            result = state.result()
        except Unended as error:
            result = error.result
        assert isinstance(result, BatchResult)
        return state, result

    def run_elsewhere(self, kill_at: int) -> int:
        """Run the flow in another process, which is killed at a request (0: never); returns its exit code."""
        settings = get_current_settings()
        environment = {
            **os.environ,
            "ANTHROPIC_API_KEY": self.server.key,
            "PREFECT_API_URL": str(settings.api.url),
            "PREFECT_LOCAL_STORAGE_PATH": str(settings.results.local_storage_path),
        }
        self.left = kill_at
        with subprocess.Popen([sys.executable, "-c", RUN, str(self.root)], env=environment) as process:
            self.pid = process.pid
        return process.returncode


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    with MessagesServer(lambda asked: found.say(asked)) as server:
        found = Shop(write(tmp_path / "shop", unheard_of(SHOP)), server)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", server.key)
        yield found


def ask(path: str, **body: Any) -> Any:
    answer = httpx.post(f"{get_current_settings().api.url}/{path}", json={"limit": 200, **body}, timeout=30)
    answer.raise_for_status()
    return answer.json()


def task_runs(state: Any, wanted: int) -> dict[str, str]:
    """Return the state names of a flow run's task runs by name, once `wanted` of them have ended."""
    below = {"id": {"any_": [str(state.state_details.flow_run_id)]}}
    deadline = time.monotonic() + 30
    while True:
        found = ask("task_runs/filter", flow_runs=below)
        ended = {run["name"]: run["state_name"] for run in found if run["end_time"]}
        if len(ended) >= wanted or time.monotonic() > deadline:
            return ended
        time.sleep(0.2)


def test_a_module_is_a_task_and_the_report_is_an_artifact(shop):
    state, result = shop.run("none")
    assert (state.name, result.successful) == ("Completed", MODULES)
    assert task_runs(state, wanted=5) == {f"{name} spec": "Completed" for name in MODULES}
    kept = {artifact["key"]: artifact for artifact in ask("artifacts/filter")}
    assert "| successful | 5 |" in kept["module-specs"]["data"]
    state, result = shop.run("none")
    assert (state.name, result.skipped) == ("Completed", MODULES)
    assert task_runs(state, wanted=0) == {}


def test_the_answer_for_a_spec_that_is_gone_is_kept_by_its_key_and_costs_nothing(shop):
    shop.run()
    before = spec_bytes(shop.root)
    shop.asked.clear()
    (shop.root / "specs/shop/cart.py.spec.md").unlink()
    state, result = shop.run()
    assert (state.name, result.successful, result.cost_usd) == ("Completed", ("shop/cart.py",), 0)
    assert shop.asked == []
    assert task_runs(state, wanted=1) == {"shop/cart.py spec": "Cached"}
    assert spec_bytes(shop.root) == before


def test_a_kept_answer_of_a_source_that_was_cut_gives_the_same_bytes(shop):
    body = "".join(f"def f{n}(x: int) -> int:\n    y = x + {n}\n    return y * {n}\n\n\n" for n in range(200))
    write(shop.root, unheard_of({"shop/long.py": body}))
    write(shop.root, {"nightwork.yaml": "specs:\n  max_source_tokens: 500\n"})
    shop.run()
    before = spec_bytes(shop.root)
    assert b"did not see all of the source" in before["shop/long.py.spec.md"]
    (shop.root / "specs/shop/long.py.spec.md").unlink()
    assert shop.run()[1].cost_usd == 0
    assert spec_bytes(shop.root) == before


def test_force_asks_anew_whatever_is_kept(shop):
    shop.run()
    shop.asked.clear()
    assert shop.run(force=True)[1].successful == MODULES
    assert len(shop.asked) == 5


def test_a_degraded_spec_is_told_and_a_failed_answer_is_not_kept(shop):
    shop.failing = ("shop/cart.py",)
    state, result = shop.run()
    assert (state.name, result.degraded) == ("Completed", ("shop/cart.py",))
    assert task_runs(state, wanted=5)["shop/cart.py spec"] == "Failed"
    shop.failing = ()
    assert shop.run()[1].successful == ("shop/cart.py",)


def test_a_run_without_money_is_aborted_by_name_and_one_with_a_failure_incomplete(shop):
    state, result = shop.run(budget_usd=0)
    assert (state.name, len(result.aborted)) == ("Aborted", 5)
    (shop.root / "specs/shop/notes.py.spec.md").mkdir(parents=True)
    state, result = shop.run()
    assert (state.name, [each.path for each in result.failed]) == ("Incomplete", ["shop/notes.py"])


def test_names_that_no_server_takes_do_not_end_a_run(shop):
    names = ["\x1b[2Jx.py", "two\nlines.py", os.fsdecode(b"\xff.py"), "{x}.py", "n" * 240 + ".py"]
    odd = [f"shop/{name}" for name in names]
    write(shop.root, dict.fromkeys(odd, "X = 1\n"))
    state, result = shop.run("none")
    assert (state.name, set(result.successful)) == ("Completed", {*MODULES, *odd})
    assert len(task_runs(state, wanted=10)) == 10


def test_runs_killed_through_prefect_end_with_the_same_bytes_and_pay_for_nothing_twice_but_what_was_under_way(
    shop, tmp_path, monkeypatch
):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    more = unheard_of({f"shop/more{n}.py": f"def more{n}() -> int:\n    return {n}\n" for n in range(4)})
    write(shop.root, more)
    sources = {name: (shop.root / name).read_text() for name in [*SHOP, *more]}
    assert [shop.run_elsewhere(kill_at) for kill_at in (2, 3, 2, 0)] == [-signal.SIGKILL] * 3 + [0]
    assert set(shop.asked) == {*MODULES, *more}
    assert len(shop.asked) <= len(MODULES) + len(more) + 3 * 2
    killed, shop.root = spec_bytes(shop.root), write(tmp_path / "undisturbed" / "shop", sources)
    assert shop.run()[1].cost_usd == 0
    assert spec_bytes(shop.root) == killed


def test_the_command_ends_with_the_code_that_says_what_became_of_the_run(shop):
    settings = get_current_settings()
    environment = {**os.environ, "ANTHROPIC_API_KEY": shop.server.key, "PREFECT_API_URL": str(settings.api.url)}

    def specs(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "flows.cli", "specs", "--repo", str(shop.root), *arguments]
        done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    assert specs("--model", MODEL, "--budget-usd", "0")[0] == 3
    code, told = specs()
    assert code == 0
    assert "[1/5] Processing shop/__init__.py..." in told
    shop.root.joinpath("specs").rename(shop.root / "elsewhere")
    shop.root.joinpath("specs").symlink_to("elsewhere")
    code, told = specs("--force")
    assert (code, "Traceback" in told, "is no plain folder" in told) == (2, False, True)
