"""What a failed call means: wait, try again, ask a person, or shorten the conversation.

Source: the API's errors and rate limits pages. Texts of the provider are shown as text, short and without keys.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from nightwork.errors import (
    ContextOverflow,
    ModelError,
    NightworkError,
    ProviderRefused,
    RateLimited,
    ThinkingRefused,
    Unavailable,
)
from nightwork.markdown import printable
from nightwork.redact import redact

# A reset later than this is no time that a provider tells; the longest limit is a month's.
MAX_RESET = timedelta(days=32)
_MAX_TEXT = 300
_TRANSIENT = frozenset({408, 409, 425, 499})
_REFUSED = frozenset({401, 402, 403})
_REFUSED_KINDS = frozenset({"authentication_error", "billing_error", "permission_error"})
_TOO_LONG = re.compile(
    r"prompt is too long|exceed.{0,30}context (window|limit)|input length and .max_tokens. exceed", re.I
)
_THINKING = re.compile(
    r"thinking.{0,80}(cannot be modified|signature|match|conversation|prefix)|signature.{0,40}thinking", re.I | re.S
)
# Answered with 400 or 429, and yet no waiting helps: money, or an account that is closed.
_NO_CREDIT = re.compile(
    r"credit balance is too low|specified (workspace )?API usage limits|reached your API usage limits"
    r"|organization has been disabled",
    re.I,
)
_NO_CREDIT_CODES = frozenset({
    "enforced_spend_limit_reached", "contract_spend_limit_reached", "linked_organization_spend_limit_reached",
    "linked_organization_billing_unavailable", "organization_on_hold",
})  # fmt: skip


def of_status(
    provider: str, model: str, status: int, headers: Mapping[str, str], code: str, text: str, now: datetime
) -> NightworkError:
    """Return what an answer with a status of failure means."""
    told = said(text) or f"status {status}"
    if status in _REFUSED or code in _NO_CREDIT_CODES or (status in {400, 429} and _NO_CREDIT.search(text)):
        return ProviderRefused(provider, told)
    if status == 429:
        return RateLimited(provider, reset_s(headers, now))
    if status >= 500 or status in _TRANSIENT:
        return Unavailable(provider, f"status {status}: {told}", 0.0)
    if status == 413 or _TOO_LONG.search(text):
        return ContextOverflow(model, told)
    return (ThinkingRefused if status == 400 and _THINKING.search(text) else ModelError)(model, told)


def of_kind(provider: str, model: str, kind: str, text: str, otherwise: NightworkError) -> NightworkError:
    """Return what an error in the middle of an answer means, by the kind that the provider tells."""
    if kind in _REFUSED_KINDS or _NO_CREDIT.search(text):
        return ProviderRefused(provider, said(text))
    if kind == "invalid_request_error":
        return (ContextOverflow if _TOO_LONG.search(text) else ModelError)(model, said(text))
    return otherwise


def said(text: str) -> str:
    """Return a provider's text as it may be shown and stored."""
    shown = " ".join(printable(redact(text)).split())
    return shown if len(shown) <= _MAX_TEXT else f"{shown[:_MAX_TEXT]}..."


def reset_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds until a closed provider opens again; None when it does not tell, or tells nonsense."""
    told = _seconds(headers.get("retry-after"), now)
    if told is not None:
        return told
    exhausted = [
        _seconds_until(headers.get(name.removesuffix("-remaining") + "-reset"), now)
        for name, value in headers.items()
        if name.startswith("anthropic-ratelimit-") and name.endswith("-remaining") and value.strip() == "0"
    ]
    return max((seconds for seconds in exhausted if seconds is not None), default=None)


def _seconds(text: str | None, now: datetime) -> float | None:
    """Read `retry-after`: seconds, or the date of HTTP."""
    if text is None:
        return None
    try:
        return _plausible(float(text))
    except ValueError:
        pass
    try:
        return _plausible((_aware(parsedate_to_datetime(text)) - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def _seconds_until(text: str | None, now: datetime) -> float | None:
    try:
        return _plausible((_aware(datetime.fromisoformat(text or "")) - now).total_seconds())
    except (ValueError, OverflowError):
        return None


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _plausible(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) and 0 <= seconds <= MAX_RESET.total_seconds() else None
