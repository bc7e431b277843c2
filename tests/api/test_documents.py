"""Documents: by kind, author, talks, status and what they lay down."""

import pytest

from schemas.documents import DocumentArgs
from tests.world import CITED, untested, walk

FILTERS = {
    "kind=memorandum": "memo-north memo-south",
    "kind=draft,agreement": "outline treaty",
    "author=w:south": "memo-south outline",
    "author={north}": "memo-north",
    "author=w:north,w:host": "memo-north outline",
    "process=w:talks": "memo-north memo-south outline",  # the last by its round alone
    "process=w:plan": "",
    "round=w:third": "outline",
    "round={second},w:first": "memo-north",
    "status=exchanged": "memo-north memo-south",
    "status=draft,in_force": "outline treaty",
    "topic=neutrality": "memo-north treaty",
    "topic=neutrality&process=w:talks": "memo-north",
    "topic=arms_control,league_membership": "memo-north memo-south",
    "topic=neutral": "",  # a topic is a whole word
    "q=neutral": "treaty",  # unlike text
    "q=memorandum south": "memo-south",
    "source=w:paper&status=draft": "outline",
}


@pytest.mark.parametrize(("query", "found"), FILTERS.items())
def test_filters(words, query, found):
    assert words.find("documents", query) == found.split()


def test_every_filter_is_tested():
    assert untested(DocumentArgs, FILTERS) == set()


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("dated", "treaty memo-north outline memo-south"),
        ("-dated", "outline memo-north treaty memo-south"),
        ("title", "treaty memo-north memo-south outline"),
        ("-title", "memo-south memo-north treaty outline"),
    ],
)
def test_sorts_page_by_page(words, sort, found):
    assert walk(words, "documents", f"sort={sort}&limit=1") == found.split()


def test_include_what_is_said_and_claimed_of_it(words):
    assert [entry["id"] for entry in words.get("documents", "memo-north", "include=statements")["statements"]] == [
        words.ids["denial"]
    ]
    assert [entry["id"] for entry in words.get("documents", "memo-south", "include=claims")["claims"]] == [
        words.ids["denied"]
    ]
    assert words.get("documents", "memo-north", "include=actors")["authors"] == [words.get("actors", "north")]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/kind"),
        ({"kind": "leaflet"}, "/kind"),
        ({"kind": "letter", "sources": None}, "/sources"),
        ({"kind": "letter", "provisions": [{"summary": "x"}]}, "/provisions/0/topic"),
        ({"kind": "letter", "provisions": [{"topic": "Two words"}]}, "/provisions/0/topic"),
        ({"kind": "letter", "provisions": [{"topic": "a,b"}]}, "/provisions/0/topic"),
        ({"kind": "letter", "provisions": [{"topic": "a\n"}]}, "/provisions/0/topic"),
        ({"kind": "letter", "provisions": [{"topic": "x" * 101}]}, "/provisions/0/topic"),
        ({"kind": "letter", "authors": ["w:ann"]}, "/authors/0"),
        ({"kind": "letter", "round": "w:talks"}, "/round"),
        ({"kind": "letter", "status": "lost"}, "/status"),
        ({"kind": "letter", "url": "javascript:alert(1)"}, "/url"),
        ({"kind": "letter", "dated": "yesterday"}, "/dated"),
    ],
)
def test_what_is_no_document(words, signed, body, pointer):
    writer = signed(words.client.application, "write", "enemy")
    answer = writer.post("/v1/documents", json=CITED | body)
    assert (answer.status_code, [error["pointer"] for error in answer.json["errors"]]) == (422, [pointer])
