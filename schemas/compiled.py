"""The quick way for documents that are surely sound, made from the schemas; of all others marshmallow is the judge."""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import marshmallow as ma
from marshmallow import decorators, fields

from schemas.fields import Boolean, Integer, Number, Ref, Text
from schemas.problems import Json

Load = Callable[[Any], Any]


class Unsure(Exception):
    """Not known to be sound, and not known to be faulty."""


#: All by which a loader says that it cannot tell: a fault is found anew by marshmallow, which words it.
UNSURE = (Unsure, ma.ValidationError, UnicodeEncodeError)


@cache
def loader(cls: type[ma.Schema]) -> Load:
    """What returns the same as loading with this schema, cleaned of what is absent, or raises one of ``UNSURE``."""
    schema = cls()
    hooks = {kind: [name for name, *_ in found] for kind, found in schema._hooks.items() if found}
    checks = [getattr(schema, name) for name in hooks.pop(decorators.VALIDATES_SCHEMA, ())]
    finishes = [getattr(schema, name) for name in hooks.pop(decorators.POST_LOAD, ())]
    if hooks != {decorators.PRE_LOAD: ["null_is_absent"]}:
        raise TypeError(f"{cls.__name__} is loaded in a way that is not known here: {hooks}")
    properties = [
        (field.data_key or name, field.attribute or name, field) for name, field in schema.load_fields.items()
    ]
    known = {name: (attribute, _of(field)) for name, attribute, field in properties}
    required = {attribute for _, attribute, field in properties if field.required}
    defaults = {attribute: field.load_default for _, attribute, field in properties}
    defaults = {attribute: default for attribute, default in defaults.items() if default is not ma.missing}

    def load(data: Any) -> Json:
        if type(data) is not dict or not data.keys() <= known.keys():
            raise Unsure
        made = dict(defaults)
        for name, value in data.items():
            if value is not None:
                attribute, convert = known[name]
                if (found := convert(value)) != []:
                    made[attribute] = found
        if not required <= made.keys():
            raise Unsure
        for check in checks:
            check(made)
        for finish in finishes:
            made = finish(made)
        return made

    return load


def _of(field: fields.Field[Any]) -> Load:
    kind = type(field)
    if isinstance(field, fields.Nested) and isinstance(nested := field.nested, type):
        return _one(loader(nested))
    if isinstance(field, fields.List):
        return _each(_of(field.inner), field.validators)
    if isinstance(field, Text) and kind._deserialize is Text._deserialize:
        return _text(field)
    if isinstance(field, Text | Integer | Number | Boolean):
        return _scalar(field)
    if isinstance(field, Ref):
        return _ref(field)
    return _unstructured(field)


def _one(load: Load) -> Load:
    def one(value: Any) -> Any:
        if found := load(value):
            return found
        raise Unsure  # an object of nothing but nulls is absent itself

    return one


def _each(load: Load, validators: list[Any]) -> Load:
    def each(value: Any) -> list[Any]:
        if type(value) is not list:
            raise Unsure
        for valid in validators:
            valid(value)
        return [load(entry) for entry in value]

    return each


def _text(field: Text) -> Load:
    least, most = field.limits.min or 0, field.limits.max or 0
    validators = [valid for valid in field.validators if valid is not field.limits]

    def text(value: Any) -> str:
        if type(value) is not str or not least <= len(value) <= most or "\x00" in value:
            raise Unsure
        if not value.isascii():
            value.encode()
        for valid in validators:
            valid(value)
        return value

    return text


def _scalar(field: fields.Field[Any]) -> Load:
    """Dates, codes and quantities are the same again and again."""
    remembered = lru_cache(maxsize=1024, typed=True)(field.deserialize)

    def scalar(value: Any) -> Any:
        if type(value) not in (str, int, float, bool):
            raise Unsure
        return remembered(value)

    return scalar


def _ref(field: Ref) -> Load:
    def cleaned(value: Any) -> Json:
        return {name: entry for name, entry in field.deserialize(value).items() if entry is not None}

    remembered = lru_cache(maxsize=1024)(cleaned)

    def ref(value: Any) -> Json:
        return dict(remembered(value)) if type(value) is str else cleaned(value)

    return ref


def _unstructured(field: fields.Field[Any]) -> Load:
    def unstructured(value: Any) -> Any:
        if isinstance(value, list | dict):
            raise Unsure  # there may be nulls in it, which are to be cleaned away
        return field.deserialize(value)

    return unstructured
