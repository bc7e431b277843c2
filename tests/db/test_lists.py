"""Reading: walks that miss nothing, cursors nobody can bend, one statement an answer, and a database that goes away."""

import shutil
import tempfile
import threading
import time
from itertools import product
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api import cursors, http, shortcut
from db import engine
from db.memory import Memory
from db.migrate import migrate
from tests.db.story import Story
from tests.db.talks import COLLECTIONS, Talks, filled, house, statements
from tests.db.test_rebuild import FILTERS, INCLUDES, SORTS, without_labels

Json = dict[str, Any]

ALL_SORTS = [(type, sort) for type in COLLECTIONS for sort in ("id", "created_at", "updated_at", *SORTS[type])]


@pytest.fixture(scope="module")
def story(shared_house, provider) -> Story:
    """Some records of every type, with holes in their properties."""
    story = Story(Talks(shared_house, provider, "us"), seed=3)
    story.go_on(300)
    story.talks.made("round", "bare")
    story.talks.made("round", "full", name="Named", number=7, starts_on="2025-01-01", ends_on="2025-01-02")
    return story


def walk(talks: Talks, path: str, between: Any = lambda: None) -> tuple[list[Json], list[Json]]:
    """All pages of a list, one after the other."""
    items, pages = [], []
    while path:
        answer = talks.client.get(path)
        assert answer.status_code == 200, answer.text
        items += answer.json["items"]
        pages.append(answer.json)
        path = answer.json["next"]
        assert answer.headers.get("Link") == (f'<{path}>; rel="next"' if path else None)
        between()
    return items, pages


# --- walks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["", "-"])
@pytest.mark.parametrize(("type", "sort"), ALL_SORTS)
def test_a_walk_while_others_write(story, type, sort, way):
    """What is met on the way is the state of page one, whatever happens meanwhile."""
    talks = story.talks
    base = f"/v1/{COLLECTIONS[type]}?sort={way}{sort}"
    while len(before := talks.client.get(f"{base}&limit=500").json["items"]) <= 3:  # more than a page
        story.go_on(20)
    items, _ = walk(talks, f"{base}&limit=3", lambda: story.go_on(3))
    assert without_labels(items) == without_labels(before)


@pytest.mark.parametrize("type", COLLECTIONS)
def test_a_walk_through_a_filter(story, type):
    talks = story.talks
    known = {other: story.random.choice(ids) for other, ids in story.ids.items()}
    for more in [*FILTERS[type], "q=ceasefire", "source={source}", f"include={INCLUDES[type]}&q=prisoners"]:
        base = f"/v1/{COLLECTIONS[type]}?{more.format_map(known)}"
        before = talks.client.get(f"{base}&limit=500&include_total=true").json
        items, pages = walk(talks, f"{base}&limit=2&include_total=true", lambda: story.go_on(2))
        assert without_labels(items) == without_labels(before["items"])
        assert {page["total"] for page in pages} == {before["total"]} == {len(items)}


@pytest.mark.parametrize("sort", ["id", "-updated_at", "name"])
def test_a_walk_beside_a_busy_writer(story, sort):
    """The writer is a thread of its own; the log says what stood at the position that the cursor pins."""
    talks, over = story.talks, threading.Event()
    writer = Story(Talks(talks.app, talks.client, "us"), seed=hash(sort) % 1000)

    def keep_writing() -> None:
        while not over.is_set():
            writer.go_on(5)

    thread = threading.Thread(target=keep_writing)
    thread.start()
    try:
        for _ in range(5):
            items, pages = walk(talks, f"/v1/actors?sort={sort}&limit=4")
            with talks.app.app_context():
                position = http.cursors().read(pages[0]["next_cursor"])[0]
            stood = (
                "SELECT id FROM served WHERE type = 'actor' AND from_position <= %s AND coalesce(to_position, %s) > %s"
            )
            expected = {str(row["id"]) for row in talks.rows(stood, position, position + 1, position)}
            ids = [item["id"] for item in items]
            assert len(ids) == len(set(ids))
            assert set(ids) == expected
    finally:
        over.set()
        thread.join()


