"""The life of a record: conditions, references, identifiers, sets, races and renames, on a real PostgreSQL."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import orjson
import psycopg
import pytest

from db import records
from db.records import Operation
from schemas.fields import address
from tests.db.talks import COLLECTIONS, MINIMAL, house, statements, statuses

#: every property of every type
FULL: dict[str, dict[str, Any]] = {
    "actor": {
        "name": "Türkiye", "kind": "state", "parent": "{}:actor", "country": "TUR", "valid_from": "1923-10-29",
        "valid_to": "..", "note": "A note.", "sources": [{"source": "{}:paper", "locator": "p. 1"}],
        "other_names": [{"name": "Турция", "lang": "ru", "script": "Cyrl", "kind": "official"}, {"name": "Turkey"}],
        "identifiers": [{"scheme": "{}", "identifier": "full"}, {"scheme": "x{}", "identifier": "a b/c,d"}],
    },
    "person": {
        "name": "Ann", "other_names": [{"name": "Анна"}], "note": "A note.", "sources": [{"source": "{}:paper"}],
        "positions": [{"title": "Minister", "organization": "{}:actor", "from": "2024-09", "to": ".."},
                      {"title": "Envoy", "to": "2023~"}],
    },
    "source": {
        "kind": "news", "url": "https://example.org/?a=b#c", "title": "A title", "publisher": "{}:actor",
        "published_on": "2025-07", "accessed_at": "2025-07-22T12:00:00+03:00", "language": "EN", "licence": "CC0-1.0",
        "translated_from": "ru", "translation": "machine", "engine": "Engine", "content_sha256": "0" * 64,
        "archive_url": "http://example.org/archive", "note": "A note.",
    },
    "process": {
        "name": "Talks", "parties": ["{}:actor"], "status": "ongoing", "started_on": "2025-05", "ended_on": "..",
        "conflict_identifiers": [{"scheme": "ucdp-conflict", "identifier": "13243"}], "summary": "A summary.",
        "tracks": [{"track": "political", "status": "deadlocked", "summary": "Stuck."}, {"track": "other"}],
        "outcomes": [{"kind": "prisoner_exchange", "rounds": ["{}:round"], "summary": "Exchanged."}],
        "sources": [{"source": "{}:paper", "attribution_text": "a source told a paper"}],
    },
    "round": {
        "process": "{}:process", "parent": "{}:round", "number": 3, "name": "Third", "status": "proposed",
        "starts_on": "[2025-07-23,2025-07-24]", "ends_on": "2025-07-25?", "timezone": "Europe/Istanbul",
        "formats": ["direct", "mediated"], "summary": "Soon.", "note": "A note.",
        "venue": {"name": "Çırağan", "city": "Istanbul", "country": "TUR", "latitude": 41.04, "longitude": 29},
        "third_parties": [{"actor": "{}:actor", "role": "host"}], "tracks": [{"track": "military"}],
        "outcomes": [{"kind": "none", "status": "broken"}], "sources": [{"source": "{}:paper"}],
    },
    "delegation": {
        "round": "{}:round", "represents": ["{}:actor"], "composition_note": "Likely the same.", "note": "A note.",
        "members": [{"raw_name": "Somebody", "role": "interpreter", "attendance": "absent"},
                    {"person": "{}:person", "role": "head_of_delegation", "position": "Minister", "from": "2025-07-23",
                     "to": "..", "note": "A note.", "attendance": "not_expected"}],
        "sources": [{"source": "{}:paper"}],
    },
}  # fmt: skip

#: an optional property of each type, and its value
OPTIONAL = {
    "actor": ("note", "x"), "person": ("note", "x"), "source": ("title", "x"), "process": ("summary", "x"),
    "round": ("number", 7), "delegation": ("composition_note", "x"),
}  # fmt: skip


@pytest.fixture
def settled(talks):
    """One small record of every type, named by its type."""
    for type in ("actor", "person", "process", "round", "delegation"):
        talks.made(type, type)
    return talks


def etag(record: dict[str, Any]) -> str:
    return f'"{record["version"]}"'


def together(work: Any, number: int) -> list[Any]:
    """Run ``work(place)`` in several threads that start at once."""
    gate = Barrier(number)

    def run(place: int) -> Any:
        gate.wait()
        return work(place)

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))


# --- unchanged -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type", FULL)
@pytest.mark.parametrize("by", ["name", "id"])
def test_what_was_read_can_be_sent_back(settled, type, by):
    settled.made(type, "full", **FULL[type])
    before = settled.get(type, "full")
    path = settled.path(type, "full" if by == "name" else before.json["id"])
    again = settled.client.put(path, json=before.json, headers={"If-Match": before.headers["ETag"]})
    assert again.status_code == 200, again.text
    assert again.headers["Parley-Result"] == "unchanged"
    assert again.data == before.data
    assert again.headers["ETag"] == before.headers["ETag"]
    assert settled.revisions(before.json["id"]) == 1


@pytest.mark.parametrize("type", FULL)
def test_nothing_that_was_sent_is_lost(settled, type):
    shown = settled.made(type, "full", **FULL[type])
    sent = settled.body(type, FULL[type])
    normal = {"language": "en", "accessed_at": "2025-07-22T09:00:00Z"}  # what is kept in a normal form

    def same(sent: Any, shown: Any, name: str = "") -> bool:
        if isinstance(shown, dict) and isinstance(sent, str):  # a reference
            scheme, _, identifier = sent.partition(":")
            return {"scheme": scheme, "identifier": identifier} in shown["identifiers"]
        if isinstance(sent, dict):
            return all(same(value, shown[key], key) for key, value in sent.items())
        if isinstance(sent, list) and name != "members":
            return len(sent) == len(shown) and all(map(same, sent, shown))
        if isinstance(sent, list):  # heads first
            return same(sent[1], shown[0]) and same(sent[0], shown[1])
        return shown == normal.get(name, sent) or shown == str(sent).replace(" ", "%20").replace("/", "%2F").replace(
            ",", "%2C"
        )

    assert same(sent, shown)


@pytest.mark.parametrize("type", MINIMAL)
def test_the_same_upsert_twice(settled, type):
    first = settled.put(type, "twice")
    second = settled.put(type, "twice")
    assert (first.status_code, first.headers["Parley-Result"]) == (201, "created")
    assert (second.status_code, second.headers["Parley-Result"]) == (200, "unchanged")
    assert first.data == second.data
    assert first.headers["ETag"] == second.headers["ETag"]
    assert first.headers["Location"] == f"/v1/{COLLECTIONS[type]}/{first.json['id']}"
    assert settled.revisions(first.json["id"]) == 1


@pytest.mark.parametrize("type", MINIMAL)
def test_null_absent_and_the_empty_list_are_one(settled, type):
    before = settled.made(type, "bare")
    lists = [name for name, value in before.items() if value == [] and name != "contested"]
    nulls = [name for name, value in before.items() if value is None]
    assert lists and nulls
    for empty in (dict.fromkeys(nulls), dict.fromkeys(lists), {name: [] for name in lists}):
        answer = settled.put(type, "bare", empty)
        assert answer.headers["Parley-Result"] == "unchanged"
        answer = settled.patch(type, "bare", empty)
        assert (answer.status_code, answer.headers["Parley-Result"]) == (200, "unchanged")
    name, value = OPTIONAL[type]
    assert settled.patch(type, "bare", {name: value}).json[name] == value
    gone = settled.patch(type, "bare", {name: None}).json
    assert gone[name] is None
    assert gone["version"] == 3
    assert {**gone, "version": 1, "updated_at": before["updated_at"]} == before


def test_an_object_of_nulls_is_null(settled):
    before = settled.made("round", "bare")
    again = settled.put("round", "bare", {"venue": {"city": None}})
    assert (again.headers["Parley-Result"], again.json) == ("unchanged", before)


@pytest.mark.parametrize("number", [41, 41.0, 4.1e1])
def test_a_number_is_the_same_however_it_is_written(settled, number):
    """JavaScript reads 41.0 and sends back 41."""
    settled.made("round", "place", venue={"latitude": 41.0, "longitude": 0})
    again = settled.put("round", "place", {"venue": {"latitude": number, "longitude": -0.0}})
    assert again.headers["Parley-Result"] == "unchanged"
    assert settled.patch("round", "place", {}).headers["Parley-Result"] == "unchanged"


def test_an_empty_patch_changes_nothing_at_all(settled):
    for type in FULL:
        before = settled.made(type, "full", **FULL[type])
        after = settled.patch(type, "full", {})
        assert (after.headers["Parley-Result"], after.json) == ("unchanged", before)


def test_updated_at_moves_with_the_content_alone(settled):
    first = settled.made("actor", "actor", note="one")
    again = settled.made("actor", "actor", note="one")
    second = settled.made("actor", "actor", note="two")
    assert first["updated_at"] == again["updated_at"] < second["updated_at"]
    assert first["created_at"] == second["created_at"]
    assert second["version"] == first["version"] + 1


def test_merge_patch(settled):
    settled.made("round", "round", venue={"city": "Istanbul", "country": "TUR"}, formats=["direct", "mediated"])
    change = {"venue": {"city": "Ankara", "name": "Hall"}, "formats": ["remote"], "id": "ignored", "version": 99}
    after = settled.patch("round", "round", change).json
    assert after["venue"] == {"name": "Hall", "city": "Ankara", "country": "TUR", "latitude": None, "longitude": None}
    assert after["formats"] == ["remote"]
    assert settled.patch("round", "round", {"venue": None}).json["venue"] is None
    assert settled.patch("round", "round", {"status": None}).json["errors"][0]["pointer"] == "/status"
    for nothing in ([], "x", 1, True):
        assert settled.patch("round", "round", nothing).status_code == 422


# --- references ----------------------------------------------------------------------------------------------------


def test_references_to_nobody_are_all_told(settled):
    answer = settled.put("delegation", "lost", {
        "round": "{}:nowhere",
        "represents": ["{}:actor", "{}:nobody", "01900000-0000-7000-8000-000000000000"],
        "members": [{"person": "{}:person"}, {"person": "{}:nobody"}],
        "sources": [{"source": "{}:nothing"}],
    })  # fmt: skip
    assert (answer.status_code, answer.json["code"]) == (422, "unknown_reference")
    assert [(e["pointer"], e["code"]) for e in answer.json["errors"]] == [
        (pointer, "unknown_reference")
        for pointer in ("/sources/0/source", "/round", "/represents/1", "/represents/2", "/members/1/person")
    ]
    assert settled.get("delegation", "lost").status_code == 404


def test_a_reference_leads_to_its_type_alone(settled):
    person = settled.read("person", "person")["id"]
    for wrong in (person, {"id": person}, {"id": person, "type": "actor"}):
        answer = settled.put("delegation", "wrong", {"represents": [wrong]})
        assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/represents/0")
    answer = settled.put("delegation", "wrong", {"represents": [{"id": person, "type": "person"}]})
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/represents/0")


def test_all_ways_to_refer(settled):
    actor = settled.read("actor", "actor")
    ways = [
        actor["id"], actor["id"].upper(), "{}:actor", {"id": actor["id"]}, {"id": "{}:actor"}, actor,
        {"id": actor["id"], "type": "actor", "name": "is ignored"}, {"scheme": "{}", "identifier": "actor"},
    ]  # fmt: skip
    for way in ways:
        shown = settled.made("delegation", "delegation", represents=[way])["represents"]
        assert shown == [{key: actor[key] for key in ("id", "type", "name", "identifiers")}]
    assert settled.read("delegation", "delegation")["version"] == 1


def test_a_reference_to_the_deleted(settled):
    settled.made("actor", "gone")
    assert settled.delete("actor", "gone").status_code == 204
    answer = settled.put("delegation", "late", {"represents": ["{}:gone"]})
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/represents/0")


def test_a_patch_may_not_refer_to_nobody(settled):
    before = settled.get("delegation", "delegation")
    answer = settled.patch("delegation", "delegation", {"represents": ["{}:actor", "{}:nobody"]})
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/represents/1")
    assert settled.get("delegation", "delegation").data == before.data


def test_no_record_is_its_own_ancestor(talks):
    assert talks.put("actor", "self", {"parent": "{}:self"}).json["code"] == "cycle"
    rows = [talks.upsert("actor", f"ring{n}", parent=f"{{}}:ring{(n + 1) % 3}") for n in range(3)]
    assert statuses(talks.write(*rows, atomic=False)) == ["cycle"] * 3


# --- identifiers ---------------------------------------------------------------------------------------------------


def test_an_identifier_names_one_record(settled):
    taken = {"identifiers": [{"scheme": "{}", "identifier": "second"}, {"scheme": "{}", "identifier": "actor"}]}
    for answer in (
        settled.put("actor", "second", taken),
        settled.client.post("/v1/actors", json=settled.body("actor", taken)),
    ):
        assert (answer.status_code, answer.json["code"]) == (409, "identifier_taken")
        assert [e["pointer"] for e in answer.json["errors"]] == ["/identifiers/1"]
    settled.made("actor", "second")
    answer = settled.patch("actor", "second", taken)
    assert (answer.status_code, answer.json["code"]) == (409, "identifier_taken")
    assert settled.put("person", "second", taken).status_code == 201  # the same name of another type is another name


def test_an_identifier_that_was_given_up_is_free(settled):
    id = settled.read("actor", "actor")["id"]
    settled.delete("delegation", "delegation")
    given = {"identifiers": [{"scheme": "{}", "identifier": "other"}]}
    assert settled.patch("actor", "actor", given).status_code == 200
    assert settled.get("actor", "actor").status_code == 404
    assert settled.read("actor", "other")["id"] == id
    assert settled.made("actor", "actor")["id"] != id


def test_identifiers_change_hands_in_one_set(settled):
    one, two = settled.made("actor", "one"), settled.made("actor", "two")

    def names(*given: str) -> dict[str, Any]:
        return {"identifiers": [{"scheme": settled.scheme, "identifier": name} for name in given]}

    operations = [
        Operation("patch", "actor", address(one["id"]), names("two")),
        Operation("patch", "actor", address(two["id"]), names("one")),
    ]
    assert statuses(settled.write(*operations)) == ["updated", "updated"]
    assert settled.read("actor", "one")["id"] == two["id"]
    # what is given up in a set leads nowhere in it, whoever comes first
    operations = [
        Operation("patch", "actor", address(two["id"]), {"identifiers": None}),
        settled.upsert("delegation", "delegation", represents=["{}:one"]),
    ]
    assert statuses(settled.write(*operations, atomic=False)) == ["updated", "unknown_reference"]
    operations = [
        Operation("patch", "actor", address(one["id"]), names("three")),
        settled.upsert("actor", "two", name="Another"),
    ]
    outcomes = settled.write(*operations)
    assert statuses(outcomes) == ["updated", "created"]
    assert outcomes[1].id not in (one["id"], two["id"])


# --- deleting ------------------------------------------------------------------------------------------------------


def test_what_others_refer_to_stays(settled):
    settled.made("process", "process", parties=["{}:actor"])
    delegation, process = settled.read("delegation", "delegation"), settled.read("process", "process")
    answer = settled.delete("actor", "actor")
    assert (answer.status_code, answer.json["code"]) == (409, "still_referenced")
    told = {(e["pointer"], e["detail"]) for e in answer.json["errors"]}
    assert told == {
        ("/represents", f"delegation {delegation['id']} refers to it."),
        ("/parties", f"process {process['id']} refers to it."),
    }
    assert settled.read("actor", "actor")["version"] == 1
    settled.delete("delegation", "delegation")
    settled.patch("process", "process", {"parties": None})
    assert settled.delete("actor", "actor").status_code == 204


def test_deleted_and_brought_back(settled):
    first = settled.made("actor", "phoenix", name="Phoenix", identifiers=[{"scheme": "x{}", "identifier": "ph"}])
    id = first["id"]
    answer = settled.delete("actor", "phoenix", query="?reason=burnt")
    assert (answer.status_code, answer.data, answer.headers["Parley-Result"]) == (204, b"", "deleted")
    assert "Content-Type" not in answer.headers
    for path in (
        f"/v1/actors/{id}",
        settled.path("actor", "phoenix"),
        f"/v1/actors/x{settled.scheme}:ph",
        f"/v1/actors/{id}?fields=id",
        f"/v1/actors/{id}?include=delegations&fields=id",
        f"/v1/actors/{id}?as_of=2030-01-01&fields=id&include=delegations",
    ):
        gone = settled.client.get(path)
        assert (gone.status_code, gone.json["code"], gone.json["reason"]) == (410, "gone", "burnt")
        assert first["updated_at"] < gone.json["deleted_at"]
    assert settled.delete("actor", "phoenix").status_code == 410
    assert settled.patch("actor", "phoenix", {"name": "x"}).status_code == 410
    answer = settled.put("actor", id, {}, If_Match="*")
    assert answer.status_code == 410
    # its identifiers stay its own, also the one it is not called by
    for name in ("phoenix", "ph"):
        scheme = settled.scheme if name == "phoenix" else f"x{settled.scheme}"
        answer = settled.put("actor", "thief", {"identifiers": [{"scheme": scheme, "identifier": name}]})
        assert (answer.status_code, answer.json["code"]) == (409, "identifier_taken")
    # the same content again is a change: it was gone
    back = settled.put("actor", "phoenix", {
        "name": "Phoenix", "identifiers": [{"scheme": "{}", "identifier": "phoenix"}, *first["identifiers"][1:]],
    }, If_None_Match="*")  # fmt: skip
    assert (back.status_code, back.json["id"], back.json["version"]) == (201, id, 3)
    assert back.headers["Parley-Result"] == "created"
    history = settled.client.get(f"/v1/actors/{id}/revisions").json["items"]
    assert [(r["version"], r["op"], r["reason"]) for r in history] == [
        (1, "created", None), (2, "deleted", "burnt"), (3, "updated", None),
    ]  # fmt: skip
    assert settled.read("actor", id, "?version=1") == first
    assert settled.get("actor", id, "?version=2").status_code == 404
    assert settled.read("actor", id, f"?as_of={first['updated_at']}") == first
    later = settled.get("actor", id, f"?as_of={gone.json['deleted_at']}")
    assert (later.status_code, later.json["reason"]) == (410, "burnt")
    assert later.json["deleted_at"] == gone.json["deleted_at"]
    assert settled.get("actor", id, "?as_of=2020-01-01").status_code == 404


def test_an_old_version_outlives_its_record(settled):
    first = settled.made("actor", "mortal", note="one")
    second = settled.made("actor", "mortal", note="two")
    settled.delete("actor", "mortal")
    assert settled.read("actor", "mortal", "?version=1") == first
    assert settled.read("actor", "mortal", "?version=2") == second
    assert settled.read("actor", "mortal", f"?as_of={second['updated_at']}") == second
    assert settled.get("actor", "mortal", "?version=9").status_code == 404
    assert settled.get("actor", "mortal", "?as_of=2020-01-01").status_code == 404


# --- conditions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (None, 428), ("*", 200), ('"1"', 412), ('"2"', 200), ('W/"2"', 200), ('"2-1a"', 200), ('W/"2-1a"', 200),
        ('"2-1a:gzip"', 200), ('"2-1a-gzip"', 200), ('"2-ffffff"', 200), ('"1-1a"', 412), ('"22"', 412), ('"3"', 412),
        ('"1", "2"', 200), ('"1-1a","2-1b"', 200), ('"1","3"', 412), ('"99999999999"', 412), ("2", 412), ("", 412),
        # the ETag of a list or of thinned answers, which says nothing of the version
        ('"2c9e0a4f6b7d8e9f0a1b2c3d"', 412), ('"2222222222222222222222aa"', 412),
    ],
)  # fmt: skip
def test_if_match(settled, sent, status):
    settled.made("person", "person", note="second")
    id = settled.read("person", "person")["id"]
    headers = {} if sent is None else {"If-Match": sent}
    change = {"note": f"third {status}"}
    json = settled.body("person", change)
    assert settled.client.put(f"/v1/people/{id}", json=json, headers=headers).status_code == status
    settled.made("actor", "victim")
    settled.made("actor", "victim", note="second")
    path = settled.path("actor", "victim")
    answer = settled.client.patch(path, json=change, headers=headers, content_type="application/merge-patch+json")
    assert answer.status_code == status
    settled.made("actor", "doomed")
    settled.made("actor", "doomed", note="second")
    assert settled.client.delete(settled.path("actor", "doomed"), headers=headers).status_code == (
        204 if status == 200 else status
    )


def test_conditions_of_an_upsert(settled):
    assert settled.put("actor", "actor", {"note": "x"}, If_None_Match="*").status_code == 412
    assert settled.put("actor", "actor", {"note": "x"}, If_Match='"7"').status_code == 412
    assert settled.read("actor", "actor")["version"] == 1
    assert settled.put("actor", "actor", {"note": "x"}, If_Match='"1"').status_code == 200
    assert settled.put("actor", "another", If_Match='"1"').status_code == 412
    assert settled.put("actor", "another", If_Match="*").status_code == 412
    assert settled.put("actor", "another", If_None_Match="*").status_code == 201


@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', "{}, W/{}", "*"])
@pytest.mark.parametrize("query", ["", "?fields=id,name", "?include=delegations"])
def test_if_none_match(settled, form, query):
    whole = settled.get("actor", "actor", query)
    sent = {"If-None-Match": form.replace("{}", whole.headers["ETag"])}
    answer = settled.client.get(settled.path("actor", "actor") + query, headers=sent)
    assert (answer.status_code, answer.data) == (304, b"")
    assert answer.headers["ETag"] == whole.headers["ETag"]
    settled.made("actor", "actor", name=f"{form} {query}")
    if form != "*":
        assert settled.client.get(settled.path("actor", "actor") + query, headers=sent).status_code == 200


# --- who may -------------------------------------------------------------------------------------------------------


def test_a_record_belongs_to_its_provider(settled, signed):
    stranger, admin = signed(settled.app, "write", "them"), signed(settled.app, "admin", "board")
    path, body = settled.path("actor", "actor"), settled.body("actor", {"note": "x"})
    for answer in (
        stranger.put(path, json=body),
        stranger.put(path, json=settled.body("actor", {})),  # not even to change nothing
        settled.patch("actor", "actor", {"note": "x"}, client=stranger),
        stranger.delete(path, headers={"If-Match": "*"}),
    ):
        assert (answer.status_code, answer.json["code"]) == (403, "not_your_record")
    assert settled.read("actor", "actor")["version"] == 1
    assert admin.put(path, json=body).status_code == 200
    assert settled.patch("actor", "actor", {"note": "y"}).status_code == 200  # still ours
    history = settled.client.get(f"{path}/revisions").json["items"]
    assert [revision["provider"] for revision in history] == ["us", "board", "us"]
    # everybody may refer to it
    assert stranger.put(f"/v1/people/{settled.scheme}:theirs", json=settled.body("person", {
        "positions": [{"title": "x", "organization": "{}:actor"}]})).status_code == 201  # fmt: skip


def test_scopes(settled, signed, key):
    reader, nobody = signed(settled.app, "read", "us"), settled.app.test_client()
    path = settled.path("actor", "actor")
    for client, status in ((reader, 403), (nobody, 401)):
        for answer in (
            client.post("/v1/actors", json=settled.body("actor", {})),
            client.put(path, json=settled.body("actor", {"note": "x"})),
            settled.patch("actor", "actor", {"note": "x"}, client=client),
            client.delete(path, headers={"If-Match": "*"}),
        ):
            assert answer.status_code == status
            assert ("WWW-Authenticate" in answer.headers) == (status == 401)
        assert client.get(path).status_code == 200
    token = key(settled.app, "write", "us")
    for ended in ("expires_at", "revoked_at"):
        settled.rows(f"UPDATE keys SET {ended} = %s WHERE hash = sha256(%s::bytea) RETURNING id",
                     datetime.now(UTC) - timedelta(seconds=1), token.encode())  # fmt: skip
        headers = {"Authorization": f"Bearer {token}"}
        assert nobody.get(path, headers=headers).status_code == 401
        assert nobody.post("/v1/actors", json=settled.body("actor", {}), headers=headers).status_code == 401
        settled.rows(f"UPDATE keys SET {ended} = NULL WHERE hash = sha256(%s::bytea) RETURNING id", token.encode())
        assert nobody.get(path, headers=headers).status_code == 200


def test_only_an_admin_chooses_ids(settled, signed):
    admin = signed(settled.app, "admin", "board")
    chosen = [f"01900000-0000-7000-8000-{settled.scheme[1:]:0>11}{n}" for n in range(3)]
    body = settled.body("actor", {})
    answer = settled.client.put(f"/v1/actors/{chosen[0]}", json=body, headers={"If-Match": "*"})
    assert answer.status_code == 404
    assert settled.client.put(settled.path("actor", "ours"), json=body | {"id": chosen[0]}).json["id"] != chosen[0]
    assert admin.put(settled.path("actor", "theirs"), json=body | {"id": chosen[0]}).json["id"] == chosen[0]
    assert admin.put(f"/v1/actors/{chosen[1]}", json=body).json["id"] == chosen[1]
    assert admin.put(settled.path("actor", "more"), json=body | {"id": chosen[1].upper()}).status_code == 409
    assert admin.put(f"/v1/people/{chosen[1]}", json=settled.body("person", {})).status_code == 409
    assert admin.get(f"/v1/people/{chosen[1]}").status_code == 404


# --- Idempotency-Key -----------------------------------------------------------------------------------------------


def test_a_post_sent_again(settled, signed):
    body, headers = settled.body("actor", {"name": "Once"}), {"Idempotency-Key": f'"{settled.scheme}"'}
    first = settled.client.post("/v1/actors", json=body, headers=headers)
    with house(settled.app.config["DATABASE_URL"]) as restarted:
        client = restarted.test_client()
        client.environ_base = settled.client.environ_base
        again = client.post("/v1/actors", json=body, headers={"Idempotency-Key": settled.scheme})  # bare
    assert (first.status_code, again.status_code, again.headers["Idempotent-Replayed"]) == (201, 201, "true")
    assert again.data == first.data
    for name in ("ETag", "Location", "Parley-Result", "Content-Type"):
        assert again.headers[name] == first.headers[name]
    assert settled.revisions(first.json["id"]) == 1
    for other in (
        settled.client.post("/v1/actors", json=body | {"note": "x"}, headers=headers),
        settled.client.post("/v1/people", json=body, headers=headers),
    ):
        assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")
    # another key's requests are its own
    stranger = signed(settled.app, "write", "them").post("/v1/actors", json=body, headers=headers)
    assert stranger.status_code == 201
    assert stranger.json["id"] != first.json["id"]


def test_a_refusal_is_answered_again(settled):
    headers = {"Idempotency-Key": settled.scheme}
    body = settled.body("actor", {"parent": "{}:unborn"})
    first = settled.client.post("/v1/actors", json=body, headers=headers)
    settled.made("actor", "unborn")
    again = settled.client.post("/v1/actors", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (422, 422)
    assert (again.data, again.headers["Idempotent-Replayed"]) == (first.data, "true")


def test_a_key_is_forgotten_after_a_day(settled):
    headers, body = {"Idempotency-Key": settled.scheme}, settled.body("actor", {})
    first = settled.client.post("/v1/actors", json=body, headers=headers)
    change = "UPDATE idempotency SET created_at = created_at - %s WHERE idempotency_key = %s RETURNING 1"
    settled.rows(change, timedelta(hours=23, minutes=59), settled.scheme)
    assert settled.client.post("/v1/actors", json=body, headers=headers).json["id"] == first.json["id"]
    settled.rows(change, timedelta(minutes=2), settled.scheme)
    again = settled.client.post("/v1/actors", json=body | {"note": "x"}, headers=headers)
    assert again.status_code == 201
    assert again.json["id"] != first.json["id"]


@pytest.mark.parametrize("bad", ["", '""', "ä", "x" * 256, "two words"])
def test_strange_idempotency_keys(settled, bad):
    answer = settled.client.post("/v1/actors", json=settled.body("actor", {}), headers={"Idempotency-Key": bad})
    assert answer.status_code == 400
    assert answer.json["errors"][0]["location"] == "header"


def test_while_the_first_is_still_running(settled):
    """The log's lock is held outside, so that the first request has to wait; the second need not."""
    headers, body = {"Idempotency-Key": settled.scheme}, settled.body("actor", {})
    first: list[Any] = []

    def post() -> None:
        client = settled.app.test_client()
        client.environ_base = settled.client.environ_base
        first.append(client.post("/v1/actors", json=body, headers=headers))

    with psycopg.connect(settled.app.config["DATABASE_URL"]) as conn:
        conn.execute(records.sql.lock)
        thread = threading.Thread(target=post)
        thread.start()
        waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while not settled.rows(waiting):
            pass
        second = settled.client.post("/v1/actors", json=body, headers=headers)
        conn.rollback()
        thread.join()
    assert (second.status_code, second.json["code"]) == (409, "idempotency_in_flight")
    assert first[0].status_code == 201
    third = settled.client.post("/v1/actors", json=body, headers=headers)
    assert third.json["id"] == first[0].json["id"]


