"""People: by any spelling of their names, and by the posts they held on a day."""

import pytest

from schemas.people import PersonArgs
from tests.world import untested, walk

FILTERS = {
    "organization=w:ministry": "ann",
    "organization={council},w:league": "ann ben cy",
    "position_on=2025-07-16": "ann ben cy",
    "position_on=2025-07-17": "ben cy",  # between two posts
    "position_on=2025-07-17&organization=w:ministry,w:council": "ben",
    "position_on=2025-07-22&organization=w:council": "ann ben",
    "position_on=2025-07-22&organization=w:ministry": "",
    "position_on=2020-02-29&organization=w:ministry": "",
    "position_on=2020-03-01&organization=w:ministry": "ann",
    "position_on=2199-12-31&organization=w:council": "ann ben",  # still held, and nobody knows until when
    "position_on=1900-01-01&organization=w:council": "ben",  # nobody knows since when
    "position_on=2024-01-01&organization=w:league": "cy",  # 2024: perhaps since January
    "position_on=2023-12-31&organization=w:league": "",
    "position_on=2025-06-30&organization=w:league": "cy",  # until June: perhaps its last day
    "position_on=2025-07-01&organization=w:league": "",
    "q=Cole": "cy",
    "q=Коул": "cy",
    "q=Коул&organization=w:council": "",
    "q=anne": "ann",
    "identifier=w:ann,w:dee": "ann dee",
}


@pytest.mark.parametrize(("query", "found"), FILTERS.items())
def test_filters(world, query, found):
    assert world.find("people", query) == found.split()


def test_every_filter_is_tested():
    assert untested(PersonArgs, FILTERS) == set()


@pytest.mark.parametrize("day", ["2025", "2025-07", "2025-07-01/2025-07-02"])
def test_a_post_is_asked_for_by_a_day(world, day):
    answer = world.client.get(f"/v1/people?position_on={day}")
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (400, "position_on")


@pytest.mark.parametrize(("sort", "found"), [("name", "ann ben cy dee"), ("-name", "dee cy ben ann")])
def test_sorts_page_by_page(world, sort, found):
    assert walk(world, "people", f"sort={sort}&limit=1") == found.split()


def test_the_best_match_comes_first(writer):
    for name in ("Ilia Kowal", "Ivan Koval", "Anna Kovalenko", "Koval Koval"):
        writer.put(f"/v1/people/best:{name.replace(' ', '-')}", json={"name": name})
    found = [item["name"] for item in writer.get("/v1/people?q=Ivan Koval").json["items"]]
    assert found[0] == "Ivan Koval"
    walked, path = [], "/v1/people?q=Koval&limit=1"
    while path:
        page = writer.get(path).json
        walked += [item["name"] for item in page["items"]]
        path = page["next"]
    assert walked == [item["name"] for item in writer.get("/v1/people?q=Koval").json["items"]]
    assert len(walked) == len(set(walked)) >= 3


def test_include_delegations(world):
    ann = world.get("people", "ann", "include=delegations")
    assert [entry["id"] for entry in ann["delegations"]] == [world.ids["north-1"], world.ids["north-3"]]
    assert world.get("people", "ann", "include=actors")["positions"][0]["organization"] == world.get(
        "actors", "ministry"
    )


def test_a_position_by_its_days(world):
    minister, secretary = world.get("people", "ann")["positions"]
    assert (minister["from"], minister["to"], secretary["to"]) == ("2020-03-01", "2025-07-16", "..")
    assert world.get("people", "ben")["positions"][0]["to"] is None


def test_include_does_not_depend_on_what_was_recorded_first(writer):
    """A person older than the organisation: what is spelt out must not itself be spelt out."""
    person = writer.put("/v1/people/order:person", json={"name": "Elder"})
    writer.put("/v1/actors/order:whole", json={"name": "Whole", "kind": "state"})
    part = writer.put("/v1/actors/order:part", json={"name": "Part", "kind": "other", "parent": "order:whole"})
    body = {
        "name": "Elder",
        "positions": [{"title": "x", "organization": f"order:{name}"} for name in ("part", "whole")],
    }
    assert writer.put("/v1/people/order:person", json=body).status_code == 200
    full = writer.get(f"/v1/people/{person.json['id']}?include=actors").json
    assert [post["organization"] for post in full["positions"]] == [
        part.json,
        writer.get("/v1/actors/order:whole").json,
    ]
    late = writer.put("/v1/people/order:late", json={"name": "Late"}).json
    source = writer.put("/v1/sources/order:source", json={"kind": "news"}).json
    writer.put("/v1/rounds/order:round", json={"status": "concluded", "sources": [{"source": source["id"]}]})
    delegation = {"round": "order:round", "represents": ["order:whole"], "sources": [{"source": source["id"]}],
                  "members": [{"person": person.json["id"]}, {"person": late["id"]}]}  # fmt: skip
    writer.put("/v1/delegations/order:delegation", json=delegation)
    spelt = writer.get("/v1/delegations/order:delegation?include=people,actors").json
    assert [member["person"] for member in spelt["members"]] == [
        writer.get(f"/v1/people/{id}").json for id in (person.json["id"], late["id"])
    ]
