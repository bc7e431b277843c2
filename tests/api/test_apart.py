"""Large batches are worked on in a process of its own: answered as here, whatever becomes of that process."""

import ctypes
import multiprocessing
import os
import platform
import re
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from api import apart, batches
from db import background
from schemas.problems import Json
from tests.api.test_batches import NDJSON, actor, dumps, events, outcomes, send
from tests.conftest import running_app
from tests.openapi.validation import CheckedClient

MADE = re.compile(rb'"[0-9a-f]{8}-[0-9a-f-]{27}"|"\d{4}-\d\d-\d\dT[^"]*"')  # ids and times


@pytest.fixture(scope="module")
def app(make_database: Any, migrated: str) -> Iterator[Flask]:
    with make_database("apart", like=migrated) as url, running_app(url) as app:
        app.test_client_class = CheckedClient
        app.extensions["apart"] = apart.Helper(app.config)
        yield app


@pytest.fixture(scope="module")
def provider(app: Flask, signed: Any) -> FlaskClient:
    client: FlaskClient = signed(app)
    return client


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every batch counts as large."""
    monkeypatch.setattr(batches, "LARGE", -1)


@pytest.fixture
def name() -> str:
    """A new one."""
    return uuid4().hex


def pid(app: Flask) -> int:
    """Of the helper."""
    [only] = app.extensions["apart"].pool._processes
    return int(only)


def alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def heard(client: FlaskClient, body: bytes, query: str, kind: str, **headers: str) -> tuple[int, bytes, Json]:
    """An answer, but for what no two answers share."""
    answer = client.post(f"/v1/batches{query}", data=body, content_type=kind, headers={"X-Request-Id": "r"} | headers)
    told = {name: value for name, value in answer.headers if name not in ("RateLimit", "Location", "Content-Length")}
    return answer.status_code, MADE.sub(b"", answer.data), told


ROWS = [actor("a"), actor("b", parent="b:a"), actor("c", kind="planet"), {"op": "upsert"}, b'"text"', b"{"]
LINES = b"\n".join(row if isinstance(row, bytes) else dumps(row) for row in ROWS)


@pytest.mark.parametrize(
    ("body", "query", "kind", "headers"),
    [
        (LINES, "?dry_run=true", NDJSON, {}),
        (LINES, "?atomic=true", NDJSON, {}),
        (LINES, "?dry_run=true", NDJSON, {"Prefer": "respond-async"}),
        (dumps({"operations": ROWS[:4]}), "?dry_run=true", "application/json", {}),
        (dumps({"rows": []}), "", "application/json", {}),
        (dumps({"operations": [{}] * 5001}), "", "application/json", {}),
        (b"{", "", "application/json", {}),
        (b"", "", NDJSON, {"Idempotency-Key": "ä"}),
        (LINES, "?atomic=perhaps", NDJSON, {}),
        (LINES, "", "text/plain", {}),
    ],
)
def test_the_answer_is_the_same(provider, monkeypatch, body, query, kind, headers):
    there = heard(provider, body, query, kind, **headers)
    monkeypatch.setattr(batches, "LARGE", 1 << 30)
    assert there == heard(provider, body, query, kind, **headers)


def test_what_is_small_is_written_here(provider, app, name, monkeypatch):
    monkeypatch.undo()
    app.extensions["apart"].rest()
    assert outcomes(send(provider, [actor(name)])) == ["created"]
    assert app.extensions["apart"].pool is None
    outcomes(send(provider, [actor(f"{name}{n}", note="x" * 1000) for n in range(300)], "?dry_run=true"))
    assert app.extensions["apart"].pool


def test_what_was_sent_lands_once_by_the_one_who_sent_it(provider, name):
    first, again = (send(provider, [actor(name)], **{"Idempotency-Key": name}) for _ in range(2))
    assert outcomes(first) == ["created"]
    assert again.data == first.data
    assert again.headers["Idempotent-Replayed"] == "true"
    [revision] = provider.get(f"/v1/actors/b:{name}/revisions").json["items"]
    assert revision["batch"] == first.json["id"]


def most(app: Flask) -> int:
    """MB that the helper has taken at most since it was asked last."""
    process = Path("/proc", str(pid(app)))
    said = re.search(r"VmHWM:\s*(\d+) kB", Path(process, "status").read_text())
    Path(process, "clear_refs").write_text("5")
    assert said
    return int(said[1]) // 1024


def test_many_faults_do_not_fill_the_memory(provider, app, name):
    outcomes(send(provider, [actor(name)]))
    before = most(app)
    faulty = {f"x{number}": 1 for number in range(400)}
    answer = send(provider, [actor(f"{name}{number}", **faulty) for number in range(2500)])
    assert set(outcomes(answer)) == {"failed"}
    assert most(app) < before + 150  # all together would take some 400


def begun(provider: FlaskClient, name: str, conn: psycopg.Connection[Any]) -> tuple[threading.Thread, list]:
    """A batch that waits for the log, which ``conn`` holds."""
    answers: list[Any] = []
    conn.execute("SELECT pg_advisory_xact_lock(7205760001)")
    sending = partial(send, provider, [actor(name)], **{"Idempotency-Key": name})
    thread = threading.Thread(target=lambda: answers.append(sending()))
    thread.start()
    wait_until(lambda: conn.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() != (0,))
    return thread, answers


def test_a_helper_that_is_killed_leaves_nothing_half_done(provider, app, name):
    with psycopg.connect(app.config["DATABASE_URL"]) as conn:
        thread, answers = begun(provider, name, conn)
        os.kill(pid(app), signal.SIGKILL)
        thread.join()
    assert (answers[0].status_code, answers[0].json["code"]) == (503, "unavailable")
    assert "Retry-After" in answers[0].headers
    before = events(provider)
    # the lock of the one that died is gone as soon as PostgreSQL notices
    wait_until(lambda: send(provider, [actor(name)], **{"Idempotency-Key": name}).status_code == 200)
    assert events(provider) == before + 1


def test_readers_go_first(provider, app, name):
    with psycopg.connect(app.config["DATABASE_URL"]) as conn:
        thread, answers = begun(provider, name, conn)
        [(working,)] = conn.execute("SELECT pid FROM pg_locks WHERE NOT granted").fetchall()
        nice = partial(os.getpriority, os.PRIO_PROCESS)
        times = nice(pid(app)) - nice(os.getpid()), nice(working) - nice(conn.info.backend_pid)
        by_socket = conn.info.host.startswith("/")
        helper = pid(app)
        session, group = os.getsid(helper), Path(f"/proc/{helper}/autogroup")
        said = group.read_text() if group.exists() else ""  # empty where sessions do not count
        usual, *slices = map(slice_of, (conn.info.backend_pid, helper, working)) if by_socket else (0,)
    thread.join()
    assert outcomes(answers[0]) == ["created"]
    assert times == (background.NICE, background.NICE if by_socket else 0)  # else it may be on another machine
    assert session == helper
    assert not said or said.endswith(f" nice {background.NICE}\n")
    assert not usual or slices == [background.SLICE] * 2  # zero where it cannot be chosen


def slice_of(process: int) -> int:
    """For how long Linux lets it work before others have their turn, in ns, as sched_getattr(2) tells."""
    found = ctypes.create_string_buffer(48)
    if platform.system() == "Linux" and (call := background.SCHED_SETATTR.get(platform.machine())):
        ctypes.CDLL(None).syscall(call + 1, process, found, 48, 0)
    return struct.unpack_from("=Q", found, 24)[0]


def test_one_that_was_killed_at_rest_is_not_the_clients_concern(provider, app, name):
    outcomes(send(provider, [actor(name)], "?dry_run=true"))
    os.kill(pid(app), signal.SIGKILL)
    wait_until(lambda: app.extensions["apart"].pool._broken)
    assert outcomes(send(provider, [actor(name)])) == ["created"]


def test_it_ends_when_there_has_been_no_work_for_a_while(provider, app, name, monkeypatch):
    monkeypatch.setattr(apart, "IDLE", 0.05)
    outcomes(send(provider, [actor(name)], "?dry_run=true"))
    helper = pid(app)
    wait_until(lambda: app.extensions["apart"].pool is None and not alive(helper))
    assert outcomes(send(provider, [actor(name)])) == ["created"]


def test_no_more_wait_for_it_than_there_are_threads(provider, app, name, monkeypatch):
    monkeypatch.setattr(app.extensions["apart"], "places", 1)
    with psycopg.connect(app.config["DATABASE_URL"]) as conn:
        thread, answers = begun(provider, name, conn)
        refused = send(provider, [actor("other")])
        assert (refused.status_code, refused.json["code"]) == (503, "unavailable")
    thread.join()
    assert outcomes(answers[0]) == ["created"]


def test_a_database_that_is_away_is_told_as_ever(provider, app, monkeypatch):
    lost = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nowhere", "DB_TIMEOUT": 0.5}
    monkeypatch.setitem(app.extensions, "apart", apart.Helper(lost))
    answer = send(provider, [actor("a")])
    app.extensions["apart"].rest()
    assert (answer.status_code, answer.json["code"]) == (503, "unavailable")


def test_a_fault_of_ours_is_told_without_a_word_of_what_is_inside(provider, monkeypatch):
    monkeypatch.setattr(batches, "take", broken)
    answer = send(provider, [actor("a")])
    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    assert "inside" not in answer.text


def broken(*_: Any) -> None:
    raise RuntimeError("inside")


def serve_once() -> None:
    """As a worker of Granian does: a process of multiprocessing that has a helper, and ends."""
    apart.Helper({}).work(Response, apart.Asked("POST", "/", [], None, "r"), ())


def test_a_server_that_is_told_to_stop_does_not_wait_for_it():
    server = multiprocessing.get_context("spawn").Process(target=serve_once)
    server.start()
    server.join(60)
    assert server.exitcode == 0


def test_it_ends_with_its_server_however_that_ends():
    code = """if __name__ == "__main__":
        import time
        from flask import Response
        from api import apart
        helper = apart.Helper({})
        helper.work(Response, apart.Asked("POST", "/", [], None, "r"), ())
        print(*helper.pool._processes, flush=True)
        time.sleep(60)"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        helper = int(server.stdout.readline())
        assert alive(helper)
        server.kill()
    wait_until(lambda: not alive(helper))
