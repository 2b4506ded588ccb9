"""Where a flow's keys come from: the environment, out of which they are taken, or a block."""

from __future__ import annotations

from typing import cast

from nightwork import database
from nightwork.errors import bad_input
from nightwork.llm import credentials


def take_credentials(block: str = "") -> None:
    """Take keys and passwords out of the environment, so that no child has them; a named block's key goes first."""
    credentials.take_from_environment()
    database.take_from_environment()
    if block:
        from blocks.claude_credentials import ClaudeCredentials

        try:
            # `load` is typed as both sync and async.
            loaded = cast(ClaudeCredentials, ClaudeCredentials.load(block, _sync=True))  # type: ignore[call-arg]
        except ValueError as error:
            told = f"no block claude-credentials/{block} can be read; store one in the Prefect UI, or leave it empty"
            raise bad_input("options.credentials", told) from error
        loaded.hold()
