"""Every transaction of a server's SQLite file takes the right to write when it begins, and waits for it.

A transaction that reads first and writes later fails at once, whatever its time-out, when another one wrote in between
(https://www.sqlite.org/rescode.html#busy_snapshot): while a large batch runs, a Prefect server logs "database is
locked" by the hundred and answers 503. What it begins as a transaction writes; what only reads takes part in none.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from sqlalchemy import URL, Connection, Engine, event, make_url
from sqlalchemy.engine import CreateEnginePlugin

NAME = "nightwork_immediate"
_DEFERRED, _IMMEDIATE = "BEGIN DEFERRED", "BEGIN IMMEDIATE"


def immediate(address: str) -> str:
    """Return the address of a SQLite file with which an engine begins every transaction so.

    It stays as it is where an older nightwork was installed and its files have changed since: a server that is told of
    a plugin which its environment does not list would not start.
    """
    if NAME not in entry_points(group="sqlalchemy.plugins").names:
        return address
    url = make_url(address)
    if NAME not in url.query.get("plugin", ()):
        url = url.update_query_pairs([("plugin", NAME)], append=True)
    return url.render_as_string(hide_password=False)


class Immediate(CreateEnginePlugin):
    """Makes transactions immediate for an engine whose address ends in `?plugin=nightwork_immediate`."""

    def update_url(self, url: URL) -> URL:
        """Return the address, which has no parameters of this plugin's own."""
        return url

    def engine_created(self, engine: Engine) -> None:
        """Listen to what is executed; an engine of another database never says what is looked for."""
        event.listen(engine, "before_cursor_execute", _begin_immediate, retval=True)


def _begin_immediate(_: Connection, __: object, statement: str, parameters: Any, *___: object) -> tuple[str, Any]:
    return (_IMMEDIATE if statement == _DEFERRED else statement), parameters
