"""A repository that batches work on: where it is, and how it is reached."""

from __future__ import annotations

from typing import Annotated

from prefect.blocks.core import Block
from pydantic import Field, SecretStr, field_validator

from nightwork.section import Plain
from nightwork.travel import Source


class Repository(Block):
    """A git repository that nightwork works on. Its name, `repository/NAME`, is what a flow's field "Repository" takes.

    Example:
        ```python
        from blocks.repository import Repository

        repository = Repository.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "Repository"
    _block_type_slug = "repository"

    where: str = Field(
        title="Where",
        min_length=1,
        max_length=2000,
        description="A folder on the worker's machine, or an address that `git clone` takes.",
        examples=["https://github.com/owner/repository.git", "/srv/repositories/shop"],
    )
    token: Annotated[SecretStr | None, Plain()] = Field(
        default=None,
        title="Token",
        description="Token for an https:// address that may read and push; leave it out for folders and ssh.",
    )
    base: Annotated[str | None, Plain()] = Field(
        default=None,
        title="Base branch",
        description="Branch from which the branches of tickets start, unless a run names another; by default the"
        " repository's settings say it.",
    )

    @field_validator("token", "base", mode="before")
    @classmethod
    def _empty_is_left_out(cls, value: object) -> object:
        return value or None  # as a form sends it

    @field_validator("where")
    @classmethod
    def _holds_no_key(cls, where: str) -> str:
        before, at, _ = where.partition("://")[2].partition("/")[0].rpartition("@")
        if where.startswith("-"):
            raise ValueError("expected a folder or an address, which never begins with '-'")
        if at and ":" in before:
            raise ValueError(
                "expected an address without a password; put it into the field Token, which is kept secret"
            )
        return where

    def source(self) -> Source:
        """Return what a run visits."""
        return Source(self.where, self.token)
