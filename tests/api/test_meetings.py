"""Meetings: by kind, who was there, place and day."""

import pytest

from schemas.meetings import MeetingArgs
from tests.world import CITED, untested, walk

FILTERS = {
    "kind=summit": "summit",
    "kind=visit,call": "visit call",
    "actor=w:north": "summit call",
    "actor={host}": "summit",  # in the chair
    "actor=w:league": "summit",  # called it
    "actor=w:ministry": "",  # of the north, and not the north
    "actor=w:south&kind=call": "call",
    "person=w:ann": "summit visit",  # once absent
    "person={cy},w:dee": "visit",
    "country=TUR": "summit",
    "country=TUR,FIN": "summit visit",
    "from=2025-06-25&to=2025-07-20": "summit",
    "from=2025-06-26&to=2025-07-20": "",
    "from=2025-07-21": "visit call",
    "from=2025-07-21&date_match=certain": "visit",
    "from=2025-06-25&date_match=certain": "visit",  # the summit began before
    "to=2025-06-24": "summit",
    "to=2025-06-24&date_match=certain": "",
    "q=port": "summit",
    "q=stayed at home": "visit",
    "source=w:gazette": "",
}


@pytest.mark.parametrize(("query", "found"), FILTERS.items())
def test_filters(words, query, found):
    assert words.find("meetings", query) == found.split()


def test_every_filter_is_tested():
    assert untested(MeetingArgs, FILTERS) == set()


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("held_on", "summit visit call someday"),
        ("-held_on", "call visit summit someday"),
        ("name", "visit call summit someday"),
        ("-name", "summit call visit someday"),
    ],
)
def test_sorts_page_by_page(words, sort, found):
    assert walk(words, "meetings", f"sort={sort}&limit=1") == found.split()


def test_include_what_was_said_there_or_about_it(words):
    summit = words.get("meetings", "summit", "include=statements,people")
    assert [entry["id"] for entry in summit["statements"]] == [words.ids["toast"], words.ids["recollection"]]
    assert summit["participants"][0]["person"]["positions"][0]["title"] == "Minister"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/kind"),
        ({"kind": "party"}, "/kind"),
        ({"kind": "call", "sources": []}, "/sources"),
        ({"kind": "call", "participants": [{"role": "guest"}]}, "/participants/0"),
        ({"kind": "call", "participants": [{"person": "w:north"}]}, "/participants/0/person"),
        ({"kind": "call", "participants": [{"actor": "w:north", "attendance": "late"}]}, "/participants/0/attendance"),
        ({"kind": "call", "participants": [{"actor": "w:north"}] * 1001}, "/participants"),
        ({"kind": "call", "chaired_by": "w:north"}, "/chaired_by"),
        ({"kind": "call", "held_on": "2025-02-30"}, "/held_on"),
        ({"kind": "call", "venue": {"country": "TUR", "planet": "Mars"}}, "/venue/planet"),
        ({"kind": "call", "name": "a\x00b"}, "/name"),
        ({"kind": "call", "name": "x" * 501}, "/name"),
    ],
)
def test_what_is_no_meeting(words, signed, body, pointer):
    writer = signed(words.client.application, "write", "enemy")
    answer = writer.post("/v1/meetings", json=CITED | body)
    assert (answer.status_code, [error["pointer"] for error in answer.json["errors"]]) == (422, [pointer])
