"""What was answered at any moment of any history is answered again when that moment is asked for.

For all types, sums and exports; test_rebuild.py has the same for a long history of six types with renamings.
"""

import json
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from itertools import count
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from db import lists, rates
from schemas.base import BODIES, embeds, expands
from tests import aid, words, world
from tests.db.talks import house
from tests.db.test_rebuild import without_labels
from tests.world import CITED

Json = dict[str, Any]

BODY: dict[str, dict[str, Json]] = world.WORLD | words.WORDS | aid.AID
FILTERS = {name: [*import_module(f"tests.api.test_{name}").FILTERS, ""] for name in BODY}
TYPE = {import_module(f"schemas.{name}") and name: next(b.type for b in BODIES.values() if b.collection == name)
        for name in BODY}  # fmt: skip
LABELS = {"name", "title", "other_names"}  # names in references are always today's; so here nothing is renamed
PATCH = {"content_type": "application/merge-patch+json", "headers": {"If-Match": "*"}}
#: where a record that will be merged can stand, and what takes its place then
DOUBLES = {
    "actors": [("pledges/w:cash", "donors", [{"actor": "w:{}"}]), ("processes/w:plan", "parties", ["w:{}"]),
               ("rounds/w:third", "third_parties", [{"actor": "w:{}", "role": "guarantor"}])],
    "people": [("statements/w:toast", "speaker", "w:{}"), ("meetings/w:visit", "participants", [{"person": "w:{}"}])],
}  # fmt: skip


@pytest.fixture(scope="module")
def peopled(make_database, migrated, signed) -> Iterator[tuple[str, dict[str, str]]]:
    """The name of a database with records of all types, and their ids."""
    with make_database("peopled", like=migrated) as url:
        with house(url) as app:
            with psycopg.connect(url) as conn:
                rates.load(conn)
            client = signed(app, "admin", "world")
            made = aid.write(words.write(world.write(client), client), client)
        yield str(conninfo_to_dict(url)["dbname"]), made.ids


# --- what may happen -----------------------------------------------------------------------------------------------


def records(*collections: str) -> st.SearchStrategy[tuple[str, str]]:
    return st.sampled_from([(name, record) for name in collections or BODY for record in BODY[name]])


def bodies(record: tuple[str, str]) -> st.SearchStrategy[Json]:
    """The body of some record of the same kind, but for its names."""
    collection, name = record
    kept = {key: value for key, value in BODY[collection][name].items() if key in LABELS}
    return st.sampled_from([*BODY[collection].values()]).map(
        lambda body: {key: value for key, value in body.items() if key not in LABELS} | kept
    )


def claims(record: tuple[str, str]) -> st.SearchStrategy[Json]:
    """A claim for a property of a record, with a value that another one has."""
    values = [
        (key, value)
        for body in BODY[record[0]].values()
        for key, value in body.items()
        if isinstance(value, str | int | dict) and key not in LABELS
    ]
    return st.builds(
        lambda chosen, stance, rank: {"record": f"w:{record[1]}", "property": f"/{chosen[0]}", "value": chosen[1],
                                      "stance": stance, "rank": rank},
        st.sampled_from(values or [("note", "A note")]), st.sampled_from(["asserted", "asserted", "denied"]),
        st.sampled_from(["normal", "preferred", "deprecated"]),
    )  # fmt: skip


