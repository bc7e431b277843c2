"""The filled database: made once for each size and schema, and copied for every run, so that all runs begin alike."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import islice
from pathlib import Path

import httpx
import psycopg

from bench import rows
from bench.ingest import JSON, lines
from bench.rows import Row, Size
from bench.servers import parley
from db import engine
from db.migrate import migrate

HERE = Path(__file__).parent
DATA = HERE / ".data"
BATCH = 2_500
LOADED = ("pledge", "statement")  # what is multiplied after it was sent

MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

#: What PostgreSQL gets here: a quarter of the memory, as its manual advises (19.4, Resource Consumption), room for the
#: pools of all who are measured, and a log that programs read. fsync and synchronous_commit stay on.
SERVER = {
    "shared_buffers": f"{MEMORY // 4 // 2**20}MB",
    "max_connections": "200",
    "max_wal_size": "4GB",
    "maintenance_work_mem": "512MB",
    "wal_compression": "off",
    "logging_collector": "on",
    "log_destination": "jsonlog",
    "log_filename": "statements.log",
}


@contextmanager
def database(size: Size) -> Iterator[engine.Engine]:
    """A running PostgreSQL with a fresh copy of the filled database, or of the huge one itself."""
    engine.SERVER |= SERVER
    folder = DATA / key(size)
    if not (folder / "filled").exists():
        for old in (folder, *DATA.glob(f"{size.pledges * size.copies}-*")):  # of another schema: a gigabyte and more
            if engine.process(old / "postgres") is None:
                shutil.rmtree(old, ignore_errors=True)
    running = engine.start(folder)
    try:
        if not (folder / "filled").exists():
            fill(running, size)
            (folder / "filled").touch()
        if size == rows.HUGE:
            yield running._replace(url=engine.address(folder / "postgres", "filled"))
            return
        began = time.perf_counter()
        with psycopg.connect(engine.address(folder / "postgres", "postgres"), autocommit=True) as conn:
            conn.execute("DROP DATABASE IF EXISTS parley WITH (FORCE)")
            conn.execute("CREATE DATABASE parley TEMPLATE filled STRATEGY file_copy")
            conn.execute("CHECKPOINT")
        say(f"copied the database: {time.perf_counter() - began:.1f} s")
        yield running
    finally:
        engine.stop(running)


def say(line: str) -> None:
    print(line, flush=True)


def key(size: Size) -> str:
    """Another one when the generator or the schema changes."""
    parts = [
        HERE / "rows.py",
        HERE / "data.py",
        HERE / "peers" / "tables.sql",
        *sorted((HERE.parent / "db/migrations").iterdir()),
    ]
    digest = sha256(b"".join(part.read_bytes() for part in parts) + repr(size).encode())
    return f"{size.pledges * size.copies}-{digest.hexdigest()[:12]}"


def fill(running: engine.Engine, size: Size) -> None:
    """A part by the way of every writer, POST /batches; pledges and statements then many times by SQL."""
    folder = running.data_dir
    with psycopg.connect(engine.address(folder / "postgres", "postgres"), autocommit=True) as conn:
        conn.execute("CREATE DATABASE filled")
    url = engine.address(folder / "postgres", "filled")
    migrate(url)
    began = time.perf_counter()
    with parley(url, folder) as server:
        server.wait()
        for made in (rows.before(size), rows.pledges(size), rows.statements(size)):
            while some := list(islice(made, BATCH)):
                send(server.address, server.key, some)
    say(f"sent {size.pledges} pledges, {size.statements} statements and the rest: {time.perf_counter() - began:.1f} s")
    began = time.perf_counter()
    with psycopg.connect(url, autocommit=True) as conn:
        multiply(conn, range(1, size.copies))
        say(f"multiplied them by {size.copies}: {time.perf_counter() - began:.1f} s")
        began = time.perf_counter()
        if size != rows.HUGE:
            conn.execute((HERE / "peers" / "tables.sql").read_text())
        conn.execute("VACUUM (ANALYZE)")
    say(f"made the tables of the peers, analysed all: {time.perf_counter() - began:.1f} s")


def send(address: str, token: str, some: list[Row]) -> None:
    headers = JSON | {"Authorization": f"Bearer {token}"}
    answer = httpx.post(f"{address}/v1/batches?atomic=true", content=lines(some), headers=headers, timeout=600)
    if answer.status_code != 200:
        raise ValueError(answer.text[:2_000])


def multiply(conn: psycopg.Connection, copies: range) -> None:
    """Copy the pledges and statements that were sent, with ids, identifiers and positions of their own.

    What the copies hold is what the write path makes of them; only the hash, which nothing here compares, is another.
    """
    conn.execute("SET session_replication_role = replica")  # what they refer to is there
    conn.execute("SET maintenance_work_mem = '512MB'")
    conn.execute(MOVED)
    first, last = conn.execute(
        "SELECT min(position), max(position) FROM revisions WHERE type = ANY(%s) AND document #>> %s NOT LIKE %s",
        (list(LOADED), ["identifiers", "0", "identifier"], "c%"),
    ).fetchone()
    tables = {name for (name,) in conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    shared = {"revisions": "type", "records": "type", "identifiers": "type", "served": "type", "links": "from_type"}
    own = {"pledge": ("pledges", "pledges_donors"), "statement": ("statements",)}
    sources = [(table, f"{column} = '{type}'", type) for table, column in shared.items() for type in LOADED]
    sources += [(table, "true", type) for type in LOADED for table in own[type] if table in tables]
    names = [table for table, *_ in sources]
    indexes = conn.execute(
        "SELECT i.indexname, i.indexdef FROM pg_indexes AS i WHERE i.schemaname = 'public' AND i.tablename = ANY(%s)"
        " AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conname = i.indexname)",
        (names,),
    ).fetchall()
    for index, _ in indexes:
        conn.execute(f'DROP INDEX "{index}"')
    for copy in copies:
        for table, chosen, type in sources:
            columns = [name for (name,) in conn.execute(COLUMNS, (table,))]
            at = next((name for name in ("position", "from_position") if name in columns), None)
            limit = f"{at} BETWEEN {first} AND {last}" if at else f"identifier LIKE '{type}-%'"
            values = [moved(name, type, copy, last - first + 1) for name in columns]
            conn.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table}"
                f" WHERE {chosen} AND {limit}" + (f" ORDER BY {at}" if at else "")
            )
    for _, definition in indexes:
        conn.execute(definition)
    conn.execute("SET session_replication_role = origin")


COLUMNS = """
    SELECT column_name
      FROM information_schema.columns
     WHERE table_schema = 'public' AND table_name = %s AND is_generated = 'NEVER'
     ORDER BY ordinal_position
