"""What is answered in front of Flask is what Flask answers, header for header and byte for byte, and never stale."""

import gzip
import json
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib import import_module

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import api
from api import RESOURCES, create_app, shortcut
from api.http import LISTS, MAX_BODY
from api.shortcut import LOOKS, Luck, Shortcut
from db import together
from schemas.base import BODIES
from tests.cli.test_serve import free_port, serving
from tests.db.talks import statements
from tests.schemas.test_compiled import objects, sound_bodies

for resource in RESOURCES:
    import_module(f"api.{resource}")

PAIRS = int(os.environ.get("PAIRS", "400"))
OWN = {"X-Request-Id", "RateLimit", "Content-Length"}
QUERIES = [
    *("", "limit=2", "limit=1&sort=-updated_at", "q=north", "q=%D0%B9", "q=й", "fields=id", "include_total=true"),
    *("lang=uk,en", "as_of=2030-01-01", "as_of=2001-01-01", "source=w:paper", "source=w%3Apaper", "id=w:ann,w:north"),
    *("limit=0", "limit=2&limit=3", "limt=2", "q=%FF", "cursor=x", "highlight=true", "&", "limit=", "limit=2&", "?"),
    *("updated_since=2020-01-01&sort=created_at", "updated_since=2020-01-01T00:00:00%2B01:00", "sort=-id&limit=3"),
]
PATHS = [
    *("/v1/rounds/w:third", "/v1/rounds/w:nothing", "/v1/rounds/summary", "/v1/pledges/summary", "/v1/pledges/ladder"),
    *("/v1/rounds/w:third?include=claims", "/v1/rounds/w:third?version=1", "/v1/rounds/w:third/revisions"),
    *("/v1/search?q=talks", "/v1/search", "/v1/coverage", "/v1/me", "/v1/changes", "/v1/exports/rounds.ndjson", "/v1"),
    *("/v1/rounds.ics", "/v1/rounds/", "/v1/nothing", "/v1/pledges/summary?group_by=donor", "/livez", "/v1/actors/x"),
    *("/v1/rounds/w:third/citation", "/v1/actors/match", "/v1/rounds/01a204b0-70fa-77b0-9d7c-000000000000"),
]
HEADERS = [
    {}, {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "zstd, gzip;q=0.5"}, {"Accept-Encoding": "identity"},
    {"Accept": "text/html"}, {"Accept": "*/*", "X-Request-Id": "mine"}, {"If-None-Match": "*"},
    {"Origin": "https://example.org"}, {"Authorization": "Bearer no"}, {"Authorization": ""}, {"Range": "bytes=0-3"},
]  # fmt: skip


@pytest.fixture(scope="module")
def pair(aid):
    """The same database, with the shortcut and without."""
    config = {"DATABASE_URL": aid.client.application.config["DATABASE_URL"], "TESTING": True}
    apps = [create_app(**config, SHORTCUT=on, RATE_LIMIT_FILE="") for on in (True, False)]
    assert isinstance(apps[0].wsgi_app, Shortcut) and not isinstance(apps[1].wsgi_app, Shortcut)
    yield [app.test_client() for app in apps]
    for app in apps:
        api.close(app)


def asked(client, path, headers):
    answer = client.get(path, headers=headers)
    told = {name: value for name, value in answer.headers if name not in OWN}
    body = answer.get_data()
    if told.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)  # it holds the time
    elif answer.mimetype == "application/problem+json":
        body = answer.json | {"request_id": "", "instance": ""}
    return answer.status_code, told, body, "RateLimit" in answer.headers


def alike(pair, path, headers):
    front, flask = pair
    expected = asked(flask, path, headers)
    for _ in range(3):  # plainly, kept for the next time, and from what was kept
        assert asked(front, path, headers) == expected, path
    if tag := expected[1].get("ETag"):
        for sent in (tag, f'"x", {tag}', tag.replace("W/", ""), '"x"'):
            again = headers | {"If-None-Match": sent}
            assert asked(front, path, again) == asked(flask, path, again), (path, sent)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("headers", HEADERS, ids=str)
def test_one_path(pair, path, headers):
    alike(pair, path, headers)


