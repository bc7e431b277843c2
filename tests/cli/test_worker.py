"""`parley worker`, alone and beside `parley serve`."""

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

import db
from db.migrate import migrate
from tests.cli.test_serve import serving, stop, wait_until

ROWS = [{"op": "upsert", "type": "actor", "identifier": "b:a", "data": {"name": "A", "kind": "other"}}]


@pytest.fixture(scope="module")
def data_dir():
    with tempfile.TemporaryDirectory(prefix="parley-worker-") as folder:
        yield folder


def workers(server):
    found = []
    for process in psutil.Process(server.pid).children():
        with suppress(psutil.NoSuchProcess):
            if process.cmdline()[2:4] == ["cli", "worker"]:
                found.append(process)
    return found


def test_the_server_brings_a_worker_and_another_when_that_dies(data_dir):
    with serving("--no-sample", PARLEY_DATA_DIR=data_dir, PARLEY_DATABASE_URL="") as (server, address):
        wait_until(lambda: workers(server))
        [first] = workers(server)
        first.kill()
        wait_until(lambda: workers(server) not in ([], [first]))
        key = Path(data_dir, "key").read_text().strip()
        headers = {"Authorization": f"Bearer {key}", "Prefer": "respond-async"}
        sent = httpx.post(f"{address}/v1/batches", json={"operations": ROWS}, headers=headers)
        batch = address + sent.headers["Location"]
        wait_until(lambda: httpx.get(batch, headers=headers).json()["status"] == "done")
        [second] = workers(server)
        assert second.memory_info().rss < 150 * 1024 * 1024
        server.kill()  # nobody ends the worker now
        assert psutil.wait_procs([second], timeout=20)[1] == []


def test_without_a_worker_it_waits(data_dir):
    chosen = {"PARLEY_DATA_DIR": data_dir, "PARLEY_DATABASE_URL": ""}
    with serving("--no-sample", "--no-worker", **chosen) as (server, _):
        assert "Traceback" not in server.told()
        assert workers(server) == []
        assert stop(server) == 0


def run(url):
    """A worker by itself."""
    command = [sys.executable, "-m", "cli", "worker"]
    return subprocess.Popen(command, env=os.environ | {"PARLEY_DATABASE_URL": url}, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("how", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 1)])
def test_it_ends_when_it_is_told_to(make_database, how, code):
    with make_database("worker") as url:
        migrate(url)
        with run(url) as worker:
            wait_until(lambda: psutil.Process(worker.pid).net_connections("unix"))
            worker.send_signal(how)
            assert worker.wait(20) == code
            assert "Traceback" not in worker.stderr.read()


def test_a_database_without_tables_is_told_in_one_line(make_database):
    with make_database("worker") as url, run(url) as worker:
        assert worker.wait(20) == 1
        assert worker.stderr.read() == "Error: The database has no tables yet. Run: parley migrate\n"


def test_it_sorts_words_in_before_writers_have_to(fresh_app, signed):
    url, admin = fresh_app.config["DATABASE_URL"], signed(fresh_app, "admin")
    sort_in = db.load("records").sort_in

    def write(name):
        assert admin.post("/v1/actors", json={"name": name, "kind": "other"}).status_code == 201

    write("Somewhere")
    with psycopg.connect(url, autocommit=True) as conn:
        assert conn.execute(sort_in).fetchone() > (0,)  # what waited is gone by that
        assert conn.execute(sort_in).fetchone() == (0,)
        with run(url) as worker:
            write("Elsewhere")
            (now,) = conn.execute("SELECT clock_timestamp()").fetchone()
            since = "SELECT FROM pg_stat_activity WHERE query = %s AND state = 'idle' AND query_start > %s"
            wait_until(lambda: conn.execute(since, (sort_in, now)).fetchone() is not None)
            assert conn.execute(sort_in).fetchone() == (0,)
            worker.kill()
    assert [actor["name"] for actor in admin.get("/v1/actors?q=elsewhere").json["items"]] == ["Elsewhere"]