def test_posts_at_once_with_one_key_make_one_record(settled):
    headers, body = {"Idempotency-Key": settled.scheme}, settled.body("actor", {"name": settled.scheme})

    def post(place: int) -> Any:
        client = settled.app.test_client()
        client.environ_base = settled.client.environ_base
        return client.post("/v1/actors", json=body, headers=headers)

    answers = together(post, 4)
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json["id"] for answer in answers if answer.status_code == 201}) == 1


# --- races ---------------------------------------------------------------------------------------------------------


def test_two_patches_with_one_etag(settled):
    """Two hundred times: one wins, one is told."""
    clients = [settled.app.test_client(), settled.app.test_client()]
    for client in clients:
        client.environ_base = settled.client.environ_base
    tag = settled.get("actor", "actor").headers["ETag"]
    for turn in range(200):
        answers = together(
            lambda place: settled.patch("actor", "actor", {"note": f"{turn} {place}"}, tag, clients[place]),  # noqa: B023
            2,
        )
        won, lost = sorted(answers, key=lambda answer: answer.status_code)
        assert (won.status_code, lost.status_code) == (200, 412)
        assert won.json["version"] == turn + 2
        tag = won.headers["ETag"]
    assert settled.revisions(settled.read("actor", "actor")["id"]) == 201


