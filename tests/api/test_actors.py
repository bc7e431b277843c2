"""Actors: by kind, country and parent."""

import pytest

from schemas.actors import ActorArgs
from tests.world import untested, walk

FILTERS = {
    "kind=government_body": "ministry council",
    "kind=state,media": "north south host press",
    "country=EST": "south press",
    "country=FIN,TUR": "north host ministry council",
    "parent=w:north": "ministry council",
    "parent={south},w:north": "ministry council press",
    "parent=w:league": "",
    "kind=state&country=FIN": "north",
    "kind=media&parent=w:north": "",
    "q=Suur-Põhjamaa": "north",
    "q=suur pohjamaa": "north",
    "q=Northland&kind=government_body": "council ministry",  # equally well: the newest first
    "id={press},w:league": "league press",
}


@pytest.mark.parametrize(("query", "found"), FILTERS.items())
def test_filters(world, query, found):
    assert world.find("actors", query) == found.split()


def test_every_filter_is_tested():
    assert untested(ActorArgs, FILTERS) == set()


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("name", "council host league ministry north press south"),
        ("-name", "south press north ministry league host council"),
    ],
)
def test_sorts_page_by_page(world, sort, found):
    assert walk(world, "actors", f"sort={sort}&limit=2") == found.split()


def test_include_what_refers_to_it(world):
    north = world.get("actors", "north", "include=actors,processes,rounds,delegations")
    assert [entry["name"] for entry in north["actors"]] == ["Ministry of Northland", "Council of Northland"]
    assert [entry["id"] for entry in north["processes"]] == [world.ids["talks"]]
    assert [entry["id"] for entry in north["rounds"]] == [world.ids["lasting"]]
    assert [entry["id"] for entry in north["delegations"]] == [world.ids["north-1"], world.ids["north-3"]]
    ministry = world.get("actors", "ministry", "include=people")
    assert [entry["name"] for entry in ministry["people"]] == ["Ann Ames"]


def test_a_state_that_exists_still(world):
    league = world.get("actors", "league")
    assert (league["valid_from"], league["valid_to"], league["country"], league["parent"]) == ("1999", "..", None, None)
