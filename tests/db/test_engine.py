"""The embedded PostgreSQL starts again from whatever state it was left in."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from db import engine


@pytest.fixture(scope="module")
def data_dir():
    """Not below pytest's own folder: that is closed to the account that PostgreSQL runs under."""
    folder = Path(tempfile.mkdtemp(prefix="parley-engine-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def running(data_dir):
    started = engine.start(data_dir)
    yield started
    again = engine.start(data_dir)  # whatever the test did to it, leave it in order
    started.holders.close()
    assert engine.stop(again)


def ask(url, *statements):
    with psycopg.connect(url, autocommit=True) as conn:
        return [conn.execute(statement) for statement in statements][-1].fetchone()[0]


def cluster(started):
    return started.data_dir / "postgres"


def kill(processes):
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # it ended by itself, or because another one died
            process.kill()
    psutil.wait_procs(processes)


def test_the_last_one_out_stops_the_server(data_dir):
    made = (data_dir / "postgres").exists()  # by another test, if that came first
    first = engine.start(data_dir)
    second = engine.start(data_dir)
    assert first.did.endswith("postgres: started" if made else "created")
    assert second.did.endswith("already running")
    assert engine.stop(first) is False
    assert ask(second.url, "SELECT 1") == 1
    assert engine.stop(second) is True
    assert engine.process(data_dir / "postgres") is None
    third = engine.start(data_dir)
    assert third.did.endswith("postgres: started")
    assert engine.stop(third)


def test_a_server_that_is_dying_is_not_taken_for_a_live_one(running, monkeypatch):
    found = engine.process(cluster(running))
    kill([found])
    seen = iter([found])  # as one sees it in the moment between the signal and the end
    look = engine.process
    monkeypatch.setattr(engine, "process", lambda place: next(seen, None) or look(place))
    again = engine.start(running.data_dir)
    assert again.did.endswith("recovered after a crash")
    assert ask(again.url, "SELECT 1") == 1
    again.holders.close()


def test_a_holder_that_was_killed_holds_nothing(data_dir):
    started = engine.start(data_dir)
    code = "import sys, time; from pathlib import Path; from db import engine;"
    code += "e = engine.start(Path(sys.argv[1])); print(e.did, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, data_dir], stdout=subprocess.PIPE, text=True) as other:
        assert "already running" in other.stdout.readline()
        assert engine.stop(started) is False
        started = engine.start(data_dir)
        other.kill()
    assert engine.stop(started) is True


def test_two_started_at_once_make_one_server():
    folder = Path(tempfile.mkdtemp(prefix="parley-engine-"))
    code = "import sys, time; from pathlib import Path; from db import engine;"
    code += "e = engine.start(Path(sys.argv[1])); print(e.did, flush=True); time.sleep(1); print(engine.stop(e))"
    both = [subprocess.Popen([sys.executable, "-c", code, folder], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = sorted(process.communicate()[0].split(": ")[1] for process in both)
    shutil.rmtree(folder)
    assert [line.partition("\n")[0] for line in told] == ["already running", "created"]
    assert sorted(line.split()[-1] for line in told) == ["False", "True"]


def test_it_knows_letters_sorts_by_code_point_and_keeps_what_it_was_given(running):
    trigrams = "CREATE EXTENSION IF NOT EXISTS pg_trgm"
    assert ask(running.url, trigrams, "SELECT similarity('шмигаль', 'Шмигаль')") == 1
    assert ask(running.url, "SELECT string_agg(x, '' ORDER BY x) FROM unnest(ARRAY['b', 'a', 'Z', 'é']) x") == "Zabé"
    assert ask(running.url, "SHOW server_encoding") == "UTF8"
    assert ask(running.url, "SHOW fsync") == "on"
    assert ask(running.url, "SHOW listen_addresses") == ""


def test_it_recovers_what_was_committed_when_everything_was_killed(running):
    assert ask(running.url, "CREATE TABLE kept (x int)", "INSERT INTO kept VALUES (7) RETURNING x") == 7
    kill(engine.members(cluster(running)))
    again = engine.start(running.data_dir)
    assert again.did.endswith("recovered after a crash")
    assert ask(again.url, "SELECT x FROM kept") == 7
    again.holders.close()


def test_it_starts_beside_a_busy_orphan_of_a_killed_server(running, monkeypatch):
    monkeypatch.setattr(engine, "ORPHANS", 0.5)
    query = "WITH RECURSIVE r AS (SELECT 1 AS x UNION ALL SELECT 1 FROM r) SELECT count(*) FROM r"
    busy = psycopg.connect(running.url)
    busy.pgconn.send_query(query.encode())
    time.sleep(0.3)
    kill([engine.process(cluster(running))])
    again = engine.start(running.data_dir)
    assert again.did.endswith("recovered after a crash")
    assert ask(again.url, "SELECT 1") == 1
    again.holders.close()
    busy.close()


def test_a_stranger_with_the_old_process_number_is_not_taken_for_the_server(running):
    left = (cluster(running) / "postmaster.pid").read_text()
    kill(engine.members(cluster(running)))
    (cluster(running) / "postmaster.pid").write_text(f"{os.getpid()}\n{left.partition(chr(10))[2]}")
    again = engine.start(running.data_dir)
    assert ask(again.url, "SELECT 1") == 1
    again.holders.close()


def test_a_half_made_cluster_is_made_anew(data_dir):
    folder = data_dir / "half"
    (folder / "postgres.new" / "base").mkdir(parents=True)
    (folder / "postgres").mkdir()
    (folder / "postgres" / "precious").write_text("mine")
    started = engine.start(folder)
    assert "half done" in started.did
    assert ask(started.url, "SELECT 1") == 1
    assert engine.stop(started)
    (aside,) = folder.glob("postgres.broken-*")
    assert (aside / "precious").read_text() == "mine"


def test_a_long_path_is_no_hindrance(data_dir):
    folder = data_dir / "довга назва 'папки'" / ("x" * 100)
    started = engine.start(folder)
    listening = engine.sockets(folder / "postgres")
    assert engine.revive(started) is False
    kill([engine.process(folder / "postgres")])
    assert engine.revive(started) is True
    assert ask(started.url, "SELECT 1") == 1  # under the same address
    assert engine.stop(started)
    assert not listening.exists()


def test_a_cluster_of_another_version_is_refused_in_words(data_dir):
    engine.stop(engine.start(data_dir))
    version = data_dir / "postgres" / "PG_VERSION"
    was = version.read_text()
    version.write_text("9\n")
    try:
        with pytest.raises(engine.EngineError, match="version 9"):
            engine.start(data_dir)
    finally:
        version.write_text(was)
