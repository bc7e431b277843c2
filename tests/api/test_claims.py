"""Claims: values that somebody asserts, denies or does not confirm, beside each other."""

import pytest

from schemas.base import BODIES
from schemas.claims import DEPTH, ClaimArgs, check_value, claimable
from tests.world import CITED, untested, walk

FILTERS = {
    "record=w:lasting": "23rd 24th no",
    "record={memo-south}": "denied",
    "record=w:lasting,w:memo-south": "23rd 24th no denied",
    "record=w:third": "",
    "record=w:lasting&property=/number": "23rd 24th",
    "property=/name,/url": "no denied",
    "property=number": "",  # not a pointer, so nobody's
    "stance=asserted": "23rd 24th",
    "stance=denied,not_confirmed": "no denied",
    "rank=normal": "23rd no",
    "rank=deprecated,preferred": "24th denied",
    "asserted_by=w:ann": "24th denied",  # a person
    "asserted_by={press}": "23rd",  # an actor
    "asserted_by=w:ann&stance=denied": "denied",
    "source=w:paper&rank=preferred": "denied",
}


@pytest.mark.parametrize(("query", "found"), FILTERS.items())
def test_filters(words, query, found):
    assert words.find("claims", query) == found.split()


def test_every_filter_is_tested():
    assert untested(ClaimArgs, FILTERS) == set()


@pytest.mark.parametrize(
    ("sort", "found"), [("asserted_on", "denied 23rd 24th no"), ("-asserted_on", "24th 23rd denied no")]
)
def test_sorts_page_by_page(words, sort, found):
    assert walk(words, "claims", f"sort={sort}&limit=1") == found.split()


def test_a_record_with_its_claims_and_what_they_were_said_in(words):
    lasting = words.get("rounds", "lasting", "include=claims")
    assert [(claim["property"], claim["value"]) for claim in lasting["claims"]] == [
        ("/number", 4), ("/number", 5), ("/name", "Last")]  # fmt: skip
    claim = words.get("claims", "23rd", "include=actors")
    assert claim["asserted_by"] == words.get("actors", "press")
    assert claim["statement"]["id"] == words.ids["report"]
    assert claim["rank"] == "normal"  # unless said otherwise


GOOD = {"record": "w:third", "property": "/number", "value": 4, "stance": "asserted"}


def deep(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"record": None}, "/record"),
        ({"record": "w:23rd"}, "/record"),  # no claim about a claim
        ({"property": None}, "/property"),
        ({"property": "number"}, "/property"),
        ({"property": "/num~2ber"}, "/property"),
        ({"property": "/nummer"}, "/property"),
        ({"property": "/number/0"}, "/property"),
        ({"property": "/status"}, "/property"),  # a round is not without
        ({"property": "/formats"}, "/property"),  # a list
        ({"property": "/id"}, "/property"),
        ({"property": "/note"}, "/property"),
        ({"property": "/__class__"}, "/property"),
        ({"value": None}, "/value"),
        ({"value": []}, "/value"),
        ({"value": "4"}, "/value"),
        ({"value": 4.5}, "/value"),
        ({"value": True}, "/value"),
        ({"value": 10_001}, "/value"),
        ({"value": 10**15}, "/value"),
        ({"value": "a\x00b"}, "/value"),
        ({"value": {"a\x00b": 1}}, "/value"),
        ({"value": [{"x": ["a\x00b"]}]}, "/value"),
        ({"value": deep(DEPTH + 1)}, "/value"),
        ({"value": deep(500)}, "/value"),
        ({"property": "/starts_on", "value": "2025-02-30"}, "/value"),
        ({"property": "/venue", "value": {"country": "Turkey"}}, "/value/country"),
        ({"property": "/venue", "value": {"planet": "Mars"}}, "/value/planet"),
        ({"stance": "believed"}, "/stance"),
        ({"stance": None}, "/stance"),
        ({"rank": "best"}, "/rank"),
        ({"asserted_by": "w:talks"}, "/asserted_by"),
        ({"statement": "w:paper"}, "/statement"),
        ({"sources": []}, "/sources"),
    ],
    ids=str,
)
def test_what_is_no_claim(words, signed, change, pointer):
    writer = signed(words.client.application, "write", "enemy")
    answer = writer.post("/v1/claims", json=CITED | GOOD | change)
    assert (answer.status_code, [error["pointer"] for error in answer.json["errors"]]) == (422, [pointer])


@pytest.mark.parametrize("value", [10**16, 10**400, 1e400])
def test_a_number_too_large_to_be_exact(words, signed, value):
    writer = signed(words.client.application, "write", "enemy")
    assert writer.post("/v1/claims", json=CITED | GOOD | {"value": value}).status_code == 400


