"""The calendar: rounds on the days that are known of them, and no surer than that."""

from datetime import date

import pytest
from icalendar import Calendar

from tests.api.test_rounds import FILTERS
from tests.world import CITED

DATELESS = "undated"


def calendar(client, query: str = "") -> Calendar:
    answer = client.get(f"/v1/rounds.ics{query}")
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "text/calendar"
    assert all(len(line) <= 75 for line in answer.data.split(b"\r\n"))
    return Calendar.from_ical(answer.data)


def events(client, query: str = "") -> dict[str, dict]:
    return {str(event["UID"]).partition("@")[0]: event for event in calendar(client, query).walk("VEVENT")}


@pytest.fixture
def named(aid):
    """The events by the short names of their rounds."""
    found = events(aid.client)
    return {name: found[id] for name, id in aid.ids.items() if id in found}


def test_rounds_without_any_day_are_left_out(named):
    assert named.keys() == {"first", "second", "third", "session", "august", "lasting"}


@pytest.mark.parametrize(
    ("name", "first", "last", "summary"),
    [
        ("first", date(2025, 5, 16), date(2025, 5, 16), "First"),
        ("second", date(2025, 6, 2), date(2025, 6, 3), "Second"),
        ("third", date(2025, 7, 23), date(2025, 7, 24), "Third (date imprecise)"),
        ("session", date(2025, 7, 23), date(2025, 7, 23), "Round of talks (date imprecise)"),
        ("august", date(2025, 8, 1), date(2025, 8, 31), "Round 3 (date imprecise)"),
        ("lasting", date(2025, 10, 1), date(2025, 10, 5), "Round of talks (date imprecise)"),
    ],
)
def test_all_day_events_over_all_possible_days(named, name, first, last, summary):
    event = named[name]
    assert event.decoded("DTSTART") == first
    assert (event.decoded("DTEND") - last).days == 1  # the end is the day after
    assert str(event["SUMMARY"]) == summary


def test_what_is_imprecise_says_so(named):
    assert "DESCRIPTION" not in named["first"] or "imprecise" not in named["first"]["DESCRIPTION"]
    assert named["third"]["DESCRIPTION"].startswith("The date is imprecise: [2025-07-23,2025-07-24].")
    assert named["lasting"]["DESCRIPTION"].startswith("The date is imprecise: 2025-10-01 to 2025-10-05/..")


def test_the_rest_of_an_event(aid, named):
    third, session = named["third"], named["session"]
    made = aid.client.get("/v1/rounds/w:third").json
    assert (str(third["LOCATION"]), str(third["STATUS"])) == ("Port, TUR", "TENTATIVE")
    assert str(named["first"]["STATUS"]) == "CONFIRMED"
    assert str(third["UID"]) == f"{made['id']}@parley"
    assert third.decoded("DTSTAMP").isoformat() == made["updated_at"][:19] + "+00:00"
    assert str(third["URL"]) == f"http://localhost/v1/rounds/{made['id']}"
    assert "LOCATION" not in named["first"] and str(session["LOCATION"]) == "CHE"


@pytest.mark.parametrize("query", FILTERS)
def test_filters_are_those_of_the_list(aid, query):
    query = query.format_map(aid.ids)
    found = {row["id"] for row in aid.client.get(f"/v1/rounds?{query}").json["items"]}
    assert events(aid.client, f"?{query}").keys() == found - {aid.ids[DATELESS]}


@pytest.mark.parametrize("parameter", ["limit=5", "fields=id", "include=claims", "sort=name", "bom=true", "cursor=x"])
def test_a_calendar_has_no_pages(aid, parameter):
    assert aid.client.get(f"/v1/rounds.ics?{parameter}").json["code"] == "unknown_parameter"


def test_a_contested_day_shows_who_says_what(fresh_app, signed):
    client = signed(fresh_app)
    client.put("/v1/sources/w:paper", json={"kind": "news"})
    client.put("/v1/actors/x:press", json={"name": "Press", "kind": "media"})
    client.put("/v1/people/x:speaker", json={"name": "A Speaker"})
    client.put("/v1/rounds/x:1", json=CITED | {"status": "proposed", "name": "Third", "summary": "Expected; in Port."})
    assert not events(client)
    claims = [
        {"value": "2025-07-23", "stance": "asserted", "asserted_by": "x:press"},
        {"value": "2025-07-25", "stance": "asserted"},
        {"value": "2025-07-20", "stance": "not_confirmed", "asserted_by": "x:speaker"},
        {"value": "2025-01-01", "stance": "asserted", "rank": "deprecated"},
    ]
    for number, claim in enumerate(claims):
        claim |= CITED | {"record": "x:1", "property": "/starts_on"}
        assert client.put(f"/v1/claims/x:{number}", json=claim).status_code == 201
    [event] = events(client).values()
    assert (event.decoded("DTSTART"), event.decoded("DTEND")) == (date(2025, 7, 23), date(2025, 7, 26))
    assert str(event["SUMMARY"]) == "Third (date contested)"
    said, summary = str(event["DESCRIPTION"]).split("\n\n")
    assert said.splitlines() == [
        "The date is contested.",
        "2025-07-23: asserted by Press.",
        "2025-07-25: asserted by somebody.",
        "2025-07-20: not confirmed by A Speaker.",
    ]
    assert summary == "Expected; in Port."
    before = int(event["SEQUENCE"])
    client.put("/v1/rounds/x:1", json=CITED | {"status": "cancelled", "name": "Third"})
    [event] = events(client).values()
    assert (str(event["STATUS"]), int(event["SEQUENCE"])) == ("CANCELLED", before + 1)


def test_more_rounds_than_a_page(fresh_app, signed):
    client = signed(fresh_app)
    client.put("/v1/sources/w:paper", json={"kind": "news"})
    rows = [
        {"op": "upsert", "type": "round", "identifier": f"x:{number}",
         "data": CITED | {"status": "concluded", "starts_on": f"{1200 + number}-01-01"}}
        for number in range(501)
    ]  # fmt: skip
    assert client.post("/v1/batches", json={"operations": rows}).json["counts"]["created"] == 501
    years = {event.decoded("DTSTART").year for event in events(client).values()}
    assert years == set(range(1200, 1701))
