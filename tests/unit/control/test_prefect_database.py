"""A server's database is looked at before a server opens it, and never changed by that."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from nightwork.control.prefect_database import Schema, close_to_others, copy, examine, refuse_unwritable
from nightwork.errors import Infrastructure, StateError

KNOWN = ("one", "two", "three")


def database(path: Path, revision: str | None = "three") -> Path:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE run (name TEXT)")
        connection.executemany("INSERT INTO run VALUES (?)", [("x" * 1000,)] * 200)
        if revision is not None:
            connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
            connection.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
    connection.close()
    return path


@pytest.mark.parametrize(
    ("revision", "schema"), [("three", Schema.CURRENT), ("one", Schema.OLDER), (None, Schema.NONE)]
)
def test_the_schema_is_told_by_its_revision(tmp_path: Path, revision: str | None, schema: Schema) -> None:
    assert examine(database(tmp_path / "prefect.db", revision), "three", KNOWN) is schema


def test_no_file_and_an_empty_one_are_no_database_yet(tmp_path: Path) -> None:
    assert examine(tmp_path / "prefect.db", "three", KNOWN) is Schema.NONE
    (tmp_path / "prefect.db").touch()
    assert examine(tmp_path / "prefect.db", "three", KNOWN) is Schema.NONE


def test_a_revision_that_nobody_knows_is_of_a_newer_prefect(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"newer Prefect \(schema four\); install that version"):
        examine(database(tmp_path / "prefect.db", "four"), "three", KNOWN)


@pytest.mark.parametrize("damage", [b"no database at all " * 400, None])
def test_a_damaged_file_is_told_with_the_way_out_and_left_as_it_is(tmp_path: Path, damage: bytes | None) -> None:
    path = database(tmp_path / "prefect.db")
    whole = path.read_bytes()
    path.write_bytes(damage or whole[:8192] + b"\xff" * 40960 + whole[49152:])
    before = path.read_bytes()
    with pytest.raises(StateError, match="move it away to start with an empty one"):
        examine(path, "three", KNOWN)
    assert path.read_bytes() == before


def test_a_copy_holds_what_stands_in_the_log_and_a_second_one_is_not_made(tmp_path: Path) -> None:
    path, kept = database(tmp_path / "prefect.db"), tmp_path / "prefect.db.before-9"
    open_one = sqlite3.connect(path)
    open_one.execute("INSERT INTO run VALUES ('last')")
    open_one.commit()
    copy(path, kept)
    with sqlite3.connect(kept) as copied:
        assert copied.execute("SELECT count(*) FROM run").fetchone() == (201,)
    copied.close()
    kept.write_text("kept")
    copy(path, kept)
    assert kept.read_text() == "kept"
    open_one.close()


def test_a_home_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Infrastructure, match="set PREFECT_HOME to another folder"):
        refuse_unwritable(tmp_path / "file" / "home")


def test_a_home_is_closed_to_other_users_and_stays_open_to_its_group(tmp_path: Path) -> None:
    tmp_path.chmod(0o2775)
    close_to_others(tmp_path)
    assert tmp_path.stat().st_mode & 0o7777 == 0o2770