def test_what_is_denied_may_have_no_value_but_not_a_wrong_one(words, signed):
    writer = signed(words.client.application, "write", "enemy")
    body = CITED | GOOD | {"stance": "denied"}
    made = writer.post("/v1/claims", json=body | {"value": None})
    assert (made.status_code, made.json["value"]) == (201, None)
    assert words.get("rounds", "third")["number"] == 3  # a stranger's claim stands beside the record
    refused = writer.post("/v1/claims", json=body | {"value": "three"})
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/value")
    etag = {"If-Match": made.headers["ETag"]}
    assert writer.delete(f"/v1/claims/{made.json['id']}", headers=etag).status_code == 204


@pytest.mark.parametrize(
    ("type", "property", "value", "kept"),
    [
        ("round", "/starts_on", "2025-07-23~", "2025-07-23~"),
        ("round", "/venue", {"city": "Port", "name": None}, {"city": "Port"}),
        ("source", "/language", "RU", "ru"),
        ("source", "/accessed_at", "2025-07-21T12:00:00+03:00", "2025-07-21T09:00:00Z"),
        ("statement", "/act", "denial", "denial"),
    ],
)
def test_a_value_becomes_what_the_property_would_keep(type, property, value, kept):
    assert check_value(BODIES[type], property, value) == (kept, [])


def test_what_can_be_claimed_of_a_round():
    plain = {"number", "name", "starts_on", "ends_on", "timezone", "venue", "summary"}
    assert set(claimable(BODIES["round"])) == plain | {"process", "parent"}
    assert "superseded_by" not in claimable(BODIES["pledge"]), "what follows from other records is nobody's to claim"


def test_a_reference_can_be_claimed(fresh_app, signed):
    client = signed(fresh_app, "admin")
    client.put("/v1/sources/w:paper", json={"kind": "news"})
    for name in ("one", "other"):
        assert client.put(f"/v1/processes/w:{name}", json=CITED | {"name": name}).status_code == 201
    client.put("/v1/rounds/w:round", json=CITED | {"status": "proposed", "process": "w:one"})
    claim = CITED | {"record": "w:round", "property": "/process", "stance": "asserted", "rank": "preferred"}
    refused = client.put("/v1/claims/w:claim", json=claim | {"value": "w:nobody"})
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/value")
    made = client.put("/v1/claims/w:claim", json=claim | {"value": "w:other"})
    assert made.json["value"]["type"] == "process"
    shown = client.get("/v1/rounds/w:round").json
    assert (shown["process"]["name"], shown["contested"]) == ("other", ["/process"])
    assert client.put("/v1/claims/w:claim", json=made.json).headers["Parley-Result"] == "unchanged"
    kept = client.delete("/v1/processes/w:other", headers={"If-Match": "*"})
    assert (kept.status_code, {error["pointer"] for error in kept.json["errors"]}) == (409, {"/process", "/value"})
    assert client.post("/v1/processes/w:other/merge", json={"into": "w:one"}).status_code == 200
    assert client.get("/v1/claims/w:claim").json["value"] == {"id": shown_id(client, "w:one"), "type": "process"}


def shown_id(client, name):
    return client.get(f"/v1/processes/{name}").json["id"]


def test_a_contested_day_is_found_by_all_days_claimed_and_sorted_as_unknown(fresh_app, signed):
    client = signed(fresh_app)
    client.put("/v1/sources/w:paper", json={"kind": "news"})
    client.put("/v1/meetings/w:plain", json=CITED | {"kind": "call", "held_on": "2025-07-01"})
    client.put("/v1/meetings/w:contested", json=CITED | {"kind": "call", "held_on": "2025-06-01"})
    for name, day in (("one", "2025-07-23"), ("other", "2025-07-24")):
        claim = {"record": "w:contested", "property": "/held_on", "value": day, "stance": "asserted"}
        assert client.put(f"/v1/claims/w:{name}", json=CITED | claim).status_code == 201

    def found(query):
        items = client.get(f"/v1/meetings?{query}").json["items"]
        return [item["identifiers"][0]["identifier"] for item in items]

    assert client.get("/v1/meetings/w:contested").json["held_on"] is None
    assert found("from=2025-07-24") == found("from=2025-07-23&to=2025-07-23") == ["contested"]
    assert found("from=2025-07-23&date_match=certain") == found("to=2025-06-01") == []
    assert found("sort=held_on") == found("sort=-held_on") == ["plain", "contested"]
