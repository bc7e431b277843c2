"""How every collection is read and written: actors stand for all."""

import json
import re
from datetime import UTC, datetime, timedelta
from itertools import count
from urllib.parse import parse_qs, quote, urlsplit
from uuid import UUID, uuid4

import pytest

from api import cursors
from api.http import fresh, tags

PATCH = "application/merge-patch+json"
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
numbers = count()


@pytest.fixture
def name():
    """An identifier that no other test uses."""
    return f"http:{next(numbers)}"


@pytest.fixture
def actor(writer, name):
    """An actor of the test's own, as it was answered when it was created."""
    answer = writer.put(f"/v1/actors/{name}", json={"name": "One", "kind": "other"})
    assert answer.status_code == 201, answer.text
    return answer


def path(answer):
    return f"/v1/actors/{answer.json['id']}"


def patch(client, answer, change, etag=None):
    headers = {"If-Match": etag or answer.headers["ETag"]}
    return client.patch(path(answer), data=json.dumps(change), headers=headers, content_type=PATCH)


# --- shape ---------------------------------------------------------------------------------------------------------


def test_a_record_shows_every_property(actor):
    assert actor.content_type == "application/json"
    record = actor.json
    assert list(record)[:6] == ["id", "type", "version", "created_at", "updated_at", "contested"]
    assert (UUID(record["id"]).version, record["type"], record["version"]) == (7, "actor", 1)
    assert UTC_TIME.fullmatch(record["created_at"])
    assert record["created_at"] == record["updated_at"]
    assert (record["parent"], record["country"], record["note"]) == (None, None, None)
    assert (record["other_names"], record["sources"], record["contested"]) == ([], [], [])


def test_null_absent_and_empty_mean_the_same(writer, actor, name):
    body = {"name": "One", "kind": "other", "note": None, "other_names": [], "sources": None, "parent": None}
    again = writer.put(f"/v1/actors/{name}", json=body)
    assert (again.status_code, again.headers["Parley-Result"], again.data) == (200, "unchanged", actor.data)


def test_text_goes_as_utf_8(writer):
    answer = writer.post("/v1/actors", json={"name": "Київ 北京 \U0001f54a", "kind": "other"})
    assert "Київ 北京 \U0001f54a".encode() in answer.data
    assert writer.get(path(answer)).json["name"] == "Київ 北京 \U0001f54a"


@pytest.mark.parametrize("what", ["", "/{id}", "/{id}/revisions"])
@pytest.mark.parametrize("query", ["", "?limit=1", "?nonsense=1"])
def test_head_is_get_without_the_body(client, actor, what, query):
    where = "/v1/actors" + what.format(id=actor.json["id"]) + query
    get, head = client.get(where), client.head(where)
    assert (head.status_code, head.data) == (get.status_code, b"")
    for header in ("Content-Type", "Content-Length", "ETag", "Link", "Cache-Control"):
        assert head.headers.get(header) == get.headers.get(header)