DAYS = [
    "2023",
    "2023/2024-02",
    "2024-01",
    "2024-01-15",
    "2024-01-31",
    "2024-02-01",
    "../2024-01-15",
    "2024-01-15/..",
    None,
]
AMOUNTS = [
    (10, None, None),
    (None, 5, 15),
    (10, 5, 15),
    (20, 10, None),
    (20, None, 30),
    (None, 20, None),
    (None, None, None),
]


@pytest.fixture(scope="module")
def vague(shared_house, provider) -> Talks:
    """Records whose day or amount is known exactly, within limits, on one side, or not at all."""
    talks = Talks(shared_house, provider, "us")
    names = ("amount", "amount_min", "amount_max")
    talks.made("actor", "actor")
    cited = {"sources": [{"source": "{}:paper"}]}
    given = {"title": "Aid", "donors": [{"actor": "{}:actor"}], "apportionment": "sole", "status": "pledged"}
    said = {"speaker_actor": "{}:actor", "mode": "summary", "texts": [{"lang": "en", "text": "Something"}]}

    def put(path: str, body: Json) -> None:
        answer = talks.client.put(f"/v1/{path.format(talks.scheme)}", json=filled(cited | body, talks.scheme))
        assert answer.status_code == 201, answer.text

    for number, (day, amount) in enumerate(product(DAYS, AMOUNTS)):
        money = {
            name: {"value": f"{value}", "currency": "EUR"} for name, value in zip(names, amount, strict=True) if value
        }
        put(f"pledges/{{}}:{number}", given | money | {"announced_on": day})
    for number, day in enumerate(DAYS * 2):
        put(f"statements/{{}}:{number}", said | {"said_on": day})
    return talks


@pytest.mark.parametrize("days", ["", "from=2024-01-15", "to=2024-01-15", "from=2024-01-15&to=2024-01-31", "from=2025"])
@pytest.mark.parametrize("amounts", ["", "amount_from=11", "amount_to=11", "amount_from=20&amount_to=20"])
def test_an_order_is_entered_without_losing_what_reaches_over_its_bound(vague, days, amounts):
    """In each order there is what there is in the order of ids, and nothing else, on page one and behind it."""
    kinds = {"pledges": f"{days}&{amounts}", "statements": days}
    for kind, filter in kinds.items():
        plain, _ = walk(vague, f"/v1/{kind}?{filter}&limit=500")
        assert plain
        for sort in ("announced_on", "amount") if kind == "pledges" else ("said_on",):
            for way in ("", "-"):
                items, _ = walk(vague, f"/v1/{kind}?{filter}&sort={way}{sort}&limit=4")
                assert sorted(item["id"] for item in items) == [item["id"] for item in plain]
                known = [float(item["amount"]["value"]) for item in items if item["amount"]] if sort == "amount" else []
                assert known == sorted(known, reverse=way == "-")


@pytest.mark.parametrize("way", ["", "-"])
@pytest.mark.parametrize("sort", ["name", "number", "starts_on", "ends_on"])
def test_the_unknown_comes_last(story, sort, way):
    items = story.talks.client.get(f"/v1/rounds?sort={way}{sort}&limit=500").json["items"]
    unknown = [item[sort] is None for item in items]
    assert {True, False} == set(unknown)
    assert unknown == sorted(unknown)
    if sort in ("name", "number"):
        values = [item[sort] for item in items if item[sort] is not None]
        assert values == sorted(values, reverse=way == "-")


# --- cursors -------------------------------------------------------------------------------------------------------


def refused(talks: Talks, path: str) -> Json:
    answer = talks.client.get(path)
    assert answer.status_code == 400, answer.text
    return dict(answer.json or {})


