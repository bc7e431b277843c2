"""Every fact of the reference world is found again by the query that a user would write (facts.json)."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from jsonpointer import resolve_pointer

import db
from api import create_app
from ingest.client import Client
from ingest.sample import load

FACTS = json.loads(Path(__file__).with_name("facts.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def sample(make_database, migrated, key) -> Iterator[Client]:
    """A client of an API that holds the sample and nothing else."""
    with make_database("facts", like=migrated) as url:
        app = create_app(DATABASE_URL=url, TESTING=True)
        with Client("http://parley.test", key(app, "write", "sample"), httpx.WSGITransport(app=app)) as client:
            load(client)
            yield client
        db.close(app)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: f"{fact['fact']} {fact['get']}")
def test_fact(sample: Client, fact: dict):
    answer = sample.get(fact["get"])
    if "finds" in fact:  # these and no others
        assert sorted(item["identifiers"][0]["identifier"] for item in answer["items"]) == sorted(fact["finds"])
    shown = {pointer: resolve_pointer(answer, pointer) for pointer in fact.get("expect", {})}
    assert shown == fact.get("expect", {})
    for pointer, count in fact.get("counts", {}).items():
        assert len(resolve_pointer(answer, pointer)) == count


def test_no_fact_is_forgotten():
    assert {fact["fact"] for fact in FACTS} == {f"F{number:02}" for number in range(1, 47)}


def test_every_entry_expects_something():
    assert [fact for fact in FACTS if not ("finds" in fact or "expect" in fact)] == []
