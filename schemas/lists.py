"""Query parameters, and those that every list and every record takes."""

import difflib
import re
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any, ClassVar, cast

import marshmallow as ma
from marshmallow import fields

from schemas import edtf
from schemas.base import READ_ONLY, Body, embeds, expands, properties
from schemas.fields import Enum, Integer, Text, about, address, countries, language, moment
from schemas.problems import Json, Refused, fault, faults

MAX_PARAMETERS = 100
SORT = about("A property to sort by, downwards with a minus before it; unknown values come last.", "-updated_at")


class Args(ma.Schema):
    """Query parameters: unknown ones are refused, absent ones become None, so that SQL can name them all."""

    class Meta:
        unknown = ma.RAISE

    @ma.post_load
    def absent_is_none(self, data: Json, **kwargs: Any) -> Json:
        return {field.attribute or name: data.get(field.attribute or name) for name, field in self.fields.items()}


class QueryInteger(Integer):
    """The same in a query, where all is text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not re.fullmatch(r"-?[0-9]{1,9}", value):
            raise ma.ValidationError("Not a whole number.")
        return int(value)


class QueryBoolean(fields.Boolean):
    """true or false, in a query."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if value not in ("true", "false"):
            raise ma.ValidationError("Must be true or false.")
        return bool(value == "true")


