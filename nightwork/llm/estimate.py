"""How many tokens a text has, as far as that can be told without asking: rather too many than too few."""

from __future__ import annotations

# Of source and of what is written about it; a little less than most tokens have, so that a cap holds.
BYTES_PER_TOKEN = 3.0


def estimated_tokens(text: str) -> int:
    """Return about how many tokens a text has, rather too many than too few."""
    return tokens_of(len(text.encode("utf-8", "replace")))


def tokens_of(size: int) -> int:
    """Return about how many tokens so many bytes are."""
    return -int(-size // BYTES_PER_TOKEN)