PAYMENTS = st.builds(
    lambda pledge, kind, value: {"pledge": f"w:{pledge[1]}", "kind": kind,
                                 "amount": {"value": f"{value}.50", "currency": "EUR"}},
    records("pledges"), st.sampled_from(["commitment", "disbursement", "revision", "cancellation"]),
    st.integers(1, 90),
)  # fmt: skip
#: now, or the moment of the last write to the microsecond
TIMES = st.sampled_from(["clock_timestamp()", "(SELECT max(recorded_at) FROM revisions)"])
CHANGES = st.one_of(
    records().flatmap(lambda record: st.tuples(st.just("put"), st.just(record), bodies(record))),
    records().flatmap(
        lambda record: st.tuples(
            st.just("patch"),
            st.just(record),
            bodies(record).flatmap(lambda body: st.sampled_from([*body.items()]).map(lambda item: dict([item]))),
        )
    ),
    st.tuples(st.just("delete"), records(), st.none()),
    st.tuples(st.just("restore"), records(), st.none()),
    records("rounds", "pledges", "documents").flatmap(
        lambda record: st.tuples(st.just("post"), st.just(("claims", "")), claims(record))
    ),
    st.tuples(st.just("post"), st.just(("transactions", "")), PAYMENTS),
    st.tuples(st.just("double"), records(*DOUBLES), st.integers(0, 5)),
    st.tuples(st.just("nickname"), records(*DOUBLES), st.none()),
)
#: what asks for a record by a name that it had then, or by what was merged since
NAMED = {
    "actors": ["identifier={}", "id={}"],
    "people": ["identifier={}", "id={}"],
    "pledges": ["donor={}"],
    "processes": ["party={}"],
    "rounds": ["third_party={}", "party={}"],
    "statements": ["speaker={}"],
    "meetings": ["person={}", "actor={}"],
}
NAMES = ["w:nickname", *(f"w:double{n}" for n in range(16)), *(f"{{double{n}}}" for n in range(16))]


def change(client: FlaskClient, kind: str, record: tuple[str, str], what: Any, number: int) -> Iterator[int]:
    """Do it; gives the status of each answer."""
    collection, name = record
    path = f"/v1/{collection}/w:{quote(name)}"
    match kind:
        case "put":
            yield client.put(path, json=cited(collection) | what).status_code
        case "patch":
            yield client.patch(path, json=what, **PATCH).status_code
        case "delete":
            yield client.delete(path, headers=PATCH["headers"]).status_code
        case "restore":
            yield client.post(f"{path}/restore").status_code
        case "post":
            yield client.post(f"/v1/{collection}", json=cited(collection) | what).status_code
        case "double":  # another record of the same thing is made, referred to, and merged by a later double
            place, key, value = DOUBLES[collection][what % len(DOUBLES[collection])]
            double = f"double{number}"
            body = {"name": double} | ({"kind": "other"} if collection == "actors" else {})
            yield client.put(f"/v1/{collection}/w:{double}", json=body).status_code
            pointed = json.loads(json.dumps(value).replace("{}", double))
            yield client.patch(f"/v1/{place}", json={key: pointed}, **PATCH).status_code
            for earlier in range(number):
                old = f"/v1/{collection}/w:double{earlier}/merge"
                if (status := client.post(old, json={"into": f"w:{name}"}).status_code) != 404:
                    yield status
        case "nickname":  # goes from whoever has it to this one
            for other in client.get(f"/v1/{collection}?identifier=w:nickname").json["items"]:
                names = [own for own in other["identifiers"] if own["identifier"] != "nickname"]
                yield client.patch(f"/v1/{collection}/{other['id']}", json={"identifiers": names}, **PATCH).status_code
            if own := client.get(path).json.get("identifiers"):
                names = [*own, {"scheme": "w", "identifier": "nickname"}]
                yield client.patch(path, json={"identifiers": names}, **PATCH).status_code
            yield 200


def cited(collection: str) -> Json:
    return {} if collection in ("actors", "people", "sources") else CITED


# --- what may be asked ---------------------------------------------------------------------------------------------


def filters(collection: str) -> st.SearchStrategy[str]:
    named = [question.replace("{}", name) for question in NAMED.get(collection, ()) for name in NAMES]
    return st.sampled_from(FILTERS[collection]) | st.sampled_from(named or [""])


class Ids(dict[str, str]):
    """Of the records by their names; some that no record has yet get an id that none ever has."""

    def __missing__(self, name: str) -> str:
        return str(uuid4())