def test_upserts_of_one_new_identifier(settled):
    for turn in range(25):

        def put(place: int, turn: int = turn) -> Any:
            client = settled.app.test_client()
            client.environ_base = settled.client.environ_base
            body = settled.body("actor", {"note": str(place % 2)})
            return client.put(settled.path("actor", f"new{turn}"), json=body)

        answers = together(put, 4)
        assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
        assert len({answer.json["id"] for answer in answers}) == 1
        results = [answer.headers["Parley-Result"] for answer in answers]
        written = results.count("created") + results.count("updated")
        assert settled.revisions(answers[0].json["id"]) == written


def test_the_log_has_the_order_of_commits(settled):
    together(lambda place: [settled.write(settled.upsert("actor", f"many{place}", note=str(n))) for n in range(20)], 4)
    log = settled.rows("SELECT position, recorded_at FROM revisions ORDER BY position")
    assert [row["position"] for row in log] == list(range(1, len(log) + 1))
    assert [row["recorded_at"] for row in log] == sorted(row["recorded_at"] for row in log)


# --- sets ----------------------------------------------------------------------------------------------------------


def test_rows_refer_to_each_other_in_any_order(talks):
    rows = [
        talks.upsert("delegation", "delegation", members=[{"person": "{}:person"}]),
        talks.upsert("round", "round", process="{}:process"),
        talks.upsert("process", "process", parties=["{}:actor"], outcomes=[{"kind": "none", "rounds": ["{}:round"]}]),
        talks.upsert("person", "person", positions=[{"title": "x", "organization": "{}:actor"}]),
        talks.upsert("actor", "actor", parent="{}:whole"),
        talks.upsert("actor", "whole", sources=[{"source": "{}:report"}]),
        talks.upsert("source", "report", publisher="{}:actor"),
    ]
    outcomes = talks.write(*rows)
    assert statuses(outcomes) == ["created"] * 7
    assert talks.read("delegation", "delegation")["round"]["id"] == outcomes[1].id
    assert talks.read("source", "report")["publisher"]["id"] == outcomes[4].id
    assert statuses(talks.write(*rows)) == ["unchanged"] * 7


