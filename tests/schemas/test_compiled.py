"""The quick way takes nothing that marshmallow refuses, and makes the same of what it takes."""

import copy
from importlib import import_module
from json import loads
from pathlib import Path
from typing import Any

import marshmallow as ma
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marshmallow import fields

from api import RESOURCES
from schemas.base import BODIES, READ_ONLY, clean, load, part
from schemas.compiled import UNSURE, loader
from schemas.fields import (
    Amount,
    Boolean,
    Country,
    Currency,
    Edtf,
    Enum,
    Integer,
    Language,
    Number,
    Pattern,
    Pointer,
    Ref,
    Text,
    Timestamp,
    Url,
)

for resource in RESOURCES:
    import_module(f"api.{resource}")
TYPES = sorted(BODIES)
EXAMPLES = Path(__file__).parents[2] / "openapi/examples"
ID = "01900000-0000-7000-8000-00000000000A"

#: what may stand anywhere, and seldom fits
HOSTILE: list[Any] = [
    None, [], {}, "", " ", "x", "\x00", "\ud800", "ä" * 30, "x" * 2001, "..", 0, -0.0, 1, 1.0, 1.5, True, False,
    10**400, 1e308, float("inf"), float("nan"), [None], [[]], [{}], {"a": None}, {"id": []}, "a:b",
    {"id": ID, "type": "actor"}, {"value": "1", "currency": "EUR"}, [{"source": "x:s"}], "2025", ["x:a"],
    {"scheme": "x", "identifier": "a b"},
]  # fmt: skip
#: values of the fields that take more than words, right and slightly wrong
TYPICAL: dict[type[fields.Field[Any]], list[Any]] = {
    Amount: ["1", "0.50", "-2", "100.00", "1e5", " 1", "1\n"],
    Currency: ["EUR", "USD", "eur", "XXY", "DEM"],
    Country: ["UKR", "TUR", "XKX", "ukr"],
    Language: ["en", "EN-gb", "uk", "english", "en_GB"],
    Url: ["https://example.org/a", "http://пример.рф", "ftp://x", "https://a b"],
    Timestamp: ["2025-07-21T12:00:00Z", "2025-07-21t12:00:00.5+03:00", "2025-07-21", "0001-01-01T00:00:00+14:00"],
    Edtf: ["2025-07-23", "2025-07~", "[2025-07-23,2025-07-24]", "2026/..", "..", "2025-13", "20255"],
    Pointer: ["/starts_on", "/amount", "/a~1b", "x", "/a~"],
    Ref: ["x:a", ID, f"{{{ID}}}", {"id": "x:a"}, {"id": ID, "type": "actor", "name": "kept out"}, "x:a b", "x:",
          {"id": "x:a", "type": "person"}, {"scheme": "x", "identifier": "y"}, {"scheme": 1}],
    Boolean: [True, False, "true", 1],
    Number: [0, 1, -1, 41.0, 41.04, 1e15, 1e16, "5"],
    Integer: [0, 1, 2, 5.0, 10_000, 10_001, True],
}  # fmt: skip


def values(field: fields.Field[Any]) -> st.SearchStrategy[Any]:
    match field:
        case fields.List():
            return st.lists(values(field.inner), max_size=3)
        case fields.Nested():
            return objects(part(field))
        case Enum():
            return st.sampled_from(field.words)
    for kind, typical in TYPICAL.items():
        if isinstance(field, kind):
            return st.sampled_from(typical)
    if isinstance(field, Pattern):
        return st.sampled_from(["0.5", "1", "Cyrl", "a_topic", "PT1H", "a" * 64, "0" * 64]) | st.from_regex(
            field.json_schema["pattern"], fullmatch=True
        )
    if isinstance(field, Text):
        return st.text(min_size=1, max_size=8) | st.sampled_from(["x", "UKR", "a b", "ä/,"])
    return st.sampled_from(["x", 1, 0.5, {"value": "1", "currency": "EUR"}, ["x"], {"a": [None, {}]}])


