"""Prefect's UI in Debian's Chromium, by what a person sees there: labels, roles and words.

Prefect 3.8 serves two UIs; a browser that has chosen none gets the second (`/v2`), which is the one that is driven.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, sync_playwright

# Runs end in a state of their own name; the badge shows it.
ENDED = re.compile("Completed|Incomplete|Aborted|Failed|Crashed|Cancelled")


@dataclass
class ControlRoomPage:
    """One tab of a browser at the UI of a control room."""

    page: Page
    ui: str
    shots: Path | None = None
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.faults.append(f"{self.page.url}: {error}"))
        self.page.on("response", lambda answer: self._note(answer.url, answer.status))

    def _note(self, url: str, status: int) -> None:
        if url.startswith(self.ui) and status >= 500:
            self.faults.append(f"{self.page.url}: {url} answered {status}")

    def shoot(self, name: str) -> None:
        """Keep a picture of the whole page, when pictures are wanted."""
        if self.shots:
            self.page.screenshot(path=self.shots / f"{name}.png", full_page=True)

    def fill(self, label: str, value: str | int) -> None:
        """Fill one field of a form; one that may be none is first told that it is something."""
        box = self.field(label)
        kinds = box.get_by_role("tab")
        if kinds.count():
            kinds.first.click()
        box.locator("input, textarea").first.fill(str(value))

    def field(self, label: str) -> Locator:
        """The part of a form under a label."""
        names = f"normalize-space()={label!r} or normalize-space()={f'{label} (Optional)'!r}"
        return self.page.locator(f"xpath=//label[{names}]/following::fieldset[1]")

    def choose(self, label: str, option: str) -> None:
        """Choose one of the options of a field."""
        self.field(label).get_by_role("combobox").click()
        self.page.get_by_role("option", name=option, exact=True).click()

    def open_deployment(self, name: str) -> None:
        self.page.goto(f"{self.ui}/v2/deployments")
        self.page.get_by_role("link", name=name, exact=True).first.click()
        self.page.get_by_role("button", name="Run", exact=True).wait_for()

    def custom_run(self, deployment: str, values: dict[str, str | int], shot: str = "") -> None:
        """Start a run through the deployment's form, and go to the page of the run."""
        self.open_deployment(deployment)
        if shot:
            self.shoot(f"{shot}-deployment")
        self.page.get_by_role("button", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Custom run").click()
        for label, value in values.items():
            self.fill(label, value)
        if shot:
            self.shoot(f"{shot}-form")
        self.page.get_by_role("button", name="Submit").click()
        self.page.get_by_role("button", name="View run").click()
        self.page.wait_for_url("**/runs/flow-run/**")

    def open_run(self, run_id: str) -> None:
        self.page.goto(f"{self.ui}/v2/runs/flow-run/{run_id}")

    def state(self) -> str:
        """The word in the badge of the run that is open."""
        return self.page.locator("main [data-slot=badge]").first.inner_text().strip()


@contextlib.contextmanager
def at(ui: str, shots: Path | None = None) -> Iterator[ControlRoomPage]:
    """Open a browser of one's own at the UI of a control room."""
    program = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.set_default_timeout(30_000)
            yield ControlRoomPage(page, ui, shots)
        finally:
            browser.close()


def chromium() -> str:
    """Return where Chromium is; without one the test is skipped, and fails in CI."""
    found = shutil.which("chromium")
    if found is None:
        told = "no chromium in PATH; `apt-get install chromium` brings it"
        if os.environ.get("CI") == "true":
            pytest.fail(told)
        pytest.skip(told)
    return found