def test_what_refers_to_a_failed_row_fails(talks):
    rows = [
        talks.upsert("delegation", "delegation", members=[{"person": "{}:person"}]),  # fails with its round
        talks.upsert("round", "round", process="{}:process"),  # fails with its process
        talks.upsert("process", "process", parties=["{}:actor", "{}:nobody"]),  # the culprit
        talks.upsert("person", "person", positions=[{"title": "x", "organization": "{}:actor"}]),
        talks.upsert("actor", "actor"),
        talks.upsert("actor", "bad", kind="no such kind"),  # another
        talks.upsert("source", "report", publisher="{}:bad"),
        talks.upsert("source", "good"),
    ]
    outcomes = talks.write(*rows, atomic=False)
    assert statuses(outcomes) == [
        "reference_failed", "reference_failed", "unknown_reference", "created", "created", "validation_failed",
        "reference_failed", "created",
    ]  # fmt: skip
    problems = [outcome.problem for outcome in outcomes]
    assert [[e["pointer"] for e in problem.errors] for problem in problems if problem] == [
        ["/round"], ["/process"], ["/parties/1"], ["/kind"], ["/publisher"],
    ]  # fmt: skip
    assert all(problem.errors[0]["code"] == problem.code for problem in problems if problem and problem.status != 409
               and problem.code != "validation_failed")  # fmt: skip
    assert talks.get("round", "round").status_code == 404
    assert talks.read("person", "person")["version"] == 1
    assert [outcome.id for outcome in outcomes if outcome.problem] == [None] * 5


