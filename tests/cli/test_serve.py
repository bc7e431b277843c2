"""`parley serve` as it is run: started twice, killed, stopped, and started again."""

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import httpx
import psutil
import pytest

from db import engine


def free_port():
    """A port that nobody uses, below those that the system gives out by itself."""
    for candidate in range(22000 + os.getpid() % 5000, 32000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", candidate)):
                return candidate
    raise AssertionError("all ports are taken")


@contextmanager
def serving(*options, **environment):
    """A running server: its process, its address, and its messages as they come."""
    port = free_port()
    command = [sys.executable, "-m", "cli", "serve", "--port", str(port), "--workers", "1", *options]
    with (
        tempfile.NamedTemporaryFile("w+") as messages,
        subprocess.Popen(command, env=os.environ | environment, stdout=messages, stderr=messages) as process,
    ):
        try:
            process.told = Path(messages.name).read_text  # by itself: a seek here would move where the server writes
            wait_until(lambda: process.poll() is not None or "Parley answers on" in process.told())
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:  # a failure: the way out of Popen would wait without end
                process.kill()
                raise


def wait_until(reached, seconds=40):
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def kill_worker(process) -> None:
    """As soon as there is one: it may be gone again between two looks."""

    def killed() -> bool:
        for worker in workers(process)[:1]:
            with suppress(psutil.NoSuchProcess):
                worker.kill()
                return True
        return False

    wait_until(killed)


def workers(process):
    children = psutil.Process(process.pid).children()
    return [p for p in children if p.status() != psutil.STATUS_ZOMBIE and "serve" in p.cmdline()]


def answers(address):
    try:
        return httpx.get(f"{address}/v1/rounds").status_code == 200
    except httpx.TransportError:
        return False


def stop(process, with_signal=signal.SIGTERM):
    process.send_signal(with_signal)
    return process.wait(20)


@pytest.fixture(scope="module")
def first_start():
    """A folder in which a server ran once, and what was seen of it."""
    # not below pytest's own folder: that is closed to the account that PostgreSQL runs under
    with tempfile.TemporaryDirectory(prefix="parley-serve-") as folder:
        key = Path(folder, "key")
        with serving("--no-sample", PARLEY_DATA_DIR=folder, PARLEY_DATABASE_URL="") as (process, address):
            me = httpx.get(f"{address}/v1/me", headers={"Authorization": f"Bearer {key.read_text().strip()}"}).json()
            family = psutil.Process(process.pid).children(recursive=True)
            ended, told = stop(process), process.told()
        left = psutil.wait_procs(family, timeout=20)[1], engine.process(Path(folder, "postgres"))
        yield SimpleNamespace(folder=folder, key=key, me=me, told=told, ended=ended, left=left)


@pytest.fixture
def data_dir(first_start):
    return first_start.folder


def test_it_brings_all_it_needs_and_takes_it_away_again(first_start):
    key, told, me = first_start.key, first_start.told, first_start.me
    assert "created" in told
    assert "Applied 0001_keys.sql" in told
    assert str(key) in told
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert (me["name"], me["scopes"]) == ("development", ["read", "write", "admin"])
    assert key.read_text().strip() not in told
    assert first_start.ended == 0
    assert first_start.left == ([], None)


def test_the_second_start_is_quick_and_keeps_the_key(data_dir):
    key = Path(data_dir, "key").read_text()
    with serving("--no-sample", PARLEY_DATA_DIR=data_dir, PARLEY_DATABASE_URL="") as (process, _):
        server = psutil.Process(process.pid)
        spent = [part.cpu_times() for part in (server, *server.children()) if part.status() != psutil.STATUS_ZOMBIE]
        # the seconds of the processor, as those of the clock depend on what else the machine does
        assert sum(times.user + times.system for times in spent) < 5
        assert "postgres: started" in process.told()
        assert "Applied" not in process.told()
        assert Path(data_dir, "key").read_text() == key
        assert stop(process, signal.SIGINT) == 0


def test_two_servers_share_one_database_and_the_last_stops_it(data_dir):
    both = {"PARLEY_DATA_DIR": data_dir, "PARLEY_DATABASE_URL": ""}
    with serving("--no-sample", **both) as (first, _), serving("--no-sample", **both) as (second, address):
        assert "already running" in second.told()
        assert stop(first) == 0
        assert httpx.get(f"{address}/v1/rounds").status_code == 200
        assert stop(second) == 0
    assert engine.process(Path(data_dir, "postgres")) is None


def test_after_everything_was_killed_it_starts_again(data_dir):
    with serving("--no-sample", PARLEY_DATA_DIR=data_dir, PARLEY_DATABASE_URL="") as (process, _):
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        for member in engine.members(Path(data_dir, "postgres")):
            member.kill()
        assert psutil.wait_procs(family, timeout=20)[1] == []  # a worker does not outlive the server
    with serving("--no-sample", PARLEY_DATA_DIR=data_dir, PARLEY_DATABASE_URL="") as (process, address):
        assert "recovered after a crash" in process.told()
        assert httpx.get(f"{address}/v1/rounds").status_code == 200


def test_a_postgresql_that_was_killed_runs_again_by_itself(data_dir):
    cluster = Path(data_dir, "postgres")
    with serving("--no-sample", PARLEY_DATA_DIR=data_dir, PARLEY_DATABASE_URL="") as (process, address):
        engine.process(cluster).kill()
        wait_until(lambda: "PostgreSQL was gone, and runs again" in process.told())
        assert httpx.get(f"{address}/v1/rounds").status_code == 200
        assert stop(process) == 0
    assert engine.process(cluster) is None


def test_workers_that_are_killed_again_and_again_are_replaced(data_dir):
    with serving("--no-sample", PARLEY_DATA_DIR=data_dir, PARLEY_DATABASE_URL="") as (process, address):
        # some have to die within seconds of each other
        wait_until(lambda: "crash loop" in process.told() or kill_worker(process))
        wait_until(lambda: answers(address))
        assert stop(process) == 0


def test_what_a_killed_server_leaves_in_the_temporary_folder_is_cleared_away(data_dir):
    with tempfile.TemporaryDirectory() as folder:
        chosen = {"PARLEY_DATA_DIR": data_dir, "PARLEY_DATABASE_URL": "", "TMPDIR": folder}
        with serving("--no-sample", **chosen) as (process, _):
            family = psutil.Process(process.pid).children(recursive=True)
            process.kill()
        psutil.wait_procs(family, timeout=20)
        with serving("--no-sample", **chosen) as (second, _):
            both = set(Path(folder).glob("parley-run-*"))
            for run in both:
                os.utime(run, (0, 0))
            with serving("--no-sample", **chosen) as (third, _):
                now = set(Path(folder).glob("parley-run-*"))
                assert (len(both), len(both & now), len(now)) == (2, 1, 2)  # the second's is in use
                assert stop(third) == 0
            assert stop(second) == 0
        assert list(Path(folder).glob("parley-run-*")) == []


def test_a_taken_port_is_told_in_one_line(data_dir):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        command = [sys.executable, "-m", "cli", "serve", "--port", port]
        done = subprocess.run(command, env=os.environ | {"PARLEY_DATA_DIR": data_dir}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: Cannot listen on port {port} of 127.0.0.1: Address already in use.")
    assert done.stderr.count("\n") == 1


def test_an_application_that_cannot_start_ends_the_server(data_dir):
    broken = {"PARLEY_DATA_DIR": data_dir, "PARLEY_DATABASE_URL": "", "PARLEY_RATE_LIMIT_STORAGE": "nonsense://"}
    with serving("--no-sample", **broken) as (process, _):
        process.wait(20)
        assert process.told().count("Traceback") == 1
    assert engine.process(Path(data_dir, "postgres")) is None


def test_on_a_database_of_its_own_it_makes_no_key(make_database, tmp_path):
    with (
        make_database("bare") as url,
        serving(PARLEY_DATA_DIR=str(tmp_path), PARLEY_DATABASE_URL=url) as (process, address),
    ):
        assert "Applied 0001_keys.sql" in process.told()
        assert httpx.get(f"{address}/v1/rounds").json()["items"] == []
        assert list(tmp_path.iterdir()) == []
        assert stop(process) == 0


def test_the_sample_data_are_loaded_once():
    with tempfile.TemporaryDirectory(prefix="parley-serve-") as folder:
        chosen = {"PARLEY_DATA_DIR": folder, "PARLEY_DATABASE_URL": ""}
        with serving(**chosen) as (process, address):
            assert "did not load" not in process.told()
            [first] = httpx.get(f"{address}/v1/rounds?limit=1").json()["items"]
            key = Path(folder, "key").read_text().strip()
            change = {"Authorization": f"Bearer {key}", "If-Match": f'"{first["version"]}"'}
            merge = {"Content-Type": "application/merge-patch+json"}
            changed = httpx.patch(f"{address}/v1/rounds/{first['id']}", json={"formats": None}, headers=change | merge)
            assert changed.status_code == 200
        with serving(**chosen) as (process, address):
            again = httpx.get(f"{address}/v1/rounds/{first['id']}").json()
            assert again["version"] == changed.json()["version"]