@pytest.mark.parametrize("collection", sorted(LISTS))
@pytest.mark.parametrize("query", QUERIES)
def test_one_list(pair, collection, query):
    alike(pair, f"/v1/{collection}?{query}", {})


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_list(pair, data):
    collection = data.draw(st.sampled_from(sorted(LISTS)))
    parameters = [field.data_key or name for name, field in LISTS[collection][1].fields.items()]
    value = st.sampled_from(
        ["w:north", "w:talks", "2025-05-16", "true", "2", "committed", "EUR", "en", "", "id", "w:first,w:third"]
    )
    query = data.draw(st.lists(st.tuples(st.sampled_from(parameters), value | st.text(max_size=5)), max_size=4))
    request = data.draw(st.sampled_from(HEADERS))
    alike(pair, httpx.URL(f"/v1/{collection}", params=query).raw_path.decode(), request)


@pytest.mark.parametrize(
    "path", ["/v1/rounds/w:third", "/v1/rounds?limit=2", "/v1/search?q=talks", "/v1/rounds/x", "/v1/me"]
)
def test_whoever_has_a_key_reads_the_same(pair, key, path):
    token = key(pair[0].application, "read")
    for sent in (f"Bearer {token}", f"bearer  {token} ", f"Basic {token}", f"Bearer {token}x"):
        alike(pair, path, {"Authorization": sent})


def test_every_page_of_a_walk(pair):
    front, flask = pair
    path = "/v1/actors?limit=2&sort=-name"
    for _ in range(20):
        page = front.get(path)
        assert page.get_data() == flask.get(path).get_data()
        path = page.json["next"]
        if path is None:
            return
    raise AssertionError("no end")


# --- creating ------------------------------------------------------------------------------------------------------

ACTOR = {"name": "Office", "kind": "other"}
JSON = {"Content-Type": "application/json"}
CHANGING = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z")
SENT = {
    "sound": (json.dumps(ACTOR), {}),
    "compressed": (json.dumps(ACTOR | {"note": "n" * 2000}), {"Accept-Encoding": "gzip"}),
    "named": (json.dumps(ACTOR | {"identifiers": [{"scheme": "x", "identifier": "taken"}]}), {}),
    "astray": (json.dumps(ACTOR | {"parent": "x:nobody"}), {}),
    "faults": ('{"name": 1, "kind": "none", "x": null}', {}),
    "no object": ("[]", {}),
    "no JSON": ("{", {}),
    "nothing": ("", {}),
    "doubled": ('{"name": "a", "name": "b", "kind": "other"}', {}),
    "NUL": ('{"name": "a\\u0000", "kind": "other"}', {}),
    "with a charset": (json.dumps(ACTOR), {"Content-Type": "application/json; charset=utf-8"}),
    "as text": (json.dumps(ACTOR), {"Content-Type": "text/plain"}),
    "for a browser": (json.dumps(ACTOR), {"Accept": "text/html", "Origin": "https://example.org"}),
    "known tag": (json.dumps(ACTOR), {"If-None-Match": "*"}),
    "own id": (json.dumps(ACTOR), {"X-Request-Id": "mine"}),
    "again": (json.dumps(ACTOR), {"Idempotency-Key": "again"}),
    "too long": ('{"name": "' + "n" * MAX_BODY + '", "kind": "other"}', {}),
}


@pytest.fixture(scope="module")
def writers(make_database, migrated, signed) -> Iterator[list]:
    """Two databases that are told the same, one through the shortcut and one without it."""
    with ExitStack() as stack:
        apps = []
        for name, on in (("front", True), ("flask", False)):
            url = stack.enter_context(make_database(name, like=migrated))
            app = create_app(DATABASE_URL=url, TESTING=True, SHORTCUT=on, RATE_LIMIT_FILE="")
            stack.callback(api.close, app)
            apps.append(app)
        clients = [signed(app) for app in apps]
        for client in clients:
            client.put("/v1/sources/x:s", json={"kind": "news"})
        yield clients


def created(client, path, body, headers):
    answer = client.post(path, data=body, headers=JSON | headers)
    told = {name: CHANGING.sub("~", value) for name, value in answer.headers if name not in OWN}
    body = answer.get_data()
    if told.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    elif answer.mimetype == "application/problem+json":
        body = json.dumps(answer.json | {"request_id": ""}).encode()
    return answer.status_code, told, CHANGING.sub("~", body.decode())


def created_alike(writers, path, body, headers) -> int:
    front, flask = (created(client, path, body, headers) for client in writers)
    assert front == flask
    assert len(set(places(writers))) == 1, "as much is kept"
    return front[0]


def places(writers) -> list[str]:
    """How far each log goes."""
    return [client.get("/v1/exports/actors.ndjson").headers["Parley-Cursor"] for client in writers]