def objects(cls: type[ma.Schema]) -> st.SearchStrategy[Any]:
    """Mostly sound: all that is required, some of the rest, now and then something else in one place."""
    known = {field.data_key or name: field for name, field in cls._declared_fields.items()}
    required = {name: values(field) for name, field in known.items() if field.required}
    optional = {name: values(field) | st.none() for name, field in known.items() if not field.required}
    sound = st.fixed_dictionaries(required, optional=optional)
    names = st.sampled_from([*known, "misspelt", *READ_ONLY])
    return st.one_of(sound, sound, sound, st.builds(lambda base, name, value: base | {name: value}, sound, names,
                     st.sampled_from(HOSTILE)))  # fmt: skip


def by_marshmallow(type: str, data: Any) -> Any:
    """What the schema itself makes of a body, or None if it refuses it."""
    ignored = {*READ_ONLY, *BODIES[type]._declared_fields} - own(type)
    try:
        return clean(BODIES[type]().load({name: value for name, value in data.items() if name not in ignored}))
    except ma.ValidationError:
        return None


def own(type: str) -> set[str]:
    """The properties that a client says."""
    return {name for name, field in BODIES[type]._declared_fields.items() if not field.dump_only}


def same(type: str, data: Any) -> None:
    before = copy.deepcopy(data)
    document, errors = load(BODIES[type], data)
    expected = by_marshmallow(type, before)
    assert (None if errors else document) == expected
    assert repr(typed(document)) == repr(typed(expected or {}))  # 1, 1.0 and True are equal, but not the same


def typed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: typed(value[name]) for name in sorted(value)}
    return [typed(entry) for entry in value] if isinstance(value, list) else value


@pytest.mark.parametrize("type", TYPES)
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_it_makes_the_same_of_everything(type, data):
    same(type, data.draw(objects(BODIES[type])))


@pytest.mark.parametrize("type", TYPES)
def test_it_makes_the_same_of_whatever_stands_anywhere(type):
    """Each hostile value in each place of a sound body: at the top, in its lists and in its objects."""
    for sound in sound_bodies(type)[:2]:
        for name in [*BODIES[type]._declared_fields, "misspelt"]:
            for value in HOSTILE:
                inner = sound.get(name)
                many = inner if isinstance(inner, list) else [inner]
                changed = [e | {key: value} for e in many if isinstance(e, dict) for key in (*e, "misspelt")]
                same(type, sound | {name: value})
                for each in changed:
                    same(type, sound | {name: [each] if isinstance(inner, list) else each})
                if isinstance(inner, list):
                    same(type, sound | {name: [*inner, value]})


@pytest.mark.parametrize("type", TYPES)
def test_it_is_sure_of_what_is_sound(type):
    """Else nothing above would have tried it, and batches would be slow without anybody noticing."""
    for sound in sound_bodies(type):
        sent = {name: value for name, value in sound.items() if name in own(type)}
        assert loader(BODIES[type])(sent) == by_marshmallow(type, sent)


def test_it_is_not_sure_of_what_is_not():
    with pytest.raises(UNSURE):
        loader(BODIES["actor"])({"name": "x", "kind": "none"})


def test_it_is_not_made_of_a_schema_that_loads_otherwise():
    class Odd(BODIES["actor"]):
        @ma.pre_load
        def odd(self, data: Any, **kwargs: Any) -> Any:
            return {"name": "odd"}

    with pytest.raises(TypeError, match="odd"):
        loader(Odd)


def sound_bodies(type: str) -> list[Any]:
    """What the published examples send, and what they were answered: all that is shown can be sent back."""
    examples = loads((EXAMPLES / f"{BODIES[type].collection}.json").read_bytes())
    found = []
    for operation, example in examples.items():
        if operation.startswith(("create_", "replace_")):
            found += [example["request"]["body"], example["response"]["body"]]
        elif operation.startswith("list_") and not operation.endswith("_revisions"):
            found += example["response"]["body"]["items"]
    return found
