"""Asking at libpq's level: the same values as by a cursor, statements that are prepared and given up, and errors."""

import threading
import time
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

import db


@pytest.fixture
def conn(database):
    with db.Direct.connect(database, autocommit=True) as conn:
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


# --- several in one go ---------------------------------------------------------------------------------------------

LISTS = [
    ([None, "", "NULL", 'a "quoted" \\ {1,2} ї', "\n"], "text[]"),
    ([1, None, -(2**40)], "bigint[]"),
    ([True, False, None], "boolean[]"),
    ([b"\x00\xff\\", None, b""], "bytea[]"),
    ([datetime(2025, 7, 23, 12, 0, 0, 5, tzinfo=UTC), None], "timestamptz[]"),
    (["01900000-0000-7000-8000-00000000000a", None], "uuid[]"),
    (['{"a": "b\\"c\\\\"}', "null", None], "jsonb[]"),
    ([], "text[]"),
]


@pytest.mark.parametrize(("value", "kind"), LISTS)
def test_lists_arrive_as_by_a_cursor(conn, value, kind):
    query = f"SELECT (%(value)b::{kind})::text, cardinality(%(value)b::{kind})"
    [[(text, count)]] = conn.run([(query, {"value": value})])
    [told] = psycopg.Cursor(conn).execute(query, {"value": value}).fetchall()
    assert (text.decode(), int(count)) == told


@given(st.lists(st.none() | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))))
def test_any_text_arrives(app, texts):
    with app.app_context(), db.connection("write") as conn:
        query = "SELECT n.text FROM unnest(%(texts)b::text[]) WITH ORDINALITY AS n (text, number) ORDER BY n.number"
        [found] = conn.run([(query, {"texts": texts})])
        assert [None if text is None else text.decode() for (text,) in found] == texts


def test_each_statement_is_answered_in_its_order(conn):
    asked = [("SELECT g::text FROM generate_series(1, %(n)s::int) AS g", {"n": n}) for n in (3, 0, 1)]
    for _ in range(2):  # prepared, and ready
        assert conn.run(asked) == [[(b"1",), (b"2",), (b"3",)], [], [(b"1",)]]
    assert conn.run([]) == []


def test_a_fault_ends_the_transaction_and_the_connection_goes_on(conn):
    sound, faulty = ("SELECT %(x)s::int", {"x": 1}), ("SELECT 1 / %(x)s::int", {"x": 0})
    with pytest.raises(psycopg.errors.DivisionByZero), conn.transaction():
        conn.run([("CREATE TEMP TABLE made (x int)", {}), faulty, sound])
    with pytest.raises(psycopg.errors.UndefinedTable):
        conn.run([("SELECT x FROM made", {})])
    with pytest.raises(psycopg.errors.UndefinedTable):
        conn.run([("SELECT x FROM nowhere", {}), sound])
    assert conn.run([sound, ("SELECT 6 / %(x)s::int", {"x": 2})]) == [[(b"1",)], [(b"3",)]]


def test_what_cannot_be_said_or_made_leaves_the_connection_in_order(conn):
    def broken():
        yield "SELECT 1", {}
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        conn.run(broken())
    with pytest.raises(TypeError, match="no value"):
        conn.run([("SELECT 1", {}), ("SELECT %(x)s", {"x": object()})])
    with pytest.raises(KeyError):
        conn.run([("SELECT %(x)s", {})])
    assert conn.run([("SELECT 1", {})]) == [[(b"1",)]]


def test_what_was_rolled_back_is_still_prepared(app):
    """psycopg gives up everything that is prepared after a rollback, unless it prepares nothing itself."""
    with app.app_context(), db.connection("write") as conn:
        for number in range(12):
            with pytest.raises(ZeroDivisionError), conn.transaction():
                conn.execute("SELECT 1")
                assert conn.run([("SELECT %(x)s::int", {"x": number})]) == [[(b"%d" % number,)]]
                raise ZeroDivisionError


def test_it_gives_up_the_oldest_statements(conn, monkeypatch):
    monkeypatch.setattr(db, "PREPARED", 5)
    for turn in range(3):
        for number in range(12):
            query = f"SELECT %(x)s::int + {number}"
            assert conn.run([(query, {"x": turn})]) == [[(b"%d" % (turn + number),)]]
    [[count]] = psycopg.Cursor(conn).execute("SELECT count(*) FROM pg_prepared_statements").fetchall()
    assert count == 5


def test_rows_come_whole_after_a_stream(conn):
    """libpq remembers that the last answer was to come in parts."""
    assert len(list(psycopg.Cursor(conn).stream("SELECT generate_series(1, 7)", size=2))) == 7
    [found] = conn.run([("SELECT generate_series(1, 7)", {})])
    assert len(found) == 7


def test_more_than_the_socket_takes_arrives(conn):
    text = "x" * (9 << 20)
    [[(length,)], [(again,)]] = conn.run([("SELECT length(%(text)s::text)", {"text": text}), ("SELECT 1", {})])
    assert (int(length), again) == (len(text), b"1")


def test_others_work_while_it_waits(conn):
    """Python's lock is free meanwhile: else whoever holds the lock of the log in this process could not go on."""
    done = threading.Thread(target=conn.run, args=[[("SELECT pg_sleep(1)", {})]])
    done.start()
    turns = 0
    while done.is_alive():
        time.sleep(0.01)
        turns += 1
    assert turns > 10


def test_a_connection_lost_in_the_midst_is_told_as_one(conn, database):
    kill = "SELECT pg_terminate_backend(pg_backend_pid())"
    with pytest.raises(psycopg.OperationalError):
        conn.run([("SELECT 1", {}), (kill, {}), ("SELECT 1", {})])
    assert conn.broken


@pytest.mark.parametrize("way", ["execute", "ask", "run"])
def test_whoever_is_idle_in_a_transaction_for_too_long_has_lost_the_database(conn, way):
    """The connection is gone, whatever class psycopg gives the error: a write is begun anew, and no fault of ours."""
    conn.execute("SET idle_in_transaction_session_timeout = '20ms'")
    ways = {
        "execute": lambda: conn.execute("SELECT 1"),
        "ask": lambda: conn.ask("SELECT 1", {}),
        "run": lambda: conn.run([("SELECT 1", {})]),
    }
    conn.execute("BEGIN")
    time.sleep(0.3)
    with pytest.raises(db.AWAY):
        ways[way]()
    assert conn.closed


@pytest.mark.parametrize("way", ["read", "lookup", "write"])
def test_nobody_has_more_than_one_processor(app, way):
    """PostgreSQL would start two more processes for a list that takes a millisecond, and they take eight."""
    with app.app_context():
        assert db.ask("SHOW max_parallel_workers_per_gather", {}, way) == [(b"0",)]
