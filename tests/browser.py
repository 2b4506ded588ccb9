"""Prefect's UI in Debian's Chromium, by what a person sees there: labels, roles and words.

Prefect 3.8 serves two UIs; a browser that has chosen none gets the second, below `/v2`, which is the one driven here.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, sync_playwright

_PATIENCE_MS = 60_000


@dataclass
class Ui:
    """One tab of a browser at the UI of a control room; `shots` is where pictures go, `faults` what went wrong."""

    page: Page
    address: str
    shots: Path
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.faults.append(f"{self.page.url}: {error}"))
        self.page.on("response", lambda answer: self._note(answer.url, answer.status))

    def _note(self, url: str, status: int) -> None:
        if url.startswith(self.address) and status >= 500:
            self.faults.append(f"{self.page.url}: {url} answered {status}")

    def shoot(self, name: str) -> None:
        """Keep a picture of the whole page."""
        self.page.screenshot(path=self.shots / f"{name}.png", full_page=True)

    def go(self, path: str) -> None:
        self.page.goto(f"{self.address}/v2/{path}")

    def start(self, deployment: str, values: Mapping[str, str | int]) -> str:
        """Start a run through the deployment's form and go to its page; returns the run's id."""
        self.go("deployments")
        self.page.get_by_role("link", name=deployment, exact=True).first.click()
        self.page.get_by_role("button", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Custom run").click()
        self.fill(values)
        self.shoot(f"{deployment}-form")
        self.page.get_by_role("button", name="Submit").click()
        self.page.get_by_role("button", name="View run").click()
        self.page.wait_for_url("**/runs/flow-run/**")
        return self.page.url.partition("/flow-run/")[2].partition("?")[0]

    def fill(self, values: Mapping[str, str | int]) -> None:
        """Fill fields of a form by their labels; what may be none is first told that it is something."""
        for label, value in values.items():
            box = self._field(label)
            box.locator("input, textarea, button").first.wait_for()
            choices = box.get_by_role("button", name=re.compile("^Select"))
            if choices.count():
                choices.click()
                self.page.get_by_role("option", name=str(value), exact=True).click()
                continue
            if box.get_by_role("tab").count():
                box.get_by_role("tab").first.click()
            box.locator("input, textarea").first.fill(str(value))

    def _field(self, label: str) -> Locator:
        names = f"normalize-space()={label!r} or normalize-space()={f'{label} (Optional)'!r}"
        return self.page.locator(f"xpath=//label[{names}]/following::fieldset[1]")

    def open_run(self, name: str) -> None:
        """Look up a run by the beginning of its name among the runs, and open it."""
        self.go("runs")
        self.page.get_by_role("link", name=re.compile(f"^{re.escape(name)}")).first.click()
        self.page.wait_for_url("**/runs/flow-run/**")

    def choose(self, item: str) -> Locator:
        """Choose from the menu of the run that is open; returns the dialog that comes up."""
        self.page.get_by_role("button", name="Open menu").first.click()
        self.page.get_by_role("menuitem", name=item, exact=True).click()
        dialog = self.page.get_by_role("dialog").or_(self.page.get_by_role("alertdialog"))
        dialog.wait_for()
        return dialog

    def resume(self, values: Mapping[str, str], shot: str) -> None:
        """Answer the form of the run that is open."""
        dialog = self.choose("Resume")
        self.fill(values)
        self.shoot(shot)
        dialog.get_by_role("button", name="Resume", exact=True).click()
        dialog.wait_for(state="hidden")

    def wait_for_state(self, name: str, timeout_s: float) -> None:
        """Wait until the page of the run that is open shows a state, which it does without being loaded again."""
        self.page.locator("main").get_by_text(name, exact=True).first.wait_for(timeout=timeout_s * 1000)


@contextlib.contextmanager
def at(address: str, shots: Path) -> Iterator[Ui]:
    """Open a browser of one's own at the UI of a control room; a picture shows where it ended."""
    program = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.set_default_timeout(_PATIENCE_MS)
            ui = Ui(page, address, shots)
            try:
                yield ui
            finally:
                ui.shoot("end")
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
