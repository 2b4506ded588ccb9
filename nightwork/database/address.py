"""Where tables are: a file, or a schema of a database that a URL names. Passwords are held here, and in no URL.

A password is taken out of the URL and out of the environment, so that no child process has it, no settings that are
kept or shown hold it, and no error can tell it.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from nightwork.errors import bad_input
from nightwork.redact import hide

ENVIRONMENT, PASSWORD = "NIGHTWORK_DATABASE", "PGPASSWORD"
_EXPECTED = "expected postgresql://USER@HOST:PORT/NAME, every other sign in its parts written as %xx"
_HOST = r"(?:[A-Za-z0-9._~%-]*|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?"
_URL = re.compile(
    r"(?P<scheme>postgres(?:ql)?://)(?:(?P<user>[^\s:@/?#]*)(?::(?P<password>[^\s:@/?#]*))?@)?"
    rf"(?P<hosts>{_HOST}(?:,{_HOST})*)(?P<name>/[^\s:@/?#]*)?(?P<query>\?[^\s@?#]*)?"
)


@dataclass(frozen=True)
class Schema:
    """A schema of the PostgreSQL database at a URL that holds no password."""

    url: str
    name: str

    def __str__(self) -> str:
        return f"{self.url.partition('?')[0]}, schema {self.name}"


Place = Path | Schema

_lock = threading.Lock()
# By URL without password; under no URL what PGPASSWORD told.
_passwords: dict[str, str] = {}


def place_of(url: str, kind: str, file: Path, identity: Callable[[], str] = lambda: "") -> Place:
    """Return where tables of a kind are kept: in a file when no URL is set.

    Else it is a schema of the database, one for each identity of what the tables belong to.
    """
    if not url:
        return file
    owner = identity()
    digest = f"_{hashlib.sha256(owner.encode('utf-8', 'surrogateescape')).hexdigest()[:20]}" if owner else ""
    return Schema(url, f"nightwork_{kind}{digest}")


def checked(url: object, where: str) -> str:
    """Return a database's URL; raises BadInput, which shows nothing of it, for one with a password or none at all."""
    parts = _parsed(url if isinstance(url, str) else "", where)
    if parts["password"] or _in_query(parts):
        told = f"holds a password; leave it out here, and set {ENVIRONMENT} or {PASSWORD}, or write it to .pgpass"
        raise bad_input(where, told)
    return str(url)


def take_from_environment(environment: MutableMapping[str, str] = os.environ) -> None:
    """Move the password of the database out of the environment into this process's memory; its URL stays.

    Raises BadInput for a variable that holds no such URL.
    """
    told = environment.get(ENVIRONMENT, "").strip()
    if told:
        environment[ENVIRONMENT] = _without_password(told, ENVIRONMENT)
        take_password(environment)


def take_password(environment: MutableMapping[str, str] = os.environ) -> None:
    """Move what the client of PostgreSQL takes as password out of the environment into this process's memory."""
    if password := environment.pop(PASSWORD, ""):
        _hold("", password)


def password_of(url: str) -> str | None:
    """Return the password of a database, after a look at the environment; None when only the client can know it."""
    take_from_environment()
    with _lock:
        return _passwords.get(url, _passwords.get(""))


def variables() -> dict[str, str]:
    """Return the variables that were taken out, whole, for a process of our own that needs the same database."""
    with _lock:
        held = dict(_passwords)
    found = {PASSWORD: held.pop("")} if "" in held else {}
    url = os.environ.get(ENVIRONMENT, "")
    return found | ({ENVIRONMENT: _with_password(url, held[url])} if url in held else {})


def _hold(url: str, password: str) -> None:
    hide(password)
    with _lock:
        _passwords[url] = password


def _without_password(url: str, where: str) -> str:
    """Return a URL without its password, which is held from now on."""
    parts = _parsed(url, where)
    if parts["password"] is None and not _in_query(parts):
        return url
    if _in_query(parts):
        raise bad_input(where, f"a password belongs before the host, not among the options; {_EXPECTED}")
    bare = "".join([parts["scheme"], parts["user"], "@", *(parts[name] or "" for name in ("hosts", "name", "query"))])
    if parts["password"]:
        hide(parts["password"])
        _hold(bare, unquote(parts["password"]))
    return bare


def _with_password(url: str, password: str) -> str:
    user, _, rest = url.partition("@")
    return f"{user}:{quote(password, safe='')}@{rest}"


def _parsed(url: str, where: str) -> dict[str, str]:
    match = _URL.fullmatch(url)
    if match is None:
        raise bad_input(where, f"no URL of a PostgreSQL database; {_EXPECTED}")
    return match.groupdict()


def _in_query(parts: dict[str, str]) -> bool:
    return re.search(r"[?&](?:ssl)?password=", unquote(parts["query"] or "")) is not None
