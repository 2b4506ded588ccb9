"""The control room with a large batch in it: the server's database, its pages in a browser, its log."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, TimeoutError, sync_playwright

from bench import loops, repositories
from bench.figures import Figure, main

TICKETS, COMMANDS, GATES = 200, 3, 4
BAR_MB, BAR_S = 100.0, 2.0
ENDS_WITHIN_S = 3600.0
_LONGEST_MS = 60_000.0
_TRIES = 5
TITLE = f"Control room: {TICKETS} tickets of {COMMANDS} commands and {GATES} gates, server and worker of `nightwork up`"
SETTINGS: dict[str, Any] = {
    **loops.SETTINGS,
    "gates": [{"name": f"gate-{number}", "measures": "tests", "command": ["true"]} for number in range(GATES)],
}
_BATCH = "measured"
_DEPLOYMENTS = {"deployments": ("deployments", "a:has-text('overnight')")}  # the page that is full before any run
_ERROR = re.compile(r"\| (ERROR|CRITICAL) ")
_CAUSE = re.compile(r"^[\w.]*(Error|Exception)\b")


@dataclass(frozen=True)
class Room:
    """A home in which `nightwork up` starts server and worker."""

    home: Path
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def nightwork(self, *arguments: str) -> None:
        state = {"HOME": str(self.home), "XDG_STATE_HOME": str(self.home / "state"), "DO_NOT_TRACK": "1"}
        command = [sys.executable, "-m", "flows.cli", *arguments]
        subprocess.run(command, cwd=self.home, env={**os.environ, **state}, check=True, stdout=sys.stderr)

    def ask(self, path: str, method: str = "POST", **body: Any) -> Any:
        for _ in range(_TRIES):  # as Prefect's own client does
            answer = httpx.request(method, f"{self.address}/api/{path}", json=body or None, timeout=60)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(2)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def run(self, name: str) -> str:
        """Return the id of the newest run whose name begins so."""
        named = {"name": {"like_": name}}
        found = self.ask("flow_runs/filter", flow_runs=named, sort="START_TIME_DESC", limit=200)
        return str(next(run["id"] for run in found if run["name"].startswith(name)))

    def errors(self, of: re.Pattern[str] = _ERROR) -> list[str]:
        """Return the lines of the server's log that tell of errors, or of their causes."""
        text = next((self.home / "state").glob("**/control-room/server.log")).read_text(errors="replace")
        return [line for line in text.splitlines() if of.search(line)]

    def database_mb(self) -> float:
        """Return what the server's database takes on the disk, its journal included."""
        return sum(path.stat().st_size for path in self.home.glob("**/prefect.db*")) / 1e6


def measure() -> list[Figure]:
    """Run a batch through a deployment, look at it in the browser, and end everything."""
    with _room() as room, repositories.repository(**SETTINGS) as root:
        tickets = repositories.tickets(TICKETS)
        loops.write_script(root, tickets, COMMANDS)
        repositories.write_tickets(root, tickets)
        repositories.commit(root)
        empty = _pages(room, _DEPLOYMENTS)
        seconds = _through_deployment(room, root)
        tasks = room.ask("task_runs/count", task_runs={"name": {"like_": ""}})
        open_mb = room.database_mb()
        pages = _pages(room, _of_the_batch(room) | _DEPLOYMENTS)
        room.nightwork("down")
        errors, causes = room.errors(), Counter(line[:300] for line in room.errors(_CAUSE))
        kept_mb = room.database_mb()
    for cause, times in causes.most_common(5):
        print(f"{times} times: {cause}", file=sys.stderr)
    return [
        Figure("database, the server ended", kept_mb, "MB", BAR_MB, f"{open_mb:.0f} MB with its journal while it runs"),
        *(Figure(f"page, nothing run yet: {name}", value, "s", note=note) for name, value, note in empty),
        *(Figure(f"page: {name}", value, "s", BAR_S, note) for name, value, note in pages),
        Figure(
            "errors in the server's log",
            len(errors),
            "",
            0,
            ", ".join(sorted({line.split("| ")[2] for line in errors}))[:300],
        ),
        Figure("task runs", tasks),
        Figure("the run, per ticket", seconds / TICKETS, "s", note="overnight, from its start to its end"),
    ]


