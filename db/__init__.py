"""The only way to PostgreSQL: named SQL, a pool to read and a pool to write."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from itertools import chain, count
from pathlib import Path
from select import POLLIN, POLLOUT, poll
from types import SimpleNamespace
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from flask import Flask, current_app
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import IdleInTransactionSessionTimeout, error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from db.background import hold_back
from db.memory import Memory

HERE = Path(__file__).parent
NAME = re.compile(r"^-- ([a-z_]+) --$", re.MULTILINE)

#: a batch of fifty thousand rows takes its time, and those behind it wait for the log's lock; between two statements of
#: it Python thinks for two seconds, and whoever is silent for a minute is frozen and keeps nobody waiting any longer
PATIENT = "-c statement_timeout=600000 -c lock_timeout=120000 -c idle_in_transaction_session_timeout=60000"

#: optional filters need the planner to see their values; a page in memory or on an SSD is near everywhere; nobody has
#: more than one processor: others need the rest, and to start two more processes takes longer than a list does
PLANS = (
    "-c plan_cache_mode=force_custom_plan -c random_page_cost=1.1 -c work_mem=32MB -c jit=off -c timezone=UTC"
    " -c max_parallel_workers_per_gather=0"
)
READ_ONLY = "-c default_transaction_read_only=on"
PREPARED = 200  # statements that a connection keeps ready
NAMED = re.compile(r"%(?:%|\((\w+)\)[sb])")

T = TypeVar("T")
Connection = psycopg.Connection[DictRow]
AWAY = (psycopg.OperationalError, IdleInTransactionSessionTimeout, PoolTimeout)  # it is away, or one of us was too slow
Row = tuple[Any, ...]  # bytes, or None
Statement = tuple[str, Mapping[str, Any]]
BEGIN: Statement = ("BEGIN", {})
COMMIT: Statement = ("COMMIT", {})


class Direct(psycopg.Connection[DictRow]):
    """A connection that can also be asked directly, at libpq's level: 11 µs a question, where a cursor takes 60."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ready: dict[str, bytes] = {}
        self._numbers = count()
        self._transformer = Transformer(self)

    def ask(self, query: str, args: Mapping[str, Any]) -> list[Row]:
        """The rows of a prepared statement, as PostgreSQL writes them in text."""
        return rows_of(self.result(query, args))

    def result(self, query: str, args: Mapping[str, Any]) -> psycopg.pq.abc.PGresult:
        """The same for whoever needs some of it."""
        text, names = numbered(query)
        name = self._ready.get(query)
        if name is None:
            self._make_room()
            name = b"ask%d" % next(self._numbers)
            self._checked(self.pgconn.prepare(name, text))
            self._ready[query] = name
        values = self._transformer.dump_sequence([args[name] for name in names], [PyFormat.TEXT] * len(names))
        return self._checked(self.pgconn.exec_prepared(name, values))  # type: ignore[arg-type]  # takes None, for null

    def run(self, statements: Iterable[Statement]) -> list[list[Row]]:
        """Execute statements in one go, in the transaction under way, and return the rows of each; lists become arrays.

        As by psycopg's pipeline, in a third of the time: that converts each list by itself and waits for each statement
        to be on its way, and each time it lets go of Python's lock, though others wait for this transaction to end.
        """
        pgconn, new = self.pgconn, []
        asked: list[bool] = []  # what was sent: whether it is to be answered, or only prepares that
        assert not pgconn.pipeline_status, "psycopg is in a pipeline of its own"
        self._make_room()
        pgconn.enter_pipeline_mode()
        try:
            for query, args in statements:
                text, names = numbered(query)
                values = [literal(args[name]) for name in names]
                name = self._ready.get(query)
                if name is None:
                    name = self._ready[query] = b"ask%d" % next(self._numbers)
                    new.append(query)
                    pgconn.send_prepare(name, text)
                    asked.append(False)
                pgconn.send_query_prepared(name, values)
                asked.append(True)
                pgconn.flush()
        finally:
            pgconn.pipeline_sync()
            found = [(list(self._results()), is_answer) for is_answer in asked]
            self._next()  # the end of all
            failed = [result for results, _ in found for result in results if result.status == ExecStatus.FATAL_ERROR]
            if failed:
                for query in new:
                    del self._ready[query]
            pgconn.exit_pipeline_mode()
        if failed:
            raise error_from_result(failed[0])
        return [list(chain.from_iterable(map(rows_of, results))) for results, is_answer in found if is_answer]

    def _results(self) -> Iterator[psycopg.pq.abc.PGresult]:
        """What comes of one statement: in parts, where psycopg read the last one so (libpq remembers that)."""
        while result := self._next():
            if self.pgconn.status == ConnStatus.BAD:
                raise psycopg.OperationalError(self.pgconn.get_error_message())
            yield result

    def _next(self) -> psycopg.pq.abc.PGresult | None:
        """A result; while there is none yet, other threads may work."""
        if self.pgconn.is_busy():
            self._wait()
        return self.pgconn.get_result()

    def _wait(self) -> None:
        """Until there is a result."""
        pgconn, waiting = self.pgconn, poll()
        waiting.register(pgconn.socket, POLLIN)
        while pgconn.flush():
            waiting.modify(pgconn.socket, POLLIN | POLLOUT)
            waiting.poll()
            pgconn.consume_input()
        waiting.modify(pgconn.socket, POLLIN)
        while pgconn.is_busy():
            waiting.poll()
            pgconn.consume_input()

    def _make_room(self) -> None:
        while len(self._ready) >= PREPARED:
            oldest = self._ready.pop(next(iter(self._ready)))  # psycopg has others, under names of its own
            self._checked(self.pgconn.exec_(b"DEALLOCATE " + oldest))

    def _checked(self, result: psycopg.pq.abc.PGresult) -> psycopg.pq.abc.PGresult:
        if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            return result
        if self.pgconn.status == ConnStatus.BAD:
            raise psycopg.OperationalError(result.get_error_message())
        raise error_from_result(result)


