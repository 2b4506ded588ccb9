"""Tables of our own: one writing transaction at a time, from any thread, process or machine that shares them.

They stand in a file of SQLite, or in a schema of a PostgreSQL database; nothing above this package knows in which.
Statements are in the dialect that both understand, with `?` for values. Who speaks neither of them is the error.
"""

from __future__ import annotations

from nightwork.database.address import (
    ENVIRONMENT,
    Place,
    Schema,
    checked,
    place_of,
    take_from_environment,
    take_password,
    variables,
)
from nightwork.database.port import Connection, Database, Row, Tables
from nightwork.database.sqlite import SqliteDatabase
from nightwork.errors import bad_input

__all__ = [
    "ENVIRONMENT",
    "Connection",
    "Database",
    "Place",
    "Row",
    "Schema",
    "Tables",
    "checked",
    "open_database",
    "place_of",
    "take_from_environment",
    "take_password",
    "variables",
]


def open_database(place: Place, tables: Tables) -> Database:
    """Return the tables at a place; nothing is opened or written before the first transaction.

    Raises BadInput when the place is in PostgreSQL and its client is not installed.
    """
    if not isinstance(place, Schema):
        return SqliteDatabase(place, tables)
    try:
        from nightwork.database.postgres import PostgresDatabase  # an extra, and a fifth of a second to import
    except ImportError as error:
        told = f"{place.url} needs the client of PostgreSQL: pip install 'nightwork[workers]' ({error})"
        raise bad_input("database", told) from error
    return PostgresDatabase(place, tables)