def test_nothing_is_kept_of_a_set_that_fails(own_talks):
    own_talks.made("actor", "actor")
    before = own_talks.everything()
    rows = [
        own_talks.upsert("actor", "new"),
        own_talks.upsert("actor", "actor", name="Renamed"),
        own_talks.removal("source", "paper"),
        own_talks.upsert("actor", "bad", parent="{}:nobody"),
    ]
    assert statuses(own_talks.write(*rows)) == ["failed", "failed", "failed", "unknown_reference"]
    assert own_talks.everything() == before
    assert statuses(own_talks.write(*rows, atomic=False)) == ["created", "updated", "deleted", "unknown_reference"]
    after = own_talks.everything()
    assert len(after["revisions"]) == len(before["revisions"]) + 3


def test_rows_on_one_record_fold_into_one_revision(talks):
    outcomes = talks.write(
        talks.upsert("actor", "fold", name="One"),
        talks.change("actor", "fold", note="two"),
        talks.upsert("person", "between"),
        talks.change("actor", "fold", name="Three", country="TUR"),
    )
    assert statuses(outcomes) == ["created", "updated", "created", "updated"]
    assert {(outcome.id, outcome.version) for outcome in outcomes if outcome.type == "actor"} == {(outcomes[0].id, 1)}
    shown = talks.read("actor", "fold")
    assert (shown["name"], shown["note"], shown["country"], shown["version"]) == ("Three", "two", "TUR", 1)
    assert talks.revisions(shown["id"]) == 1
    # there and back again is no change
    outcomes = talks.write(talks.change("actor", "fold", note="x"), talks.change("actor", "fold", note="two"))
    assert statuses(outcomes) == ["unchanged", "unchanged"]
    same = talks.upsert("actor", "fold", name="Three", note="two", country="TUR")
    outcomes = talks.write(talks.removal("actor", "fold"), same)
    assert statuses(outcomes) == ["unchanged", "unchanged"]
    outcomes = talks.write(talks.change("actor", "fold", note="last words"), talks.removal("actor", "fold"))
    assert statuses(outcomes) == ["deleted", "deleted"]
    assert [r["op"] for r in talks.rows("SELECT op FROM revisions WHERE id = %s ORDER BY version", shown["id"])] == [
        "created", "deleted",
    ]  # fmt: skip


