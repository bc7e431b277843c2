"""Batches that are worked off later: applied once and wholly, whoever is killed on the way."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from psycopg.conninfo import conninfo_to_dict

import api
from api import batches, create_app
from db import engine, records
from db.migrate import migrate
from schemas.batches import LIMITS
from tests.conftest import running_app
from tests.openapi.validation import CheckedClient

JOBS = "procrastinate.procrastinate_jobs"
LATER = {"Prefer": "respond-async"}


@pytest.fixture
def provider(fresh_app, signed) -> FlaskClient:
    fresh_app.test_client_class = CheckedClient
    return signed(fresh_app)


@pytest.fixture(scope="module")
def shared(make_database, migrated, signed) -> Iterator[FlaskClient]:
    """For tests that leave nothing behind."""
    with make_database("later", like=migrated) as url, running_app(url) as app:
        app.test_client_class = CheckedClient
        yield signed(app)


def actor(identifier: str, **data: Any) -> dict:
    data = {"name": identifier, "kind": "other"} | data
    return {"op": "upsert", "type": "actor", "identifier": f"b:{identifier}", "data": data}


def send(client: FlaskClient, rows: list, query: str = "", **headers: str) -> Any:
    return client.post(f"/v1/batches{query}", json={"operations": rows}, headers=LATER | headers)


def queue(client: FlaskClient, rows: list, query: str = "", **headers: str) -> str:
    """Sends a batch; returns its path."""
    answer = send(client, rows, query, **headers)
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (202, "respond-async"), answer.text
    return answer.headers["Location"]


def work(app: Flask) -> bool:
    with app.app_context():
        return batches.take_turn()


@contextmanager
def log_locked(app: Flask) -> Iterator[psycopg.Connection]:
    """Until this connection is closed, nobody can write: whoever works off a batch stops in the middle of it."""
    with psycopg.connect(app.config["DATABASE_URL"]) as conn:
        conn.execute(records.sql.lock)
        yield conn


@contextmanager
def working(app: Flask) -> Iterator[subprocess.Popen]:
    """A real worker."""
    environment = os.environ | {"PARLEY_DATABASE_URL": app.config["DATABASE_URL"]}
    with subprocess.Popen([sys.executable, "-m", "cli", "worker"], env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until(reached: Callable[[], Any], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def wait_for(client: FlaskClient, path: str, status: str) -> Any:
    wait_until(lambda: client.get(path).json.get("status") == status)
    return client.get(path).json


def query(app: Flask, text: str) -> list[tuple]:
    with psycopg.connect(app.config["DATABASE_URL"], autocommit=True) as conn:
        cursor = conn.execute(text)
        return cursor.fetchall() if cursor.description else []


def revisions(app: Flask) -> list[tuple]:
    """How many revisions of how many records there are, and by how many batches."""
    return query(app, "SELECT count(*), count(DISTINCT id), count(DISTINCT batch) FROM revisions")


# --- taken in, worked off ------------------------------------------------------------------------------------------


def test_it_is_taken_in_and_worked_off(provider, fresh_app):
    answer = send(provider, [actor("a"), actor("b", parent="b:c"), actor("c"), actor("bad", kind="planet")])
    assert (answer.status_code, answer.json["status"]) == (202, "queued")
    path = answer.headers["Location"]
    assert (answer.json["done"], answer.json["total"], answer.json["counts"]) == (0, 4, None)
    assert provider.get(path).json == answer.json
    assert provider.get("/v1/actors/b:a").status_code == 404
    assert work(fresh_app)
    batch = provider.get(path).json
    assert (batch["status"], batch["done"], batch["total"]) == ("done", 4, 4)
    assert (batch["counts"]["created"], batch["counts"]["failed"]) == (3, 1)
    assert [result["status"] for result in batch["results"]] == ["created", "created", "created", "failed"]
    assert batch["results"][3]["problem"]["errors"][0]["pointer"] == "/kind"
    [revision] = provider.get("/v1/actors/b:a/revisions").json["items"]
    assert revision["batch"] == batch["id"]
    assert not work(fresh_app)
    assert query(fresh_app, "SELECT count(*) FROM batch_inputs") == [(0,)]


def test_its_results_are_those_of_a_batch_that_is_waited_for(provider, fresh_app):
    rows = [actor("a"), actor("b", kind="planet"), {"op": "delete", "type": "actor", "identifier": "b:nobody"}]
    path = queue(provider, rows, "?dry_run=true")
    work(fresh_app)
    later, now = provider.get(path).json, provider.post("/v1/batches?dry_run=true", json={"operations": rows}).json
    for batch in (later, now):
        for volatile in ("id", "created_at"):
            batch.pop(volatile)
        batch["results"][0].pop("id")
    assert later == now
    assert revisions(fresh_app) == [(0, 0, 0)]


def test_no_provider_can_fill_the_disk(provider, fresh_app, signed, monkeypatch):
    monkeypatch.setattr(batches, "WAITING", 2)
    first = queue(provider, [actor("a")], **{"Idempotency-Key": "a"})
    queue(provider, [actor("b")])
    refused = send(provider, [actor("c")], **{"Idempotency-Key": "c"})
    assert (refused.status_code, refused.json["code"]) == (429, "too_many_batches")
    assert int(refused.headers["Retry-After"]) > 0
    assert send(provider, [actor("a")], **{"Idempotency-Key": "a"}).headers["Location"] == first
    assert provider.post("/v1/batches", json={"operations": [actor("d")]}).status_code == 200
    queue(signed(fresh_app, provider="other"), [actor("e")])
    work(fresh_app)
    queue(provider, [actor("c")], **{"Idempotency-Key": "c"})
    assert query(fresh_app, "SELECT count(*) FROM batch_inputs") == [(3,)]


def test_it_is_found_at_once_though_a_replica_lags(fresh_app, signed, make_database):
    client = signed(fresh_app)
    url = fresh_app.config["DATABASE_URL"]
    with make_database("lagging", like=conninfo_to_dict(url)["dbname"]) as replica:
        app = create_app(DATABASE_URL=url, READ_DATABASE_URL=replica, TESTING=True)
        reader = app.test_client()
        reader.environ_base |= client.environ_base
        path = queue(reader, [actor("a")])
        assert reader.get(path).json["status"] == "queued"
        work(fresh_app)
        assert reader.get(path).json["status"] == "done"
        assert reader.get("/v1/actors/b:a").status_code == 404  # it does lag
        api.close(app)


@pytest.mark.parametrize("prefer", ["respond-async", "wait=10, Respond-Async", "respond-async; x=1"])
def test_the_preference_may_be_one_of_several(shared, prefer):
    assert send(shared, [], Prefer=prefer).status_code == 202


@pytest.mark.parametrize("prefer", ["", "wait=10", "return=minimal", "respond-async-not"])
def test_without_the_preference_it_is_done_at_once(shared, prefer):
    assert send(shared, [], Prefer=prefer).status_code == 200


@pytest.mark.parametrize(("body", "status"), [("{", 400), ("[]", 422), ('{"operations": 7}', 422)])
def test_what_is_no_batch_is_not_taken_in(shared, body, status):
    answer = shared.post("/v1/batches", data=body, content_type="application/json", headers=LATER)
    assert (answer.status_code, "Preference-Applied" in answer.headers) == (status, False)


def test_too_many_rows_are_not_taken_in(shared):
    lines = b"{}\n" * (LIMITS["application/x-ndjson"][0] + 1)
    answer = shared.post("/v1/batches", data=lines, content_type="application/x-ndjson", headers=LATER)
    assert (answer.status_code, answer.json["code"]) == (413, "content_too_large")


def test_lines_are_kept_as_they_were_sent(provider, fresh_app):
    lines = b'{"op":\r\n\n{"op":"upsert","type":"actor","identifier":"b:a","data":{"name":"a","kind":"other"}}'
    answer = provider.post("/v1/batches", data=lines, content_type="application/x-ndjson", headers=LATER)
    work(fresh_app)
    batch = provider.get(answer.headers["Location"]).json
    assert [result["status"] for result in batch["results"]] == ["failed", "created"]
    assert batch["results"][0]["problem"]["code"] == "invalid_json"


def test_all_or_nothing(provider, fresh_app):
    path = queue(provider, [actor("a"), actor("b", kind="planet")], "?atomic=true")
    work(fresh_app)
    batch = provider.get(path).json
    assert (batch["status"], batch["problem"]["code"], batch["problem"]["status"]) == ("failed", "batch_failed", 422)
    assert [error["pointer"] for error in batch["problem"]["errors"]] == ["/1/kind"]
    assert batch["results"][1]["problem"]["code"] == "validation_failed"
    assert revisions(fresh_app) == [(0, 0, 0)]


def test_it_is_written_in_the_name_of_the_key_that_sent_it(provider, fresh_app, signed):
    queue(provider, [actor("a")])
    queue(signed(fresh_app, "write", "stranger"), [actor("a", name="Mine")])
    queue(signed(fresh_app, "admin", "boss"), [actor("a", name="Ours")])
    while work(fresh_app):
        pass
    assert query(fresh_app, "SELECT provider, admin FROM revisions ORDER BY position") == [
        ("test", False),
        ("boss", True),
    ]


def test_the_same_key_gives_the_same_answer_and_takes_in_nothing_again(provider, fresh_app):
    first, again = (send(provider, [actor("a")], **{"Idempotency-Key": "k"}) for _ in range(2))
    work(fresh_app)
    last = send(provider, [actor("a")], **{"Idempotency-Key": "k"})
    for replayed in (again, last):
        assert (replayed.status_code, replayed.data) == (202, first.data)
        for header in ("Location", "Preference-Applied"):
            assert replayed.headers[header] == first.headers[header]
        assert replayed.headers["Idempotent-Replayed"] == "true"
    assert send(provider, [actor("b")], **{"Idempotency-Key": "k"}).status_code == 422
    assert query(fresh_app, "SELECT count(*) FROM batches") == [(1,)]


def test_strangers_neither_see_nor_cancel_it(provider, fresh_app, signed):
    path = queue(provider, [actor("a")])
    stranger, admin = signed(fresh_app, "write", "stranger"), signed(fresh_app, "admin", "boss")
    for method in (stranger.get, stranger.delete):
        assert method(path).status_code == 404
    assert signed(fresh_app, "read").delete(path).status_code == 403
    assert fresh_app.test_client().delete(path).status_code == 401
    assert stranger.delete("/v1/batches/nothing").status_code == 404
    assert admin.get(path).json["status"] == "queued"
    assert admin.delete(path).json["status"] == "cancelled"


# --- the queue -----------------------------------------------------------------------------------------------------


def test_a_providers_batches_keep_their_order_and_others_need_not_wait(provider, fresh_app, signed):
    first, second = queue(provider, [actor("a")]), queue(provider, [actor("a", name="B")])
    queue(signed(fresh_app, "write", "other"), [actor("c")])
    with psycopg.connect(fresh_app.config["DATABASE_URL"]) as other_worker:
        other_worker.execute("SELECT id FROM batch_inputs ORDER BY id LIMIT 1 FOR UPDATE")
        assert work(fresh_app) and work(fresh_app)
        assert not work(fresh_app)
        assert query(fresh_app, "SELECT status FROM batches ORDER BY id") == [("queued",), ("queued",), ("done",)]
        assert query(fresh_app, "SELECT attempts FROM batches ORDER BY id") == [(0,), (0,), (1,)]
    wait_until(lambda: work(fresh_app))
    assert work(fresh_app)
    assert [provider.get(path).json["results"][0]["status"] for path in (first, second)] == ["created", "updated"]


def test_two_workers_keep_the_order_of_one_provider(provider, fresh_app):
    paths = [queue(provider, [actor("a", name=f"N{number}")]) for number in range(20)]
    with working(fresh_app), working(fresh_app):
        wait_for(provider, paths[-1], "done")
    assert query(fresh_app, "SELECT batch::text FROM revisions ORDER BY position") == [(path[-36:],) for path in paths]


def test_what_is_not_taken_in_leaves_no_job(provider, fresh_app, monkeypatch):
    def fail(*_: Any) -> None:
        raise psycopg.OperationalError

    monkeypatch.setattr(batches, "remember", fail)
    assert send(provider, [actor("a")], **{"Idempotency-Key": "k"}).status_code == 503
    assert query(fresh_app, "SELECT id FROM batch_inputs") == query(fresh_app, f"SELECT id FROM {JOBS}") == []


def test_a_job_that_has_nothing_left_to_do_ends(provider, fresh_app):
    queue(provider, [actor("a")])
    query(fresh_app, "DELETE FROM batch_inputs")
    assert work(fresh_app)
    assert not work(fresh_app)
    assert query(fresh_app, f"SELECT id FROM {JOBS}") == []
    assert revisions(fresh_app) == [(0, 0, 0)]


def test_what_waits_without_a_job_is_given_one(provider, fresh_app):
    paths = [queue(provider, [actor("a", name=name)]) for name in "AB"]
    query(fresh_app, f"TRUNCATE {JOBS} CASCADE")
    assert work(fresh_app) and work(fresh_app)
    assert [provider.get(path).json["results"][0]["status"] for path in paths] == ["created", "updated"]


def test_a_job_whose_worker_could_not_tell_its_end_does_not_hold_up_the_next(provider, fresh_app):
    """What was applied is not applied again, though PostgreSQL was away when the queue was to be told."""
    queue(provider, [actor("a")])
    work(fresh_app)
    query(
        fresh_app,
        f"INSERT INTO {JOBS} (queue_name, task_name, lock, args, status)"
        " SELECT 'default', 'batch', provider, json_build_object('id', id), 'doing' FROM batches",
    )
    path = queue(provider, [actor("a", name="B")])
    assert work(fresh_app) and work(fresh_app)
    assert provider.get(path).json["results"][0]["status"] == "updated"
    assert revisions(fresh_app) == [(2, 1, 2)]


def test_a_cancelled_batch_is_never_begun(provider, fresh_app):
    path = queue(provider, [actor("a")])
    assert provider.delete(path).json["status"] == "cancelled"
    assert provider.delete(path).json["status"] == "cancelled"
    work(fresh_app)
    assert provider.get(path).json["status"] == "cancelled"
    assert revisions(fresh_app) == [(0, 0, 0)]
    assert query(fresh_app, "SELECT count(*) FROM batch_inputs") == [(0,)]


def test_a_batch_that_runs_tells_how_far_it_is_and_can_still_be_cancelled(provider, fresh_app, monkeypatch):
    monkeypatch.setattr(batches, "TICK", -1)  # tells every row
    path = queue(provider, [actor("a"), actor("b"), actor("c")])
    with log_locked(fresh_app):
        worker = threading.Thread(target=work, args=[fresh_app])
        worker.start()
        batch = wait_for(provider, path, "running")
        while (batch := provider.get(path).json)["done"] < 3:
            pass
        assert (batch["status"], batch["counts"], batch["results"]) == ("running", None, [])
        assert provider.delete(path).json["status"] == "cancelled"
    worker.join()
    assert provider.get(path).json["status"] == "cancelled"
    assert revisions(fresh_app) == [(0, 0, 0)]
    assert query(fresh_app, "SELECT count(*) FROM batch_inputs") == [(0,)]


def test_what_is_done_stays_done(provider, fresh_app):
    now = provider.post("/v1/batches", json={"operations": [actor("a")]}).json["id"]
    later = queue(provider, [actor("b")])
    work(fresh_app)
    for path in (f"/v1/batches/{now}", later):
        answer = provider.delete(path)
        assert (answer.status_code, answer.json["code"]) == (409, "conflict")
        assert provider.get(path).json["status"] == "done"


def test_a_batch_that_is_refused_as_a_whole_says_why(provider, fresh_app, monkeypatch, capsys):
    monkeypatch.setattr(records, "REFERENCES", 1)
    path = queue(provider, [actor("a", parent="b:one"), actor("b", parent="b:two")])
    assert work(fresh_app)
    batch = provider.get(path).json
    assert (batch["status"], batch["problem"]["status"], batch["results"]) == ("failed", 413, [])
    assert "several batches" in batch["problem"]["detail"]
    assert "Traceback" not in capsys.readouterr().err


def test_a_fault_of_ours_fails_the_batch_and_not_the_queue(provider, fresh_app):
    broken, sound = queue(provider, [actor("a")]), queue(provider, [actor("b")])
    query(fresh_app, f"UPDATE batch_inputs SET body = 'no gzip' WHERE id = '{broken[-36:]}'")
    assert work(fresh_app) and work(fresh_app)
    batch = provider.get(broken).json
    assert (batch["status"], batch["problem"]["code"], batch["results"]) == ("failed", "internal_error", [])
    assert "gzip" not in str(batch)
    assert provider.get(sound).json["status"] == "done"


def test_a_batch_that_kills_its_workers_is_given_up(provider, fresh_app):
    path = queue(provider, [actor("a")])
    query(fresh_app, f"UPDATE batches SET status = 'running', attempts = {batches.ATTEMPTS}")
    work(fresh_app)
    assert provider.get(path).json["status"] == "failed"
    assert revisions(fresh_app) == [(0, 0, 0)]


# --- killed --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
def test_a_worker_that_falls_silent_is_replaced_and_every_row_applied_once(provider, fresh_app, capfd, how):
    path = queue(provider, [actor(f"n{number}") for number in range(50)])
    with log_locked(fresh_app) as lock, working(fresh_app) as first:
        wait_for(provider, path, "running")
        with working(fresh_app):
            first.send_signal(how)
            if how != signal.SIGSTOP:
                assert first.wait(10) == (0 if how == signal.SIGTERM else -how)
            lock.close()
            wait_until(lambda: query(fresh_app, "SELECT attempts FROM batches") == [(2,)])
            assert wait_for(provider, path, "done")["counts"]["created"] == 50
        if how == signal.SIGSTOP:  # it thaws, has lost its batch, and goes on with others
            first.send_signal(signal.SIGCONT)
            wait_for(provider, queue(provider, []), "done")
    assert revisions(fresh_app) == [(50, 50, 1)]
    assert "Traceback" not in capfd.readouterr().err


def test_a_frozen_worker_is_replaced_and_cannot_write_when_it_thaws(provider, fresh_app, monkeypatch, caplog):
    monkeypatch.setattr(batches, "SILENCE", 1)
    monkeypatch.setattr(batches, "TICK", -1)  # tells every row
    path = queue(provider, [actor(f"n{number}") for number in range(3)])
    frozen, thaws = threading.Event(), threading.Event()
    apply = batches.apply

    def freeze(*args: Any) -> Any:
        monkeypatch.setattr(batches, "apply", apply)
        frozen.set()
        assert thaws.wait(30)
        return apply(*args)

    monkeypatch.setattr(batches, "apply", freeze)
    worker = threading.Thread(target=work, args=[fresh_app])
    worker.start()
    assert frozen.wait(30)
    assert not work(fresh_app), "nobody else takes what is worked on"

    def taken() -> bool:
        query(fresh_app, "UPDATE procrastinate.procrastinate_workers SET last_heartbeat = '2000-01-01'")
        return work(fresh_app) and query(fresh_app, "SELECT attempts FROM batches") == [(2,)]

    wait_until(taken)
    thaws.set()
    worker.join(30)
    assert "batch put back" in caplog.text and "batch failed" not in caplog.text
    assert provider.get(path).json["counts"]["created"] == 3
    assert revisions(fresh_app) == [(3, 3, 1)]
    assert query(fresh_app, "SELECT attempts FROM batches") == [(2,)]


def test_a_worker_that_reads_for_long_is_not_taken_for_frozen(provider, fresh_app, monkeypatch):
    monkeypatch.setattr(batches, "SILENCE", 1)
    read = batches.read

    def slow(*sent: Any) -> Iterator[Any]:
        for row in read(*sent):
            time.sleep(0.6)
            yield row

    path = queue(provider, [actor(f"n{number}") for number in range(4)])
    monkeypatch.setattr(batches, "read", slow)
    assert work(fresh_app)
    assert provider.get(path).json["counts"]["created"] == 4
    assert query(fresh_app, "SELECT attempts FROM batches") == [(1,)]


def test_killed_at_any_moment_it_leaves_nothing_or_all(provider, fresh_app):
    rows, paths = [actor(f"n{number}") for number in range(600)], []
    for turn in range(3):
        paths.append(queue(provider, [row | {"data": row["data"] | {"note": str(turn)}} for row in rows]))
        with working(fresh_app):
            wait_for(provider, paths[-1], "running")
            time.sleep(random.uniform(0, 0.8))
        count, ids, _ = revisions(fresh_app)[0]
        assert (count % 600, ids in (0, 600)) == (0, True)
    with working(fresh_app):
        assert [wait_for(provider, path, "done")["counts"]["failed"] for path in paths] == [0] * 3
    assert revisions(fresh_app) == [(3 * 600, 600, 3)]


def test_postgresql_is_killed_under_the_worker(signed, capfd):
    folder = Path(tempfile.mkdtemp(prefix="parley-jobs-"))
    running = engine.start(folder)
    try:
        migrate(running.url)
        with running_app(running.url) as app, working(app) as worker:
            client = signed(app)
            path = queue(client, [actor(f"n{number}") for number in range(50)])
            with log_locked(app) as lock:
                wait_for(client, path, "running")
                killed = engine.process(folder / "postgres")
                killed.kill()
                psutil.wait_procs([killed])
                assert engine.revive(running)
                lock.close()
            batch = wait_for(client, path, "done")
            assert worker.poll() is None
            assert (batch["counts"]["created"], revisions(app)) == (50, [(50, 50, 1)])
            assert "Traceback" not in capfd.readouterr().err
    finally:
        engine.stop(running)
        shutil.rmtree(folder)
