"""Creating at the same time: as one set, and each as if it had been alone."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from db import records
from db.records import By
from db.together import Queue, Waiting

CITED = {"sources": [{"source": "w:paper"}]}


@pytest.fixture
def sets(monkeypatch) -> list[int]:
    """How many operations each set had."""
    sizes: list[int] = []
    write = records.write

    def count(operations, *args, **kwargs):
        if "conn" in kwargs:
            sizes.append(len(operations))
        return write(operations, *args, **kwargs)

    monkeypatch.setattr(records, "write", count)
    return sizes


def until(reached) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def waiting(conn: psycopg.Connection) -> list[int]:
    """The processes of PostgreSQL that wait to write."""
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'"
    conn.execute("SELECT pg_stat_clear_snapshot()")
    return [pid for (pid,) in conn.execute(query)]


@contextmanager
def held(app: Flask) -> Iterator[psycopg.Connection]:
    """Nobody can write for so long."""
    with psycopg.connect(app.config["DATABASE_URL"]) as conn:
        conn.execute(records.sql.lock)
        yield conn


def post(app: Flask, asked: list[tuple[str, str, object]], meanwhile=lambda conn: None) -> list[TestResponse]:
    """All at once (key, path, body), while the first cannot go on."""
    clients = [(app.test_client(), *one) for one in asked]
    with ThreadPoolExecutor(len(asked)) as pool, held(app) as conn:
        futures = []
        for client, key, path, body in clients:
            futures.append(pool.submit(client.post, path, json=body, headers={"Authorization": f"Bearer {key}"}))
            if len(futures) == 1:
                until(lambda: waiting(conn))
        until(lambda: len(app.extensions["together"].waiting) == sum(body != {} for *_, body in asked))
        meanwhile(conn)
        conn.rollback()
        return [future.result(30) for future in futures]


@pytest.fixture
def house(fresh_app, signed) -> Flask:
    client = signed(fresh_app, "admin")
    client.put("/v1/sources/w:paper", json={"kind": "news"})
    client.put("/v1/actors/w:taken", json={"name": "Taken", "kind": "other"})
    return fresh_app


def test_what_arrives_meanwhile_goes_together(house, key, sets):
    secret = key(house)
    asked = [(secret, "/v1/actors", {"name": f"Actor {number}", "kind": "other"}) for number in range(15)]
    answers = post(house, asked)
    assert [answer.status_code for answer in answers] == [201] * 15
    assert sets == [15]
    client = house.test_client()
    for (_, path, body), answer in zip(asked, answers, strict=True):
        assert (answer.json["name"], answer.json["version"]) == (body["name"], 1)
        again = client.get(f"{path}/{answer.json['id']}")
        assert answer.headers["Location"] == again.request.path
        assert (again.data, again.headers["ETag"]) == (answer.data, answer.headers["ETag"])
    told = [event["id"] for event in client.get("/v1/changes?types=actor").json["items"][1:]]
    assert sorted(told) == sorted(answer.json["id"] for answer in answers)


def test_each_is_answered_as_if_it_had_been_alone(house, key, sets):
    one, other = key(house), key(house, provider="other")
    actor = {"name": "Somebody", "kind": "other"}
    named = actor | {"identifiers": [{"scheme": "w", "identifier": "new"}]}
    taken = actor | {"identifiers": [{"scheme": "w", "identifier": "taken"}]}
    fund = {"title": "Fund", "status": "announced", "donors": [{"actor": "w:new"}], **CITED}
    lost = fund | {"process": "w:nobody"}
    actors = [(one, "/v1/actors", body) for body in (actor, named, taken, {})]
    pledges = [(one, "/v1/pledges", lost), (one, "/v1/pledges", fund)]
    asked = [*actors, *pledges, (other, "/v1/actors", actor)]
    first, new, second, nothing, astray, funded, foreign = post(house, asked)
    assert [answer.status_code for answer in (first, new, foreign)] == [201] * 3
    assert (second.status_code, second.json["code"]) == (409, "identifier_taken")
    assert (nothing.status_code, nothing.json["code"]) == (422, "validation_failed")
    assert (astray.status_code, [fault["pointer"] for fault in astray.json["errors"]]) == (422, ["/process"])
    assert funded.status_code == 201
    assert funded.json["donors"][0]["actor"]["id"] == new.json["id"]
    assert max(sets) == 5, "those of one key that were sound by themselves"
    revisions = house.test_client().get("/v1/actors/" + foreign.json["id"] + "/revisions").json["items"]
    assert [revision["provider"] for revision in revisions] == ["other"]


def test_one_that_is_refused_alone_is_tried_once(house, key, sets):
    actor = {"name": "Somebody", "kind": "other", "parent": "w:nobody"}
    [answer] = post(house, [(key(house), "/v1/actors", actor)])
    assert (answer.status_code, sets) == (422, [1])


def test_the_same_name_twice(house, key):
    twin = {"name": "Twin", "kind": "other", "identifiers": [{"scheme": "w", "identifier": "twin"}]}
    secret = key(house)
    asked = [(secret, "/v1/actors", {"name": "First", "kind": "other"}), *[(secret, "/v1/actors", twin)] * 4]
    assert sorted(answer.status_code for answer in post(house, asked)) == [201, 201, 409, 409, 409]
    assert house.test_client().get("/v1/actors?identifier=w:twin&include_total=true").json["total"] == 1


def test_a_lost_database_is_told_to_all_who_go_together(house, key, monkeypatch):
    unmoved = records.difference

    def cut(record):
        monkeypatch.setattr(records, "difference", unmoved)
        with psycopg.connect(house.config["DATABASE_URL"], autocommit=True) as conn:
            query = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            conn.execute(f"{query} AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
        return unmoved(record)

    monkeypatch.setattr(records, "difference", cut)
    secret = key(house)
    asked = [(secret, "/v1/actors", {"name": f"Actor {number}", "kind": "other"}) for number in range(4)]
    assert [answer.status_code for answer in post(house, asked)] == [503] * 4
    assert house.test_client().get("/v1/actors?include_total=true").json["total"] == 1


def test_nobody_waits_for_a_turn_for_ever(house, key):
    """As while a large batch is written: else they would keep all threads, and readers out."""
    house.extensions["db"]["write"].timeout = 0.3
    secret, waited = key(house), []

    def see(conn):
        until(lambda: len(house.extensions["together"].waiting) == 1)
        waited.append(True)

    asked = [(secret, "/v1/actors", {"name": f"Actor {number}", "kind": "other"}) for number in range(4)]
    answers = post(house, asked, see)
    assert waited
    assert [answer.status_code for answer in answers] == [201, 503, 503, 503]
    assert "Retry-After" in answers[1].headers
    assert house.test_client().get("/v1/actors?include_total=true").json["total"] == 2


def test_a_fault_of_ours_is_only_told_to_whom_it_concerns(house, key, monkeypatch):
    difference = records.difference

    def fail(record):
        if b"Poison" in record.document_bytes:
            raise ZeroDivisionError
        return difference(record)

    monkeypatch.setattr(records, "difference", fail)
    secret = key(house)
    names = ["First", "Second", "Poison", "Third"]
    answers = post(house, [(secret, "/v1/actors", {"name": name, "kind": "other"}) for name in names])
    assert [answer.status_code for answer in answers] == [201, 201, 500, 201]


def test_what_was_kept_is_not_tried_again_though_it_cannot_be_shown(house, key, monkeypatch):
    """The set is committed with its last statement, so whatever fails behind that must not make anything twice."""

    def fail(work, outcomes):
        raise ZeroDivisionError

    monkeypatch.setattr(records.Set, "show", fail)
    secret = key(house)
    asked = [(secret, "/v1/actors", {"name": f"Actor {number}", "kind": "other"}) for number in range(4)]
    assert [answer.status_code for answer in post(house, asked)] == [500] * 4
    assert house.test_client().get("/v1/actors?include_total=true").json["total"] == 1 + 4


def test_each_is_called_once_and_whoever_was_called_does_not_withdraw():
    queue = Queue()
    first, second, third = (Waiting(records.Operation("create", "actor"), By("p", "k")) for _ in range(3))
    for one in (first, second, third):
        queue.enter(one)
    assert [one.called.locked() for one in (first, second, third)] == [False, True, True]
    assert queue.withdraw(second), "taken along"
    assert not queue.withdraw(second)
    queue.leave(first)
    assert third.turn and not third.called.locked()
    assert not queue.withdraw(third), "its time to wait may be over, but it has the turn: else nobody ever had it again"
    queue.leave(third)
    assert queue.waiting == []