def test_a_bad_row_does_not_take_a_good_one_on_the_same_record_with_it(talks):
    talks.made("actor", "both", name="Before")
    bad = talks.change("actor", "both", parent="{}:nobody")
    good = talks.change("actor", "both", note="good")
    assert statuses(talks.write(bad, good, atomic=False)) == ["unknown_reference", "updated"]
    good = talks.change("actor", "both", note="better")
    assert statuses(talks.write(good, bad, atomic=False)) == ["updated", "unknown_reference"]
    shown = talks.read("actor", "both")
    assert (shown["note"], shown["parent"], shown["version"]) == ("better", None, 3)


def test_born_and_dead_in_one_set(own_talks):
    outcomes = own_talks.write(own_talks.upsert("actor", "brief"), own_talks.removal("actor", "brief"))
    assert statuses(outcomes) == ["deleted", "deleted"]
    assert own_talks.get("actor", "brief").status_code in (404, 410)
    with psycopg.connect(own_talks.app.config["DATABASE_URL"], row_factory=psycopg.rows.dict_row) as conn:
        before = own_talks.everything()
        records.rebuild(conn)
    assert own_talks.everything() == before


def test_deletions_in_a_set(talks):
    for type in ("actor", "round", "delegation"):
        talks.made(type, type)
    both = [talks.removal("actor", "actor"), talks.removal("delegation", "delegation")]
    assert statuses(talks.write(*both)) == ["deleted", "deleted"]  # who refers goes too, though later
    back = [talks.upsert("delegation", "delegation"), talks.upsert("actor", "actor")]
    assert statuses(talks.write(*back)) == ["created", "created"]
    letting_go = talks.upsert("delegation", "delegation", represents=["{}:other"])
    outcomes = talks.write(talks.removal("actor", "actor"), letting_go, talks.upsert("actor", "other"))
    assert statuses(outcomes) == ["deleted", "updated", "created"]
    other = talks.read("actor", "other")["id"]
    # who newly refers to what is deleted is wrong, not the deletion
    rows = [talks.removal("delegation", "delegation"), talks.removal("actor", "other"),
            talks.upsert("person", "late", positions=[{"title": "x", "organization": other}])]  # fmt: skip
    assert statuses(talks.write(*rows, atomic=False)) == ["deleted", "deleted", "unknown_reference"]


