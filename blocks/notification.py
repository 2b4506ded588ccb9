"""Who is told of what."""

from __future__ import annotations

from typing import Literal, get_args

from prefect.blocks.core import Block
from pydantic import Field

Occasion = Literal["aborted", "vetoed", "escalated", "ready", "drifted", "reminders"]
OCCASIONS: tuple[Occasion, ...] = get_args(Occasion)


class Notification(Block):
    """Which notification block of Prefect tells people of what; `nightwork up --notify nightwork-notification/NAME`.

    Example:
        ```python
        from blocks.notification import Notification

        notification = Notification.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "Nightwork Notification"
    _block_type_slug = "nightwork-notification"

    block: str = Field(
        title="Block",
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*/[A-Za-z0-9._ -]{1,200}$",
        description="The notification block that sends the text: its type and its name, as in slack-webhook/team.",
        examples=["slack-webhook/team", "custom-webhook/pager"],
    )
    about: set[Occasion] = Field(
        default=set(OCCASIONS),
        min_length=1,
        title="About",
        description="What is told: a batch was aborted, security vetoed a change, a ticket escalated, the review queue"
        " is ready, module specs drifted, reminders of decisions that wait.",
    )