def test_options_wherever_get_works(app, client):
    paths = {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/v1/") and "GET" in rule.methods}
    assert len(paths) > 18
    for rule in paths:
        answer = client.options(re.sub("<[^>]+>", "x:y", re.sub(r"<any\((\w+)[^>]+>", r"\1", rule)))
        allowed = set(answer.headers["Allow"].split(", "))
        assert (answer.status_code, allowed >= {"GET", "HEAD", "OPTIONS"}) == (200, True)


@pytest.mark.parametrize("where", ["/v1/actors", "/v1/actors/http:nobody", "/v1/nowhere"])
def test_reading_is_open_to_other_origins(client, where):
    answer = client.get(where, headers={"Origin": "https://example.org"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"ETag", "Link", "Location", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id",
            "Parley-Cursor"} <= set(exposed)  # fmt: skip


@pytest.mark.parametrize("where", ["/v1/actors", "/v1/actors?limit=0", "/v1/nowhere", "/v1/actors/http:nobody"])
def test_the_request_id_is_kept_or_made(client, where):
    assert client.get(where, headers={"X-Request-Id": "mine-1"}).headers["X-Request-Id"] == "mine-1"
    for bad in ("a b", "a" * 65, "<script>"):
        answer = client.get(where, headers={"X-Request-Id": bad})
        assert UUID(answer.headers["X-Request-Id"])
        assert answer.json.get("request_id", answer.headers["X-Request-Id"]) == answer.headers["X-Request-Id"]


# --- lists ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowd(app, signed):
    """Seven actors that only these tests find: by `q=Crowd`, by kind and by country."""
    writer = signed(app, "write", "crowd")
    made = []
    for number in range(7):
        body = {"name": f"Crowd {number}", "kind": "armed_group", "country": "ISL"}
        made.append(writer.put(f"/v1/actors/crowd:{number}", json=body).json)
    return made


def test_a_page_and_its_next(client, crowd):
    now = [client.get(f"/v1/actors/{made['id']}").json for made in crowd]  # a walk changes some, and changes them back
    first = client.get("/v1/actors?country=ISL&limit=3")
    assert list(first.json) == ["items", "next", "next_cursor"]
    assert first.json["items"] == now[:3]
    assert first.headers["Link"] == f'<{first.json["next"]}>; rel="next"'
    query = parse_qs(urlsplit(first.json["next"]).query)
    assert query == {"country": ["ISL"], "limit": ["3"], "cursor": [first.json["next_cursor"]]}
    second = client.get(first.json["next"]).json
    assert second["items"] == now[3:6]
    last = client.get(second["next"])
    assert last.json == {"items": now[6:], "next": None, "next_cursor": None}
    assert "Link" not in last.headers


def test_a_full_last_page_ends_the_list(client, crowd):
    answer = client.get("/v1/actors?country=ISL&limit=7").json
    assert (len(answer["items"]), answer["next"]) == (7, None)


def test_an_empty_list(client):
    answer = client.get("/v1/actors?country=ATA")
    assert (answer.status_code, answer.json) == (200, {"items": [], "next": None, "next_cursor": None})


def test_the_total(client, crowd):
    first = client.get("/v1/actors?country=ISL&limit=2&include_total=true").json
    assert first["total"] == 7
    assert client.get(first["next"]).json["total"] == 7
    assert "total" not in client.get("/v1/actors?country=ISL&include_total=false").json
    assert client.get("/v1/actors?country=ATA&include_total=true").json["total"] == 0


def test_a_walk_is_of_one_moment(client, crowd, app, signed):
    """Neither what is added nor what moves while somebody walks is met twice or missed."""
    writer = signed(app, "write", "crowd")
    page = client.get("/v1/actors?country=ISL&limit=3&sort=name").json
    seen = page["items"]
    late = writer.put("/v1/actors/crowd:late", json={"name": "Crowd 6 late", "kind": "other", "country": "ISL"})
    moved = writer.put("/v1/actors/crowd:1", json={"name": "Crowd 9", "kind": "armed_group", "country": "ISL"})
    left = writer.put("/v1/actors/crowd:5", json={"name": "Crowd 5", "kind": "armed_group", "country": "NOR"})
    while page["next"]:
        page = client.get(page["next"]).json
        seen += page["items"]
    names = [item["name"] for item in client.get("/v1/actors?country=ISL&sort=name").json["items"]]
    for answer, body in ((moved, crowd[1]), (left, crowd[5])):
        writer.put(f"/v1/actors/{answer.json['id']}", json=body, headers={"If-Match": answer.headers["ETag"]})
    writer.delete(path(late), headers={"If-Match": late.headers["ETag"]})
    assert seen == crowd
    assert names == [*(f"Crowd {number}" for number in (0, 2, 3, 4, 6)), "Crowd 6 late", "Crowd 9"]


def test_a_cursor_is_bound_to_its_list(client, crowd):
    cursor = client.get("/v1/actors?country=ISL&limit=3").json["next_cursor"]
    assert client.get(f"/v1/actors?country=ISL&cursor={cursor}&limit=1&include_total=true").json["total"] == 7
    for other in ("country=NOR", "kind=state&country=ISL", "country=ISL&sort=name", "country=ISL&q=x"):
        answer = client.get(f"/v1/actors?{other}&cursor={cursor}")
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_cursor")
    assert client.get(f"/v1/people?cursor={cursor}").json["code"] == "invalid_cursor"
    for mangled in (cursor[:-1], cursor[1:], cursor + "A", cursor.swapcase(), "x", "a.b.c", "\u2603", "0"):
        answer = client.get(f"/v1/actors?country=ISL&cursor={quote(mangled)}")
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_cursor")


def test_a_cursor_expires(client, crowd, monkeypatch):
    cursor = client.get("/v1/actors?country=ISL&limit=3").json["next_cursor"]
    monkeypatch.setattr(cursors, "AGE", -1)
    assert client.get(f"/v1/actors?country=ISL&cursor={cursor}").json["code"] == "invalid_cursor"


def test_fields_thin_a_list_and_a_record(client, crowd):
    [item] = client.get("/v1/actors?id=crowd:2&fields=name,id").json["items"]
    assert item == {"id": crowd[2]["id"], "name": "Crowd 2"}
    answer = client.get("/v1/actors/crowd:2?fields=version")
    assert answer.json == {"version": 1}
    assert answer.headers["ETag"] != client.get("/v1/actors/crowd:2").headers["ETag"]


def test_id_and_identifier(client, crowd):
    ids = ",".join([crowd[1]["id"].upper(), "crowd:3", str(uuid4()), "crowd:nobody"])
    assert [item["name"] for item in client.get(f"/v1/actors?id={ids}").json["items"]] == ["Crowd 1", "Crowd 3"]
    assert client.get("/v1/actors?identifier=crowd:4").json["items"] == [crowd[4]]
    assert client.get("/v1/people?identifier=crowd:4").json["items"] == []


def test_updated_since(client, crowd):
    moment = crowd[4]["updated_at"]
    names = [item["name"] for item in client.get(f"/v1/actors?country=ISL&updated_since={moment}").json["items"]]
    assert names[-3:] == ["Crowd 4", "Crowd 5", "Crowd 6"]
    assert "Crowd 3" not in names
    today = datetime.now(UTC).date()
    assert len(client.get(f"/v1/actors?country=ISL&updated_since={today}").json["items"]) == 7
    tomorrow = today + timedelta(days=1)
    assert client.get(f"/v1/actors?country=ISL&updated_since={tomorrow}").json["items"] == []
    plus = quote(datetime.fromisoformat(moment).astimezone().isoformat())
    assert client.get(f"/v1/actors?id=crowd:4&updated_since={plus}").json["items"] == [crowd[4]]


def test_source(client, writer, name):
    source = writer.post("/v1/sources", json={"kind": "news"}).json["id"]
    writer.put(f"/v1/actors/{name}", json={"name": "Cited", "kind": "other", "sources": [{"source": source}]})
    assert [item["name"] for item in client.get(f"/v1/actors?source={source}").json["items"]] == ["Cited"]
    assert client.get(f"/v1/people?source={source}").json["items"] == []


def test_as_of_a_list_and_a_record(client, writer, actor, name):
    before = (datetime.fromisoformat(actor.json["created_at"]) - timedelta(microseconds=1)).isoformat()
    patch(writer, actor, {"name": "Two"})
    for moment, names in ((before, []), (actor.json["created_at"], ["One"]), ("2100-01-01", ["Two"])):
        found = client.get(f"/v1/actors?identifier={name}&as_of={quote(moment)}").json["items"]
        assert [item["name"] for item in found] == names
        record = client.get(f"/v1/actors/{name}?as_of={quote(moment)}")
        assert [record.json.get("name", record.json.get("code"))] == (names or ["not_found"])
    then = client.get(f"/v1/actors/{name}?as_of={actor.json['created_at']}")
    assert then.json == actor.json


# --- one record ----------------------------------------------------------------------------------------------------


def test_a_record_by_id_and_by_identifier(client, actor, name):
    for id in (actor.json["id"], actor.json["id"].upper(), name):
        answer = client.get(f"/v1/actors/{id}")
        assert (answer.status_code, answer.data) == (200, actor.data)
        assert answer.headers["ETag"] == actor.headers["ETag"]
    assert client.get(f"/v1/people/{actor.json['id']}").status_code == 404


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("a b", "a%20b"),
        ("a/b", "a%2Fb"),
        ("a//b/", "a%2F%2Fb%2F"),
        ("a,b", "a%2Cb"),
        ("a:b", "a:b"),
        ("Київ", "Київ"),
        ("a%20b+c&d=e?f#g", "a%20b+c&d=e?f#g"),
        ("\U0001f54a", "\U0001f54a"),
        ("x" * 200, "x" * 200),
        ("'; DROP TABLE records; --", "';%20DROP%20TABLE%20records;%20--"),
        ("..", ".."),
    ],
)
def test_an_identifier_is_found_again_however_it_was_sent(client, writer, sent, stored):
    scheme = f"odd{next(numbers)}"
    body = {"name": "Odd", "kind": "other", "identifiers": [{"scheme": scheme, "identifier": sent}]}
    made = writer.post("/v1/actors", json=body)
    assert made.json["identifiers"] == [{"scheme": scheme, "identifier": stored}]
    for form in {sent, stored}:
        where = quote(f"{scheme}:{form}", safe="")
        assert client.get(f"/v1/actors/{where}").data == made.data
        assert client.get(f"/v1/actors/{where}/revisions").json["items"][0]["version"] == 1
        assert writer.put(f"/v1/actors/{where}", json=body).headers["Parley-Result"] == "unchanged"
    again = quote(f"{scheme}:{stored}", safe="")
    assert client.get(f"/v1/actors?identifier={again}").json["items"] == [made.json]
    person = writer.post(
        "/v1/people", json={"name": "P", "positions": [{"title": "t", "organization": made.json["id"]}]}
    )
    assert client.get(f"/v1/people?organization={again}").json["items"] == [person.json]