@lru_cache(2048)
def numbered(query: str) -> tuple[bytes, tuple[str, ...]]:
    """A query as libpq wants it, $1 for the first name, and the names in this order."""
    names: dict[str, int] = {}
    text = NAMED.sub(lambda found: f"${names.setdefault(found[1], len(names) + 1)}" if found[1] else "%", query)
    return text.encode(), tuple(names)


def rows_of(found: psycopg.pq.abc.PGresult) -> list[Row]:
    columns = range(found.nfields)
    return [tuple([found.get_value(row, column) for column in columns]) for row in range(found.ntuples)]


def literal(value: Any) -> bytes | None:
    """A value as PostgreSQL reads it."""
    if type(value) is list:
        return f"{{{_strings(value) or ','.join(map(_entry, value))}}}".encode()
    return None if value is None else _text(value).encode()


def _strings(values: list[Any]) -> str | None:
    """The entries of a list of strings, quoted all at once: there may be hundreds. None of other lists."""
    try:
        text = "\0".join(values)  # which no text of PostgreSQL holds
    except TypeError:
        return None
    if text.count("\0") != len(values) - 1:
        return None
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\0", '","')
    return f'"{escaped}"'


def _entry(value: Any) -> str:
    """A value in a list."""
    if type(value) is str:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if value is None:
        return "NULL"
    if type(value) is bytes:
        return f'"\\{_text(value)}"'
    return _text(value)


def _text(value: Any) -> str:
    match value:
        case str():
            return value
        case bytes():
            return f"\\x{value.hex()}"
        case datetime():
            return value.isoformat()
        case bool() | int() | UUID():
            return str(value)
    raise TypeError(f"no value of a statement: {value!r}")


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
    made = hold_back if app.config.get("BACKGROUND") else None
    reading = app.config.get("READ_DATABASE_URL") or url
    app.extensions["db"] = {
        "read": _pool(reading, size, timeout, READ_ONLY),
        # where the plan is the same whatever is asked, it is made once: planning takes longer than a look into an
        # index; and as these looks are short, to wait for a connection takes longer than to have some more
        "lookup": _pool(reading, 2 * size, timeout, f"{READ_ONLY} -c plan_cache_mode=force_generic_plan"),
        # psycopg would give up all that is prepared, ours too, whenever a transaction is rolled back
        "write": _pool(url, size, timeout, PATIENT, made, prepare_threshold=None),
    }
    app.extensions["documents"] = Memory[bytes](app.config.get("MEMORY", 32) * 2**20)


def _pool(
    url: str | None,
    size: int,
    timeout: float,
    options: str,
    made: Callable[[Direct], None] | None = None,
    **settings: Any,
) -> ConnectionPool[Direct] | None:
    if url is None:  # `parley openapi` needs no database
        return None
    return ConnectionPool(
        url,
        connection_class=Direct,
        open=False,
        configure=made,
        min_size=0,  # at rest, nothing is held: a connection costs 15 MB of the server's memory, and 3 ms to open
        max_idle=60,
        max_size=size,
        timeout=timeout,
        reconnect_timeout=5,
        kwargs={
            "row_factory": dict_row,
            "autocommit": True,
            "options": f"{PLANS} -c statement_timeout=10000 -c lock_timeout=10000"
            f" -c idle_in_transaction_session_timeout=30000 {options}",
            **settings,
        },
    )


def close(app: Flask) -> None:
    """Give all connections back."""
    for pool in app.extensions["db"].values():
        if pool is not None:
            pool.close()


@contextmanager
def connection(way: str) -> Iterator[Direct]:
    pool: ConnectionPool[Direct] = current_app.extensions["db"][way]
    pool.open()
    with pool.connection() as conn:
        yield conn


def read(work: Callable[[Direct], T], way: str = "read") -> T:
    """Read. A connection that died while it lay in the pool is not the caller's concern: the next one is tried."""
    pool: ConnectionPool[Direct] = current_app.extensions["db"][way]
    pool.open()
    for attempt in range(pool.max_size + 1):
        conn = pool.getconn()
        try:
            return work(conn)
        except psycopg.OperationalError:
            if attempt == pool.max_size or not conn.broken:
                raise
        finally:
            pool.putconn(conn)  # no transaction to end: it commits each statement by itself
    raise AssertionError  # the last attempt returned or raised


def rows(query: str, args: Mapping[str, Any] | None = None) -> list[DictRow]:
    return read(lambda conn: conn.execute(query, args).fetchall())


def ask(query: str, args: Mapping[str, Any], way: str = "read") -> list[Row]:
    """Rows as PostgreSQL's text, quickly; by `lookup` with one plan for all values."""
    return read(lambda conn: conn.ask(query, args), way)


def row(query: str, args: Mapping[str, Any] | None = None) -> DictRow | None:
    found = rows(query, args)
    return found[0] if found else None


@contextmanager
def transaction(*first: Statement) -> Iterator[Direct]:
    """Write: all of it or nothing. It begins with the statements given, in one go.

    A connection that died in the pool is met by that, when the next can be tried. At the end it is committed, unless
    that was done with the last statements.
    """
    pool: ConnectionPool[Direct] = current_app.extensions["db"]["write"]
    pool.open()
    for attempt in range(pool.max_size + 1):
        with pool.connection() as conn:
            try:
                conn.run([BEGIN, *first])
            except psycopg.OperationalError:
                if attempt == pool.max_size or not conn.broken:
                    raise
                continue
            yield conn
            return