class Parsed(Text):
    """A parameter of which the text is checked and then becomes something else."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        self.limits(text)
        return self.parse(text)

    def _validate(self, value: Any) -> None:
        """The text was checked, not what became of it."""

    def parse(self, text: str) -> Any:
        raise NotImplementedError


class CommaList(Parsed):
    """A comma list: any of the values. An empty entry is refused."""

    def __init__(self, max_items: int = 200, **kwargs: Any) -> None:
        self.max_items = max_items
        super().__init__(max=20_000, **kwargs)

    def parse(self, text: str) -> list[str]:
        parts = text.split(",")
        if len(parts) > self.max_items:
            raise ma.ValidationError(f"At most {self.max_items} values.")
        return [self.entry(part) for part in parts]

    def entry(self, text: str) -> str:
        if not text:
            raise ma.ValidationError("Holds an empty value.")
        return text


class AnyOf(CommaList):
    """Some of the published words."""

    def __init__(self, words: Enum | tuple[str, ...], **kwargs: Any) -> None:
        self.words = words.words if isinstance(words, Enum) else words
        joined = "|".join(map(re.escape, self.words))
        self.json_schema = {"pattern": f"^({joined})(,({joined}))*$", "examples": [self.words[0]]}
        super().__init__(**kwargs)

    def entry(self, text: str) -> str:
        if text not in self.words:
            raise ma.ValidationError(f"Must be one of: {', '.join(self.words)}.")
        return text


class RefsTo(CommaList):
    """Some records, by id or scheme:identifier."""

    json_schema: ClassVar[Json] = {"examples": ["iso3166-1:UKR"]}

    def entry(self, text: str) -> str:
        found = address(text)
        return str(found.get("id") or f"{found['scheme']}:{found['identifier']}")


class Countries(CommaList):
    """Some countries, by ISO 3166-1 alpha-3 code."""

    json_schema: ClassVar[Json] = {"pattern": "^[A-Z]{3}(,[A-Z]{3})*$", "examples": ["TUR"]}

    def entry(self, text: str) -> str:
        if text not in countries():
            raise ma.ValidationError("Not an ISO 3166-1 alpha-3 code.")
        return text


class Languages(CommaList):
    """Some languages, by BCP 47 tag."""

    def entry(self, text: str) -> str:
        return language(text)


class Integers(CommaList):
    """Some whole numbers."""

    json_schema: ClassVar[Json] = {"pattern": "^[0-9]{1,9}(,[0-9]{1,9})*$", "examples": ["3"]}

    def entry(self, text: str) -> str:
        if not re.fullmatch("[0-9]{1,9}", text):
            raise ma.ValidationError("Not a whole number.")
        return text


class Day(Parsed):
    """A day; where an end is given, also an EDTF date, which means its first (0) or its last (1) day."""

    json_schema: ClassVar[Json] = {"format": "edtf", "examples": ["2025-05-16"]}

    def __init__(self, end: int | None = None, **kwargs: Any) -> None:
        self.end = end
        super().__init__(max=100, **kwargs)

    def parse(self, text: str) -> date:
        try:
            days = edtf.bounds(text)
        except ValueError as error:
            raise ma.ValidationError(str(error)) from None
        day = days[self.end or 0]
        if day is None or (self.end is None and days[0] != days[1]):
            raise ma.ValidationError("Does not name a day.")
        return day


class Instant(Parsed):
    """An RFC 3339 time, or a date that means its end in UTC."""

    json_schema: ClassVar[Json] = {"examples": ["2026-01-31", "2026-01-31T12:00:00Z"]}
    of_day = time.max

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max=40, **kwargs)

    def parse(self, text: str) -> datetime:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            try:
                return datetime.combine(date.fromisoformat(text), self.of_day, UTC)
            except ValueError:
                raise ma.ValidationError("Not a day of the calendar.") from None
        return moment(text)


class Since(Instant):
    """An RFC 3339 time, or a date that means its beginning in UTC."""

    of_day = time.min


def from_to(what: str) -> tuple[Day, Day, Enum]:
    """The three parameters of a range of days."""
    return (
        Day(0, data_key="from", attribute="from", metadata=about(f"Only {what} on or after this day.", "2025-05-16")),
        Day(1, data_key="to", attribute="to", metadata=about(f"Only {what} on or before this day.", "2025-06-02")),
        Enum("possible", "certain", metadata=about(
            "Whether an imprecise or contested date matches where it may fall in the range (possible, the default), "
            "or only where all of it surely does (certain).")),
    )  # fmt: skip


def nearest(name: str, known: Any) -> str:
    """A hint for a misspelt name."""
    found = difflib.get_close_matches(name, list(known), 1, 0.5)
    return f" Did you mean {found[0]}?" if found else ""


class Named(CommaList):
    """A comma list of names of which the schema knows the possible ones."""

    def known(self) -> list[str]:
        assert isinstance(self.parent, RecordArgs)
        return self.parent.known(self.name or "")

    def entry(self, text: str) -> str:
        known = self.known()
        if text not in known:
            raise ma.ValidationError(
                f"{text[:60] or 'The empty name'} is not one of: {', '.join(known)}.{nearest(text, known)}"
            )
        return text


class RecordArgs(Args):
    """What every read of records takes."""

    of: ClassVar[type[Body]]

    fields_ = Named(data_key="fields", attribute="fields",
                    metadata=about("Only these properties of each record.", "id,updated_at"))  # fmt: skip
    include = Named(metadata=about(
        "Related records: those that refer to this one stand under the name of their collection (500 at most), and "
        "those that this one refers to stand whole where the reference stood."))  # fmt: skip
    as_of = Instant(metadata=about(
        "The answer as it would have been at that time (RFC 3339; a date means its end in UTC). Labels in references "
        "are today's all the same."))  # fmt: skip
    lang = Languages(metadata=about(
        "Languages in order of preference (BCP 47). A statement then has the best of its texts as `text` (RFC 4647 "
        "lookup: `uk-UA` also finds `uk`; where none fits, the original, then any), and `Content-Language` says "
        "which. Other records are not affected.", "uk,en"))  # fmt: skip
    allow_machine = QueryBoolean(metadata=about("Whether `text` may be a machine translation (the default).", False))

    def known(self, parameter: str) -> list[str]:
        kind = self.of.type
        if parameter == "include":
            return sorted(embeds(kind).keys() | expands(kind).keys() | self.of.includes.keys())
        return [*READ_ONLY, *(name for name, field in properties(self.of))]


class GetArgs(RecordArgs):
    """The parameters of one record."""

    version = QueryInteger(1, 2**31 - 1, metadata=about("One of its past versions; not with `as_of`.", 1))

    @ma.validates_schema
    def names_one_moment(self, data: Json, **kwargs: Any) -> None:
        if data.get("version") is not None and data.get("as_of") is not None:
            text = "version and as_of each name a state of the record: send one of them."
            raise ma.ValidationError({"version": [text], "as_of": [text]})


class ListArgs(RecordArgs):
    """The parameters of every list."""

    limit = QueryInteger(1, 500, load_default=50, metadata=about("How many records a page holds at most.", 50))
    cursor = Text(max=2000, metadata=about("Where the page before ended: its `next_cursor`. Opaque."))
    sort = Text(metadata=SORT)  # a collection lists what it can be sorted by
    q = Text(max=200, metadata=about("Words to find in all texts and names, in any language; best match first."))
    highlight = QueryBoolean(metadata=about("Show as `highlight` where the words of `q` were found.", True))
    id = RefsTo(metadata=about("Only these records."))
    identifier = RefsTo(metadata=about("Only the records with these identifiers.", "iso3166-1:UKR"))
    source = RefsTo(metadata=about("Only records that cite these sources."))
    updated_since = Since(metadata=about("Only records changed at or after this time.", "2026-01-31T00:00:00Z"))
    include_total = QueryBoolean(metadata=about("Also count the whole list, as `total`.", True))

    @ma.validates_schema
    def highlights_words(self, data: Json, **kwargs: Any) -> None:
        if data.get("highlight") and not data.get("q"):
            raise ma.ValidationError("There is nothing to highlight without q.", "highlight")


@lru_cache(8192)
def alone(schema: ListArgs, name: str, text: str) -> tuple[str, Any]:
    """What one parameter of a list says. They do not depend on each other, so it says so among others, too."""
    attributes = {field.data_key or own: field.attribute or own for own, field in schema.fields.items()}
    return attributes[name], schema.load({name: text})[attributes[name]]


@lru_cache(256)
def unasked(schema: ListArgs) -> Json:
    return cast(Json, schema.load({}))


def load_args(schema: Args, query: list[tuple[str, str]]) -> Json:
    """Validate a query; every fault is told at once, with the nearest known name."""
    if isinstance(schema, ListArgs) and len(dict(query)) == len(query) and all(len(text) < 100 for _, text in query):
        try:
            return unasked(schema) | dict([alone(schema, name, text) for name, text in query])
        except (ma.ValidationError, KeyError):
            pass  # there is more to be said than one parameter knows
    if len(query) > MAX_PARAMETERS:
        raise Refused(400, "invalid_query", f"There are more than {MAX_PARAMETERS} parameters.")
    known = {field.data_key or name for name, field in schema.fields.items()}
    seen: Json = {}
    errors = []
    for name, value in query:
        if name not in known:
            text = f"There is no such parameter.{nearest(name, known)}"
            errors.append(fault(name[:100], "unknown_parameter", text, "query"))
        elif name in seen:
            errors.append(fault(name, "repeated_parameter", "Send it once; any of several: a comma list.", "query"))
        seen[name] = value
    try:
        args: Json = schema.load({name: value for name, value in seen.items() if name in known})
    except ma.ValidationError as error:
        for found in faults(error.messages, "query"):
            errors.append(found | {"pointer": found["pointer"].removeprefix("/")})
    if errors:
        code = errors[0]["code"] if len(errors) == 1 else "invalid_query"
        code = "invalid_query" if code in ("invalid", "required") else code  # which are no problems of their own
        raise Refused(400, code, f"{len(errors)} fault(s) in the query.", errors)
    return args