"""

#: ids of version 7 begin with their time: each copy is a day older than the last
MOVED = """
    CREATE OR REPLACE FUNCTION pg_temp.moved(id uuid, copy integer) RETURNS uuid LANGUAGE sql IMMUTABLE RETURN (
        lpad(to_hex(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint - copy * 86400000::bigint), 12, '0')
        || substr(replace(id::text, '-', ''), 13))::uuid
"""


def moved(column: str, type: str, copy: int, span: int) -> str:
    """What a copy has in a column."""
    id = f"pg_temp.moved(id, {copy})"
    match column:
        case "id":
            return id
        case "from_id":
            return f"pg_temp.moved(from_id, {copy})"
        case "position" | "from_position" | "stamp" | "label_position":
            return f"{column} + {copy * span}"
        case "recorded_at":  # never decreasing
            return "(SELECT max(r.recorded_at) FROM revisions AS r)"
        case "identifier":
            return f"'c{copy}-' || identifier"
        case "hash":
            return f"sha256(hash || '{copy}')"
        case "doc" | "label":
            named = f"""replace({column}, '"identifier":"{type}-', '"identifier":"c{copy}-{type}-')"""
            return f"replace({named}, id::text, {id}::text)"
        case "document":
            return f"""replace(document::text, '"identifier": "{type}-', '"identifier": "c{copy}-{type}-')::jsonb"""
    return column
