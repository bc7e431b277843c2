"""Asking at libpq's level: the same values as by a cursor, statements that are prepared and given up, and errors."""

from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest

import db


@pytest.fixture
def conn(database):
    with db.Reader.connect(database, autocommit=True) as conn:
        yield conn


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "text"),
        ('it\'s \\ "quoted" {1,2} ї', "text"),
        (5, "int"),
        (-(2**40), "bigint"),
        (True, "boolean"),
        (Decimal("1.50"), "numeric"),
        (date(2025, 7, 23), "date"),
        (datetime(2025, 7, 23, 12, tzinfo=UTC), "timestamptz"),
        (["a,b", "", 'x"y', "NULL", "ї"], "text[]"),
        ([], "text[]"),
        ([1, 2], "int[]"),
        ([date(2025, 7, 23)], "date[]"),
    ],
)
def test_values_arrive_as_by_a_cursor(conn, value, kind):
    query = f"SELECT (%(value)s::{kind})::text, %(value)s::{kind} IS NULL"
    [[text, null]] = conn.ask(query, {"value": value, "more": "than it needs"})
    [told] = psycopg.Cursor(conn).execute(query, {"value": value}).fetchall()
    assert (text and text.decode(), null == b"t") == told


def test_one_name_is_one_parameter_and_a_percent_sign_stays(conn):
    assert db.numbered("%(b)s %% %(a)s %(b)s") == (b"$1 % $2 $1", ("b", "a"))
    assert conn.ask("SELECT %(a)s::text || '%%' || %(a)s::text", {"a": "x"}) == [(b"x%x",)]


def test_statements_are_given_up_and_those_of_cursors_are_not(conn, monkeypatch):
    monkeypatch.setattr(db, "PREPARED", 5)
    conn.prepare_threshold = 0
    for turn in range(3):
        for number in range(12):
            assert conn.ask(f"SELECT %(x)s::int + {number}", {"x": turn}) == [(b"%d" % (turn + number),)]
            assert psycopg.Cursor(conn).execute("SELECT %s::int", [number]).fetchall() == [(number,)]
    names = [name for (name,) in psycopg.Cursor(conn).execute("SELECT name FROM pg_prepared_statements")]
    assert len([name for name in names if name.startswith("ask")]) == 5


def test_a_fault_is_told_and_the_connection_goes_on(conn):
    with pytest.raises(psycopg.errors.DivisionByZero):
        conn.ask("SELECT 1 / %(x)s::int", {"x": 0})
    with pytest.raises(psycopg.errors.UndefinedTable):
        conn.ask("SELECT x FROM nowhere", {})
    assert conn.ask("SELECT 1", {}) == [(b"1",)]


def test_a_lost_connection_is_told_as_one(conn, database):
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [conn.info.backend_pid])
    with pytest.raises(psycopg.OperationalError):
        conn.ask("SELECT 1", {})
    assert conn.broken