@pytest.mark.parametrize("bad", ["", "a\u0000", "a\n\u0001", "a\u2028b", "x" * 201, "/" * 67])
def test_what_is_no_identifier(writer, bad):
    body = {"name": "Odd", "kind": "other", "identifiers": [{"scheme": "odd", "identifier": bad}]}
    answer = writer.post("/v1/actors", json=body)
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/identifiers/0/identifier")


@pytest.mark.parametrize("bad", ["", "A", "a b", "a:b", "é", "x" * 51])
def test_what_is_no_scheme(writer, bad):
    body = {"name": "Odd", "kind": "other", "identifiers": [{"scheme": bad, "identifier": "x"}]}
    answer = writer.post("/v1/actors", json=body)
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/identifiers/0/scheme")


def test_not_modified(client, actor):
    etag = actor.headers["ETag"]
    version = etag.strip('"')
    for held in (etag, f"W/{etag}", f'"x", {etag}', f'W/"{version}:gzip"', "*"):
        answer = client.get(path(actor), headers={"If-None-Match": held})
        assert (answer.status_code, answer.data, answer.headers["ETag"]) == (304, b"", etag)
        assert "Content-Type" not in answer.headers
        assert client.head(path(actor), headers={"If-None-Match": held}).status_code == 304
    for other in ('"0-0"', "", version, '"1"'):
        assert client.get(path(actor), headers={"If-None-Match": other}).status_code == 200


