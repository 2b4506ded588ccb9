"""Connections to PostgreSQL: used again while they are fresh, made anew with patience when the server was away.

A new one costs 8 ms on one machine, most of it the password's check, and several times that over TLS; a transaction on
one that is open costs 1 ms.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from nightwork import stop
from nightwork.database.address import password_of
from nightwork.errors import Infrastructure, Stopped

Open = psycopg.Connection[dict[str, Any]]

# For how long a server that has let this process in before is waited for: a restart, a fail-over.
_PATIENCE_S = 60.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0
_CONNECT_S = 10
# A network forgets silent connections; and who opened many needs no more than a few.
_FRESH_S, _KEPT = 60.0, 3
# A server that is gone without a word is noticed by these; all in seconds but the last.
_KEEPALIVE = {"keepalives_idle": 20, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}

_lock = threading.Lock()
_idle: dict[tuple[int, str], list[tuple[float, Open]]] = {}
_known: set[str] = set()


@contextlib.contextmanager
def connection(url: str, where: str) -> Iterator[Open]:
    """Lend a connection on which `SELECT 1` was just answered; it is kept for the next when nothing was raised.

    Raises Infrastructure when the server lets nobody in, at once when it never did, else after a minute.
    """
    lent = _taken(url) or _opened(url, where)
    try:
        yield lent
    except psycopg.Error:
        lent.close()
        raise
    except Exception:
        with contextlib.suppress(psycopg.Error):
            lent.rollback()
        _put_back(url, lent)
        raise
    except BaseException:
        lent.close()
        raise
    _put_back(url, lent)


def _taken(url: str) -> Open | None:
    """Return an idle connection that still answers; a server that was started anew has closed it."""
    while True:
        with _lock:
            idle = _idle.get((os.getpid(), url))
            if not idle:
                return None
            since, found = idle.pop()
        try:
            if time.monotonic() - since < _FRESH_S:
                found.execute("SELECT 1")
                return found
        except psycopg.Error:
            pass
        found.close()


def _put_back(url: str, lent: Open) -> None:
    if lent.info.transaction_status != TransactionStatus.IDLE:
        lent.close()
        return
    with _lock:
        idle = _idle.setdefault((os.getpid(), url), [])
        if len(idle) < _KEPT:
            idle.append((time.monotonic(), lent))
            return
    lent.close()


def _close_all() -> None:
    for (owner, _), idle in _idle.items():
        for _, each in idle if owner == os.getpid() else ():
            each.close()


def _opened(url: str, where: str) -> Open:
    deadline = time.monotonic() + (_PATIENCE_S if url in _known else 0.0)
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            return _let_in(url)
        except psycopg.Error as error:
            if time.monotonic() + pause_s > deadline:
                raise Infrastructure(
                    where, f"{said(error)}; start the server or mend `database`, then resume"
                ) from None
        try:
            stop.wait(pause_s)
        except Stopped as stopped:
            raise Infrastructure(where, f"not waited for: {stopped}") from None
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _let_in(url: str) -> Open:
    password = password_of(url)
    options: dict[str, Any] = {"connect_timeout": _CONNECT_S, "application_name": "nightwork", **_KEEPALIVE}
    options |= {"password": password} if password else {}
    # autocommit: the only transactions are those that are begun in so many words.
    opened = psycopg.connect(url, autocommit=True, row_factory=dict_row, prepare_threshold=None, **options)
    with _lock:
        if not _known:
            atexit.register(_close_all)
        _known.add(url)
    return opened


def said(error: psycopg.Error) -> str:
    """Return what PostgreSQL said, on one line."""
    return " ".join(str(error).split()) or type(error).__name__
