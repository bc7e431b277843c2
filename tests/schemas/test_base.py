"""Documents: null is absence, a walk meets every reference, and the shapes of a record belong together."""

from importlib import import_module
from typing import Any

import marshmallow as ma
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import RESOURCES
from schemas import base
from schemas.base import BODIES, READ_ONLY, Body, canonical, clean, embeds, expands, load, merge_patch
from schemas.fields import Edtf, Ref

for resource in RESOURCES:
    import_module(f"api.{resource}")
TYPES = sorted(BODIES)

json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=15,
)
objects = st.dictionaries(st.sampled_from("abcd"), json, max_size=4)

ROUND = {
    "status": "proposed", "process": "x:p", "starts_on": "2025-07-23", "number": 3,
    "venue": {"city": "Istanbul", "latitude": 41.0}, "third_parties": [{"actor": "x:a", "role": "host"}],
    "outcomes": [{"kind": "none", "documents": ["x:d", "x:e"], "summary": "A summary."}],
    "sources": [{"source": "x:s"}, {"source": "x:t"}], "note": "A note.", "name": "A name",
    "identifiers": [{"scheme": "x", "identifier": "a b"}],
}  # fmt: skip


def loaded(type: str, data: Any) -> dict[str, Any]:
    document, errors = load(BODIES[type], data)
    assert not errors
    return document


# --- null, absent, empty -------------------------------------------------------------------------------------------


@given(objects)
def test_clean_leaves_no_null_and_no_empty_property(value):
    def check(value: Any) -> None:
        if isinstance(value, dict):
            assert all(entry is not None and entry != [] and entry != {} for entry in value.values())
        for entry in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            check(entry)

    cleaned = clean(value)
    check(cleaned)
    assert clean(cleaned) == cleaned


@given(objects)
def test_clean_forgets_nothing_else(value):
    assert clean({"kept": 1, "also": [value], **value}).items() >= {"kept": 1}.items()


@given(objects, objects)
def test_a_merge_patch_is_idempotent(target, change):
    once = merge_patch(target, change)
    assert merge_patch(once, change) == once


@given(objects)
def test_a_merge_patch_takes_away_what_is_null(target):
    assert merge_patch(target, dict.fromkeys(target)) == {}
    assert merge_patch(target, {}) == target


