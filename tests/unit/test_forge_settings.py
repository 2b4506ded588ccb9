"""The page on which a person opens a merge request: what its template may say, and where it leads."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from nightwork.errors import BadInput
from nightwork.forge_settings import ForgeSettings
from nightwork.settings import RunOptions, load

COMPARE = "https://github.com/owner/repository/compare/{branch}"


@pytest.mark.parametrize(
    ("template", "page"),
    [
        ("", None),
        (COMPARE, "https://github.com/owner/repository/compare/agent/APP-1"),
        (
            "https://gitlab.example:8443/g/p/-/merge_requests/new?merge_request[source_branch]={branch}",
            "https://gitlab.example:8443/g/p/-/merge_requests/new?merge_request[source_branch]=agent/APP-1",
        ),
        ("http://forge/{ticket}/{batch}", "http://forge/APP-1/2026-01-15-overnight"),
        ("https://forge.example/all", "https://forge.example/all"),
    ],
)
def test_a_template_leads_to_the_page_of_a_branch(template: str, page: str | None) -> None:
    assert ForgeSettings(link=template).page_of("agent/APP-1", "APP-1", "2026-01-15-overnight") == page


def test_what_stands_in_a_name_never_leaves_its_place() -> None:
    page = ForgeSettings(link=COMPARE).page_of("a?b=c#d e\n<x>&{ticket}", "T", "B")
    assert page == "https://github.com/owner/repository/compare/a%3Fb%3Dc%23d%20e%0A%3Cx%3E%26%7Bticket%7D"


@pytest.mark.parametrize(
    "template",
    [
        "javascript:alert({branch})",
        "ftp://example.org/{branch}",
        "//example.org/{branch}",
        "https://{branch}.example.org/",
        "https://user:secret@example.org/{branch}",
        "https://example.org/{branch.__class__}",
        "https://example.org/{branch!r}",
        "https://example.org/{branch:>9999999}",
        "https://example.org/{title}",
        "https://example.org/{}",
        "https://example.org/{0}",
        "https://example.org/{branch",
        "https://example.org/{branch}\n",
        "https://example.org/ {branch}",
        'https://example.org/"><script>',
        "https://example.org/" + "x" * 1000,
    ],
)
def test_any_other_template_is_refused(template: str) -> None:
    with pytest.raises(ValidationError):
        ForgeSettings(link=template)


def test_an_option_of_a_run_goes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "nightwork.yaml").write_text("forge: {link: 'https://one.example/{branch}'}")
    assert load(tmp_path).forge.link == "https://one.example/{branch}"
    assert load(tmp_path, RunOptions(forge=COMPARE).flags()).forge.link == COMPARE
    with pytest.raises(BadInput, match=r"forge\.link: expected the address of a page"):
        load(tmp_path, RunOptions(forge="nowhere").flags())
