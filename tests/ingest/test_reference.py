import pytest

from ingest.reference import records

ACTORS = {identifier: body for _, identifier, body in records()}


def test_every_state_has_its_two_codes():
    states = [body for body in ACTORS.values() if body["kind"] == "state"]
    assert len(states) == 249
    for state in states:
        codes = [identifier["identifier"] for identifier in state["identifiers"]]
        assert {identifier["scheme"] for identifier in state["identifiers"]} == {"iso3166-1"}
        assert [len(code) for code in codes] == [3, 2]
        assert state["country"] == codes[0]


def test_no_identifier_names_two_actors():
    pairs = [tuple(pair.values()) for body in ACTORS.values() for pair in body["identifiers"]]
    assert len(pairs) == len(set(pairs))


def test_names_in_all_languages():
    ukraine = {(other["lang"], other["name"]) for other in ACTORS["iso3166-1:UKR"]["other_names"]}
    assert {("uk", "Україна"), ("ru", "Украина"), ("tr", "Ukrayna"), ("fr", "Ukraine"), ("de", "Ukraine")} <= ukraine
    for body in ACTORS.values():
        if body["kind"] == "state":
            assert {other["lang"] for other in body["other_names"]} >= {"fr", "ru", "uk", "tr", "de"}
        shown = [
            other for other in body.get("other_names", []) if (other["name"], other["lang"]) == (body["name"], "en")
        ]
        assert shown == []


def test_neutral_display_names():
    assert ACTORS["iso3166-1:TUR"]["name"] == "Türkiye"
    assert {"name": "Turkey", "lang": "en", "kind": "former"} in ACTORS["iso3166-1:TUR"]["other_names"]
    assert {"name": "Russian Federation", "lang": "en", "kind": "official"} in ACTORS["iso3166-1:RUS"]["other_names"]


def test_a_parent_comes_before_its_parts():
    seen = set()
    for identifier, body in ACTORS.items():
        assert body.get("parent") is None or body["parent"] in seen
        seen.add(identifier)


@pytest.mark.parametrize(
    ("identifier", "name", "kind", "parent"),
    [
        ("parley:eu", "European Union", "igo", None),
        ("parley:nato", "NATO", "alliance", None),
        ("parley:udcg", "Ukraine Defense Contact Group", "coalition", None),
        ("parley:ua-nsdc", "National Security and Defense Council of Ukraine", "government_body", "iso3166-1:UKR"),
        ("parley:ru-gru", "Main Directorate of the General Staff of the Armed Forces of Russia", "government_body",
         "parley:ru-mod"),
        ("parley:izvestia", "Izvestia", "media", None),
    ],
)  # fmt: skip
def test_bodies(identifier, name, kind, parent):
    body = ACTORS[identifier]
    assert (body["name"], body["kind"], body.get("parent")) == (name, kind, parent)
