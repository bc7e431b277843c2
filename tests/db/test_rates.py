"""The table of ECB rates is filled from the package's file, once, and again when there is a newer one."""

import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from db import rates

MARCH = "Date,USD,JPY,\n2026-03-03,1.25,N/A,\n2026-03-02,1.5,160.25,\n"
APRIL = "Date, USD, CYP\n2026-04-01,1.75,\n"


@pytest.fixture
def conn(fresh_database: str):
    with psycopg.connect(fresh_database) as conn:
        yield conn


def archive(folder: Path, text: str) -> str:
    file = folder / "rates.zip"
    with zipfile.ZipFile(file, "w") as written:
        written.writestr("eurofxref-hist.csv", text)
    return str(file)


def table(conn) -> set[tuple[str, str, str]]:
    rows = conn.execute("SELECT currency, day::text, per_euro::text FROM rates").fetchall()
    assert len(rows) == len(set(rows))
    return set(rows)


def test_a_newer_file_replaces_an_older_table_and_never_the_reverse(conn, tmp_path):
    assert rates.load(conn, archive(tmp_path, MARCH)) == 5
    march = {("EUR", "2026-03-03", "1"), ("USD", "2026-03-03", "1.25"), ("EUR", "2026-03-02", "1"),
             ("USD", "2026-03-02", "1.5"), ("JPY", "2026-03-02", "160.25")}  # fmt: skip
    assert table(conn) == march
    assert rates.load(conn, archive(tmp_path, MARCH)) == 0
    assert rates.load(conn, archive(tmp_path, APRIL)) == 2
    assert table(conn) == {("EUR", "2026-04-01", "1"), ("USD", "2026-04-01", "1.75")}
    assert rates.load(conn, archive(tmp_path, MARCH)) == 0
    assert len(table(conn)) == 2


def test_a_file_that_breaks_off_leaves_the_table_as_it_was(conn, tmp_path):
    rates.load(conn, archive(tmp_path, MARCH))
    before = table(conn)
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        rates.load(conn, archive(tmp_path, APRIL + "2026-03-31,broken,\n"))
    assert table(conn) == before


def test_readers_do_not_wait(conn, fresh_database, tmp_path):
    rates.load(conn, archive(tmp_path, MARCH))
    conn.commit()
    with conn.transaction():
        rates.load(conn, archive(tmp_path, APRIL))
        with psycopg.connect(fresh_database, options="-c lock_timeout=1000") as reader:
            assert len(table(reader)) == 5


def test_the_package_brings_the_rates_since_1999(conn):
    assert rates.load(conn) > 220_000
    first, last = conn.execute("SELECT min(day), max(day) FROM rates WHERE currency = 'EUR'").fetchone()
    assert first == date(1999, 1, 4)
    assert last >= date(2026, 1, 1)
    known = conn.execute("SELECT per_euro FROM rates WHERE currency = 'USD' AND day = '1999-01-04'").fetchone()
    assert known == (Decimal("1.1789"),)
    assert rates.load(conn) == 0
