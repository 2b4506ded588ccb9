"""Keeps a conversation within what its model takes: the oldest answers of tools are left out, many at once.

Leaving out changes the beginning of the prompt, which the provider's cache then no longer knows, and thinking is bound
to what stood before it. So it happens rarely, down to a low mark, together with the thinking up to there, and stands in
the trajectory: a resumed run sends the same bytes.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from nightwork.agent.trajectory import Trajectory
from nightwork.llm import Message

# Shares of the limit: above the first, a conversation is shortened to the second.
HIGH, LOW = 0.8, 0.4
# Less than this share is not worth a changed beginning.
_WORTH = 0.1
# Of text that no model has counted yet.
BYTES_PER_TOKEN = 3.0


@dataclass(frozen=True)
class Window:
    """What a conversation may have at most, in tokens; None is no limit."""

    trajectory: Trajectory
    limit: int | None

    def keep(self, stage: str) -> None:
        """Shorten the conversation when it comes near the limit."""
        if self.limit is None or self._is_fresh():
            return
        if self._estimated()[0] > HIGH * self.limit:
            self._leave_out(stage, LOW * self.limit, self._newest(), _WORTH * self.limit)

    def shorten(self, stage: str) -> bool:
        """Shorten a conversation that its model refused as too long; returns whether anything could be left out.

        First all but the newest answers go, then those too.
        """
        return self._leave_out(stage, -math.inf, self._newest()) or self._leave_out(stage, -math.inf, 0)

    def forget_thinking(self, stage: str) -> bool:
        """Leave out all thinking, which its model did not take back; returns whether there was any."""
        replies = [record for record in self.trajectory.records if record["kind"] == "assistant"]
        left_out = self.trajectory.left_out()
        if not any(record["message"].get("blocks") for record in replies[left_out.replies :]):
            return False
        self.trajectory.leave_out(stage, left_out.results)
        return True

    def _leave_out(self, stage: str, target: float, spared: int, worth: float = 0.0) -> bool:
        """Leave out answers, oldest first, until the target is reached or only the newest are left."""
        tokens, rate = whole, _ = self._estimated()
        count = before = self.trajectory.left_out().results
        sizes = self.trajectory.result_sizes()
        while tokens > target and count < len(sizes) - spared:
            tokens -= sizes[count] / rate
            count += 1
        if not any(sizes[before:count]) or whole - tokens < worth:
            return False
        self.trajectory.leave_out(stage, count)
        return True

    def _newest(self) -> int:
        """Count the answers that the model has not seen yet."""
        messages = self.trajectory.messages()
        return len(messages[-1].results) if messages and messages[-1].role == "user" else 0

    def _is_fresh(self) -> bool:
        kinds = [record["kind"] for record in self.trajectory.records if record["kind"] in {"assistant", "left_out"}]
        return kinds[-1:] == ["left_out"]

    def _estimated(self) -> tuple[float, float]:
        """Return the conversation's tokens, and its bytes per token: counted as far as a model has counted."""
        messages, counted = self.trajectory.messages(), self.trajectory.counted()
        if counted is None or not counted.tokens or self._is_fresh():
            return _size(messages) / BYTES_PER_TOKEN, BYTES_PER_TOKEN
        known, new = _size(messages[: counted.messages]), _size(messages[counted.messages :])
        rate = min(max(known / counted.tokens, 1.0), 8.0)
        return counted.tokens + new / BYTES_PER_TOKEN, rate


def _size(messages: tuple[Message, ...]) -> int:
    said = [message.model_dump(mode="json", exclude_defaults=True) for message in messages]
    return len(json.dumps(said, ensure_ascii=False).encode("utf-8", "replace"))
