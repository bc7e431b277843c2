"""Fields, strict where marshmallow forgives."""

import re
from datetime import UTC, datetime
from functools import cache
from typing import Any, ClassVar

import marshmallow as ma
from marshmallow import fields, validate

from schemas import edtf
from schemas.problems import Json

SCHEME = re.compile(r"[a-z0-9][a-z0-9._-]{0,49}\Z")
# no space, slash or comma: such are stored percent-encoded, so that an identifier fits a path and a comma list
IDENTIFIER = re.compile(r"[^\s/,\x00-\x1f\x7f]{1,200}\Z")
UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
ESCAPED = str.maketrans({letter: f"%{ord(letter):02X}" for letter in " /,\t\n\r"})


def about(description: str, *examples: Any) -> Json:
    """The documentation of a property or parameter."""
    return {"description": description, **({"examples": list(examples)} if examples else {})}


class Text(fields.String):
    """A string of Unicode text: no NUL (PostgreSQL keeps none), no lone surrogate (UTF-8 has none)."""

    def __init__(self, max: int = 2000, min: int = 1, **kwargs: Any) -> None:
        self.limits = validate.Length(min, max)
        kwargs["validate"] = [self.limits, *([kwargs["validate"]] if "validate" in kwargs else [])]
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ma.ValidationError("Not a string.")
        if "\x00" in value:
            raise ma.ValidationError("Holds the character NUL.")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ma.ValidationError("Holds a lone surrogate, which is not a character.") from None
        return value


class Prose(Text):
    """Text meant for people, in English unless said otherwise; full-text search reads it."""

    def __init__(self, max: int = 20_000, **kwargs: Any) -> None:
        super().__init__(max=max, **kwargs)


class Integer(fields.Integer):
    """A JSON integer: neither 5.7 nor " 5 " nor true."""

    def __init__(self, minimum: int, maximum: int, **kwargs: Any) -> None:
        super().__init__(validate=validate.Range(minimum, maximum), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ma.ValidationError("Not an integer.")
        return value


class Number(fields.Float):
    """A finite JSON number. 41.0 is kept as 41: some readers send back the one for the other."""

    def __init__(self, minimum: float, maximum: float, **kwargs: Any) -> None:
        super().__init__(validate=validate.Range(minimum, maximum), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < float("inf"):
            raise ma.ValidationError("Not a number.")
        return int(value) if value == int(value) else value


class Boolean(fields.Boolean):
    """true or false, not "yes"."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ma.ValidationError("Not a boolean.")
        return value


class Pattern(Text):
    """A string of a fixed form."""

    def __init__(self, pattern: str, message: str, example: str, **kwargs: Any) -> None:
        self.json_schema = {"pattern": f"^(?:{pattern})$", "examples": [example]}
        super().__init__(validate=validate.Regexp(f"(?:{pattern})\\Z", error=message), **kwargs)


class Enum(Text):
    """One of the published words. The list may grow, so readers should allow for others."""

    def __init__(self, *words: str, **kwargs: Any) -> None:
        self.words = words
        self.json_schema = {"enum": list(words)}
        super().__init__(max=50, validate=validate.OneOf(words, error="Must be one of: {choices}."), **kwargs)


class Amount(Pattern):
    """A decimal number as a string: money never passes through a float."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(r"-?[0-9]{1,18}(\.[0-9]{1,6})?", "Not a decimal number like 200000000.00.", "200000000.00",
                         max=30, **kwargs)  # fmt: skip


@cache
def currencies() -> frozenset[str]:
    from babel.core import get_global  # here: a worker that only reads has no need of it

    return frozenset(get_global("all_currencies"))


@cache
def countries() -> frozenset[str]:
    import pycountry

    return frozenset(country.alpha_3 for country in pycountry.countries)


class Currency(Pattern):
    """An ISO 4217 code, upper case; one that was withdrawn too, for what was pledged in it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("[A-Z]{3}", "Not an ISO 4217 code.", "EUR", max=3, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if text not in currencies():
            raise ma.ValidationError("Not an ISO 4217 code.")
        return text


class Country(Pattern):
    """An ISO 3166-1 alpha-3 code."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("[A-Z]{3}", "Not an ISO 3166-1 alpha-3 code.", "TUR", max=3, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if text not in countries():
            raise ma.ValidationError("Not an ISO 3166-1 alpha-3 code.")
        return text


class Language(Text):
    """A BCP 47 language tag."""

    def __init__(self, **kwargs: Any) -> None:
        self.json_schema = {"examples": ["uk"], "pattern": "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"}
        super().__init__(max=35, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return language(super()._deserialize(value, attr, data, **kwargs))


def language(text: str) -> str:
    """A BCP 47 language tag in the standard's own spelling."""
    import langcodes

    if not re.fullmatch(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", text) or not langcodes.tag_is_valid(text):
        raise ma.ValidationError("Not a BCP 47 language tag.")
    return str(langcodes.standardize_tag(text))


class Url(Text):
    """An absolute http or https address."""

    json_schema: ClassVar[Json] = {"format": "uri", "examples": ["https://example.org/article"]}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=validate.Regexp(r"https?://[^\s/?#]+[^\s]*\Z", error="Not an http(s) address."),
                         **kwargs)  # fmt: skip


class Timestamp(Text):
    """A moment: RFC 3339 with its offset, kept in UTC."""

    json_schema: ClassVar[Json] = {"format": "date-time", "examples": ["2025-07-21T12:00:00Z"]}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max=40, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return stamp(moment(super()._deserialize(value, attr, data, **kwargs)))


MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)\Z", re.ASCII)


def moment(text: str) -> datetime:
    """An RFC 3339 time as an aware datetime in UTC; a plus that a form decoder made a space is taken back."""
    text = re.sub(r" (\d\d:\d\d)\Z", r"+\1", text)
    if MOMENT.match(text):
        try:
            return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.upper())).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise ma.ValidationError("Not an RFC 3339 time with an offset, like 2025-07-21T12:00:00Z.")


