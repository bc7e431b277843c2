"""The feed of changes, and what admins do to records: all of it is told there."""

import time
from threading import Thread

import pytest

import api
from api import changes, create_app

CITED = {"sources": [{"source": "w:paper"}]}


@pytest.fixture
def client(fresh_app, signed):
    client = signed(fresh_app, "admin")
    client.put("/v1/sources/w:paper", json={"kind": "news", "title": "Paper"})
    for name in ("north", "south"):
        client.put(f"/v1/actors/w:{name}", json={"name": name.title(), "kind": "state"})
    client.put("/v1/processes/w:talks", json=CITED | {"name": "Talks", "parties": ["w:north", "w:south"]})
    return client


def feed(client, query=""):
    """All pages, and what they tell: type, op, version."""
    items, cursor = [], None
    while True:
        page = client.get(
            f"/v1/changes?{query}&limit=3".replace("?&", "?") + (f"&cursor={cursor}" if cursor else "")
        ).json
        items, cursor = items + page["items"], page["next_cursor"]
        if page["caught_up"]:
            return items, cursor


def told(items):
    return [(item["type"], item["op"], item["version"]) for item in items]


def test_it_tells_all_in_one_order_and_of_some_types_only(client):
    client.patch("/v1/actors/w:north", json={"name": "Northland"}, headers={"If-Match": "*"}, content_type=PATCH)
    client.put("/v1/actors/w:north", json={"name": "Northland", "kind": "state"})  # unchanged: nothing to tell
    items, cursor = feed(client)
    assert told(items) == [("source", "created", 1), ("actor", "created", 1), ("actor", "created", 1),
                           ("process", "created", 1), ("actor", "updated", 2)]  # fmt: skip
    assert told(feed(client, "types=process,source")[0]) == [("source", "created", 1), ("process", "created", 1)]
    nothing = client.get(f"/v1/changes?cursor={cursor}").json
    assert nothing == {"items": [], "next_cursor": cursor, "caught_up": True}
    assert [item["cursor"] for item in items] == sorted(item["cursor"] for item in items)
    assert told(client.get(f"/v1/changes?cursor={items[2]['cursor']}").json["items"]) == told(items[3:])


PATCH = "application/merge-patch+json"


def test_who_replays_it_holds_the_present(client):
    client.delete("/v1/processes/w:talks?reason=doubled", headers={"If-Match": "*"})
    client.post("/v1/actors/w:north/merge", json={"into": "w:south"})
    client.put("/v1/actors/w:east", json={"name": "East", "kind": "other"})
    held = {}
    for item in feed(client, "include=record")[0]:
        if item["op"] in ("deleted", "merged"):
            assert "record" not in item
            held.pop(item["id"])
        else:
            held[item["id"]] = item["record"]["name" if item["type"] == "actor" else "title"] if (
                item["type"] in ("actor", "source")) else "Talks"  # fmt: skip
    assert sorted(held.values()) == ["East", "Paper", "South"]
    merged = [item for item in feed(client)[0] if item["op"] == "merged"]
    assert [item["merged_into"] for item in merged] == [client.get("/v1/actors/w:south").json["id"]]
    record = feed(client, "include=record&types=process")[0][0]["record"]
    assert record["parties"][0].keys() == {"id", "type"}, "as logged: no label that could grow old"


@pytest.mark.parametrize("query", ["cursor=xyz", "cursor=", "types=actors", "limit=501", "wait=61", "include=all"])
def test_senseless_queries(client, query):
    assert client.get(f"/v1/changes?{query}").status_code == 400


def test_it_waits_for_a_change(client, fresh_app, signed):
    _, cursor = feed(client)
    other = signed(fresh_app, "admin", "other")

    def later():
        time.sleep(0.5)
        other.put("/v1/actors/w:west", json={"name": "West", "kind": "other"})

    writer = Thread(target=later)
    writer.start()
    page = client.get(f"/v1/changes?cursor={cursor}&wait=20").json
    writer.join()
    assert told(page["items"]) == [("actor", "created", 1)]
    empty = client.get(f"/v1/changes?cursor={page['next_cursor']}&wait=1").json
    assert (empty["items"], empty["caught_up"]) == ([], True)


def test_too_many_are_not_kept_waiting(client, monkeypatch):
    monkeypatch.setattr(changes, "WAITERS", 0)
    _, cursor = feed(client)
    started = time.monotonic()
    assert client.get(f"/v1/changes?cursor={cursor}&wait=30").json["items"] == []
    assert time.monotonic() - started < 10


def test_nobody_looks_for_changes_when_the_application_has_ended(make_database, migrated, caplog):
    with make_database("ended", like=migrated) as url:
        app = create_app(DATABASE_URL=url)
        waiter = Thread(target=app.test_client().get, args=["/v1/changes?wait=1"])
        waiter.start()
        while not (bell := app.extensions.get("bell")) or not bell.waiting:
            time.sleep(0.01)
        api.close(app)
        waiter.join(20)
        assert not waiter.is_alive()
        assert "cannot look at the log" not in caplog.text


# --- what only an admin does ---


def test_a_deleted_record_is_restored_as_it_stood(client, fresh_app, signed):
    before = client.get("/v1/processes/w:talks").json
    assert client.post("/v1/processes/w:talks/restore").status_code == 409, "it is not deleted"
    client.delete("/v1/processes/w:talks", headers={"If-Match": "*"})
    assert signed(fresh_app, "write", "other").post("/v1/processes/w:talks/restore").status_code == 403
    restored = client.post("/v1/processes/w:talks/restore")
    assert (restored.status_code, restored.json["version"]) == (200, 3)
    volatile = ("version", "updated_at")
    assert {k: v for k, v in restored.json.items() if k not in volatile} == {
        k: v for k, v in before.items() if k not in volatile
    }


def test_what_is_erased_is_nowhere(client, fresh_app, signed):
    client.put("/v1/people/w:someone", json={"name": "Someone Secret", "note": "Secret"})
    id = client.get("/v1/people/w:someone").json["id"]
    sat = CITED | {"round": "w:round", "represents": ["w:north"]}
    client.put("/v1/rounds/w:round", json=CITED | {"status": "concluded"})
    client.put("/v1/delegations/w:north", json=sat | {"members": [{"person": "w:someone"}]})
    assert client.delete(f"/v1/people/{id}?erase=true&reason=asked").status_code == 409, "still referred to"
    client.put("/v1/delegations/w:north", json=sat | {"members": [{"raw_name": "N. N."}]})
    assert signed(fresh_app, "write").delete(f"/v1/people/{id}?erase=true").status_code == 403
    assert client.delete(f"/v1/people/{id}?erase=true&reason=asked").status_code == 204
    gone = client.get(f"/v1/people/{id}")
    assert (gone.status_code, gone.json["reason"]) == (410, "asked")
    for path in (f"people/{id}?version=1", f"people/{id}/revisions", "people?q=secret", "delegations/w:north?version=1",
                 "changes?include=record", "search?q=secret", "people/w:someone"):  # fmt: skip
        assert "secret" not in client.get(f"/v1/{path}").text.lower().replace("q=secret", ""), path
    assert client.post(f"/v1/people/{id}/restore").status_code == 410
