"""The only way to PostgreSQL: named SQL, a pool to read and a pool to write."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import psycopg
from flask import Flask, current_app
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

HERE = Path(__file__).parent
NAME = re.compile(r"^-- ([a-z_]+) --$", re.MULTILINE)

#: a batch of fifty thousand rows takes its time, and those behind it wait for the log's lock
PATIENT = "-c statement_timeout=600000 -c lock_timeout=120000 -c idle_in_transaction_session_timeout=600000"

Connection = psycopg.Connection[DictRow]
T = TypeVar("T")


def load(resource: str) -> SimpleNamespace:
    """Read db/<resource>.sql and return its queries as attributes."""
    _, *parts = NAME.split((HERE / f"{resource}.sql").read_text())
    names, texts = parts[::2], parts[1::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{resource}.sql names a query twice")
    return SimpleNamespace(**dict(zip(names, (text.strip() for text in texts), strict=True)))


def init_app(app: Flask) -> None:
    """Give the app its pools; they connect at the first query, so after any fork."""
    url = app.config.get("DATABASE_URL")
    size, timeout = app.config.get("THREADS", 4), app.config.get("DB_TIMEOUT", 5)
    app.extensions["db"] = {
        "read": _pool(
            app.config.get("READ_DATABASE_URL") or url, size, timeout, options="-c default_transaction_read_only=on"
        ),
        # a write cannot be tried again as a read can, so its connection is looked at before
        "write": _pool(url, size, timeout, options=PATIENT, check=ConnectionPool.check_connection),
    }


def _pool(
    url: str | None, size: int, timeout: float, options: str = "", **more: Any
) -> ConnectionPool[Connection] | None:
    if url is None:  # `parley openapi` needs no database
        return None
    return ConnectionPool(
        url,
        connection_class=psycopg.Connection[DictRow],
        open=False,
        min_size=0,  # at rest, nothing is held: a connection costs 15 MB of the server's memory, and 3 ms to open
        max_idle=60,
        max_size=size,
        timeout=timeout,
        reconnect_timeout=5,
        **more,
        kwargs={
            "row_factory": dict_row,
            "autocommit": True,
            # optional filters need the planner to see their values
            "options": f"-c plan_cache_mode=force_custom_plan -c statement_timeout=10000 -c timezone=UTC"
            f" -c jit=off -c lock_timeout=10000 -c idle_in_transaction_session_timeout=30000 {options}",
        },
    )


def close(app: Flask) -> None:
    """Give all connections back."""
    for pool in app.extensions["db"].values():
        if pool is not None:
            pool.close()


@contextmanager
def connection(way: str) -> Iterator[Connection]:
    pool: ConnectionPool[Connection] = current_app.extensions["db"][way]
    pool.open()
    with pool.connection() as conn:
        yield conn


def read(work: Callable[[Connection], T]) -> T:
    """Read. A connection that died while it lay in the pool is not the caller's concern: the next one is tried."""
    size = current_app.extensions["db"]["read"].max_size
    for attempt in range(size + 1):
        with connection("read") as conn:
            try:
                return work(conn)
            except psycopg.OperationalError:
                if attempt == size or not conn.broken:
                    raise
    raise AssertionError  # the last attempt returned or raised


def rows(query: str, args: Mapping[str, Any] | None = None) -> list[DictRow]:
    return read(lambda conn: conn.execute(query, args).fetchall())


def row(query: str, args: Mapping[str, Any] | None = None) -> DictRow | None:
    found = rows(query, args)
    return found[0] if found else None


@contextmanager
def transaction() -> Iterator[Connection]:
    """Write: all of it or nothing."""
    with connection("write") as conn, conn.transaction():
        yield conn
