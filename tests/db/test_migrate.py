"""Migrations are applied once, whole, one server at a time, and never to a database that cannot hold the data."""

import threading
import time

import psycopg
import pytest

from cli.documents import dump
from db import migrate
from db.migrate import FOLDER, QUEUE, MigrationError, statements

PLAIN = "CREATE TABLE plain (x bigint);\n"
HELD = "-- wants a table that someone reads\nALTER TABLE plain ADD COLUMN y bigint;\n"
OUTSIDE = """-- outside a transaction
DROP INDEX CONCURRENTLY IF EXISTS plain_x;
CREATE INDEX CONCURRENTLY plain_x ON plain (x);
"""


@pytest.fixture
def empty(make_database):
    with make_database("empty") as url:
        yield url


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "0001_plain.sql").write_text(PLAIN)
    return tmp_path


def rows(url, query):
    with psycopg.connect(url, autocommit=True) as conn:
        return conn.execute(query).fetchall()


def test_a_second_run_changes_nothing(fresh_database):
    before = rows(fresh_database, "SELECT * FROM migrations ORDER BY name")
    assert [name for name, *_ in before if "/" not in name] == sorted(file.name for file in FOLDER.glob("*.sql"))
    assert migrate.migrate(fresh_database) == []
    assert rows(fresh_database, "SELECT * FROM migrations ORDER BY name") == before


def test_schema_sql_is_what_all_migrations_make(fresh_database):
    assert dump(fresh_database) == (FOLDER.parent / "schema.sql").read_text(), "run: make schema"


def test_those_of_the_queue_follow_ours_and_stay_in_its_schema(empty):
    done = migrate.migrate(empty)
    theirs = [f"procrastinate/{file.name}" for file in sorted(QUEUE.glob("*.sql"))]
    assert theirs and done[-len(theirs) :] == theirs
    found = "SELECT DISTINCT relnamespace::regnamespace::text FROM pg_class WHERE relname LIKE '%procrastinate%'"
    assert rows(empty, found) == [("procrastinate",)]
    assert rows(empty, "SELECT to_regclass('procrastinate.procrastinate_jobs') IS NULL") == [(False,)]
    rows(empty, f"UPDATE migrations SET sha256 = 'reworded' WHERE name = '{theirs[0]}' RETURNING name")
    assert migrate.migrate(empty) == []
    rows(empty, "INSERT INTO migrations VALUES ('procrastinate/99.00.00_01_later.sql', 'x') RETURNING name")
    with pytest.raises(MigrationError, match=r"later\.sql, this Parley does not"):
        migrate.migrate(empty)


