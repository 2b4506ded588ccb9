"""A place that tickets come from."""

from __future__ import annotations

from prefect.blocks.core import Block
from pydantic import Field


class Tracker(Block):
    """Where tickets come from. Its name, `tracker/NAME`, is what the field "Tickets" of a run's options takes.

    Example:
        ```python
        from blocks.tracker import Tracker

        tracker = Tracker.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "Tracker"
    _block_type_slug = "tracker"

    source: str = Field(
        title="Source",
        min_length=1,
        max_length=2000,
        description="A folder of Markdown tickets, relative to the repository unless absolute; as `tickets` in"
        " nightwork.yaml.",
        examples=["tickets"],
    )