@pytest.mark.parametrize(
    ("target", "change", "merged"),
    [  # RFC 7396, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch(target, change, merged):
    assert merge_patch(target, change) == merged


@given(st.randoms(), objects)
def test_the_canonical_form_does_not_depend_on_order(random, value):
    names = list(value)
    random.shuffle(names)
    assert canonical({name: value[name] for name in names}) == canonical(value)


# --- loading -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type", TYPES)
@given(data=json)
def test_any_body_is_taken_or_all_its_faults_are_told(type, data):
    document, errors = load(BODIES[type], data)
    assert bool(document) != bool(errors) or (not errors and data == {})
    for error in errors:
        assert error.keys() == {"location", "pointer", "code", "detail"}
        assert error["pointer"] == "" or error["pointer"].startswith("/")


@pytest.mark.parametrize("type", TYPES)
def test_bodies_are_closed_but_take_back_what_the_server_adds(type):
    read_only = dict.fromkeys(READ_ONLY, "ignored") | {"unheard_of": 1, "nmae": 2}
    _, errors = load(BODIES[type], read_only)
    unknown = {error["pointer"] for error in errors if error["code"] == "unknown_property"}
    assert unknown == {"/unheard_of", "/nmae"}


def test_all_faults_at_once():
    _, errors = load(BODIES["round"], ROUND | {
        "status": "done", "number": "3", "starts_on": "soon", "venue": {"latitude": 91, "town": "x"},
        "third_parties": [{"actor": "x:a", "role": "host"}, {"actor": 5}], "sources": [{"source": "x:s"}, {}],
    })  # fmt: skip
    assert {error["pointer"] for error in errors} == {
        "/status", "/number", "/starts_on", "/venue/latitude", "/venue/town", "/third_parties/1/actor",
        "/third_parties/1/role", "/sources/1/source",
    }  # fmt: skip


CITED = {"sources": [{"source": "x:s"}]}
PERIODS = {
    "round": ("starts_on", "ends_on", ROUND),
    "process": ("started_on", "ended_on", {"name": "Talks"} | CITED),
    "actor": ("valid_from", "valid_to", {"name": "A name", "kind": "other"}),
    "pledge": ("effective_from", "effective_to", {"donors": [{"actor": "x:a"}], "status": "pledged"} | CITED),
    "person": ("from", "to", {"name": "A name", "positions": [{"title": "Minister"}]}),
    "delegation": ("from", "to", {"round": "x:r", "represents": ["x:a"], "members": [{"raw_name": "A"}]} | CITED),
}


@pytest.mark.parametrize("type", PERIODS)
def test_nothing_ends_before_it_starts(type):
    start, end, body = PERIODS[type]
    within = {"person": "positions", "delegation": "members"}.get(type)

    def faults(since: str, until: str) -> list[str]:
        period = {start: since, end: until}
        changed = {within: [body[within][0], body[within][0] | period]} if within else period
        return [error["pointer"] for error in load(BODIES[type], body | changed)[1]]

    assert faults("2025-07-23", "2025-07-22") == [f"/{within}/1/{end}" if within else f"/{end}"]
    for until in ("2025-07", "2025-07-22~", "2025-07-23"):
        assert faults("2025-07-23", until) == []


def test_a_name_that_stands_twice_is_one_name():
    names = [{"scheme": "x", "identifier": name} for name in ("a b", "c", "a b", "a%20b")]
    body = {"name": "A name", "kind": "other", "identifiers": names}
    for document in (loaded("actor", body), BODIES["actor"]().load(body)):
        assert document["identifiers"] == [{"scheme": "x", "identifier": name} for name in ("a%20b", "c")]


def test_what_was_loaded_can_be_loaded_again():
    once = loaded("round", ROUND)
    assert loaded("round", once) == once
    assert once["identifiers"] == [{"scheme": "x", "identifier": "a%20b"}]
    assert loaded("round", ROUND | {"timezone": None, "formats": [], "venue": {**ROUND["venue"], "name": None}}) == once


# --- walks and shapes ----------------------------------------------------------------------------------------------


def test_a_walk_meets_every_reference_and_date():
    met: dict[str, Any] = {}

    def visit(field: ma.fields.Field[Any], value: Any, at: tuple[str | int, ...]) -> Any:
        met["/".join(map(str, at))] = type(field)
        return "changed"

    document = loaded("round", ROUND)
    changed = base.walk(BODIES["round"], document, visit)
    assert met == {
        "process": Ref, "starts_on": Edtf, "third_parties/0/actor": Ref, "outcomes/0/documents/0": Ref,
        "outcomes/0/documents/1": Ref, "sources/0/source": Ref, "sources/1/source": Ref,
    }  # fmt: skip
    assert changed["outcomes"][0]["documents"] == ["changed", "changed"]
    assert document == loaded("round", ROUND), "the original is left alone"


@pytest.mark.parametrize("type", TYPES)
def test_what_is_shown_has_every_property(type):
    shown = base.show(BODIES[type], {}, lambda ref: ref)
    for name, field in base.properties(BODIES[type]):
        if not field.load_only:
            assert shown[name] == ([] if isinstance(field, ma.fields.List) else None)
    schema = base.shown(BODIES[type])
    optional = {"highlight", *BODIES[type].extras}
    names = {field.attribute or name for name, field in schema._declared_fields.items()}
    assert set(shown) | set(READ_ONLY) == names - optional


@pytest.mark.parametrize("type", TYPES)
def test_the_order_of_what_is_shown_is_the_order_of_the_schema(type):
    names = [name for name, field in base.properties(BODIES[type]) if not field.load_only]
    assert list(base.show(BODIES[type], {}, lambda ref: ref)) == names


@pytest.mark.parametrize("type", TYPES)
def test_a_patch_requires_nothing_and_takes_null(type):
    patch = base.patch(BODIES[type])()
    assert patch.validate({}) == {}
    assert patch.validate({field.data_key or name: None for name, field in patch.fields.items()}) == {}
    assert patch.validate({"unheard_of": 1}) == {"unheard_of": ["Unknown field."]}


@pytest.mark.parametrize("type", TYPES)
def test_types_have_their_own_names(type):
    body = BODIES[type]
    assert issubclass(body, Body)
    assert body.type == type
    assert [other.collection for other in BODIES.values()].count(body.collection) == 1
    assert not embeds(type).keys() & body._declared_fields.keys(), "an include must not hide a property"


def test_includes_follow_the_references():
    assert {"delegations", "statements", "documents", "claims"} <= embeds("round").keys()
    assert {"people", "actors", "rounds"} <= expands("delegation").keys()
    assert "delegations" in embeds("person")
    assert "processes" in embeds("round").keys() & expands("round").keys(), "its own, and those whose outcomes name it"


def test_words_are_sorted_by_language():
    words = base.words(BODIES["round"], loaded("round", ROUND))
    assert "A note." in words["en"]
    assert "A summary." in words["en"]
    assert "A name" in words[""]
    assert "x" not in "".join(words.values()).split(), "identifiers and references are no words"


def test_words_are_bounded():
    long = ROUND | {"note": "x" * 20_000, "outcomes": [{"kind": "other", "summary": "y" * 20_000}] * 20}
    words = base.words(BODIES["round"], loaded("round", long))
    assert sum(map(len, words.values())) <= base.SEARCHED