def test_long_chains_of_failure(talks):
    """A link of a chain costs no attempt of its own: the log is locked meanwhile."""
    length = 1500
    chain = [talks.upsert("actor", f"link{n}", parent=f"{{}}:link{n + 1}") for n in range(length)]
    start = time.monotonic()
    outcomes = talks.write(*chain, talks.upsert("actor", "good"), atomic=False)
    assert statuses(outcomes) == ["reference_failed"] * (length - 1) + ["unknown_reference", "created"]
    whole = talks.upsert("actor", f"link{length}")
    assert set(statuses(talks.write(*chain, whole))) == {"created"}
    talks.made("person", "person", positions=[{"title": "x", "organization": "{}:link0"}])
    removals = [talks.removal("actor", f"link{n}") for n in range(length)]
    assert set(statuses(talks.write(*removals, atomic=False))) == {"still_referenced"}
    assert time.monotonic() - start < 10


def test_more_referrers_than_are_told(talks):
    """The hundred that are told may all let go in the same set; there can be others."""
    many = [talks.upsert("actor", f"child{n:03}", parent="{}:parent") for n in range(120)]
    talks.write(talks.upsert("actor", "parent"), *many)
    answer = talks.delete("actor", "parent")
    assert (answer.status_code, len(answer.json["errors"])) == (409, 100)
    told = {re.findall("actor (.*) refers", error["detail"])[0] for error in answer.json["errors"]}
    rows = [Operation("patch", "actor", address(id), {"parent": None}) for id in told]
    outcomes = talks.write(talks.removal("actor", "parent"), *rows, atomic=False)
    assert statuses(outcomes)[0] == "still_referenced"
    assert len(talks.found("actor", "parent={}:parent&limit=500")) == 20


