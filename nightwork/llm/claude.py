"""Claude over the Messages API: one call is one HTTP request; waiting and trying again is for those who call."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import anthropic
import httpx2

from nightwork import stop
from nightwork.errors import NightworkError, Unavailable, bad_input
from nightwork.llm import failures, wire
from nightwork.llm.credentials import Credentials
from nightwork.llm.messages import Reply, Request, Usage
from nightwork.llm.stream import ErrorEvent, Received, Unreadable
from nightwork.price import Price

PROVIDER = "anthropic"
# Between two events of a stream; the provider sends a ping at least every few seconds.
READ_TIMEOUT_S = 120.0
CALL_TIMEOUT_S = 1_800.0
_TRANSPORT = (httpx2.HTTPError, httpx2.StreamError, OSError, ValueError)


class ClaudeModel:
    """One model of Anthropic's."""

    def __init__(
        self,
        name: str,
        credentials: Credentials,
        price: Price,
        max_output_tokens: int = 16_000,
        cache_ttl: str = "5m",
        read_timeout_s: float = READ_TIMEOUT_S,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name = name
        self.provider = f"{PROVIDER}#{_account(credentials)}"
        self.price = price
        self.max_tokens = min(max_output_tokens, price.max_output)
        # The answer needs its part of the window.
        self.context_window: int | None = max(price.context_window - self.max_tokens, price.context_window // 2)
        self.cache_ttl = cache_ttl
        self.client = _client(credentials, read_timeout_s)
        self._now = now

    def worst_case_usd(self, request: Request) -> float:
        """Return what the call can cost at most: all input at the dearest rate, and the longest answer."""
        bound = wire.token_bound(request, self.name, self.price.strict_tools)
        return self.price.worst_case_usd(bound, self._longest(request), self.cache_ttl)

    def complete(self, request: Request) -> Reply:
        """Return the model's answer from one HTTP request."""
        received = Received()
        with self.failures_told():
            self._receive(self.body(request), received)
            if not received.is_whole:
                raise Unreadable("the answer has no end")
            return self.reply(received)

    def body(self, request: Request) -> dict[str, Any]:
        """Return what the call sends."""
        return wire.body(request, self.name, self._longest(request), self.cache_ttl, self.price.strict_tools)

    def reply(self, received: Received, discount: float = 0.0) -> Reply:
        """Return an answer with what it cost; `discount` is a share of that. Raises Unreadable."""
        tokens = received.tokens(self.cache_ttl)
        return Reply(
            message=received.message(self.name),
            stop_reason=received.stop_reason,
            usage=Usage(
                input_tokens=tokens.input,
                cache_read_tokens=tokens.cache_read,
                cache_write_tokens=tokens.cache_write,
                output_tokens=tokens.output,
                cost_usd=self.price.cost_usd(tokens) * (1 - discount),
            ),
        )

    def _longest(self, request: Request) -> int:
        return min(self.max_tokens, request.max_tokens or self.max_tokens)

    def _receive(self, body: dict[str, Any], received: Received) -> None:
        deadline = time.monotonic() + CALL_TIMEOUT_S
        with self.client.messages.create(**body, stream=True) as stream:
            events = anthropic.Stream.raw_events(stream.response)
            for event in events:
                stop.check()
                if time.monotonic() > deadline:
                    raise Unreadable(f"no end after {CALL_TIMEOUT_S:.0f} s")
                received.take(event.event or "", event.data)
                if received.is_whole:
                    break
            with contextlib.suppress(*_TRANSPORT):  # the connection is kept when the stream was read to its end
                next(events, None)

    @contextlib.contextmanager
    def failures_told(self) -> Iterator[None]:
        """Turn what the client raises into what it means; what the client said itself is not passed on."""
        try:
            yield
        except anthropic.APIStatusError as error:
            raise _meaning(error, self.name, self._now()) from None
        except ErrorEvent as error:
            kind, text = error.args
            otherwise = Unavailable(PROVIDER, f"{kind}: {failures.said(text)}", None)
            raise failures.of_kind(PROVIDER, self.name, kind, text, otherwise) from None
        except (anthropic.AnthropicError, *_TRANSPORT) as error:
            why = f"{type(error).__name__}: {failures.said(str(error))}"
            raise Unavailable(PROVIDER, why, 0.0 if _never_arrived(error) else None) from None


def _never_arrived(error: BaseException) -> bool:
    """Say whether no provider can have begun to work on a call; what it began, it may bill."""
    cause = error.__cause__ if isinstance(error, anthropic.APIConnectionError) else error
    return isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout | httpx2.WriteError)


def check_key(credentials: Credentials, model: str) -> None:
    """Ask the provider, at no cost, for a model by its name; raises as `complete` does, and ModelError when none is."""
    try:
        _client(credentials, 10.0).models.retrieve(model)
    except anthropic.APIStatusError as error:
        raise _meaning(error, model, datetime.now(UTC)) from None
    except anthropic.APIError as error:
        raise Unavailable(PROVIDER, failures.said(str(error)), 0.0) from None


def _meaning(error: anthropic.APIStatusError, model: str, now: datetime) -> NightworkError:
    text, code = error.api_message or error.message, error.error_code or ""
    return failures.of_status(PROVIDER, model, error.status_code, error.response.headers, code, text, now)


def _client(credentials: Credentials, read_timeout_s: float) -> anthropic.Anthropic:
    return _shared_client(credentials, credentials.base_url or os.environ.get("ANTHROPIC_BASE_URL"), read_timeout_s)


def _account(credentials: Credentials) -> str:
    """Return a short name of who pays, and where: one account's limits and refusals say nothing of another's."""
    secret = credentials.api_key or credentials.auth_token
    place = credentials.base_url or os.environ.get("ANTHROPIC_BASE_URL") or ""
    text = f"{secret.get_secret_value() if secret else ''} {place}"
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


@functools.cache
def _shared_client(credentials: Credentials, base_url: str | None, read_timeout_s: float) -> anthropic.Anthropic:
    """Return the client of some credentials; agents share one, and with it its connections."""
    key, token = credentials.api_key, credentials.auth_token
    if base_url and not base_url.startswith(("http://", "https://")):
        raise bad_input("ANTHROPIC_BASE_URL", f"{base_url!r} is no address; expected https://...")
    return anthropic.Anthropic(
        api_key=key.get_secret_value() if key else None,
        auth_token=token.get_secret_value() if token and not key else None,
        base_url=base_url,
        max_retries=0,
        timeout=httpx2.Timeout(connect=10.0, read=read_timeout_s, write=60.0, pool=600.0),
    )
