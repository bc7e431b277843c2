"""`parley worker` tells webhooks of changes, whoever is killed or slow."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import psycopg
import pytest
from standardwebhooks import Webhook

from tests.cli.test_serve import wait_until
from tests.receiver import listening


@pytest.fixture
def admin(fresh_app, signed):
    fresh_app.config["WEBHOOK_ALLOW"] = "127.0.0.0/8"
    return signed(fresh_app, "admin")


@contextmanager
def working(app) -> Iterator[subprocess.Popen]:
    chosen = {"PARLEY_DATABASE_URL": app.config["DATABASE_URL"], "PARLEY_WEBHOOK_ALLOW": "127.0.0.0/8"}
    command = [sys.executable, "-m", "cli", "worker"]
    with subprocess.Popen(command, env=os.environ | chosen, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def make(admin, receiver) -> dict:
    return admin.post("/v1/webhooks", json={"url": receiver.url}).json


def write(admin, count) -> None:
    actor = {"op": "upsert", "type": "actor", "data": {"name": "Actor", "kind": "other"}}
    rows = [actor | {"identifier": f"w:{number}"} for number in range(count)]
    assert admin.post("/v1/batches", json={"operations": rows}).json["counts"]["created"] == count


def feed(admin) -> list:
    return [item["cursor"] for item in admin.get("/v1/changes").json["items"]]


def cursors(receiver) -> list:
    return [json.loads(body)["data"]["cursor"] for _, _, body in receiver.received]


def test_all_endpoints_are_told_and_none_waits_for_a_slow_one(fresh_app, admin):
    with listening() as slow, listening() as quick:
        held = threading.Event()
        slow.answers = [lambda request: (held.wait(60), request.answer(204))]
        slow_one, quick_one = make(admin, slow), make(admin, quick)
        write(admin, 40)
        with working(fresh_app) as worker:
            wait_until(lambda: slow.received and len(quick.received) == 40)
            assert len(slow.received) == 1
            held.set()
            wait_until(lambda: len(slow.received) == 40)
            assert cursors(slow) == cursors(quick) == feed(admin)
            assert psutil.Process(worker.pid).memory_info().rss < 150 * 1024 * 1024
            worker.terminate()
            messages = worker.communicate(timeout=20)[1]
            assert worker.returncode == 0
        for webhook, receiver in ((slow_one, slow), (quick_one, quick)):
            _, headers, body = receiver.received[-1]
            Webhook(webhook["secret"]).verify(body, headers)
            assert webhook["secret"] not in messages


def test_a_killed_worker_loses_nothing_and_another_takes_over(fresh_app, admin):
    with listening() as receiver:
        held = threading.Event()
        receiver.answers = [204, 204, lambda request: held.wait(60)]  # the third is never answered
        webhook = make(admin, receiver)
        write(admin, 10)
        with working(fresh_app) as first:
            wait_until(lambda: len(receiver.received) == 3)
            with working(fresh_app) as second:
                wait_until(lambda: psutil.Process(second.pid).net_connections("unix"))  # it looks for webhooks
                assert admin.get(f"/v1/webhooks/{webhook['id']}").json["cursor"] == feed(admin)[1]
                first.kill()
                wait_until(lambda: len(receiver.received) == 11)
                held.set()
                wait_until(lambda: admin.get(f"/v1/webhooks/{webhook['id']}").json["cursor"] == feed(admin)[-1])
        told = cursors(receiver)
        assert told[:2] + told[3:] == feed(admin)
        assert told[2] == told[3], "sent again, under the same id"
        assert receiver.received[2][1]["webhook-id"] == receiver.received[3][1]["webhook-id"]


def test_killed_at_any_moment_all_is_told_in_order(fresh_app, admin):
    with listening() as receiver:
        make(admin, receiver)
        write(admin, 300)
        for sent in (20, 90, 160):
            with working(fresh_app) as one, working(fresh_app) as other:
                wait_until(lambda sent=sent: len(receiver.received) >= sent)
                one.kill()
                other.kill()
        with working(fresh_app):
            wait_until(lambda: cursors(receiver)[-1] == feed(admin)[-1])
        told = cursors(receiver)
        positions = [int(cursor, 16) for cursor in told]
        assert list(dict.fromkeys(told)) == feed(admin)
        assert positions == sorted(positions) and len(told) <= 300 + 2 * 3, "nothing but what was under way came twice"


def test_it_waits_for_tables_that_a_newer_version_has(fresh_app, admin):
    with psycopg.connect(fresh_app.config["DATABASE_URL"], autocommit=True) as conn, listening() as receiver:
        make(admin, receiver)
        conn.execute("ALTER TABLE webhooks RENAME TO later")
        with working(fresh_app) as worker:
            wait_until(lambda: psutil.Process(worker.pid).net_connections("unix"))
            conn.execute("ALTER TABLE later RENAME TO webhooks")
            write(admin, 1)
            wait_until(lambda: receiver.received)