@pytest.mark.parametrize("name", SENT)
def test_what_is_created(writers, name):
    body, headers = SENT[name]
    for _ in range(2):
        created_alike(writers, "/v1/actors", body, headers)
        created_alike(writers, "/v1/actors?x=1", body, headers)


@pytest.mark.parametrize("type", sorted(BODIES))
def test_what_is_created_of_every_type(writers, type):
    statuses = [created_alike(writers, f"/v1/{BODIES[type].collection}", json.dumps(body), {})
                for body in sound_bodies(type)]  # fmt: skip
    assert set(statuses) <= {201, 409, 422}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_body(writers, data):
    type = data.draw(st.sampled_from(sorted(BODIES)))
    created_alike(writers, f"/v1/{BODIES[type].collection}", json.dumps(data.draw(objects(BODIES[type]))), {})


@pytest.mark.parametrize("sent", ["", "Bearer no", "Basic x"])
def test_nobody_creates_without_a_key(writers, sent):
    assert created_alike(writers, "/v1/actors", json.dumps(ACTOR), {"Authorization": sent}) == 401


def test_nobody_creates_with_a_key_for_reading(writers, key):
    before = places(writers)
    for client in writers:
        answer = client.post(
            "/v1/actors", json=ACTOR, headers={"Authorization": f"Bearer {key(client.application, 'read')}"}
        )
        assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    assert places(writers) == before


def test_what_is_created_goes_the_short_way(writers, monkeypatch):
    front, flask = writers
    assert flask.post("/v1/actors", json=ACTOR).status_code == 201  # for the other tests, in whatever order they come
    monkeypatch.setattr(front.application.wsgi_app, "inner", None)
    assert front.post("/v1/actors", json=ACTOR).status_code == 201


def test_what_breaks_off_is_not_created(writers):
    before = places(writers)
    body = json.dumps(ACTOR)
    for client in writers:
        longer = str(len(body) + 9)
        answer = client.post("/v1/actors", data=body + " ", headers=JSON, environ_overrides={"CONTENT_LENGTH": longer})
        assert answer.status_code == 400
    assert places(writers) == before


def test_a_fault_of_ours_is_told_once_and_not_tried_again(writers, monkeypatch):
    tried = []

    def fail(*args):
        tried.append(args)
        raise ZeroDivisionError

    monkeypatch.setattr(together, "create", fail)
    for client in writers:
        tried.clear()
        client.application.testing = False
        answer = client.post("/v1/actors", json=ACTOR)
        assert (answer.status_code, answer.json["code"], len(tried)) == (500, "internal_error", 1)


def test_it_charges_once_and_refuses_as_flask_does(aid):
    url = aid.client.application.config["DATABASE_URL"]
    for on in (True, False):
        app = create_app(DATABASE_URL=url, TESTING=True, SHORTCUT=on, RATE_LIMIT="5/minute")
        answers = [app.test_client().get(path) for path in ("/v1/rounds", "/v1/rounds?limit=0", "/v1/search?q=a") * 2]
        left = [answer.headers["RateLimit"].split(";")[1] for answer in answers]
        assert left == ["r=4", "r=3", "r=2", "r=1", "r=0", "r=0"], on
        assert [answer.status_code for answer in answers] == [200, 400, 200, 200, 400, 429]
        api.close(app)


def test_writing_is_charged_once_to_the_key(fresh_app, signed):
    for on in (True, False):
        app = create_app(DATABASE_URL=fresh_app.config["DATABASE_URL"], SHORTCUT=on, RATE_LIMIT="4/minute")
        client = signed(app)
        bodies = [ACTOR, {}, ACTOR | {"parent": "x:nobody"}, ACTOR, ACTOR]
        answers = [client.post("/v1/actors", json=body) for body in bodies]
        assert [answer.status_code for answer in answers] == [201, 422, 422, 201, 429]
        assert [answer.headers["RateLimit"].split(";")[1] for answer in answers] == ["r=3", "r=2", "r=1", "r=0", "r=0"]
        api.close(app)


def test_its_requests_are_counted_and_logged(pair, logged):
    for path in ("/v1/rounds/w:third", "/v1/rounds?limit=2", "/v1/rounds?limit=2", "/v1/rounds?limit=2"):
        logged()
        for client in pair:
            client.get(path, headers={"X-Request-Id": "same"})
        front, flask = ([part for part in line.strip("{}").split(",") if not part.startswith(('"duration', '"time'))]
                        for line in logged()[1].splitlines())  # fmt: skip
        assert sorted(front) == sorted(flask)
    told = pair[0].get("/metrics").text
    assert 'method="GET",route="/v1/rounds/<record:id>",status="200"' in told


