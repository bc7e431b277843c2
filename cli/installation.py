"""The database of this installation, whoever runs it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click
import psycopg
from psycopg.rows import dict_row

import db
from db import engine, rates
from db.migrate import migrate
from settings import Settings


def say(line: str) -> None:
    """Tell the person at the terminal; standard output is kept for what a command makes."""
    click.echo(line, err=True)


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The URL of the database; the embedded one is started, migrated, kept, and stopped when nobody uses it."""
    if settings.database_url:
        yield settings.database_url
        return
    running = engine.start(settings.data_dir)
    try:
        say(running.did)
        bring_up(running.url)
        with kept(running):
            yield running.url
    finally:
        engine.stop(running)


@contextmanager
def kept(running: engine.Engine) -> Iterator[None]:
    """Meanwhile, the embedded PostgreSQL is started again whenever it is gone."""
    over = threading.Event()

    def keep() -> None:
        told = ""
        while not over.wait(1):
            try:
                if engine.revive(running):
                    say("PostgreSQL was gone, and runs again")
                told = ""
            except (engine.EngineError, OSError) as error:  # a full disk, for instance: it may have room again
                if told != (told := str(error)):
                    say(f"PostgreSQL is gone, and does not start: {error}")

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


def bring_up(url: str) -> None:
    """Migrate, fill in the currency rates, and say what was done."""
    applied = migrate(url)
    for name in applied:
        if not name.startswith("procrastinate/"):
            say(f"Applied {name}")
    if theirs := sum(name.startswith("procrastinate/") for name in applied):
        say(f"Applied {theirs} migrations of the queue")
    with psycopg.connect(url, autocommit=True) as conn:
        if loaded := rates.load(conn):
            say(f"Loaded {loaded} currency rates of the ECB")


@contextmanager
def connect(url: str) -> Iterator[db.Direct]:
    with db.Direct.connect(url, row_factory=dict_row, autocommit=True) as conn:
        yield conn