def test_a_list_not_modified(client, crowd):
    etag = client.get("/v1/actors?country=ISL").headers["ETag"]
    assert client.get("/v1/actors?country=ISL", headers={"If-None-Match": etag}).status_code == 304
    assert client.get("/v1/actors?country=ISL&limit=1", headers={"If-None-Match": etag}).status_code == 200


def test_versions_and_revisions(client, writer, actor):
    second = patch(writer, actor, {"name": "Two", "note": "A reason"})
    third = patch(writer, second, {"note": None})
    assert [client.get(f"{path(actor)}?version={v}").json["name"] for v in (1, 2, 3)] == ["One", "Two", "Two"]
    assert client.get(f"{path(actor)}?version=1").data == actor.data
    assert client.get(f"{path(actor)}?version=3").data == third.data
    later = client.get(f"{path(actor)}?version=4")
    assert (later.status_code, later.json["detail"]) == (404, "No such version.")
    assert client.get("/v1/actors/w:nobody?version=1").json["detail"] == "No such actor."
    both = client.get(f"{path(actor)}?version=1&as_of=2030-01-01")
    assert (both.status_code, both.json["code"]) == (400, "invalid_query")
    assert [error["pointer"] for error in both.json["errors"]] == ["version", "as_of"]
    queries = ("?version=1", "?version=3&fields=name", "", "?as_of=2030-01-01", "?version=1&include=sources")
    kept = [client.get(path(actor) + query).headers["Cache-Control"] for query in queries]
    assert kept == 2 * ["max-age=3600, immutable"] + 3 * ["no-cache"]
    revisions = client.get(f"{path(actor)}/revisions").json
    assert [(entry["version"], entry["op"], entry["changed"]) for entry in revisions["items"]] == [
        (1, "created", ["/identifiers", "/kind", "/name"]),
        (2, "updated", ["/name", "/note"]),
        (3, "updated", ["/note"]),
    ]
    assert {entry["provider"] for entry in revisions["items"]} == {"test"}
    assert [entry["recorded_at"] for entry in revisions["items"]] == [
        answer.json["updated_at"] for answer in (actor, second, third)
    ]
    page = client.get(f"{path(actor)}/revisions?limit=2")
    assert page.headers["Link"] == f'<{page.json["next"]}>; rel="next"'
    assert client.get(page.json["next"]).json == {"items": revisions["items"][2:], "next": None, "next_cursor": None}
    other = writer.post("/v1/actors", json={"name": "Other", "kind": "other"})
    signed = page.json["next_cursor"]
    for cursor, asked in (("x", path(actor)), ("2", path(actor)), (signed, path(other))):
        assert client.get(f"{asked}/revisions?cursor={cursor}").json["code"] == "invalid_cursor"
    assert client.get(f"/v1/actors?cursor={signed}").json["code"] == "invalid_cursor"
    assert client.get("/v1/actors/http:nobody/revisions").status_code == 404


