"""Blocks of the Prefect server: what their forms refuse, and that flows take their names in the place of values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from prefect.blocks.core import Block
from prefect.settings import get_current_settings
from prefect.testing.standard_test_suites import BlockStandardTestSuite
from pydantic import SecretStr, ValidationError

from blocks.claude_credentials import ClaudeCredentials
from blocks.forge import Forge
from blocks.notification import Notification
from blocks.repository import Repository
from blocks.tracker import Tracker
from flows.overnight import overnight
from flows.wiring.named import resolved, source_of
from nightwork.batch import newest
from nightwork.errors import BadInput
from nightwork.settings import RunOptions
from nightwork.travel import Source

BLOCKS = [ClaudeCredentials, Repository, Tracker, Forge, Notification]
COMPARE = "https://github.com/owner/repository/compare/{branch}"


@pytest.mark.parametrize("block", BLOCKS)
class TestAgainstPrefectsOwnSuite(BlockStandardTestSuite):
    @pytest.fixture
    def block(self, request: pytest.FixtureRequest) -> type[Block]:
        return request.param

    # There is no page and no picture of nightwork on the network that a block could truthfully name.
    test_has_a_documentation_url = None
    test_has_a_valid_image = None

    def test_every_field_has_a_title(self, block: type[Block]) -> None:
        assert [name for name, field in block.model_fields.items() if not field.title] == []


@pytest.mark.parametrize(
    ("kind", "values", "complaint"),
    [
        (Repository, {"where": "https://me:secret@example.org/r.git"}, "into the field Token"),
        (Repository, {"where": "--upload-pack=x"}, "never begins with"),
        (Repository, {"where": ""}, "at least 1"),
        (Forge, {"link": "javascript:alert(1)"}, "expected the address of a page"),
        (Forge, {"link": ""}, "at least 1"),
        (Notification, {"block": "team"}, "match pattern"),
        (Notification, {"block": "slack-webhook/team", "about": ["everything"]}, "'aborted'"),
        (Notification, {"block": "slack-webhook/team", "about": []}, "at least 1"),
    ],
)
def test_values_that_cannot_work_are_refused(kind: type[Block], values: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        kind.model_validate(values)


def test_a_field_that_a_form_sends_empty_was_left_out() -> None:
    found = Repository.model_validate({"where": "/srv/shop", "token": "", "base": ""})
    assert (found.token, found.base) == (None, None)
    assert ClaudeCredentials.model_validate({"api_key": "k", "base_url": ""}).base_url is None


@pytest.mark.usefixtures("server")
def test_a_flow_takes_the_names_of_blocks(make_repository: Callable[..., Path], tmp_path: Path) -> None:
    root = make_repository({"A": {}})
    (root / "tickets").rename(tmp_path / "backlog")
    Repository(where=str(root), token=SecretStr("not-to-be-seen"), base="main").save("shop", overwrite=True)
    Tracker(source=str(tmp_path / "backlog")).save("backlog", overwrite=True)
    Forge(link=COMPARE).save("github", overwrite=True)
    api = get_current_settings().api.url
    assert "not-to-be-seen" not in httpx.post(f"{api}/block_documents/filter", json={}, timeout=30).text
    options = RunOptions(tickets="tracker/backlog", forge="forge/github")
    assert source_of("repository/shop") == Source(str(root), SecretStr("not-to-be-seen"))
    assert resolved(options, "repository/shop").base == "main"
    assert resolved(options.model_copy(update={"base": "HEAD"}), "repository/shop").base == "HEAD"
    state = overnight("repository/shop", None, options, return_state=True)
    assert state.is_completed(), state
    batch = newest(root)
    assert batch is not None
    assert "https://github.com/owner/repository/compare/agent/A" in (batch.folder / "review.html").read_text()
    assert batch.settle_settings(RunOptions()).forge.link == COMPARE


@pytest.mark.usefixtures("server")
def test_a_name_that_no_block_has_is_bad_input_and_tells_those_that_are_there() -> None:
    Repository(where="/srv/shop").save("known", overwrite=True)
    with pytest.raises(BadInput, match=r"^repo: no block repository/unknown; there are .*known"):
        source_of("repository/unknown")
    with pytest.raises(BadInput, match=r"^options\.forge: no block forge/../x; there "):
        resolved(RunOptions(forge="forge/../x"))
    assert source_of("./repository/unknown") == Source("./repository/unknown")
    assert resolved(RunOptions(tickets="./tracker/x")).tickets == "./tracker/x"