def test_a_large_set_takes_few_statements(own_talks):
    rows = [own_talks.upsert("actor", f"n{n}", parent=f"{{}}:n{n // 2}" if n else None) for n in range(2000)]
    with statements(own_talks.app) as seen:
        assert set(statuses(own_talks.write(*rows))) == {"created"}
    assert len(seen) < 20
    assert own_talks.read("actor", "n1999")["parent"]["id"] == own_talks.read("actor", "n999")["id"]


# --- labels --------------------------------------------------------------------------------------------------------


def test_a_rename_reaches_every_document_that_names_it(settled):
    settled.made("delegation", "delegation", note="second")
    settled.made("actor", "other", parent="{}:actor")
    settled.made("person", "person", positions=[{"title": "x", "organization": "{}:actor"}])
    first = old = settled.get("delegation", "delegation")
    for turn, name in enumerate(['Country "one"', "Край ‽ \\ 2"]):
        assert settled.made("actor", "actor", name=name)["version"] == turn + 2
        new = settled.get("delegation", "delegation")
        assert new.headers["ETag"] != old.headers["ETag"]
        assert new.json == old.json | {"represents": [old.json["represents"][0] | {"name": name}]}  # and no more
        for query in ("?version=1", f"?as_of={first.json['updated_at']}"):
            assert settled.read("delegation", "delegation", query)["represents"][0]["name"] == name
        assert settled.read("actor", "other")["parent"]["name"] == name
        assert settled.read("person", "person")["positions"][0]["organization"]["name"] == name
        assert settled.listed("delegation", "identifier={}:delegation")["items"] == [new.json]
        assert settled.revisions(old.json["id"]) == 2
        old = new
    # a new identifier is part of the label too
    more = [{"scheme": "{}", "identifier": "actor"}, {"scheme": "x{}", "identifier": "more"}]
    settled.made("actor", "actor", name="Last", identifiers=more)
    for query in ("", "?version=1"):
        assert len(settled.read("delegation", "delegation", query)["represents"][0]["identifiers"]) == 2
    # a rename is no edit that a writer who has read the old name could overwrite
    tag = first.headers["ETag"]
    assert settled.patch("delegation", "delegation", {"note": "third"}, tag).status_code == 200


def test_a_rename_in_the_set_of_who_refers(settled):
    settled.made("delegation", "before", round="{}:round")
    outcomes = settled.write(
        settled.upsert("delegation", "within"),
        settled.upsert("actor", "actor", name="Renamed"),
        settled.change("delegation", "delegation", note="within"),
        settled.upsert("round", "round", name="Also renamed"),
    )
    assert statuses(outcomes) == ["created", "updated", "updated", "updated"]
    for name, version in (("before", 1), ("within", 1), ("delegation", 2)):
        for query in ("", "?version=1"):
            shown = settled.read("delegation", name, query)
            assert (shown["represents"][0]["name"], shown["round"]["name"]) == ("Renamed", "Also renamed")
        assert settled.read("delegation", name)["version"] == version


def test_what_looks_like_a_label_is_left_alone(settled):
    label = settled.rows("SELECT label FROM records WHERE id = %s", settled.read("actor", "actor")["id"])[0]["label"]
    settled.made("delegation", "delegation", note=label, members=[{"raw_name": label[:400], "note": label}])
    settled.made("actor", "actor", name="Renamed")
    shown = settled.read("delegation", "delegation")
    assert (shown["note"], shown["represents"][0]["name"]) == (label, "Renamed")


def test_a_merge_leaves_no_reference_twice(settled):
    settled.made("round", "other")
    settled.made("process", "process", parties=["{}:actor"], outcomes=[
        {"kind": "none", "rounds": ["{}:round", "{}:other"]}, {"kind": "other", "rounds": ["{}:other"]}])  # fmt: skip
    merge = Operation("merge", "round", address(f"{settled.scheme}:round"), into=address(f"{settled.scheme}:other"))
    assert statuses(settled.write(merge, admin=True)) == ["updated"]
    other = settled.read("round", "other")
    outcomes = settled.read("process", "process")["outcomes"]
    assert [[ref["id"] for ref in outcome["rounds"]] for outcome in outcomes] == [[other["id"]]] * 2
    assert settled.read("delegation", "delegation")["round"]["id"] == other["id"]
    assert [name["identifier"] for name in other["identifiers"]] == ["other", "round"]


def test_no_cache_keeps_what_can_change(settled):
    """Labels in an old version are today's, and what it holds can be erased: it is kept for an hour, not for ever."""
    for query in ("", "?as_of=2030-01-01", "?version=1&include=statements"):
        assert settled.get("actor", "actor", query).headers["Cache-Control"] == "no-cache"
    assert settled.get("actor", "actor", "?version=1").headers["Cache-Control"] == "max-age=3600, immutable"


# --- size ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["{0:x}q{1:x} ", "𐐀{0:x}-{1:x}-𐐁 ", "{0:x}.org/{1:x}/{0:x} ", "{2} "])
def test_a_document_with_more_words_than_the_index_can_hold(settled, word):
    words = (word.format(n, n * 7919 % 65536, chr(0x4E00 + n % 20000) + chr(0x4E00 + n // 7)) for n in range(1, 10**9))
    notes = []
    for _ in range(40):
        text = ""
        while len(text.encode()) < 19_000:
            text += next(words)
        notes.append({"raw_name": "x", "note": text.strip()})
    body = orjson.dumps(settled.body("delegation", {"members": notes}))
    answer = settled.client.put(settled.path("delegation", "wordy"), data=body, content_type="application/json")
    assert answer.status_code == 201, answer.text
    first = notes[0]["note"].split()[0]
    assert settled.found("delegation", f"identifier={{}}:wordy&q={first}") == ["wordy"]