@st.composite
def questions(draw: st.DrawFn) -> str:
    collection = draw(st.sampled_from([*BODY, "pledges/summary"]))
    if collection == "pledges/summary":
        by = draw(st.sampled_from(["donor", "recipient", "status", "currency", "category,year", "month"]))
        chosen = draw(filters("pledges"))
        return f"/v1/{collection}?{query(chosen, f'group_by={by}', 'convert=EUR', 'explain=true')}"
    type, filtered = TYPE[collection], draw(filters(collection))
    form = draw(st.sampled_from(["list", "list", "export", "record"]))
    if form == "export":
        return f"/v1/exports/{collection}.ndjson?{query(filtered)}"
    included = sorted(embeds(type).keys() | expands(type).keys() | BODIES[type].includes.keys())
    shown = [f"include={name}" for name in included] + ["", f"fields=id,version,{draw(st.sampled_from(included))}"]
    if form == "record":
        name = draw(st.sampled_from([*BODY[collection], *(f"double{n}" for n in range(16) if collection in DOUBLES)]))
        return f"/v1/{collection}/w:{quote(name)}?{draw(st.sampled_from(shown[:-1]))}"
    sort = "sort=" + draw(st.sampled_from(["", "-"])) + draw(st.sampled_from([*lists.sorts(type)]))
    searched = draw(st.sampled_from(["", "", "", "q=ceasefire", "q=port", "updated_since=2020-01-01"]))
    more = draw(st.sampled_from([*shown[:-1], "fields=id,version,updated_at", "include_total=true"]))
    limit = draw(st.sampled_from(["limit=2", "limit=500"]))
    return f"/v1/{collection}?{query(filtered, sort, limit, more, searched)}"


def query(*parts: str) -> str:
    """Each parameter once."""
    named = {part.partition("=")[0]: part for part in reversed("&".join(filter(None, parts)).split("&"))}
    return "&".join(named.values())


def ask(client: FlaskClient, path: str) -> list[Any]:
    """What is answered, page by page."""
    answers: list[Any] = []
    while path:
        with client.get(path) as answer:
            assert answer.status_code in (200, 308, 404, 410), f"{path}: {answer.text}"
            if path.startswith("/v1/exports/"):
                heads = [answer.headers["Parley-Cursor"], answer.headers["Parley-Total"]]
                return [*heads, *(without_labels(json.loads(line)) for line in answer.text.splitlines())]
            if answer.status_code == 308:
                return [urlsplit(answer.location).path]
            answers.append([answer.status_code, without_labels(answer.json)])
            path = answer.json.get("next") or ""
    return answers


# --- and whether it stays true -------------------------------------------------------------------------------------


def moment(url: str, time: str) -> str:
    with psycopg.connect(url) as conn:
        row = conn.execute(f"SELECT to_char({time} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')").fetchone()
    assert row is not None
    return str(row[0])


def test_as_of_is_what_was_answered_then(peopled, make_database, signed):
    like, ids = peopled
    seen: Counter[str] = Counter()
    names = (f"past{number}" for number in count())

    # a history that fails is told as it was: each attempt to shorten it costs a database
    @settings(max_examples=8, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.lists(st.tuples(CHANGES, TIMES, st.lists(questions(), max_size=4)), min_size=8, max_size=16))
    def check(history):
        with make_database(next(names), like=like) as url, house(url) as app:
            client = signed(app, "admin", "world")
            told = []  # the moment, the question, the answer
            known = Ids(ids)
            for number, (happening, time, asked) in enumerate(history):
                statuses = list(change(client, *happening, number))
                assert max(statuses) < 500, happening
                seen["changed"] += min(statuses) < 300
                if happening[0] == "double" and (made := client.get(f"/v1/{happening[1][0]}/w:double{number}").json):
                    known[f"double{number}"] = made.get("id", "")
                paths = [path.format_map(known) for path in asked]
                answers = [ask(client, path) for path in paths]
                then = moment(url, time)
                told += [(then, path, answer) for path, answer in zip(paths, answers, strict=True)]
            for then, path, answer in told:
                seen["past"] += ask(client, path) != answer
                assert ask(client, f"{path}&as_of={then}") == answer, f"{path} as of {then}"

    check()
    assert seen["changed"] > 20 and seen["past"] > 10, seen  # or nothing was proven