# --- writing -------------------------------------------------------------------------------------------------------


def test_create(client, writer):
    answer = writer.post("/v1/actors", json={"name": "New", "kind": "other"})
    assert (answer.status_code, answer.headers["Parley-Result"]) == (201, "created")
    assert answer.headers["Location"] == path(answer)
    read = client.get(answer.headers["Location"])
    assert (read.data, read.headers["ETag"]) == (answer.data, answer.headers["ETag"])


def test_what_was_read_can_be_sent_back(client, writer, actor):
    source = writer.post("/v1/sources", json={"kind": "news"}).json["id"]
    body = {"name": "Full", "kind": "other", "parent": actor.json["id"], "sources": [{"source": source}]}
    made = writer.post("/v1/actors", json=body)
    sent = client.get(path(made))
    again = writer.put(path(made), json=sent.json, headers={"If-Match": sent.headers["ETag"]})
    assert (again.status_code, again.headers["Parley-Result"], again.data) == (200, "unchanged", sent.data)


def test_what_the_server_says_is_not_written(writer, actor):
    body = {"name": "Two", "kind": "other", "id": str(uuid4()), "type": "person", "version": 70, "contested": ["/x"],
            "created_at": "2001-01-01T00:00:00Z", "updated_at": "never"}  # fmt: skip
    answer = writer.put(path(actor), json=body, headers={"If-Match": actor.headers["ETag"]}).json
    assert (answer["id"], answer["type"], answer["version"]) == (actor.json["id"], "actor", 2)
    assert (answer["created_at"], answer["contested"]) == (actor.json["created_at"], [])
    assert answer["updated_at"] > actor.json["updated_at"]


def test_replacing_removes_what_is_left_out(writer, actor):
    body = {"name": "Two", "kind": "other"}
    answer = writer.put(path(actor), json=body, headers={"If-Match": actor.headers["ETag"]})
    assert (answer.status_code, answer.headers["Parley-Result"]) == (200, "updated")
    assert (answer.json["name"], answer.json["identifiers"]) == ("Two", [])