def test_bent_cursors(story):
    talks = story.talks
    cursor = talks.client.get("/v1/actors?limit=2&sort=name&kind=state").json["next_cursor"]
    good = f"/v1/actors?limit=2&sort=name&kind=state&cursor={cursor}"
    assert talks.client.get(good).status_code == 200
    assert talks.client.get(good.replace("limit=2", "limit=7&fields=id&include_total=true")).status_code == 200
    bent = [
        good[:-1],
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        good.replace(cursor, cursor[1:]),
        good.replace(cursor, cursor.swapcase()),
        good.replace(cursor, "x"),
        good.replace(cursor, "..."),
        good.replace(cursor, "W10.Z.Z"),
        good.replace(cursor, "%F0%9F%98%80"),
        good.replace("actors", "people").replace("&kind=state", ""),
        good.replace("kind=state", "kind=igo"),
        good.replace("&kind=state", ""),
        good.replace("sort=name", "sort=-name"),
        good.replace("sort=name", "sort=id"),
        good.replace("&sort=name", ""),
        good + "&q=x",
        good + "&as_of=2030-01-01",
        good + "&updated_since=2020-01-01",
    ]
    for path in bent:
        problem = refused(talks, path)
        assert (problem["code"], problem["errors"][0]["pointer"]) == ("invalid_cursor", "cursor"), path
    assert talks.client.get(good.replace(cursor, "")).status_code == 400


def test_a_cursor_of_last_week(story, monkeypatch):
    talks = story.talks
    now = cursors.today()
    for days, status in ((7, 200), (8, 400)):
        for module in (cursors, shortcut):  # which keeps answers for the day
            monkeypatch.setattr(module, "today", lambda days=days: now - days)
        old = talks.client.get("/v1/actors?limit=2").json["next_cursor"]
        monkeypatch.setattr(cursors, "today", lambda: now)
        answer = talks.client.get(f"/v1/actors?limit=2&cursor={old}")
        assert answer.status_code == status
    assert answer.json["code"] == "invalid_cursor"


def test_a_cursor_of_another_database(story, own_talks):
    Story(own_talks, seed=4)
    own_talks.rows("UPDATE secrets SET value = sha256(value) RETURNING 1")  # a copy has its secret from its original
    cursor = story.talks.client.get("/v1/actors?limit=2").json["next_cursor"]
    assert refused(own_talks, f"/v1/actors?limit=2&cursor={cursor}")["code"] == "invalid_cursor"


@pytest.mark.parametrize("limit", ["0", "501", "-1", "1.0", "x", "", "1e2", " 5", "٣", "9999999999"])
def test_limits_out_of_bounds(talks, limit):
    assert refused(talks, f"/v1/actors?limit={limit}")["errors"][0]["pointer"] == "limit"


def test_limits(story):
    talks = story.talks
    whole = talks.client.get("/v1/actors?limit=500").json
    assert (whole["next"], whole["next_cursor"]) == (None, None)
    assert "total" not in whole
    exact = talks.client.get(f"/v1/actors?limit={len(whole['items'])}").json
    assert exact == whole
    one = talks.client.get("/v1/actors?limit=1").json
    assert one["items"] == whole["items"][:1]
    assert one["next"] == f"/v1/actors?limit=1&cursor={one['next_cursor']}"
    nothing = talks.client.get("/v1/actors?identifier=x:y&include_total=true").json
    assert nothing == {"items": [], "next": None, "next_cursor": None, "total": 0}


# --- what is shown -------------------------------------------------------------------------------------------------


def test_fields(story):
    talks = story.talks
    items = talks.client.get("/v1/rounds?limit=3&fields=status,id,name").json["items"]
    assert [list(item) for item in items] == [["id", "name", "status"]] * 3
    one = talks.client.get(f"/v1/rounds/{items[0]['id']}?fields=status,id").json
    assert one == {"id": items[0]["id"], "status": items[0]["status"]}
    problem = refused(talks, "/v1/rounds?fields=id,nane")
    assert "Did you mean name?" in problem["errors"][0]["detail"]
    both = talks.client.get("/v1/rounds?limit=3&fields=id,process&include=delegations,processes").json["items"]
    assert [list(item) for item in both] == [["id", "process", "delegations", "processes"]] * 3


