"""Processes: by party and status."""

import pytest

from schemas.processes import ProcessArgs
from tests.world import untested, walk

FILTERS = {
    "party=w:south": "talks old",
    "party={north}": "talks",
    "party=w:north,w:host": "talks old plan",
    "party=w:league": "",
    "status=ongoing": "talks",
    "status=ongoing,concluded": "talks old",
    "status=suspended": "",
    "party=w:host&status=concluded": "old",
    "party=w:north&status=concluded": "",
    "q=ceasefire": "old",
    "q=old talks": "old",
    "source=w:paper": "talks old plan",
}


@pytest.mark.parametrize(("query", "found"), FILTERS.items())
def test_filters(world, query, found):
    assert world.find("processes", query) == found.split()


def test_every_filter_is_tested():
    assert untested(ProcessArgs, FILTERS) == set()


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("name", "plan old talks"),
        ("-name", "talks old plan"),
        ("started_on", "old talks plan"),
        ("-started_on", "talks old plan"),
        ("ended_on", "old talks plan"),
        ("-ended_on", "old plan talks"),
    ],
)
def test_sorts_page_by_page(world, sort, found):
    assert walk(world, "processes", f"sort={sort}&limit=1") == found.split()


def test_include_rounds(world):
    talks = world.get("processes", "talks", "include=rounds")
    assert [entry["name"] for entry in talks["rounds"]] == ["First", "Second", "Third"]
    assert world.get("processes", "plan", "include=actors")["parties"] == [world.get("actors", "host")]
