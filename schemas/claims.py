"""Claims: one attributed value for one property of one record, beside others that may contradict it."""

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

import marshmallow as ma
from marshmallow import fields

from schemas import base
from schemas.base import READ_ONLY, Body, SourcedBody
from schemas.fields import Anything, Edtf, Enum, Pointer, Ref, Text, about
from schemas.lists import AnyOf, CommaList, ListArgs, RefsTo, nearest
from schemas.problems import Json, fault, faults

STANCES = Enum("asserted", "denied", "not_confirmed", required=True,
               metadata=about("Whether the value is asserted, denied, or not confirmed."))  # fmt: skip
RANKS = Enum("preferred", "normal", "deprecated", load_default="normal",
             metadata=about("Which of several claims the record shows: the preferred one, or none."))  # fmt: skip

#: what a record is not without, or what is nobody's to dispute
UNCLAIMABLE = (*READ_ONLY, "identifiers", "sources", "note")
DEPTH = 20
LARGEST = 2**53 - 1  # beyond it, JSON's numbers are no longer exact everywhere (RFC 8259, 6)


class Value(Anything):
    """Any JSON value that can be kept: its texts are text, its numbers exact, its nesting has an end."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        _check(value, Text(min=0), DEPTH)
        return value


def _check(value: Any, text: Text, depth: int) -> None:
    match value:
        case str():
            text.deserialize(value)
        case bool() | None:
            pass
        case int() | float():
            if (isinstance(value, int) and abs(value) > LARGEST) or not math.isfinite(value):
                raise ma.ValidationError("Holds a number that is too large.")
        case list() | dict() if depth == 0:
            raise ma.ValidationError(f"Is nested deeper than {DEPTH} levels.")
        case list():
            for entry in value:
                _check(entry, text, depth - 1)
        case dict():
            for name, entry in value.items():
                _check(name, text, depth - 1)
                _check(entry, text, depth - 1)


class ClaimBody(SourcedBody):
    """One attributed value for one property of one record (Wikidata statement). Claims never overwrite each other."""

    type, collection = "claim", "claims"

    record = Ref("process", "round", "delegation", "statement", "pledge", "transaction", "meeting", "document", "actor",
                 "person", "source", required=True, metadata=about("The record it is about."))  # fmt: skip
    property = Pointer(required=True, metadata=about("JSON Pointer of the property.", "/starts_on"))
    value = Value(allow_none=True, metadata=about("The value, as the property itself would have it.", "2025-07-23"))
    stance = STANCES
    rank = RANKS
    asserted_by = Ref("person", "actor", allow_none=True, metadata=about("Who says so."))
    statement = Ref("statement", allow_none=True, metadata=about("The statement in which it is said."))
    asserted_on = Edtf(allow_none=True, metadata=about("When it was said (EDTF)."))

    @ma.validates_schema
    def asserts_something(self, data: Json, **kwargs: Any) -> None:
        if data.get("stance") == "asserted" and data.get("value") in (None, [], {}):
            raise ma.ValidationError({"value": ["What is asserted has a value."]})


class ClaimArgs(ListArgs):
    of = ClaimBody

    record = RefsTo(metadata=about("Only claims about these records."))
    property = CommaList(metadata=about("Only claims about these properties (JSON Pointers).", "/starts_on"))
    stance = AnyOf(STANCES, metadata=about("Only claims that assert, deny or do not confirm."))
    rank = AnyOf(RANKS, metadata=about("Only claims of these ranks."))
    asserted_by = RefsTo(metadata=about("Only claims by these people or actors."))


@cache
def claimable(body: type[Body]) -> Mapping[str, fields.Field[Any]]:
    """The properties of a record that may be claimed: those that may be unknown, lists excepted."""
    found = {field.attribute or name: field for name, field in body().fields.items()}
    return {
        name: field
        for name, field in found.items()
        if field.allow_none and not isinstance(field, fields.List) and not field.dump_only and name not in UNCLAIMABLE
    }


def reference(document: Json) -> Json | None:
    """The record that a claim's value refers to, where the property it is about is a reference."""
    value = document.get("value")
    return value if isinstance(value, dict) and value.keys() == {"id", "type"} else None


def check_value(body: type[Body], property: str, value: Any) -> tuple[Any, list[Json]]:
    """A claim's value as that property of the record would have it, and all that is wrong with it."""
    known = claimable(body)
    name = property.removeprefix("/").replace("~1", "/").replace("~0", "~")
    if name not in known:
        text = f"Not a property of a {body.type} that can be claimed.{nearest(name, known)}"
        return None, [fault("/property", "not_claimable", text)]
    if value is None:
        return None, []
    try:
        return base.clean(known[name].deserialize(value)), []
    except ma.ValidationError as error:
        return None, list(faults(error.messages, at="/value"))