def test_includes(talks):
    for type in ("process", "round", "actor", "person"):
        talks.made(type, type)
    talks.made("process", "process", parties=["{}:actor"], outcomes=[{"kind": "none", "rounds": ["{}:round"]}])
    talks.made("actor", "other")
    talks.made("round", "round", process="{}:process", third_parties=[{"actor": "{}:actor", "role": "host"}])
    talks.made("delegation", "one", members=[{"person": "{}:person"}])
    talks.made("delegation", "two", represents=["{}:other"])
    talks.made("delegation", "gone")
    talks.delete("delegation", "gone")
    plain = {type: talks.read(type, type) for type in ("process", "round", "actor", "person")}
    delegations = [talks.read("delegation", name) for name in ("one", "two")]
    # those that refer to it stand under the name of their collection
    assert talks.read("round", "round", "?include=delegations") == plain["round"] | {"delegations": delegations}
    # those that it refers to stand whole in their place, and show their own references as ever
    shown = talks.read("round", "round", "?include=processes,actors")
    assert shown["processes"] == [plain["process"]]
    assert shown["third_parties"] == [{"actor": plain["actor"], "role": "host"}]
    shown = talks.read("delegation", "one", "?include=rounds,people,actors")
    assert shown["round"] == plain["round"]
    assert shown["members"][0]["person"] == plain["person"]
    assert shown["represents"] == [plain["actor"]]
    # in lists it is the same
    assert talks.listed("round", "identifier={}:round&include=delegations,processes,actors")["items"] == [
        talks.read("round", "round", "?include=delegations,processes,actors")
    ]
    assert "Did you mean delegations?" in refused(talks, "/v1/rounds?include=delegation")["errors"][0]["detail"]


def test_includes_of_the_past(talks):
    for type in ("process", "round", "actor", "delegation"):
        talks.made(type, type)
    talks.made("round", "round", process="{}:process")
    then = talks.read("delegation", "delegation")["updated_at"]
    then = max(then, talks.read("round", "round")["updated_at"])
    with_delegations = talks.read("round", "round", "?include=delegations,processes")
    talks.made("process", "process", summary="Later.")
    talks.made("delegation", "delegation", note="Later.")
    talks.made("delegation", "late")
    assert len(talks.read("round", "round", "?include=delegations")["delegations"]) == 2
    assert talks.read("round", "round", f"?as_of={then}&include=delegations,processes") == with_delegations
    items = talks.listed("round", f"identifier={{}}:round&as_of={then}&include=delegations,processes")["items"]
    assert items == [with_delegations]


