"""The key of Anthropic's API, kept as a secret by the Prefect server."""

from __future__ import annotations

from typing import Annotated

from prefect.blocks.core import Block
from pydantic import Field, SecretStr, field_validator

from nightwork.llm import credentials
from nightwork.section import Plain


class ClaudeCredentials(Block):
    """A key of Anthropic's API; its name is what `options.credentials` of a flow takes."""

    _block_type_name = "Claude Credentials"
    _block_type_slug = "claude-credentials"

    api_key: SecretStr = Field(title="API key", description="The key, as the Claude Console shows it.")
    base_url: Annotated[str | None, Plain()] = Field(
        default=None, title="Base address", description="Where the API is, when it is not Anthropic's own."
    )

    @field_validator("base_url", mode="before")
    @classmethod
    def _empty_is_left_out(cls, value: object) -> object:
        return value or None  # as a form sends it

    def hold(self) -> None:
        """Use this key from now on in this process."""
        credentials.hold(credentials.Credentials(api_key=self.api_key, base_url=self.base_url))
