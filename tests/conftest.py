"""One PostgreSQL for the whole run, a migrated database for each pytest worker, and fresh copies of it on demand."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row

import db
from db import engine, keys
from db.migrate import migrate

hypothesis.settings.register_profile("untimed", deadline=None)  # a busy machine breaks no test
hypothesis.settings.load_profile("untimed")

LOCALE = "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"


@pytest.fixture(scope="session")
def server(testrun_uid: str) -> Iterator[str]:
    """A PostgreSQL to make databases in: TEST_DATABASE_URL, or an embedded one that all pytest workers share."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
        return
    # not below pytest's own folder: that is closed to the account that PostgreSQL runs under
    data_dir = Path(tempfile.gettempdir()) / f"parley-test-{testrun_uid}"
    running = engine.start(data_dir)
    with psycopg.connect(running.url, autocommit=True) as conn:
        conn.execute("ALTER SYSTEM SET fsync = off")  # these data need not survive a power cut
        conn.execute("SELECT pg_reload_conf()")
    yield running.url
    if engine.stop(running):
        shutil.rmtree(data_dir)


@pytest.fixture(scope="session")
def make_database(server: str, testrun_uid: str, worker_id: str) -> Callable[..., str]:
    """Makes a database, `with make_database("x") as url`: an empty one, or a copy of the one that `like` names."""

    @contextmanager
    def make(name: str, like: str = "template0", locale: str = "") -> Iterator[str]:
        name = f"parley_{name}_{worker_id}_{testrun_uid[:8]}"
        with psycopg.connect(server, autocommit=True) as conn:
            conn.execute(f"CREATE DATABASE {name} TEMPLATE {like} {locale or LOCALE}")
        yield make_conninfo(server, dbname=name)
        with psycopg.connect(server, autocommit=True) as conn:
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)")

    return make


@pytest.fixture(scope="session")
def migrated(make_database) -> Iterator[str]:
    """The name of a migrated database that nobody is connected to, so that it can be copied."""
    with make_database("template") as url:
        migrate(url)
        yield conninfo_to_dict(url)["dbname"]


@pytest.fixture(scope="session")
def database(make_database, migrated: str) -> Iterator[str]:
    """The database that the tests of one worker share; a test that fills it much takes `fresh_database`."""
    with make_database("test", like=migrated) as url:
        yield url


@pytest.fixture
def fresh_database(make_database, migrated: str) -> Iterator[str]:
    """A migrated database of the test's own."""
    with make_database("fresh", like=migrated) as url:
        yield url


@contextmanager
def running_app(url: str) -> Iterator[Flask]:
    import api  # here, so that tests without an app start at once
    from tests.openapi.validation import CheckedClient

    app = api.create_app(DATABASE_URL=url, TESTING=True)
    app.test_client_class = CheckedClient
    yield app
    api.close(app)


@pytest.fixture(scope="session")
def app(database: str) -> Iterator[Flask]:
    with running_app(database) as app:
        yield app


@pytest.fixture
def fresh_app(fresh_database: str) -> Iterator[Flask]:
    """An app on a database of the test's own."""
    with running_app(fresh_database) as app:
        yield app


@pytest.fixture(scope="session")
def key() -> Callable[..., str]:
    """Makes a real key for an app: `key(app, "write", "provider")`."""

    def make(app: Flask, scope: str = "write", provider: str = "test") -> str:
        with psycopg.connect(app.config["DATABASE_URL"], row_factory=dict_row, autocommit=True) as conn:
            made = len(keys.list_keys(conn))
            return keys.create(conn, name=f"{provider} {scope} {made}", provider=provider, scope=scope)

    return make


@pytest.fixture(scope="session")
def signed(key) -> Callable[..., FlaskClient]:
    """Makes a client that sends a key with every request: `signed(app, "write", "provider")`."""

    def make(app: Flask, scope: str = "write", provider: str = "test") -> FlaskClient:
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key(app, scope, provider)}"
        return client

    return make


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A reader without a key."""
    return app.test_client()


@pytest.fixture
def writer(app: Flask, signed) -> FlaskClient:
    """The ingestion client `test`."""
    return signed(app)


@pytest.fixture
def admin(app: Flask, signed) -> FlaskClient:
    return signed(app, "admin")


@pytest.fixture
def queries(monkeypatch) -> list[tuple[Any, ...]]:
    """What is sent to PostgreSQL from now on: statements with their values."""
    sent: list[tuple[Any, ...]] = []
    execute = psycopg.Connection.execute

    def listen(conn, *query, **kwargs):
        sent.append(query)
        return execute(conn, *query, **kwargs)

    result = db.Direct.result

    def overhear(conn, query, args):
        sent.append((query, args))
        return result(conn, query, args)

    run = db.Direct.run

    def overhear_all(conn, statements):
        asked = list(statements)
        sent.extend(asked)
        return run(conn, asked)

    monkeypatch.setattr(psycopg.Connection, "execute", listen)
    monkeypatch.setattr(db.Direct, "run", overhear_all)
    monkeypatch.setattr(db.Direct, "result", overhear)
    return sent


@pytest.fixture(autouse=True)
def lines_of_its_own() -> Iterator[None]:
    """What a test's requests log belongs to its output, not to that of the next."""
    yield
    if operations := sys.modules.get("api.operations"):
        operations.lines.send()


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str]) -> Callable[[], tuple[str, str]]:
    """What was written to stdout and stderr since the last look, with the lines that may wait a moment."""
    from api import operations

    def read() -> tuple[str, str]:
        operations.lines.send()
        return capfd.readouterr()

    return read