def test_upsert(writer, name):
    body = {"name": "One", "kind": "other"}
    first = writer.put(f"/v1/actors/{name}", json=body)
    scheme, _, identifier = name.partition(":")
    assert (first.status_code, first.headers["Location"]) == (201, path(first))
    assert first.json["identifiers"] == [{"scheme": scheme, "identifier": identifier}]
    same = writer.put(f"/v1/actors/{name}", json=body)
    assert (same.status_code, same.headers["Parley-Result"], same.data) == (200, "unchanged", first.data)
    other = writer.put(f"/v1/actors/{name}", json=body | {"name": "Two"})
    assert (other.status_code, other.headers["Parley-Result"]) == (200, "updated")
    assert (other.json["id"], other.json["version"]) == (first.json["id"], 2)
    assert len(writer.get(f"/v1/actors/{name}/revisions").json["items"]) == 2
    stale = writer.put(f"/v1/actors/{name}", json=body, headers={"If-Match": first.headers["ETag"]})
    assert stale.status_code == 412
    fresh = writer.put(f"/v1/actors/{name}", json=body, headers={"If-Match": other.headers["ETag"]})
    assert (fresh.status_code, fresh.json["version"]) == (200, 3)
    only_new = {"If-None-Match": "*"}
    assert writer.put(f"/v1/actors/{name}", json=body, headers=only_new).status_code == 412
    assert writer.put(f"/v1/actors/{name}-new", json=body, headers=only_new).status_code == 201


def test_merge_patch(writer, name):
    body = {"name": "One", "kind": "state", "country": "ISL", "note": "n",
            "other_names": [{"name": "A"}, {"name": "B", "lang": "is"}]}  # fmt: skip
    made = writer.put(f"/v1/actors/{name}", json=body)
    second = patch(writer, made, {"note": None, "country": "NOR", "other_names": [{"name": "C"}]})
    assert (second.json["note"], second.json["country"], second.json["name"]) == (None, "NOR", "One")
    assert second.json["other_names"] == [{"name": "C", "lang": None, "script": None, "kind": "spelling"}]
    nothing = patch(writer, second, {})
    assert (nothing.status_code, nothing.headers["Parley-Result"], nothing.json) == (200, "unchanged", second.json)
    wrong = patch(writer, second, {"name": None, "kind": "planet", "colour": "red"})
    assert wrong.status_code == 422
    assert {(fault["pointer"], fault["code"]) for fault in wrong.json["errors"]} == {
        ("/name", "required"), ("/kind", "invalid"), ("/colour", "unknown_property")}  # fmt: skip


def test_a_misspelt_null_does_not_vanish(writer):
    made = writer.post("/v1/actors", json={"name": "Northland", "kind": "state"})
    refused = writer.patch(
        f"/v1/actors/{made.json['id']}",
        data='{"nmae": null, "kind": "kingdom"}',
        headers={"If-Match": made.headers["ETag"], "Content-Type": "application/merge-patch+json"},
    )
    assert (refused.status_code, {error["pointer"] for error in refused.json["errors"]}) == (422, {"/nmae", "/kind"})


def test_a_patch_reaches_into_an_object(writer):
    source = writer.post("/v1/sources", json={"kind": "news"}).json["id"]
    body = {"status": "proposed", "sources": [{"source": source}], "venue": {"city": "A", "country": "TUR"}}
    made = writer.post("/v1/rounds", json=body)
    headers = {"If-Match": made.headers["ETag"]}
    change = json.dumps({"venue": {"city": "B", "country": None}})
    answer = writer.patch(made.headers["Location"], data=change, headers=headers, content_type=PATCH)
    venue = answer.json["venue"]
    assert (venue["city"], venue["country"]) == ("B", None)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_change_names_the_version_it_is_meant_for(writer, actor, method):
    kind = PATCH if method == "PATCH" else "application/json"
    more = {"content_type": kind, "data": json.dumps({"name": "New", "kind": "other"})} if method != "DELETE" else {}

    def send(where, **headers):
        return writer.open(where, method=method, headers=headers, **more)

    assert (send(path(actor)).status_code, send(path(actor)).json["code"]) == (428, "precondition_required")
    for stale in ('"2-0"', '"0"', "nonsense", "1", '"x1"', '"1x'):
        answer = send(path(actor), **{"If-Match": stale})
        assert (answer.status_code, answer.json["code"]) == (412, "precondition_failed")
    assert send(path(actor), **{"If-Match": f'"7", W/{actor.headers["ETag"][:-1]}-gzip"'}).status_code in (200, 204)


def test_if_match_any(writer, actor):
    assert patch(writer, actor, {"name": "Two"}, "*").status_code == 200
    assert patch(writer, actor, {"name": "Three"}, "*").json["version"] == 3


