"""Reading a whole collection: one snapshot, one COPY, its bytes handed on as they come."""

from collections.abc import Generator
from functools import lru_cache
from typing import Any, cast

from flask import current_app
from psycopg import Connection, IsolationLevel
from psycopg_pool import ConnectionPool

import db
from db import lists
from schemas import exports
from schemas.base import BODIES
from schemas.problems import Json

sql = db.load("exports")
Rows = Generator[bytes, None, None]
PIECE = 64 * 1024  # bytes that are handed on at once

#: A line is a document as it is. CSV is the one format of COPY without escapes, and quotes only what holds its own
#: delimiter, quote or an end of line: JSON holds no control character, so with these nothing is ever quoted.
LINES = r"FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02'"
TABLE = "FORMAT csv, HEADER"


def snapshot() -> Connection[Any]:
    """A connection in a transaction of its own: a slow client holds up no other reader, and what it leaves half read
    is closed with it."""
    pool = cast(ConnectionPool[Any], current_app.extensions["db"]["read"])
    conn: Connection[Any] = pool.connection_class.connect(
        cast(str, pool.conninfo), **cast(Json, pool.kwargs) | {"autocommit": False, "connect_timeout": 5}
    )
    conn.isolation_level, conn.read_only = IsolationLevel.REPEATABLE_READ, True
    return conn


def position(conn: Connection[Any], args: Json) -> int:
    """Where in the log the snapshot stands; begins it."""
    conn.execute(sql.settings, args)
    row = conn.execute(sql.position, args).fetchone()
    assert row is not None  # an aggregate always has a row
    return int(row["position"])


def total(conn: Connection[Any], type: str, args: Json) -> int:
    """How many records there will be: a server cannot break off an answer so that its reader is sure to see it."""
    query = _total(_choice(type, args))
    row = conn.execute(query, args | lists.searched(args["q"])).fetchone()
    assert row is not None  # an aggregate always has a row
    return int(row["total"])


def lines(conn: Connection[Any], type: str, args: Json, *, flat: bool = False) -> Rows:
    """One record a line, as it is served; or ``flat``, for a table: with text where any JSON may stand."""
    return _copy(conn, _lines(_choice(type, args), flat), args)


def table(conn: Connection[Any], type: str, args: Json) -> Rows:
    """CSV with a header."""
    return _copy(conn, _table(_choice(type, args)), args)


def _copy(conn: Connection[Any], query: str, args: Json) -> Rows:
    parts: list[bytes] = []
    size = 0
    with conn.cursor().copy(query, args | lists.searched(args["q"])) as copy:
        for part in copy:
            parts.append(bytes(part))
            size += len(part)
            if size >= PIECE:
                yield b"".join(parts)
                parts, size = [], 0
    yield b"".join(parts)


def _choice(type: str, args: Json) -> lists.Choice:
    return lists.Choice.of(type, args)._replace(at=None if args["as_of"] is None else lists.PINNED)


@lru_cache(512)
def _total(choice: lists.Choice) -> str:
    slots = choice.slots()
    return str(sql.total.format(total=lists.sql.total.format(**slots), **slots))


@lru_cache(512)
def _lines(choice: lists.Choice, flat: bool) -> str:
    doc = "s.doc"
    for name in exports.raw(BODIES[choice.type]) if flat else ():
        doc = sql.quoted.format(name=name)
    return _query(choice, columns=doc, record="", options=LINES)


@lru_cache(512)
def _table(choice: lists.Choice) -> str:
    found = list(exports.columns(exports.shape(BODIES[choice.type])))
    heads = {column.path[0]: "text" if column.path[1:] == () and not column.json else "json" for column in found}
    record = "\n     " + sql.record.format(types=", ".join(f'"{name}" {kind}' for name, kind in heads.items()))
    cells = ",\n           ".join(f'{_cell(column)} AS "{column.name}"' for column in found)
    return _query(choice, columns=cells, record=record, options=TABLE)


def _cell(column: exports.Column) -> str:
    head, *tail = column.path
    cell = f"r.\"{head}\" #>> '{{{','.join(tail)}}}'" if tail else f'r."{head}"'
    if column.json:
        return f"nullif(({cell})::text, '[]')"
    return str(sql.cell.format(cell=f"({cell})"))


def _query(choice: lists.Choice, **slots: str) -> str:
    return str(sql.copy.format(served=lists.period("s", choice.at), **choice.slots(), **slots))
