"""A place where merge requests are opened."""

from __future__ import annotations

from prefect.blocks.core import Block
from pydantic import Field

from nightwork.forge_settings import Link


class Forge(Block):
    """Where merge requests are opened. Its name, `forge/NAME`, is what the field "Forge" of a run's options takes.

    nightwork keeps the merge requests as files; the link leads a person to the page that opens one of a pushed branch.

    Example:
        ```python
        from blocks.forge import Forge

        forge = Forge.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "Forge"
    _block_type_slug = "forge"

    link: Link = Field(
        title="Link",
        min_length=1,
        description="Address of the page where a person opens the merge request of a pushed branch; {branch}, {ticket}"
        " and {batch} stand for names.",
        examples=["https://github.com/owner/repository/compare/{branch}"],
    )