def test_before_the_first_record_there_was_nothing(peopled, make_database, signed):
    like, _ = peopled
    with make_database("before", like=like) as url, house(url) as app:
        client = signed(app, "read")
        for collection in BODY:
            page = client.get(f"/v1/{collection}?as_of=2020-01-01&include_total=true").json
            assert (page["items"], page["total"]) == ([], 0)
            assert ask(client, f"/v1/exports/{collection}.ndjson?as_of=2020-01-01") == ["0", "0"]


@pytest.fixture
def admin(own_house, signed) -> FlaskClient:
    return signed(own_house, "admin", "world")


def found(client: FlaskClient, donor: str, then: str = "") -> list[str]:
    answer = client.get(f"/v1/pledges?donor={donor}" + (f"&as_of={then}" if then else ""))
    return [pledge["title"] for pledge in answer.json["items"]]


def now(app: Flask) -> str:
    return moment(app.config["DATABASE_URL"], "clock_timestamp()")


def test_of_a_record_merged_into_one_that_was_merged(own_house, admin):
    for name in ("one", "two", "three"):
        admin.put(f"/v1/actors/a:{name}", json={"name": name, "kind": "other"})
    one, two, three = (admin.get(f"/v1/actors/a:{name}").json["id"] for name in ("one", "two", "three"))
    pledge = {"title": "Cash", "donors": [{"actor": "a:one"}], "status": "announced"}
    paper = admin.post("/v1/sources", json={"kind": "news"}).json["id"]
    assert admin.post("/v1/pledges", json=pledge | {"sources": [{"source": paper}]}).status_code == 201
    thens = [now(own_house)]
    for old, new in (("one", "two"), ("two", "three")):
        assert admin.post(f"/v1/actors/a:{old}/merge", json={"into": f"a:{new}"}).status_code == 200
        thens.append(now(own_house))
    for name in ("a:one", "a:two", "a:three", one, two, three):
        assert found(admin, name) == ["Cash"], name
    for then, names in zip(thens, [("a:one", one), ("a:one", "a:two", one, two), ("a:one", three)], strict=True):
        assert [found(admin, name, then) for name in names] == [["Cash"]] * len(names), then
    assert found(admin, two, thens[0]) == found(admin, three, thens[1]) == []
    assert [urlsplit(admin.get(f"/v1/actors/{one}?as_of={then}").location or "").path for then in thens] == [
        "", f"/v1/actors/{two}", f"/v1/actors/{three}",
    ]  # fmt: skip
    patch = {"json": {"note": "Whose names are of two others."}, **PATCH}
    assert admin.patch(f"/v1/actors/{three}", **patch).status_code == 200, "the names that came with them are its own"


def test_of_an_identifier_that_went_to_another(own_house, admin):
    for name in ("old", "new"):
        admin.put(f"/v1/actors/a:{name}", json={"name": name, "kind": "other"})
    before = now(own_house)
    periods = []
    for holder in ("old", "new"):
        body = {"name": holder, "kind": "other", "identifiers": [{"scheme": "iso", "identifier": "X"}]}
        assert admin.put(f"/v1/actors/a:{holder}", json=body).status_code == 200
        periods.append((holder, now(own_house)))
        admin.put(f"/v1/actors/a:{holder}", json=body | {"identifiers": []})
        assert admin.get("/v1/actors/iso:X").status_code == 404
    for holder, then in periods:
        assert admin.get(f"/v1/actors/iso:X?as_of={then}").json["name"] == holder
        items = admin.get(f"/v1/actors?identifier=iso:X&as_of={then}").json["items"]
        assert [item["name"] for item in items] == [holder]
    assert admin.get(f"/v1/actors/iso:X?as_of={before}").status_code == 404
    assert admin.get("/v1/actors?identifier=iso:X").json["items"] == []