def test_lists_can_be_asked_whether_they_changed(story):
    answer = story.talks.client.get("/v1/actors?limit=3")
    again = story.talks.client.get("/v1/actors?limit=3", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", answer.headers["ETag"])


# --- how much it costs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type", COLLECTIONS)
def test_one_statement_an_answer(story, type):
    app = story.talks.app
    reader = app.test_client()
    reader.get("/v1/actors?limit=1")  # the secret of the cursors is read once
    known = {other: ids[0] for other, ids in story.ids.items()}
    everything = "&".join(
        f"{name}={value}"
        for name, value in {
            **dict(part.split("=") for more in FILTERS[type] for part in more.format_map(known).split("&")),
            "limit": 2, "sort": "-updated_at", "q": "ceasefire", "id": known[type], "identifier": "x:y",
            "source": known["source"], "updated_since": "2020-01-01", "fields": "id,type", "lang": "uk",
            "include": INCLUDES[type], "as_of": "2030-01-01", "include_total": "true",
        }.items()
    )  # fmt: skip
    live = reader.get(f"/v1/{COLLECTIONS[type]}?limit=1").json["items"][0]["id"]
    for path in (
        f"/v1/{COLLECTIONS[type]}",
        f"/v1/{COLLECTIONS[type]}?limit=1",
        f"/v1/{COLLECTIONS[type]}?{everything}",
        f"/v1/{COLLECTIONS[type]}/{live}",
        f"/v1/{COLLECTIONS[type]}/{live}?fields=id&include={INCLUDES[type]}&as_of=2030-01-01&lang=uk",
        f"/v1/{COLLECTIONS[type]}/{live}?version=1",
        f"/v1/{COLLECTIONS[type]}/{live}/revisions",
    ):
        app.extensions["documents"] = Memory(2**20)
        answers, counts = [], []
        while len(answers) < 3 or (counts[-1] > 1 and len(answers) < 30):  # other databases' writers disturb it, too
            with statements(app) as seen:
                answers.append(reader.get(path))
            counts.append(len(seen))
        assert {(answer.status_code, answer.data) for answer in answers} == {(200, answers[0].data)}, path
        # at first also documents that were not in memory; at last only whether anything has changed
        assert (counts[0] <= 3, counts[-1]) == (True, 1), path


def test_a_page_of_five_hundred_is_documents_as_they_are(own_talks):
    own_talks.write(*[own_talks.upsert("actor", f"n{n}") for n in range(500)])
    own_talks.client.get("/v1/actors?limit=1")
    reader = own_talks.app.test_client()
    own_talks.app.extensions["documents"] = Memory(2**20)
    with statements(own_talks.app) as seen:
        answer = reader.get("/v1/actors?limit=500")
    assert len(answer.json["items"]) == 500
    assert [count for _, count in seen] == [500, 500]
    ready = own_talks.rows("SELECT doc FROM served WHERE type = 'actor' ORDER BY id")
    assert answer.text.startswith('{"items":[' + ",".join(row["doc"] for row in ready))  # byte for byte


# --- a database that goes away -------------------------------------------------------------------------------------


def kill(url: str) -> int:
    """Cut all connections to a database but our own."""
    with psycopg.connect(url, autocommit=True) as conn:
        query = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()"
        found = conn.execute(f"{query} AND pid <> pg_backend_pid() AND backend_type = 'client backend'").fetchone()
        assert found
        return int(found[0])


def test_connections_that_were_cut(own_talks):
    url = own_talks.app.config["DATABASE_URL"]
    reader = own_talks.app.test_client()
    own_talks.made("actor", "actor")
    path = own_talks.path("actor", "actor")
    asks = {
        "read": lambda: reader.get(path),
        "list": lambda: reader.get("/v1/actors"),
        "read with a key": lambda: own_talks.client.get(path),
        "write": lambda: own_talks.put("actor", "actor", {"note": str(time.time())}),
        "write with nothing new": lambda: own_talks.put("source", "paper"),
    }
    for name, ask in asks.items():
        for warm in asks.values():
            warm()
        assert kill(url) >= 2
        answer = ask()
        assert answer.status_code == 200, (name, answer.text)


def test_a_database_that_is_stopped_and_started(key):
    data_dir = Path(tempfile.mkdtemp(prefix="parley-away-"))
    running = engine.start(data_dir)
    try:
        migrate(running.url)
        with house(running.url) as app:
            token = {"Authorization": f"Bearer {key(app)}"}
            client, body = app.test_client(), {"name": "Here", "kind": "state"}
            assert client.post("/v1/actors", json=body, headers=token).status_code == 201
            engine.stop(running)
            for ask in (
                lambda: client.get("/v1/actors"),
                lambda: client.post("/v1/actors", json=body, headers=token),
            ):
                start = time.monotonic()
                answer = ask()
                assert (answer.status_code, answer.json["code"]) == (503, "unavailable")
                assert int(answer.headers["Retry-After"]) > 0
                assert answer.content_type == "application/problem+json"
                assert time.monotonic() - start < 12
            running = engine.start(data_dir)
            deadline = time.monotonic() + 15
            while client.get("/v1/actors").status_code != 200:
                assert time.monotonic() < deadline, "it never came back"
            assert client.post("/v1/actors", json=body, headers=token).status_code == 201
            assert len(client.get("/v1/actors", headers=token).json["items"]) == 2
    finally:
        engine.stop(running)
        shutil.rmtree(data_dir)
