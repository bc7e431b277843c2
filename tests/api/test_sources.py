"""Sources: by kind, publisher, language and address."""

import pytest

from schemas.sources import SourceArgs
from tests.world import untested, walk

FILTERS = {
    "kind=official": "gazette",
    "kind=news,dataset": "paper feed",
    "publisher=w:press": "paper",
    "publisher={ministry},w:press": "paper gazette",
    "publisher=w:north": "",
    "language=uk": "gazette feed",
    "language=uk,en": "paper gazette feed",
    "language=fr": "",
    "url=https://example.org/g": "gazette",
    "url=https://example.org/a?b%3Dc,d%26e%3Df": "paper",  # an address is one value, commas and all
    "url=https://example.org/a": "",
    "language=uk&kind=dataset": "feed",
    "q=newspaper": "paper",
}


@pytest.mark.parametrize(("query", "found"), FILTERS.items())
def test_filters(world, query, found):
    assert world.find("sources", query) == found.split()


def test_every_filter_is_tested():
    assert untested(SourceArgs, FILTERS) == set()


@pytest.mark.parametrize(
    ("sort", "found"), [("published_on", "gazette paper feed"), ("-published_on", "paper gazette feed")]
)
def test_sorts_page_by_page(world, sort, found):
    assert walk(world, "sources", f"sort={sort}&limit=1") == found.split()


def test_a_language_is_found_however_it_is_written(writer):
    """Languages are kept in the standard's own spelling, so a filter has to read them so too."""
    writer.put("/v1/sources/language:a", json={"kind": "news", "language": "SR-latn"})
    assert writer.get("/v1/sources/language:a").json["language"] == "sr-Latn"
    found = writer.get("/v1/sources?language=sr-LATN").json["items"]
    assert [item["language"] for item in found] == ["sr-Latn"]


def test_include_publisher_and_what_cites_it(world):
    paper = world.get("sources", "paper", "include=rounds,delegations")
    assert len(paper["rounds"]) == 7
    assert [entry["id"] for entry in paper["delegations"]] == [
        world.ids[name] for name in ("north-1", "north-3", "host-8")
    ]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"url": "ftp://example.org"}, "/url"),
        ({"url": "example.org"}, "/url"),
        ({"url": "https://"}, "/url"),
        ({"accessed_at": "2025-07-21T12:00:00"}, "/accessed_at"),
        ({"accessed_at": "2025-07-21"}, "/accessed_at"),
        ({"accessed_at": "2025-02-30T12:00:00Z"}, "/accessed_at"),
        ({"accessed_at": "0001-01-01T00:00:00+14:00"}, "/accessed_at"),
        ({"language": "english"}, "/language"),
        ({"language": "e"}, "/language"),
        ({"content_sha256": "A" * 64}, "/content_sha256"),
        ({"translation": "robot"}, "/translation"),
        ({"published_on": "20250721"}, "/published_on"),
        ({"published_on": "2025-02-30"}, "/published_on"),
    ],
)
def test_what_no_source_has(writer, body, pointer):
    answer = writer.post("/v1/sources", json={"kind": "news"} | body)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json["errors"]] == [pointer]


def test_a_moment_is_kept_in_utc(writer):
    body = {"kind": "news", "accessed_at": "2025-07-21T14:00:00.5+02:00"}
    assert writer.post("/v1/sources", json=body).json["accessed_at"] == "2025-07-21T12:00:00.500000Z"
