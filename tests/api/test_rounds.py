"""Rounds: by process, people, place and day."""

import pytest

from schemas.rounds import RoundArgs
from tests.world import untested, walk

FILTERS = {
    "process=w:talks": "first second third",
    "process={old},w:plan": "august lasting",
    "parent=w:third": "session",
    "parent={third},w:first": "session",
    "party=w:south": "first second third august",
    "party={host}": "august lasting",  # of the processes old and plan; only august has a delegation of it
    "party=w:league": "third",  # no party of the process, but represented at the round
    "status=concluded": "first second",
    "status=proposed,scheduled": "third session",
    "format=mediated": "second",
    "format=mediated,remote": "second august",
    "track=political": "second",
    "track=humanitarian,military": "first second august",
    "country=TUR": "third",
    "country=TUR,CHE": "third session",
    "third_party=w:north": "lasting",
    "third_party={host},{league}": "third",
    "number=3": "third august",
    "number=1,2": "first second",
    "from=2025-06-03&to=2025-07-22": "second",  # its last day
    "from=2025-05-17&to=2025-06-01": "",
    "from=2025-05-16&to=2025-06-02": "first second",
    "from=2025-09-01": "lasting",  # and not what has no day at all
    "from=2100-01-01": "lasting",  # its end is open
    "to=2025-05-16": "first",
    "from=2025-07-24&to=2025-07-24": "third",  # possibly
    "from=2025-07-24&to=2025-07-24&date_match=possible": "third",
    "from=2025-07-24&to=2025-07-24&date_match=certain": "",
    "from=2025-07-23&to=2025-07-24": "third session",
    "from=2025-07-23&to=2025-07-24&date_match=certain": "third",  # the session's day is only supposed
    "from=2025-08-31&to=2025-08-31": "august",
    "from=2025-08-02&to=2025-09-01&date_match=certain": "",
    "from=2025-08-01&to=2025-08-31&date_match=certain": "august",
    "from=2025-07&to=2025-07": "third session",  # from its first day to its last
    "from=2025-10-01&date_match=certain": "",  # nothing surely falls in a range that its own end may leave
    "to=2025-06-03&date_match=certain": "first second",
    "from=2025-06-02/2025-06-03&to=2025-06-02/2025-06-03": "second",
    "country=TUR&status=proposed,scheduled": "third",
    "country=TUR&status=concluded": "",
    "process=w:talks&number=3&party=w:south&from=2025-07": "third",
    "process=w:nowhere": "",
    "q=third": "third",
    "q=nothing is known": "undated",
    "identifier=w:first,w:august": "first august",
    "id={second},w:third": "second third",
    "source=w:gazette": "",
    "source=w:paper&number=2": "second",
}


@pytest.mark.parametrize(("query", "found"), FILTERS.items())
def test_filters(world, query, found):
    assert world.find("rounds", query) == found.split()


def test_every_filter_is_tested():
    assert untested(RoundArgs, FILTERS) == set()


SORTS = {
    "sort=starts_on": "first second third session august lasting undated",
    "sort=-starts_on": "lasting august session third second first undated",
    "sort=ends_on": "second first third session august lasting undated",  # an open end is as late as an unknown one
    "sort=-ends_on": "lasting second undated august session third first",
    "sort=number": "first second third august session lasting undated",
    "sort=-number": "august third second first undated lasting session",
    "sort=name": "first second third session august lasting undated",
    "sort=-name": "third second first undated lasting august session",
    "sort=-id": "undated lasting august session third second first",
    "sort=-updated_at": "undated lasting august session third second first",
    "sort=starts_on&track=humanitarian,military": "first second august",
}


@pytest.mark.parametrize(("query", "found"), SORTS.items())
@pytest.mark.parametrize("limit", [1, 3, 500])
def test_sorts_page_by_page(world, query, found, limit):
    assert walk(world, "rounds", f"{query}&limit={limit}") == found.split()


def test_include_of_what_refers_to_it(world):
    third = world.get("rounds", "third", "include=delegations,rounds")
    assert [entry["id"] for entry in third["delegations"]] == [world.ids["north-3"], world.ids["south-3"]]
    assert [entry["id"] for entry in third["rounds"]] == [world.ids["session"]]
    assert third["delegations"][0]["members"][0]["role"] == "head_of_delegation"
    assert world.get("rounds", "undated", "include=delegations,rounds")["delegations"] == []
    assert "delegations" not in world.get("rounds", "third", "include=rounds")


def test_include_of_what_it_refers_to(world):
    plain, full = world.get("rounds", "third"), world.get("rounds", "third", "include=actors")
    assert plain["third_parties"][0]["actor"].keys() == {"id", "type", "name", "identifiers"}
    assert full["third_parties"][0]["actor"] == world.get("actors", "host")
    assert full["process"] == plain["process"]


def test_include_and_fields_in_a_list(world):
    answer = world.plain.get("/v1/rounds?party=w:league&include=delegations&fields=id,venue").json
    [third] = answer["items"]
    assert list(third) == ["id", "venue", "delegations"]
    assert third["venue"] == {"name": None, "city": "Port", "country": "TUR", "latitude": None, "longitude": None}
    assert [entry["represents"][0]["name"] for entry in third["delegations"]] == ["Northland", "Southland"]