def test_delete_and_revive(client, writer, actor, name):
    answer = writer.delete(f"{path(actor)}?reason=Twice", headers={"If-Match": actor.headers["ETag"]})
    assert (answer.status_code, answer.data, answer.headers["Parley-Result"]) == (204, b"", "deleted")
    for where in (path(actor), f"/v1/actors/{name}"):
        gone = client.get(where)
        assert (gone.status_code, gone.json["code"], gone.json["reason"]) == (410, "gone", "Twice")
        assert UTC_TIME.fullmatch(gone.json["deleted_at"])
    assert client.get(f"/v1/actors?identifier={name}").json["items"] == []
    assert client.get(f"{path(actor)}?version=1").data == actor.data
    assert patch(writer, actor, {"name": "x"}, "*").status_code == 410
    scheme, _, identifier = name.partition(":")
    body = {"name": "Thief", "kind": "other", "identifiers": [{"scheme": scheme, "identifier": identifier}]}
    assert writer.post("/v1/actors", json=body).json["code"] == "identifier_taken"
    back = writer.put(f"/v1/actors/{name}", json={"name": "One", "kind": "other"})
    assert (back.status_code, back.json["id"], back.json["version"]) == (201, actor.json["id"], 3)
    ops = [entry["op"] for entry in client.get(f"{path(actor)}/revisions").json["items"]]
    assert ops[:2] == ["created", "deleted"]
    assert client.get(f"{path(actor)}/revisions").json["items"][1]["reason"] == "Twice"


def test_what_others_refer_to_stays(writer, actor):
    child = writer.post("/v1/actors", json={"name": "Child", "kind": "other", "parent": actor.json["id"]})
    answer = writer.delete(path(actor), headers={"If-Match": "*"})
    assert (answer.status_code, answer.json["code"]) == (409, "still_referenced")
    [fault] = answer.json["errors"]
    assert fault["pointer"] == "/parent"
    assert child.json["id"] in fault["detail"]
    assert patch(writer, child, {"parent": None}).status_code == 200
    assert writer.delete(path(actor), headers={"If-Match": "*"}).status_code == 204


def test_an_identifier_names_one_record(writer, actor, name):
    scheme, _, identifier = name.partition(":")
    names = [{"scheme": "http", "identifier": f"other-{identifier}"}, {"scheme": scheme, "identifier": identifier}]
    answer = writer.post("/v1/actors", json={"name": "Other", "kind": "other", "identifiers": names})
    assert (answer.status_code, answer.json["code"]) == (409, "identifier_taken")
    assert [(fault["pointer"], fault["code"]) for fault in answer.json["errors"]] == [
        ("/identifiers/1", "identifier_taken")
    ]
    person = writer.post("/v1/people", json={"name": "Person", "identifiers": names[1:]})
    assert person.status_code == 201  # of another type it may


def test_references_in_every_form(writer, actor, name):
    scheme, _, identifier = name.partition(":")
    forms = [actor.json["id"], actor.json["id"].upper(), name, {"id": actor.json["id"]}, {"id": name, "type": "actor"},
             {"id": actor.json["id"], "type": "actor", "name": "whatever", "identifiers": []}]  # fmt: skip
    for form in forms:
        answer = writer.post("/v1/actors", json={"name": "Child", "kind": "other", "parent": form})
        assert answer.json["parent"] == {
            "id": actor.json["id"],
            "type": "actor",
            "name": "One",
            "identifiers": [{"scheme": scheme, "identifier": identifier}],
        }


def test_a_reference_to_nobody(writer, actor):
    source = writer.post("/v1/sources", json={"kind": "news"}).json["id"]
    positions = [{"title": "a", "organization": actor.json["id"]}, {"title": "b", "organization": "http:nobody"},
                 {"title": "c", "organization": str(uuid4())}, {"title": "d", "organization": source}]  # fmt: skip
    answer = writer.post("/v1/people", json={"name": "P", "positions": positions, "sources": [{"source": "x:y"}]})
    assert (answer.status_code, answer.json["code"]) == (422, "unknown_reference")
    assert {(fault["pointer"], fault["code"]) for fault in answer.json["errors"]} == {
        (where, "unknown_reference")
        for where in ("/positions/1/organization", "/positions/2/organization", "/positions/3/organization",
                      "/sources/0/source")
    }  # fmt: skip