def stamp(when: datetime) -> str:
    """RFC 3339 in UTC, with Z."""
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Edtf(Text):
    """A date of the world: EDTF (ISO 8601-2), level 0 and 1, with level 2's sets; kept as given."""

    json_schema: ClassVar[Json] = {"format": "edtf", "examples": ["2025-07-23", "2025-07", "[2025-07-23,2025-07-24]"]}

    def __init__(self, endless: bool = False, **kwargs: Any) -> None:
        self.endless = endless  # whether ".." may say that something still lasts
        super().__init__(max=100, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if self.endless and text == "..":
            return text
        try:
            edtf.bounds(text)
        except ValueError as error:
            raise ma.ValidationError(str(error)) from None
        return text


def in_order(start: str, end: str) -> Any:
    """A check for a schema: what surely ends before it starts is refused."""

    @ma.validates_schema
    def check(self: ma.Schema, data: Json, **kwargs: Any) -> None:
        since, until = data.get(start), data.get(end)
        if since and until and until != ".." and edtf.surely_before(until, since):
            raise ma.ValidationError(f"It ends ({until}) before it starts ({since}).", end)

    return check


class Ref(fields.Field[Json]):
    """A reference to one record of the named types.

    Goes in as an id, as ``scheme:identifier``, or as an object that has one of them as ``id``;
    comes out as ``{"id", "type", "name", "identifiers"}``.
    """

    def __init__(self, *types: str, **kwargs: Any) -> None:
        self.types = types
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Json:
        kind = None
        if isinstance(value, dict):
            kind = value.get("type")
            if "id" in value:
                value = value["id"]
            else:  # the form below, read again
                scheme, identifier = value.get("scheme"), value.get("identifier")
                value = f"{scheme}:{identifier}" if isinstance(scheme, str) and isinstance(identifier, str) else None
        if isinstance(kind, str) and self.types and kind not in self.types:
            raise ma.ValidationError(f"Must refer to a record of type {' or '.join(self.types)}.")
        if not isinstance(value, str) or not isinstance(kind, str | None):
            raise ma.ValidationError("Not a reference: send an id, scheme:identifier, or an object with one as id.")
        return {"type": kind} | address(value)


def address(text: str) -> Json:
    """Take a reference apart: ``{"id"}`` or ``{"scheme", "identifier"}``."""
    if UUID_TEXT.match(text):
        return {"id": text.lower()}
    scheme, colon, identifier = text.partition(":")
    if colon and SCHEME.match(scheme) and IDENTIFIER.match(identifier := escape(identifier)):
        return {"scheme": scheme, "identifier": identifier}
    raise ma.ValidationError("Not a reference: neither an id (UUID) nor scheme:identifier.")


def escape(identifier: str) -> str:
    """The stored form of an identifier: space, slash and comma percent-encoded."""
    return identifier.translate(ESCAPED)


class Pointer(Text):
    """A JSON Pointer (RFC 6901)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max=200, validate=validate.Regexp(r"(/[^/~]*(~[01][^/~]*)*)+\Z", error="Not a JSON Pointer."),
                         **kwargs)  # fmt: skip


class Anything(fields.Raw):
    """Any JSON value."""
