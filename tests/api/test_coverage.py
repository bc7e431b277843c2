"""Coverage: what there is, and the checksums by which a copy proves itself."""

from hashlib import md5

from schemas.base import BODIES


def covered(client) -> dict:
    answer = client.get("/v1/coverage")
    assert answer.status_code == 200, answer.text
    return answer.json


def by_type(client) -> dict[str, dict]:
    return {entry["type"]: entry for entry in covered(client)["types"]}


def replayed(client) -> dict[str, dict[str, int]]:
    """What a reader of the feed holds: the version of each live record, by type."""
    held: dict[str, dict[str, int]] = {type: {} for type in BODIES}
    cursor, caught_up = "0", False
    while not caught_up:
        page = client.get(f"/v1/changes?cursor={cursor}&limit=7").json
        for event in page["items"]:
            if event["op"] in ("created", "updated"):
                held[event["type"]][event["id"]] = event["version"]
            else:
                del held[event["type"]][event["id"]]
        cursor, caught_up = page["next_cursor"], page["caught_up"]
    return held


def checksum(versions: dict[str, int]) -> str:
    """As documented."""
    return md5("".join(f"{id}:{version}\n" for id, version in sorted(versions.items())).encode()).hexdigest()


def test_every_type_is_counted(aid):
    found = by_type(aid.client)
    assert found.keys() == BODIES.keys()
    for body in BODIES.values():
        assert found[body.type]["collection"] == body.collection
        total = aid.client.get(f"/v1/{body.collection}?include_total=true&limit=1").json["total"]
        assert found[body.type]["count"] == total > 0
        newest = aid.client.get(f"/v1/{body.collection}?sort=-updated_at&limit=1").json["items"][0]
        assert found[body.type]["changed_at"] == newest["updated_at"]


def test_days_are_those_of_the_world(aid):
    found = {type: (entry["earliest"], entry["latest"]) for type, entry in by_type(aid.client).items()}
    assert found["round"] == ("2025-05-16", "2025-10-01")  # one has no end, and the first day counts
    assert found["pledge"] == ("1998-12-31", "2025-12-31")  # of one only the year is known
    assert found["process"] == ("1999-02-01", "2025-05-01")
    assert found["document"] == ("2001-09-01", "2025-07-01")
    assert found["actor"] == found["person"] == found["delegation"] == (None, None)


def test_every_cited_source_is_counted(aid):
    """The one that nobody cites is left out."""
    whole = covered(aid.client)
    found = {entry["source"]["id"]: entry for entry in whole["sources"]}
    assert found.keys() == {aid.ids["paper"], aid.ids["gazette"]}
    assert whole["sources_total"] == 2
    for name in ("paper", "gazette"):
        total = sum(aid.client.get(f"/v1/{body.collection}?source=w:{name}&include_total=true&limit=1").json["total"]
                    for body in BODIES.values())  # fmt: skip
        assert found[aid.ids[name]]["count"] == total
    assert [entry["source"]["name"] for entry in whole["sources"]] == ["A newspaper", "A gazette"]
    assert found[aid.ids["gazette"]]["earliest"] == "2025-01-01"


def test_whoever_replays_the_feed_gets_the_checksums(fresh_app, signed):
    client = signed(fresh_app, "admin")
    empty = covered(client)
    assert empty["cursor"] == "0" and empty["sources"] == []
    assert {entry["checksum"] for entry in empty["types"]} == {md5(b"").hexdigest()}
    for number in range(5):
        client.put(f"/v1/actors/x:{number}", json={"name": f"Actor {number}", "kind": "other"})
    steps = [
        lambda: client.put("/v1/actors/x:0", json={"name": "Renamed", "kind": "other"}),
        lambda: client.delete("/v1/actors/x:1", headers={"If-Match": '"1"'}),
        lambda: client.post("/v1/actors/x:2/merge", json={"into": "x:3"}),
        lambda: client.post("/v1/actors/x:1/restore"),
        lambda: client.put("/v1/people/x:p", json={"name": "P"}),
    ]
    seen = {by_type(client)["actor"]["checksum"]}
    for step in steps:
        assert step().status_code < 300
        found, held = covered(client), replayed(client)
        for entry in found["types"]:
            assert (entry["count"], entry["checksum"]) == (len(held[entry["type"]]), checksum(held[entry["type"]]))
        assert found["cursor"] == client.get("/v1/changes").json["next_cursor"]
        seen.add(by_type(client)["actor"]["checksum"])
    assert len(seen) == len(steps)  # all but the last step changed the actors


def test_it_is_reckoned_once_until_something_changes(fresh_app, signed, queries):
    client = signed(fresh_app)

    def reckoned() -> int:
        queries.clear()
        covered(client)
        return sum("string_agg" in str(query) for query, *_ in queries)

    assert [reckoned(), reckoned()] == [1, 0]
    client.put("/v1/actors/x:1", json={"name": "New", "kind": "other"})
    assert [reckoned(), reckoned()] == [1, 0]
