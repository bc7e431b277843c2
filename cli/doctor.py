"""`parley doctor`: tells a broken installation from a sound one, and the mend of each fault."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from difflib import get_close_matches
from http.client import HTTPException
from pathlib import Path

import click
import psycopg

import settings
from cli.installation import say
from cli.serve import ask, try_port
from db import engine, migrate
from settings import PREFIX, Settings, SettingsError

LEAST_FREE = 500_000_000  # bytes; PostgreSQL stops in the middle of its work when it cannot write
EXTENSIONS = ("btree_gin", "fuzzystrmatch", "pg_trgm", "unaccent")


@click.command()
def doctor() -> None:
    """Say what is wrong with this installation, and how to mend it; ends with 1 if anything is."""
    faults = list(examine())
    for fault in faults:
        click.echo(f"✗ {fault}")
    if faults:
        raise SystemExit(1)
    click.echo("✓ This Parley is sound.")


def examine() -> Iterator[str]:
    """Every fault, with its mend."""
    yield from strange_variables()
    try:
        chosen = settings.load()
    except SettingsError as error:
        yield f"The settings are wrong: {error} See docs/settings.md."
        return
    yield from port(chosen)
    if chosen.database_url:
        yield from database(chosen.database_url)
        if chosen.read_database_url:
            yield from replica(chosen.read_database_url)
        return
    yield from data_dir(chosen.data_dir)
    yield from disk(chosen.data_dir)
    yield from key_file(chosen.data_dir / "key")
    yield from embedded(chosen.data_dir)


def strange_variables() -> Iterator[str]:
    known = [PREFIX + item.name.upper() for item in fields(Settings)]
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            near = "".join(f" Did you mean {match}?" for match in get_close_matches(name, known, n=1))
            yield f"Nothing reads the variable {name}.{near} Rename or unset it."


def port(chosen: Settings) -> Iterator[str]:
    """A taken port is right when Parley itself has taken it."""
    try:
        try_port(chosen.host, chosen.port)
    except OSError as error:
        with suppress(OSError, HTTPException):
            ask(chosen.host, chosen.port)
            return
        yield (
            f"Cannot listen on port {chosen.port} of {chosen.host}: {error.strerror}."
            " Stop what uses it, or choose others by PARLEY_PORT and PARLEY_HOST."
        )


def data_dir(folder: Path) -> Iterator[str]:
    try:
        with tempfile.TemporaryFile(dir=existing(folder)):
            pass
    except OSError as error:
        yield f"Cannot write to {folder}: {error.strerror}. Give this account the directory, or set PARLEY_DATA_DIR."


def disk(folder: Path) -> Iterator[str]:
    free = shutil.disk_usage(existing(folder)).free
    if free < LEAST_FREE:
        yield (
            f"The disk of {folder} is nearly full: {free // 1_000_000} MB are left,"
            f" {LEAST_FREE // 1_000_000} MB are needed. Make room, or move the directory and set PARLEY_DATA_DIR."
        )


def existing(folder: Path) -> Path:
    """The directory itself, or the nearest above it that is there: a new installation has made none yet."""
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())


def key_file(file: Path) -> Iterator[str]:
    if file.exists() and file.stat().st_mode & 0o077:
        yield f"Others can read the key in {file}. Run: chmod 600 '{file}'; then: parley keys revoke development"


def embedded(folder: Path) -> Iterator[str]:
    """An installation without a cluster is a new one, and sound: `parley serve` makes it."""
    if not (folder / "postgres" / "PG_VERSION").exists():
        say(f"There is no database in {folder} yet; parley serve makes it.")
        return
    try:
        running = engine.start(folder)
    except (engine.EngineError, OSError) as error:
        yield f"The embedded PostgreSQL does not start: {error} Mend that, or move {folder / 'postgres'} away."
        return
    try:
        yield from database(running.url)
    finally:
        engine.stop(running)


def database(url: str) -> Iterator[str]:
    """Whether the server, the database and its schema are what this Parley needs."""
    try:
        conn = psycopg.connect(url, autocommit=True, connect_timeout=5)
    except psycopg.Error as error:
        yield f"No database: {str(error).strip()} Start the server, or set PARLEY_DATABASE_URL right."
        return
    with conn:
        if faults := list(migrate.unfit(conn)):
            yield from faults
        elif conn.execute("SELECT pg_is_in_recovery()").fetchone() == (True,):
            yield "PARLEY_DATABASE_URL is a replica, which cannot be written. Name the primary there."
        else:
            yield from schema(conn)


def schema(conn: psycopg.Connection) -> Iterator[str]:
    try:
        missing = list(migrate.pending(conn))
    except psycopg.errors.UndefinedTable:
        missing = ["all tables"]
    except migrate.MigrationError as error:
        yield str(error)
        return
    found = conn.execute("SELECT name, installed_version FROM pg_available_extensions").fetchall()
    versions: dict[str, str | None] = dict(found)
    for name in EXTENSIONS:
        if name not in versions:
            yield f"The server lacks the extension {name}. Install PostgreSQL's contrib package there."
        elif versions[name] is None and not missing:
            yield f"The database lost the extension {name}. Run in it: CREATE EXTENSION {name}"
    if missing:
        yield f"The schema is older than this Parley; it lacks {', '.join(missing)}. Run: parley migrate"


def replica(url: str) -> Iterator[str]:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error as error:
        yield f"No replica: {str(error).strip()} Start it, or set PARLEY_READ_DATABASE_URL right."
