"""`parley doctor` finds each fault, says its mend, and finds nothing where nothing is wrong."""

import random
import socket
import tempfile
from pathlib import Path

import psycopg
import pytest

from cli import doctor
from db import engine, migrate


@pytest.fixture
def port():
    """A port that nobody uses, below those that the system gives out by itself, and not the next test's either."""
    for candidate in random.sample(range(21_000, 32_000), 11_000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", candidate)):
                return str(candidate)


@pytest.fixture
def examine(parley, fresh_database, port):
    return lambda **environment: parley(
        "doctor", **{"PARLEY_DATABASE_URL": fresh_database, "PARLEY_PORT": port} | environment
    )


def sick(result, *words):
    assert result.exit_code == 1
    for word in words:
        assert word in result.stdout
    assert result.stdout.count("✗") == 1
    return True


def execute(url, statement):
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(statement)


def test_a_sound_installation(examine):
    found = examine()
    assert (found.exit_code, found.stdout) == (0, "✓ This Parley is sound.\n")


def test_no_database(examine):
    assert sick(examine(PARLEY_DATABASE_URL="postgresql://127.0.0.1:1/none"), "No database", "PARLEY_DATABASE_URL")


def test_no_tables(examine, make_database):
    with make_database("bare") as url:
        assert sick(examine(PARLEY_DATABASE_URL=url), "parley migrate")


def test_an_old_schema(examine, fresh_database):
    execute(fresh_database, "DELETE FROM migrations WHERE name > '0001'")
    assert sick(examine(), "older than this Parley", "parley migrate")


def test_a_newer_schema(examine, fresh_database):
    execute(fresh_database, "INSERT INTO migrations VALUES ('9999_future.sql', 'x')")
    assert sick(examine(), "9999_future.sql", "Install the newer Parley")


def test_an_edited_migration(examine, fresh_database):
    execute(fresh_database, "UPDATE migrations SET sha256 = 'x' WHERE name = '0001_keys.sql'")
    assert sick(examine(), "0001_keys.sql was edited", "Restore the file")


@pytest.mark.parametrize(
    ("locale", "said"), [("ENCODING 'UTF8'", "LC_CTYPE C,"), ("ENCODING 'SQL_ASCII'", "as SQL_ASCII")]
)
def test_a_database_that_cannot_hold_every_name(examine, make_database, locale, said):
    with make_database("odd", locale=f"{locale} LC_COLLATE 'C' LC_CTYPE 'C'") as url:
        assert sick(examine(PARLEY_DATABASE_URL=url), said, "CREATE DATABASE", "LC_CTYPE 'C.UTF-8'")


def test_an_old_server(examine, monkeypatch):
    monkeypatch.setattr(migrate, "OLDEST", 99)
    assert sick(examine(), "is too old", "needs 99 or newer")


def test_a_missing_extension(examine, fresh_database):
    execute(fresh_database, "DROP EXTENSION btree_gin CASCADE")
    assert sick(examine(), "lost the extension btree_gin", "CREATE EXTENSION btree_gin")


def test_an_extension_that_the_server_lacks(examine, monkeypatch):
    monkeypatch.setattr(doctor, "EXTENSIONS", ("nonsuch",))
    assert sick(examine(), "lacks the extension nonsuch", "contrib package")


def test_a_missing_replica(examine):
    assert sick(examine(PARLEY_READ_DATABASE_URL="postgresql://127.0.0.1:1/none"), "No replica")


def test_a_taken_port(examine, port):
    with socket.create_server(("127.0.0.1", int(port))):
        assert sick(examine(), f"port {port}", "PARLEY_PORT")


def test_a_setting_that_makes_no_sense(examine):
    assert sick(examine(PARLEY_WORKERS="none"), "PARLEY_WORKERS", "docs/settings.md")


def test_a_misspelt_setting(examine):
    assert sick(examine(PARLEY_DATABASE_ULR="x"), "PARLEY_DATABASE_ULR", "Did you mean PARLEY_DATABASE_URL?")


def test_a_new_installation_has_no_fault(examine, tmp_path):
    found = examine(PARLEY_DATABASE_URL="", PARLEY_DATA_DIR=str(tmp_path / "new"))
    assert found.exit_code == 0
    assert "parley serve makes it" in found.stderr
    assert not (tmp_path / "new").exists()


def test_a_data_directory_that_cannot_be_written(examine, tmp_path):
    (tmp_path / "file").touch()
    found = examine(PARLEY_DATABASE_URL="", PARLEY_DATA_DIR=str(tmp_path / "file" / "data"))
    assert sick(found, "Cannot write to", "PARLEY_DATA_DIR")


def test_a_full_disk(examine, tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "LEAST_FREE", 10**18)
    found = examine(PARLEY_DATABASE_URL="", PARLEY_DATA_DIR=str(tmp_path))
    assert sick(found, "nearly full", "Make room")


def test_a_key_that_others_can_read(examine, tmp_path):
    (tmp_path / "key").write_text("parley_x")
    (tmp_path / "key").chmod(0o644)
    assert sick(examine(PARLEY_DATABASE_URL="", PARLEY_DATA_DIR=str(tmp_path)), "Others can read", "chmod 600")
    (tmp_path / "key").chmod(0o600)
    assert examine(PARLEY_DATABASE_URL="", PARLEY_DATA_DIR=str(tmp_path)).exit_code == 0


def test_an_embedded_database(examine):
    with tempfile.TemporaryDirectory(prefix="parley-doctor-") as folder:
        settings = {"PARLEY_DATABASE_URL": "", "PARLEY_DATA_DIR": folder}
        running = engine.start(Path(folder))
        assert sick(examine(**settings), "parley migrate")
        migrate.migrate(running.url)
        assert examine(**settings).exit_code == 0
        engine.stop(running)
        version = Path(folder, "postgres", "PG_VERSION")
        version.write_text("9\n")
        assert sick(examine(**settings), "does not start", "version 9")