def test_what_is_missing_is_applied_in_order(empty, folder):
    assert migrate.migrate(empty, folder) == ["0001_plain.sql"]
    (folder / "0003_index.sql").write_text(OUTSIDE)
    (folder / "0002_held.sql").write_text(HELD)
    assert migrate.migrate(empty, folder) == ["0002_held.sql", "0003_index.sql"]
    assert rows(empty, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'plain_x'::regclass") == [(True,)]


def test_a_migration_that_fails_leaves_nothing_and_those_before_it_stay(empty, folder):
    (folder / "0002_wrong.sql").write_text("CREATE TABLE half (x bigint);\nCREATE TABLE half (x bigint);\n")
    with pytest.raises(psycopg.errors.DuplicateTable):
        migrate.migrate(empty, folder)
    assert rows(empty, "SELECT name FROM migrations") == [("0001_plain.sql",)]
    assert rows(empty, "SELECT to_regclass('half')") == [(None,)]
    (folder / "0002_wrong.sql").write_text("CREATE TABLE half (x bigint);\n")
    assert migrate.migrate(empty, folder) == ["0002_wrong.sql"]


def test_an_interrupted_concurrent_index_is_made_anew(empty, folder):
    migrate.migrate(empty, folder)
    (folder / "0002_index.sql").write_text(
        OUTSIDE.replace("INDEX CONCURRENTLY plain_x", "UNIQUE INDEX CONCURRENTLY plain_x")
    )
    rows(empty, "INSERT INTO plain VALUES (1), (1) RETURNING x")
    with pytest.raises(psycopg.errors.UniqueViolation):
        migrate.migrate(empty, folder)
    assert rows(empty, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'plain_x'::regclass") == [(False,)]
    rows(empty, "DELETE FROM plain RETURNING x")
    assert migrate.migrate(empty, folder) == ["0002_index.sql"]
    assert rows(empty, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'plain_x'::regclass") == [(True,)]


def test_an_edited_migration_is_refused(empty, folder):
    migrate.migrate(empty, folder)
    (folder / "0001_plain.sql").write_text(PLAIN.upper())
    with pytest.raises(MigrationError, match="was edited after it was applied"):
        migrate.migrate(empty, folder)


def test_a_newer_database_is_refused(empty, folder):
    (folder / "0002_held.sql").write_text(HELD)
    migrate.migrate(empty, folder)
    (folder / "0002_held.sql").unlink()
    with pytest.raises(MigrationError, match="this Parley does not"):
        migrate.migrate(empty, folder)


def test_servers_that_migrate_at_once_apply_everything_once(empty, folder):
    (folder / "0002_index.sql").write_text(OUTSIDE)  # would lock up with a server that waits inside a statement
    done = []
    threads = [threading.Thread(target=lambda: done.extend(migrate.migrate(empty, folder))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == ["0001_plain.sql", "0002_index.sql"]


def test_a_migration_that_waits_lets_others_read(empty, folder):
    migrate.migrate(empty, folder)
    (folder / "0002_held.sql").write_text(HELD)
    with psycopg.connect(empty) as idle:
        idle.execute("SELECT * FROM plain")  # an open transaction holds its lock on the table
        thread = threading.Thread(target=migrate.migrate, args=(empty, folder))
        thread.start()
        with psycopg.connect(empty, autocommit=True, options="-c lock_timeout=1s") as reader:
            for _ in range(20):
                reader.execute("SELECT * FROM plain")  # not kept from it for so long
                time.sleep(0.05)
        assert thread.is_alive()
    thread.join()
    assert rows(empty, "SELECT y FROM plain") == []


def test_it_gives_up_in_the_end(empty, folder, monkeypatch):
    migrate.migrate(empty, folder)
    (folder / "0002_held.sql").write_text(HELD)
    monkeypatch.setattr(migrate, "PATIENCE", 0.5)
    with psycopg.connect(empty) as idle:
        idle.execute("SELECT * FROM plain")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            migrate.migrate(empty, folder)


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'", "LC_CTYPE C,"),
        ("ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'", "as LATIN1"),
    ],
)
def test_a_database_that_cannot_hold_every_name_is_refused(make_database, folder, locale, said):
    with (
        make_database("odd", locale=locale) as url,
        pytest.raises(MigrationError, match=f"{said}.*CREATE DATABASE .* LC_CTYPE 'C.UTF-8'"),
    ):
        migrate.migrate(url, folder)


def test_an_old_server_is_refused(empty, folder, monkeypatch):
    monkeypatch.setattr(migrate, "OLDEST", 99)
    with pytest.raises(MigrationError, match="too old; Parley needs 99"):
        migrate.migrate(empty, folder)


def test_statements_end_at_semicolons_outside_of_quotes_bodies_and_comments():
    text = """
    -- a; comment
    CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $body$ SELECT ';'; $body$;
    /* another; */ SELECT ';', "a;b", $$;$$;
    -- the end;
    """
    found = list(statements(text))
    assert len(found) == 2
    assert found[0].endswith(b"$body$;")
    assert found[1].startswith(b"/* another; */ SELECT")


def test_a_statement_without_its_semicolon_is_refused():
    with pytest.raises(MigrationError, match="No semicolon ends: SELECT2"):
        list(statements("SELECT 1; SELECT 2"))
