"""Delegations: by round, people and roles; who leads stands first; a post stays what it was."""

import pytest

from schemas.delegations import DelegationArgs
from tests.world import untested, walk

FILTERS = {
    "round=w:third": "north-3 south-3",
    "round={first},w:august": "north-1 host-8",
    "meeting=w:first": "",  # a round is no meeting
    "process=w:talks": "north-1 north-3 south-3",
    "process={old}": "host-8",
    "represents=w:north": "north-1 north-3",
    "represents={league},w:host": "north-3 host-8",
    "person=w:ann": "north-1 north-3",  # even where she was not expected
    "person={cy},w:dee": "north-1 south-3",
    "role=head_of_delegation": "north-1 north-3",
    "role=adviser,interpreter": "north-1 south-3",
    "role=member": "north-3",  # the role where none is said
    "person=w:ann&role=head_of_delegation": "north-1",  # she, not just anybody there
    "person=w:ben,w:cy&role=head_of_delegation,adviser": "north-3 south-3",
    "represents=w:north&round=w:third": "north-3",
    "represents=w:south&round=w:first": "",
    "source=w:gazette": "south-3",
    "q=spring": "host-8",
    "id={host-8}": "host-8",
}


@pytest.mark.parametrize(("query", "found"), FILTERS.items())
def test_filters(world, query, found):
    assert world.find("delegations", query) == found.split()


def test_every_filter_is_tested():
    assert untested(DelegationArgs, FILTERS) == set()


def test_sort_downwards_page_by_page(world):
    assert walk(world, "delegations", "sort=-id&limit=1") == ["host-8", "south-3", "north-3", "north-1"]


def test_heads_stand_first_and_nobody_else_moves(world):
    members = world.get("delegations", "north-1")["members"]
    assert [member["role"] for member in members] == ["head_of_delegation", "deputy_head", "expert", "interpreter"]
    members = world.get("delegations", "north-3")["members"]
    assert [member["person"]["name"] for member in members] == ["Ben Bell", "Ann Ames"]


def test_include_spells_out_people_but_not_what_they_refer_to(world):
    delegation = world.get("delegations", "north-3", "include=people,actors,rounds")
    ben, ann = (member["person"] for member in delegation["members"])
    assert (ann, ben) == (world.get("people", "ann"), world.get("people", "ben"))
    assert delegation["represents"] == [world.get("actors", "north"), world.get("actors", "league")]
    assert delegation["round"] == world.get("rounds", "third")


def test_a_position_stays_what_it_was_then(writer):
    """The post is copied text; only the label, the person's name, is always today's."""
    person = writer.put("/v1/people/then:minister", json={"name": "Em Earl", "positions": [{"title": "Minister"}]})
    writer.put("/v1/sources/then:source", json={"kind": "official"})
    writer.put("/v1/actors/then:actor", json={"name": "Then", "kind": "state"})
    sources = [{"source": "then:source"}]
    writer.put("/v1/rounds/then:round", json={"status": "concluded", "sources": sources})
    members = [{"person": "then:minister", "position": "Minister"}]
    body = {"round": "then:round", "represents": ["then:actor"], "members": members, "sources": sources}
    before = writer.put("/v1/delegations/then:delegation", json=body)
    assert before.status_code == 201, before.text
    now = {"name": "Em Earl-Jones", "positions": [{"title": "Secretary"}]}
    headers = {"If-Match": person.headers["ETag"]}
    writer.patch("/v1/people/then:minister", json=now, headers=headers, content_type="application/merge-patch+json")
    after = writer.get("/v1/delegations/then:delegation")
    [member] = after.json["members"]
    assert (member["position"], member["person"]["name"]) == ("Minister", "Em Earl-Jones")
    assert (after.json["version"], after.json["updated_at"]) == (1, before.json["updated_at"])
    assert after.headers["ETag"] != before.headers["ETag"]  # the bytes are others
    found = writer.get("/v1/delegations?person=then:minister&fields=members").json["items"]
    assert found[0]["members"][0]["position"] == "Minister"


SOURCES = [{"source": "w:paper"}]


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        ({"represents": ["w:north"]}, "", "a round or at a meeting"),
        ({"represents": ["w:north"], "round": "w:first", "meeting": "w:first"}, "", "a round or at a meeting"),
        ({"round": "w:first", "represents": []}, "/represents", "At least one actor"),
        ({"round": "w:first", "represents": ["w:north"], "members": [{}]}, "/members/0", "a person or a raw_name"),
        ({"round": "w:first", "represents": ["w:north"], "members": [{"person": "w:ann", "role": "boss"}]},
         "/members/0/role", "Must be one of"),
    ],
)  # fmt: skip
def test_what_is_no_delegation(writer, body, pointer, detail):
    answer = writer.post("/v1/delegations", json=body | {"sources": SOURCES})
    assert answer.status_code == 422
    [fault] = answer.json["errors"]
    assert fault["pointer"] == pointer
    assert detail in fault["detail"]
