"""A small made-up world, written through the API: every filter has something to find in it and something to leave."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flask.testing import FlaskClient

from schemas.lists import ListArgs

Json = dict[str, Any]

CITED = {"sources": [{"source": "w:paper"}]}
WORLD: dict[str, dict[str, Json]] = {
    "actors": {
        "north": {"name": "Northland", "kind": "state", "country": "FIN", "other_names": [{"name": "Suur-Põhjamaa"}]},
        "south": {"name": "Southland", "kind": "state", "country": "EST"},
        "host": {"name": "Hostland", "kind": "state", "country": "TUR"},
        "ministry": {"name": "Ministry of Northland", "kind": "government_body", "country": "FIN", "parent": "w:north"},
        "council": {"name": "Council of Northland", "kind": "government_body", "country": "FIN", "parent": "w:north"},
        "league": {"name": "League", "kind": "alliance", "valid_from": "1999", "valid_to": ".."},
        "press": {"name": "Press", "kind": "media", "country": "EST", "parent": "w:south"},
    },
    "sources": {
        "paper": {"kind": "news", "publisher": "w:press", "language": "en", "url": "https://example.org/a?b=c,d&e=f",
                  "title": "A newspaper", "published_on": "2025-07"},
        "gazette": {"kind": "official", "publisher": "w:ministry", "language": "uk", "url": "https://example.org/g",
                    "title": "A gazette", "published_on": "2025-05-17"},
        "feed": {"kind": "dataset", "language": "uk"},
    },
    "people": {
        # from the ministry to the council, with a day between
        "ann": {"name": "Ann Ames", "positions": [
            {"title": "Minister", "organization": "w:ministry", "from": "2020-03-01", "to": "2025-07-16"},
            {"title": "Secretary", "organization": "w:council", "from": "2025-07-18", "to": ".."}]},
        # nobody knows since when, nor until when
        "ben": {"name": "Ben Bell", "positions": [{"title": "Adviser", "organization": "w:council"}]},
        # imprecise at both ends
        "cy": {"name": "Cy Cole", "positions": [
            {"title": "Envoy", "organization": "w:league", "from": "2024", "to": "2025-06"},
            {"title": "Member of the board"}], "other_names": [{"name": "Сай Коул", "lang": "uk"}]},
        "dee": {"name": "Dee Dunn"},
    },
    "processes": {
        "talks": {"name": "Talks of the North and the South", "parties": ["w:north", "w:south"], "status": "ongoing",
                  "started_on": "2025-05"},
        "old": {"name": "Old talks", "parties": ["w:south", "w:host"], "status": "concluded", "started_on": "1999-02",
                "ended_on": "2001", "summary": "They ended in a ceasefire."},
        "plan": {"name": "A plan", "parties": ["w:host"]},
    },
    "rounds": {
        "first": {"process": "w:talks", "number": 1, "name": "First", "status": "concluded", "starts_on": "2025-05-16",
                  "formats": ["direct"], "tracks": [{"track": "humanitarian"}]},
        "second": {"process": "w:talks", "number": 2, "name": "Second", "status": "concluded",
                   "starts_on": "2025-06-02", "ends_on": "2025-06-03", "formats": ["direct", "mediated"],
                   "tracks": [{"track": "humanitarian"}, {"track": "political"}]},
        "third": {"process": "w:talks", "number": 3, "name": "Third", "status": "proposed",
                  "starts_on": "[2025-07-23,2025-07-24]", "venue": {"city": "Port", "country": "TUR"},
                  "third_parties": [{"actor": "w:host", "role": "host"}, {"actor": "w:league", "role": "observer"}]},
        "session": {"parent": "w:third", "status": "scheduled", "starts_on": "2025-07-23?",
                    "venue": {"country": "CHE"}},
        "august": {"process": "w:old", "number": 3, "status": "postponed", "starts_on": "2025-08",
                   "tracks": [{"track": "military"}], "formats": ["remote"]},
        "lasting": {"process": "w:plan", "status": "ongoing", "starts_on": "2025-10-01", "ends_on": "2025-10-05/..",
                    "third_parties": [{"actor": "w:north", "role": "mediator"}]},
        "undated": {"status": "cancelled", "note": "Nothing is known of the day."},
    },
    "delegations": {
        "north-1": {"round": "w:first", "represents": ["w:north"], "members": [
            {"person": "w:dee", "role": "expert", "attendance": "attended"},
            {"person": "w:ann", "role": "head_of_delegation", "position": "Minister", "attendance": "attended"},
            {"raw_name": "Somebody", "role": "interpreter"},
            {"person": "w:ben", "role": "deputy_head"}]},
        "north-3": {"round": "w:third", "represents": ["w:north", "w:league"], "members": [
            {"person": "w:ben", "role": "head_of_delegation"},
            {"person": "w:ann", "attendance": "not_expected", "position": "Secretary"}]},
        "south-3": {"round": "w:third", "represents": ["w:south"], "members": [{"person": "w:cy", "role": "adviser"}],
                    "sources": [{"source": "w:gazette"}]},
        "host-8": {"round": "w:august", "represents": ["w:host"], "composition_note": "Unchanged since the spring."},
    },
}  # fmt: skip


@dataclass
class World:
    """Reads the world, and knows its records by their short names."""

    client: FlaskClient
    plain: FlaskClient  # for answers thinned by `fields`, which hold less than a record's schema promises
    ids: dict[str, str]

    def find(self, collection: str, query: str) -> list[str]:
        """The short names of what a query finds, in the order found; `{ann}` in it stands for her id."""
        answer = self.client.get(f"/v1/{collection}?{query.format_map(self.ids)}")
        assert answer.status_code == 200, answer.text
        return [item["identifiers"][0]["identifier"] for item in answer.json["items"]]

    def get(self, collection: str, name: str, query: str = "") -> Any:
        answer = self.client.get(f"/v1/{collection}/w:{name}?{query.format_map(self.ids)}")
        assert answer.status_code == 200, answer.text
        return answer.json


def write(client: FlaskClient) -> World:
    """Upsert the whole world with a key."""
    ids = {}
    for collection, records in WORLD.items():
        for name, body in records.items():
            cited = CITED if collection in ("processes", "rounds", "delegations") else {}
            answer = client.put(f"/v1/{collection}/w:{quote(name)}", json=cited | body)
            assert answer.status_code == 201, answer.text
            ids[name] = answer.json["id"]
    app = client.application
    return World(app.test_client(), FlaskClient(app, app.response_class), ids)


def walk(world: World, collection: str, query: str) -> list[str]:
    """The short names of all records of a list, following `next` from page to page."""
    found: list[str] = []
    path = f"/v1/{collection}?{query.format_map(world.ids)}"
    while path:
        page = world.client.get(path).json
        found += [item["identifiers"][0]["identifier"] for item in page["items"]]
        path = page["next"]
    return found


def untested(args: type[ListArgs], queries: dict[str, str]) -> set[str]:
    """The filters of a resource that no query of its tests uses."""
    own = args._declared_fields.keys() - ListArgs._declared_fields.keys()
    used = {part.partition("=")[0] for query in queries for part in query.split("&")}
    return {args._declared_fields[name].data_key or name for name in own} - used