@contextlib.contextmanager
def _room() -> Iterator[Room]:
    with tempfile.TemporaryDirectory(prefix="nightwork-bench-room-", ignore_cleanup_errors=True) as home:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            room = Room(Path(home), int(probe.getsockname()[1]))
        try:
            room.nightwork("up", "--port", str(room.port))
            yield room
        finally:
            room.nightwork("down")


def _through_deployment(room: Room, root: Path) -> float:
    """Run the batch as a person starts it; returns its seconds. What is to be decided waits: it is not measured."""
    deployment = room.ask("deployments/name/overnight/overnight", "GET")
    parameters = {"repo": str(root), "batch_id": _BATCH, "options": {"max_tickets": TICKETS}}
    run = room.ask(
        f"deployments/{deployment['id']}/create_flow_run", parameters=parameters, state={"type": "SCHEDULED"}
    )
    is_paused, deadline = False, time.monotonic() + ENDS_WITHIN_S
    while time.monotonic() < deadline:
        now = room.ask(f"flow_runs/{run['id']}", "GET")
        if now["state_type"] == "RUNNING" and not is_paused:
            room.ask("work_pools/nightwork", "PATCH", is_paused=True)
            is_paused = True
        if now["state_type"] in {"COMPLETED", "FAILED", "CRASHED"}:
            if now["state_name"] != "Completed":
                raise RuntimeError(f"the run ended {now['state_name']}: {now['state']['message']}")
            return float(now["total_run_time"])
        time.sleep(1)
    raise RuntimeError(f"the run did not end within {ENDS_WITHIN_S:.0f} s")


def _of_the_batch(room: Room) -> dict[str, tuple[str, str]]:
    """Return the pages that there are once a batch has run, each with what shows that its content is there."""
    ids = {"overnight": room.run(f"overnight-{_BATCH}-"), "generation": room.run(f"generation {_BATCH}")}
    review = room.ask("artifacts/latest/filter", artifacts={"key": {"any_": ["review"]}})[0]
    return {
        "dashboard": ("dashboard", "text=/\\d+ total/"),
        "runs": ("runs", "a[href*='/runs/flow-run/']"),
        "run of the batch": (f"runs/flow-run/{ids['overnight']}", "canvas"),
        "run of the agents, too large for a graph": (f"runs/flow-run/{ids['generation']}", "text=/Processing T-/"),
        "its task runs": (f"runs/flow-run/{ids['generation']}?tab=TaskRuns", "a:has-text('T-0')"),
        "artifacts": ("artifacts", "main a[href*='/artifacts/']"),
        "review artifact": (f"artifacts/artifact/{review['latest_id']}", "text='Ready for review'"),
    }


def _pages(room: Room, pages: dict[str, tuple[str, str]]) -> list[tuple[str, float, str]]:
    """Return for each page the seconds until its content is there, the slower of two loads, and what the API took."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        try:
            _loaded(browser, room.address, *_DEPLOYMENTS["deployments"])  # the browser's own start is not measured
            return [_page(browser, room.address, name, *page) for name, page in pages.items()]
        finally:
            browser.close()


def _page(browser: Browser, address: str, name: str, path: str, content: str) -> tuple[str, float, str]:
    first, second, slowest = _loaded(browser, address, path, content)
    return name, max(first, second), f"then {second:.2f} s; slowest API call {slowest:.2f} s"


def _loaded(browser: Browser, address: str, path: str, content: str) -> tuple[float, float, float]:
    """Load a page twice, first with nothing in the cache; returns both times and that of the slowest API call."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    try:
        page, calls = context.new_page(), list[float]()
        page.on("requestfinished", lambda request: calls.append(_seconds(request)))
        times = [_load(page, f"{address}/v2/{path}", content) for _ in range(2)]
        return times[0], times[1], max(calls, default=0.0)
    finally:
        context.close()


def _seconds(request: Any) -> float:
    return float(max(request.timing["responseEnd"], 0)) / 1000 if "/api/" in request.url else 0.0


def _load(page: Page, url: str, content: str) -> float:
    """Open a page; returns the seconds until its content is there, and what its graph is drawn of."""
    started, has_graph = time.perf_counter(), content == "canvas"
    with contextlib.suppress(TimeoutError):  # a page that never shows its content is told as a minute
        with page.expect_response("**/graph-v2*", timeout=_LONGEST_MS) if has_graph else contextlib.nullcontext():
            page.goto(url, wait_until="commit")
        page.locator(content).first.wait_for(timeout=_LONGEST_MS)
    return time.perf_counter() - started


if __name__ == "__main__":
    main(TITLE, measure)
