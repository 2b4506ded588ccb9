"""The keys of this process: taken out of the environment, held in memory, given to nobody but a model's client.

No child process can inherit what is no longer in the environment; only a name in `pass_env` hands a key on.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass

from pydantic import SecretStr

from nightwork import database
from nightwork.errors import bad_input
from nightwork.redact import hide

API_KEY, AUTH_TOKEN = "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"


@dataclass(frozen=True)
class Credentials:
    """A key or a token of Anthropic's API, and where the API is when it is elsewhere."""

    api_key: SecretStr | None = None
    auth_token: SecretStr | None = None
    base_url: str | None = None

    def __bool__(self) -> bool:
        return bool(self.api_key or self.auth_token)


_lock = threading.Lock()
_held = Credentials()


def hold(credentials: Credentials) -> None:
    """Use these from now on in this process."""
    global _held
    for secret in (credentials.api_key, credentials.auth_token):
        if secret:
            hide(secret.get_secret_value())
    with _lock:
        _held = credentials


def take_from_environment(environment: MutableMapping[str, str] = os.environ) -> None:
    """Move keys and the database's password out of the environment into this process's memory.

    What is held stays when there are none. Raises BadInput for a database that is named badly.
    """
    database.take_from_environment(environment)
    key, token = (environment.pop(name, "").strip() for name in (API_KEY, AUTH_TOKEN))
    if key:
        hold(Credentials(api_key=SecretStr(key)))
    elif token:
        hold(Credentials(auth_token=SecretStr(token)))


def current() -> Credentials:
    """Return what is held, after a look at the environment; raises BadInput when there is no key."""
    take_from_environment()
    if not _held:
        raise bad_input(API_KEY, "is not set, and agent.model needs it; set it, or name a block in options.credentials")
    secret = (_held.api_key or _held.auth_token or SecretStr("")).get_secret_value()
    if not (secret.isascii() and secret.isprintable()):
        raise bad_input(API_KEY, "holds characters that no key has; copy it again")
    return _held


def variables(names: Iterable[str]) -> dict[str, str]:
    """Return the variables that may be handed on by name, keys that are no longer in the environment among them."""
    held = {API_KEY: _held.api_key, AUTH_TOKEN: _held.auth_token}
    found = database.variables() | {name: secret.get_secret_value() for name, secret in held.items() if secret}
    found.update(os.environ)
    return {name: found[name] for name in names if name in found}