def test_what_was_kept_is_not_said_again_after_a_change(fresh_app, signed):
    reader, writer = fresh_app.test_client(), signed(fresh_app, "admin")
    paths = ("/v1/actors", "/v1/actors?include=people", "/v1/search?q=first", "/v1/coverage", "/v1/actors?q=first")
    writer.put("/v1/actors/x:1", json={"name": "first", "kind": "state"})
    for _ in range(3):
        before = [reader.get(path).get_data() for path in paths]
    writer.put("/v1/actors/x:2", json={"name": "first of all", "kind": "state"})
    after = [reader.get(path).get_data() for path in paths]
    assert not set(before) & set(after)
    plain = create_app(DATABASE_URL=fresh_app.config["DATABASE_URL"], SHORTCUT=False).test_client()
    assert [plain.get(path).get_data() for path in paths] == after


def test_an_erased_name_is_gone_from_memory_too(fresh_app, signed):
    reader, admin = fresh_app.test_client(), signed(fresh_app, "admin")
    admin.put("/v1/people/x:1", json={"name": "A secret name"})
    admin.put("/v1/people/x:2", json={"name": "Another", "positions": [{"title": "Aide"}]})
    paths = ("/v1/people", "/v1/people/x:1", "/v1/people?as_of=2030-01-01")
    for path in paths * 3:
        assert b"secret" in reader.get(path).get_data()
    assert admin.delete("/v1/people/x:1?erase=true&reason=asked").status_code == 204
    for path in paths * 3:
        assert b"secret" not in reader.get(path).get_data()


def test_luck():
    luck = Luck()
    for _ in range(LOOKS):
        luck.had(hit=True)
    assert luck.worth_a_look()
    for _ in range(LOOKS):
        luck.had(hit=False)
    assert not luck.worth_a_look()
    luck.rests_until = 0
    assert luck.worth_a_look()


def test_the_state_is_not_asked_for_where_more_is_asked_in_turn_than_there_is_room_for(pair, monkeypatch):
    monkeypatch.setattr(shortcut, "PAUSE", 600)
    app, paths = pair[0].application, [f"/v1/pledges?limit={limit}" for limit in range(1, 9)]
    short = Shortcut(app)
    monkeypatch.setattr(app, "wsgi_app", short)
    short.kept.limit = sum(len(pair[1].get(path).data) + 2000 for path in paths) // 2
    with statements(app) as seen:
        for path in paths * 10:
            pair[0].get(path)
    assert [query for query, _ in seen].count(shortcut.STATE) == LOOKS


def test_what_was_written_is_read_by_every_worker(make_database, migrated, key, tmp_path):
    """Writes through one connection, reads through another, of a server of three processes, some of them hot."""
    with make_database("own", like=migrated) as url, ExitStack() as stack:
        port = free_port()
        app = create_app(DATABASE_URL=url)
        token = key(app, "write", "pairs")
        api.close(app)
        environment = {
            "PARLEY_DATABASE_URL": url,
            "PARLEY_DATA_DIR": str(tmp_path),
            "PARLEY_RATE_LIMIT": "9999999/minute",
        }
        stack.enter_context(serving("--port", str(port), "--workers", "3", **environment))

        def write_and_read(number: int) -> int:
            seen = 0
            with (
                httpx.Client(base_url=f"http://127.0.0.1:{port}") as writer,
                httpx.Client(base_url=f"http://127.0.0.1:{port}") as reader,
            ):
                writer.headers["Authorization"] = f"Bearer {token}"
                for turn in range(PAIRS // 4):
                    body = {"name": f"{number} {turn}", "kind": "state"}
                    writer.put(f"/v1/actors/pair:{number}", json=body).raise_for_status()
                    paths = (
                        f"/v1/actors?identifier=pair:{number}",
                        f"/v1/actors/pair:{number}",
                        "/v1/actors?limit=500",
                    )
                    for path in paths:
                        found = reader.get(path).json()
                        names = [item["name"] for item in found.get("items", [found])]
                        assert f"{number} {turn}" in names, path
                        seen += 1
            return seen

        with ThreadPoolExecutor(4) as threads:
            assert sum(threads.map(write_and_read, range(4))) == 3 * 4 * (PAIRS // 4)
