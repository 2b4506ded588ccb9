"""Notebooks: the bundled one runs from its first cell to its last; a kernel stops and tells mistakes as it should."""

from __future__ import annotations

import os
import queue
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "examples" / "night.ipynb"


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A home of its own, with nothing of whoever runs the tests."""
    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    given = {name: os.environ[name] for name in ("PATH", "XDG_STATE_HOME", "NIGHTWORK_SANDBOX__CONFINE", "IPYTHONDIR")
             if name in os.environ}  # fmt: skip
    return {**given, "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "LANG": "C.UTF-8"}


@pytest.mark.timeout(600)
def test_every_cell_of_the_bundled_notebook_runs_without_a_server_and_shows_its_result(
    environment: dict[str, str], tmp_path: Path
) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=400, resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=environment)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type in {"error", "stream"}]
    shown = [output.data["text/html"] for output in outputs if "text/html" in output.get("data", {})]
    assert [_text(html)[:40].split(" ")[0] for html in shown] == ["nightwork", "nightwork", "1", "12", "12", "12"]
    night, noon, trends, _, specs, drift = shown
    assert night.count("<svg") == noon.count("<svg") == 1
    for told in ("SHOP-4", "⚠ escalated", "On their own: ✗ SHOP-4 vetoed", "price-per-pieces"):
        assert told in night
    assert "✓ passed" in noon and "escalated" not in _text(noon)
    assert "completion rate" in trends
    assert specs.count("✓ written") == 12
    assert "Cart.add" in drift
    progress = [output.data["text/plain"] for output in outputs if output.output_type == "display_data"]
    assert [text.splitlines()[-1].partition(": ")[0] for text in progress] == [
        "overnight",
        "answers",
        "module-specs",
        "drift",
    ]
    assert all(len(text.splitlines()) <= 6 for text in progress)


def test_the_bundled_notebook_is_kept_without_outputs() -> None:
    cells = [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    assert not [cell for cell in cells if cell.outputs or cell.execution_count is not None]


def _text(html: str) -> str:
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL).split())


class Kernel:
    """A notebook's kernel, cell by cell."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.manager = KernelManager()
        self.manager.start_kernel(env=environment, cwd=str(folder))
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, code: str, interrupt_at: str = "") -> list[dict[str, Any]]:
        """Run a cell and return what it put out; it is interrupted once something that it puts out holds a text."""
        asked, put_out = self.client.execute(code), []
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            kind, content = message["msg_type"], message["content"]
            if (
                kind == "status"
                and content["execution_state"] == "idle"
                and message["parent_header"]["msg_id"] == asked
            ):
                return put_out
            put_out.append({"kind": kind, **content})
            if interrupt_at and interrupt_at in str(content.get("data", "")):
                interrupt_at = ""
                self.manager.interrupt_kernel()
        raise AssertionError(f"did not end: {put_out[-5:]}")

    def end(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(environment: dict[str, str], server: str, tmp_path: Path) -> Iterator[Kernel]:
    kernel = Kernel({**environment, "PREFECT_API_URL": server}, tmp_path)
    yield kernel
    kernel.end()


def test_an_interrupted_cell_returns_what_is_kept_and_the_next_one_goes_on(
    kernel: Kernel, new_repo: Callable[..., Any], tmp_path: Path
) -> None:
    slow = ["sh", "-c", f'cat > /dev/null; test -e {tmp_path}/quick || sleep 60; echo x > "src/$NIGHTWORK_TICKET.txt"']
    agent = {"kind": "command", "command": slow, "fix_rounds": 0}
    gates = [{"name": "fine", "measures": "syntax", "command": ["true"]}]
    repo = new_repo({"agent": agent, "gates": gates, "sandbox": {"confine": False}}, name="slow")
    kernel.run(f"from flows.notebook import run\nfrom flows.overnight import overnight\nrepo = {str(repo.path)!r}")
    stopped = kernel.run("night = run(overnight, repo, 'night-1'); night", interrupt_at="running")
    assert "overnight: Aborted: 1 aborted; resume to go on" in str(stopped)
    assert "T-1" in _results(stopped)
    assert not [each for each in stopped if each["kind"] in {"error", "stream"}]
    (tmp_path / "quick").touch()
    assert "ready" in _results(kernel.run("run(overnight, repo, night.batch_id)"))


def test_a_flow_called_directly_ends_with_one_clear_line_instead_of_a_traceback(
    kernel: Kernel, new_repo: Callable[..., Any]
) -> None:
    agent = {"kind": "command", "command": ["true"], "fix_rounds": 0}
    repo = new_repo({"agent": agent, "gates": [], "sandbox": {"confine": False}})
    kernel.run(f"from flows.overnight import overnight\nrepo = {str(repo.path)!r}")
    (error,) = [each for each in kernel.run("overnight(repo)") if each["kind"] == "error"]
    assert (error["ename"], error["evalue"]) == ("Unended", "Incomplete: 1 failed")
    assert error["traceback"][0] == "Incomplete: 1 failed"
    assert "BATCH REVIEW" in error["traceback"][-1]
    (wrong,) = [each for each in kernel.run("overnight('nowhere')") if each["kind"] == "error"]
    assert wrong["ename"] == "BadInput"
    assert len(wrong["traceback"]) == 1


def _results(put_out: list[dict[str, Any]]) -> str:
    return "".join(_text(each["data"].get("text/html", "")) for each in put_out if each["kind"] == "execute_result")
