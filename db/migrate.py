"""Bring a database to this version's schema: applies db/migrations/*.sql and those of the queue, by their names."""

import hashlib
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
import stamina
from psycopg.errors import DeadlockDetected, LockNotAvailable

FOLDER = Path(__file__).parent / "migrations"
# the package is not imported: an idle worker would carry it for the sake of a path
QUEUE = Path(getattr(find_spec("procrastinate"), "origin", "")).parent / "sql" / "migrations"
AMONG_THEIRS = "SELECT set_config('search_path', 'procrastinate, ' || current_setting('search_path'), true)"
OUTSIDE = "-- outside a transaction"
OLDEST = 15
PATIENCE = 300.0  # seconds to wait for readers that hold a table, and for another server that migrates
TOKEN = re.compile(r"(\$\w*\$).*?\1|'[^']*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|(?P<end>;)", re.DOTALL)


class MigrationError(RuntimeError):
    """The database cannot be brought to this version; the message says why, and the mend."""


class Busy(Exception):
    """Another server is migrating this database."""


def migrate(url: str, *folders: Path) -> list[str]:
    """Apply what is missing, one transaction each, and return its names; what an interrupted run did stays done."""
    with psycopg.connect(url, autocommit=True) as conn:
        for fault in unfit(conn):
            raise MigrationError(fault)
        # polled: a session that waits inside pg_advisory_lock holds a snapshot, which CREATE INDEX CONCURRENTLY awaits
        for attempt in stamina.retry_context(Busy, attempts=None, timeout=PATIENCE, wait_max=1.0):
            with attempt:
                lock(conn)
        conn.execute(
            "CREATE TABLE IF NOT EXISTS migrations"
            " (name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        missing = pending(conn, *folders)
        for name, file in missing.items():
            apply(conn, name, file)
        return list(missing)


def files(*folders: Path) -> dict[str, Path]:
    """All migrations in their order: first ours, then those of procrastinate, whose names begin with its own."""
    return {
        f"procrastinate/{file.name}" if folder == QUEUE else file.name: file
        for folder in folders or (FOLDER, QUEUE)
        for file in sorted(folder.glob("*.sql"))
    }


def unfit(conn: psycopg.Connection) -> Iterator[str]:
    """Why Parley cannot live in this database, whatever its schema."""
    version = conn.info.server_version // 10000
    if version < OLDEST:
        yield f"PostgreSQL {version} is too old; Parley needs {OLDEST} or newer."
    conn.execute("SET client_encoding = 'UTF8'")  # so that even a database without an encoding answers in text
    query = "SELECT pg_encoding_to_char(encoding), datctype FROM pg_database WHERE datname = current_database()"
    encoding, character_type = conn.execute(query).fetchone() or ("", "")
    mend = "Make a new one: CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'."
    if encoding != "UTF8":
        yield f"The database keeps its text as {encoding}, which cannot hold every name. {mend}"
    elif character_type in ("C", "POSIX"):
        yield f"The database has LC_CTYPE {character_type}, under which no Cyrillic name is ever found. {mend}"


def pending(conn: psycopg.Connection, *folders: Path) -> dict[str, Path]:
    """The migrations still to apply; refuses a database that was made by other files than these."""
    known = files(*folders)
    done: dict[str, str] = dict(conn.execute("SELECT name, sha256 FROM migrations ORDER BY name").fetchall())
    for name, sha256 in done.items():
        if name not in known:
            raise MigrationError(f"The database knows {name}, this Parley does not. Install the newer Parley.")
        # a release of procrastinate may well say the same in other words
        if known[name].parent != QUEUE and checksum(known[name]) != sha256:
            raise MigrationError(f"{name} was edited after it was applied. Restore the file; add a new one instead.")
    return {name: file for name, file in known.items() if name not in done}


def apply(conn: psycopg.Connection, name: str, file: Path) -> None:
    """Apply one migration and remember it."""
    text = file.read_text(encoding="utf-8")
    remember = ("INSERT INTO migrations (name, sha256) VALUES (%s, %s)", (name, checksum(file)))
    if text.startswith(OUTSIDE):  # such a file can be repeated from its first line, as it may stop half way
        for statement in statements(text):
            conn.execute(statement)
        conn.execute(*remember)
        return
    # give up a lock quickly and ask again: everyone else queues behind a migration that waits for one idle reader
    busy = (LockNotAvailable, DeadlockDetected)
    for attempt in stamina.retry_context(busy, attempts=None, timeout=PATIENCE, wait_max=2.0):
        with attempt, conn.transaction():
            conn.execute("SET LOCAL lock_timeout = '200ms'")
            if file.parent == QUEUE:  # it names no schema
                conn.execute(AMONG_THEIRS)
            for statement in statements(text):
                conn.execute(statement)
            conn.execute(*remember)


def lock(conn: psycopg.Connection) -> None:
    """Only one server migrates at a time; the lock ends with the connection."""
    if conn.execute("SELECT pg_try_advisory_lock(hashtext('parley migrate'))").fetchone() != (True,):
        raise Busy


def statements(text: str) -> Iterator[bytes]:
    """The statements of a file, one by one: PostgreSQL takes several at once for one transaction."""
    start = 0
    for token in TOKEN.finditer(text):
        if token["end"]:
            yield text[start : token.end()].strip().encode()
            start = token.end()
    if rest := re.sub(r"--[^\n]*|/\*.*?\*/|\s", "", text[start:], flags=re.DOTALL):
        raise MigrationError(f"No semicolon ends: {rest[:60]}")


def checksum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