@pytest.mark.parametrize("form", [5, "", "nobody", "a b", {}, {"id": None}, {"type": "actor"}, [], True,
                                  {"id": "x:y", "type": "person"}, {"id": "x:y", "type": 5}])  # fmt: skip
def test_what_is_no_reference(writer, form):
    answer = writer.post("/v1/actors", json={"name": "Child", "kind": "other", "parent": form})
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json["errors"]] == ["/parent"]


def test_a_new_name_shows_wherever_the_record_is_named(client, writer, actor):
    child = writer.post("/v1/actors", json={"name": "Child", "kind": "other", "parent": actor.json["id"]})
    patch(writer, actor, {"name": 'Two "quoted" \\'})
    now = client.get(path(child))
    assert now.json["parent"]["name"] == 'Two "quoted" \\'
    assert (now.json["version"], now.json["updated_at"]) == (1, child.json["updated_at"])
    assert now.headers["ETag"] != child.headers["ETag"]
    assert client.get(path(child), headers={"If-None-Match": child.headers["ETag"]}).status_code == 200
    assert patch(writer, child, {"note": "x"}, child.headers["ETag"]).status_code == 200  # the version is the same


# --- Idempotency-Key -----------------------------------------------------------------------------------------------


def test_a_creation_sent_again_creates_once(writer):
    key = f'"{uuid4()}"'
    body = {"name": "Once", "kind": "other"}
    first = writer.post("/v1/actors", json=body, headers={"Idempotency-Key": key})
    again = writer.post("/v1/actors", json=body, headers={"Idempotency-Key": key.strip('"')})
    assert (again.status_code, again.data) == (201, first.data)
    for header in ("ETag", "Location", "Content-Type", "Parley-Result"):
        assert again.headers[header] == first.headers[header]
    assert (again.headers["Idempotent-Replayed"], "Idempotent-Replayed" in first.headers) == ("true", False)
    other = writer.post("/v1/actors", json=body | {"name": "Twice"}, headers={"Idempotency-Key": key})
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")
    elsewhere = writer.post("/v1/people", json=body, headers={"Idempotency-Key": key})
    assert elsewhere.json["code"] == "idempotency_key_reused"


def test_a_refusal_is_replayed_too(writer):
    headers = {"Idempotency-Key": str(uuid4())}
    body = {"name": "Child", "kind": "other", "parent": "http:unborn"}
    first = writer.post("/v1/actors", json=body, headers=headers)
    writer.put("/v1/actors/http:unborn", json={"name": "Parent", "kind": "other"})
    again = writer.post("/v1/actors", json=body, headers=headers)
    assert (first.status_code, again.status_code, again.content_type) == (422, 422, first.content_type)


def test_keys_of_two_writers_do_not_meet(app, signed):
    headers = {"Idempotency-Key": "same"}
    first, second = (
        signed(app, "write", provider).post("/v1/actors", json={"name": provider, "kind": "other"}, headers=headers)
        for provider in ("one", "two")
    )
    assert (first.json["name"], second.json["name"]) == ("one", "two")


@pytest.mark.parametrize("bad", ["", '""', "a b", "é", "x" * 256])
def test_what_is_no_idempotency_key(writer, bad):
    headers = {"Idempotency-Key": bad.encode().decode("latin-1")}
    answer = writer.post("/v1/actors", json={"name": "x", "kind": "other"}, headers=headers)
    assert answer.status_code == 400
    [fault] = answer.json["errors"]
    assert (fault["location"], fault["pointer"]) == ("header", "Idempotency-Key")


# --- reading entity tags -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (None, None),
        ("*", "any"),
        (" * ", "any"),
        ('"3"', {3}),
        ('"3-1f"', {3}),
        ('W/"3-1f"', {3}),
        ('"3-1f:gzip"', {3}),
        ('"3-1f--gzip", "4"', {3, 4}),
        ('"12"', {12}),
        ("3", set()),
        ('"a3"', set()),
        ('"-3"', set()),
        ("", set()),
        ('"99999999999999999999"', set()),
    ],
)
def test_versions_of_if_match(header, found):
    assert tags(header) == found


def test_a_tag_in_hand_is_compared_whole():
    assert [fresh(tag, '"11-a"') for tag in ("11-a", "1-a", "11")] == [True, False, False]
