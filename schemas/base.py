"""What every schema shares: the shapes of a record, and the document that the log keeps of it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache, cached_property, lru_cache
from typing import Any, ClassVar, NamedTuple

import marshmallow as ma
import orjson
from marshmallow import fields, validate

from schemas import compiled, edtf, names
from schemas.fields import (
    IDENTIFIER,
    SCHEME,
    Amount,
    Country,
    Currency,
    Edtf,
    Enum,
    Integer,
    Language,
    Number,
    Pattern,
    Pointer,
    Prose,
    Ref,
    Text,
    Timestamp,
    about,
    escape,
)
from schemas.problems import Json, fault, faults

#: The record types that exist, by type: filled by the definition of each Body.
BODIES: dict[str, "type[Body]"] = {}


# --- schemas -------------------------------------------------------------------------------------------------------


class Schema(ma.Schema):
    """Part of a request: closed, so that a misspelt property is told and not dropped."""

    class Meta:
        unknown = ma.RAISE

    @ma.pre_load
    def null_is_absent(self, data: Any, **kwargs: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if value is not None or name not in self.load_names}

    @cached_property
    def load_names(self) -> set[str]:
        return {field.data_key or name for name, field in self.load_fields.items()}


def some(inner: type[ma.Schema] | fields.Field[Any], max: int = 1000, **kwargs: Any) -> fields.List[Any]:
    """A list of at most ``max`` entries; null and absent mean the empty list."""
    field = fields.Nested(inner) if isinstance(inner, type) else inner
    return fields.List(field, allow_none=True, validate=validate.Length(max=max), **kwargs)


def one(inner: type[ma.Schema], **kwargs: Any) -> fields.Nested:
    """One nested object, or null."""
    return fields.Nested(inner, allow_none=True, **kwargs)


class IdentifierBody(Schema):
    """One name of a record in somebody's scheme (Popolo)."""

    scheme = Text(max=50, required=True, validate=validate.Regexp(SCHEME, error="Not a scheme: a-z, 0-9, . _ -"),
                  metadata=about("Who names it so.", "iso3166-1"))  # fmt: skip
    identifier = Text(max=200, required=True, metadata=about("The name there.", "UKR"))

    @ma.post_load
    def escaped(self, data: Json, **kwargs: Any) -> Json:
        data["identifier"] = escape(data["identifier"])
        if not IDENTIFIER.match(data["identifier"]):
            raise ma.ValidationError("1–200 characters, without control characters.", "identifier")
        return data


class CitationBody(Schema):
    """Where it is said."""

    source = Ref("source", required=True, metadata=about("The source."))
    locator = Text(allow_none=True, max=20_000, metadata=about("Where in the source: a page, a row, a paragraph."))
    attribution_text = Text(allow_none=True, metadata=about("Whom the source itself names.", "a source told TASS"))


class OtherNameBody(Schema):
    """Another spelling of a name (Popolo)."""

    name = Text(required=True, max=500, metadata=about("The spelling.", "Denis Shmygal"))
    lang = Language(allow_none=True, metadata=about("BCP 47 language of the spelling."))
    script = Pattern("[A-Z][a-z]{3}", "Not an ISO 15924 code.", "Cyrl", max=4, allow_none=True,
                     metadata=about("ISO 15924 script of the spelling."))  # fmt: skip
    kind = Enum("official", "short", "former", "transliteration", "spelling", load_default="spelling",
                metadata=about("What kind of name it is."))  # fmt: skip


class MoneyBody(Schema):
    """An amount of money: a decimal string and an ISO 4217 code."""

    value = Amount(required=True, metadata=about("The amount, as a decimal string."))
    currency = Currency(required=True, metadata=about("ISO 4217 code."))


class VenueBody(Schema):
    """A place."""

    name = Text(allow_none=True, metadata=about("Building or site.", "Çırağan Palace"))
    city = Text(allow_none=True, metadata=about("City.", "Istanbul"))
    country = Country(allow_none=True, metadata=about("ISO 3166-1 alpha-3 code."))
    latitude = Number(-90, 90, allow_none=True, metadata=about("Degrees north (WGS 84).", 41.04))
    longitude = Number(-180, 180, allow_none=True, metadata=about("Degrees east (WGS 84).", 29.02))


class Body(Schema):
    """What is written of a record. Its other shapes (shown, patch, page) are derived from it."""

    type: ClassVar[str] = ""
    collection: ClassVar[str] = ""
    #: the property that names the record in references
    label: ClassVar[str | None] = None
    #: what ``include`` adds besides the collections that refer to it: name → (type of the records, which they are)
    includes: ClassVar[Mapping[str, tuple[str, str]]] = {}
    #: properties that an answer has only when asked for them
    extras: ClassVar[Mapping[str, fields.Field[Any]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "type" in vars(cls):
            BODIES[cls.type] = cls

    identifiers = some(IdentifierBody, max=50, metadata=about("Its names in other schemes; each names one record."))
    sources = some(CitationBody, metadata=about("Where all this is said."))
    note = Prose(allow_none=True, metadata=about("Free text."))

    @ma.post_load
    def names_once(self, data: Json, **kwargs: Any) -> Json:
        """The same name twice is one name, as when records are merged."""
        if len(names := data.get("identifiers") or ()) > 1:
            data["identifiers"] = [name for at, name in enumerate(names) if name not in names[:at]]
        return data


class SourcedBody(Body):
    """A record that cannot stand without a source."""

    @ma.validates_schema
    def has_source(self, data: Json, **kwargs: Any) -> None:
        if not data.get("sources"):
            raise ma.ValidationError({"sources": ["At least one source is needed."]})


#: What the server adds to a record, in the order in which it is shown.
READ_ONLY = ("id", "type", "version", "created_at", "updated_at", "contested")


class Open(ma.Schema):
    """Part of an answer: open, so that properties may be added later."""

    class Meta:
        unknown = ma.EXCLUDE


class Identifier(Open):
    """One name of a record in somebody's scheme (Popolo)."""

    scheme = Text(max=50, required=True, metadata=about("Who names it so.", "iso3166-1"))
    identifier = Text(max=200, required=True, metadata=about("The name there.", "UKR"))


class Reference(Open):
    """A record, named where another refers to it. The name is a label for reading, always today's."""

    id = fields.UUID(required=True, metadata=about("Its id."))
    type = Text(required=True, metadata=about("Its type.", "actor"))
    # not required: where `include` spells a record out, it stands as it is, and a source has a title
    name = Text(allow_none=True, metadata=about("What it is called today.", "Türkiye"))
    identifiers = fields.List(fields.Nested(Identifier), required=True, metadata=about("Its names elsewhere."))


class Envelope(Open):
    """What the server adds to every record."""

    id = fields.UUID(required=True, metadata=about("Opaque, stable for ever, never reused."))
    type = Text(required=True, metadata=about("The type of the record."))
    version = Integer(1, 2**31 - 1, required=True, metadata=about("From 1; grows by one with each change."))
    created_at = Timestamp(required=True, metadata=about("When it was first recorded."))
    updated_at = Timestamp(required=True, metadata=about("When its content last changed."))
    contested = fields.List(Pointer(), required=True, metadata=about("JSON Pointers of the properties with claims."))
    highlight = fields.List(Text(), metadata=about(
        "With `highlight=true`: up to three passages where `q` was found, as HTML, its words in `mark`."))  # fmt: skip


@cache
def shown(cls: type[ma.Schema]) -> type[ma.Schema]:
    """The shape in which a Body (or a part of one) is answered: open, every property present, null where unknown."""
    if cls is IdentifierBody:
        return Identifier
    name = cls.__name__.removesuffix("Body")
    made: Json = {key: _shown_field(field) for key, field in cls._declared_fields.items() if not field.load_only}
    if not issubclass(cls, Body):
        return type(name, (Open,), made | {"__doc__": cls.__doc__})
    for key, field in cls.extras.items():
        made[key] = _shown_field(field)
        made[key].required = False
    return type(name, (Envelope,), made | {"__doc__": cls.__doc__})


def _shown_field(field: fields.Field[Any]) -> fields.Field[Any]:
    more: Json = {"required": True, "metadata": field.metadata}
    match field:
        case fields.List():
            return fields.List(_shown_field(field.inner), **more)
        case fields.Nested():
            return fields.Nested(shown(part(field)), allow_none=field.allow_none, **more)
        case Ref():
            return fields.Nested(Reference, allow_none=field.allow_none, **more)
    return field


@cache
def patch(cls: "type[Body]") -> type[ma.Schema]:
    """The shape of a merge patch (RFC 7396): every property optional, null removes. For the document only."""
    made: Json = {}
    for key, field in cls._declared_fields.items():
        if field.dump_only:
            continue
        more: Json = {"allow_none": True, "metadata": field.metadata}
        match field:
            case fields.List():
                made[key] = fields.List(field.inner, validate=field.validate, **more)
            case fields.Nested():
                made[key] = fields.Nested(part(field), **more)
            case _:
                made[key] = field if field.allow_none and not field.required else _optional(field)
    return type(cls.__name__.removesuffix("Body") + "Patch", (Schema,), made | {"__doc__": cls.__doc__})


def _optional(field: fields.Field[Any]) -> fields.Field[Any]:
    import copy

    field = copy.deepcopy(field)
    field.required, field.allow_none, field.load_default = False, True, ma.missing
    return field


@cache
def page(cls: "type[Body]") -> type[ma.Schema]:
    """One page of a list."""
    noun = cls.__name__.removesuffix("Body")
    made = {
        "items": fields.List(fields.Nested(shown(cls)), required=True, metadata=about("The records of this page.")),
        "next": Text(required=True, allow_none=True, metadata=about("Path of the next page; null at the end.")),
        "next_cursor": Text(required=True, allow_none=True, metadata=about("The cursor alone, for the same query.")),
        "total": Integer(0, 2**31 - 1, metadata=about("How many there are in all; with include_total=true.")),
    }
    return type(f"{noun}Page", (Open,), made | {"__doc__": f"One page of {cls.collection}."})


# --- documents: what the log keeps of a record ---------------------------------------------------------------------


def load(cls: "type[Body]", data: Any, location: str = "") -> tuple[Json, list[Json]]:
    """Validate a request body once. Returns the document (references not yet looked up) and all its faults."""
    if not isinstance(data, dict):
        return {}, [fault(location, "invalid", "Must be a JSON object.")]
    ignored = _ignored(cls)
    data = {key: value for key, value in data.items() if key not in ignored}
    with suppress(*compiled.UNSURE):
        return compiled.loader(cls)(data), []
    try:
        return clean(_instance(cls).load(data)), []
    except ma.ValidationError as error:
        return {}, list(faults(error.messages, at=location))


@cache
def _ignored(cls: "type[Body]") -> frozenset[str]:
    """What the server alone says of a record, and clients may send back."""
    declared = cls._declared_fields
    return frozenset({name for name, field in declared.items() if field.dump_only} | set(READ_ONLY) - declared.keys())


@cache
def _instance(cls: "type[ma.Schema]") -> ma.Schema:
    return cls()


def clean(value: Any) -> Any:
    """Null, the empty list and the absent property mean the same: keep only the last."""
    if isinstance(value, dict):
        inner = ((key, clean(entry)) for key, entry in value.items())
        return {key: entry for key, entry in inner if entry is not None and entry != [] and entry != {}}
    if isinstance(value, list):
        return [clean(entry) for entry in value]
    return value


def merge_patch(target: Any, change: Any) -> Any:
    """RFC 7396."""
    if not isinstance(change, dict):
        return change
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def part(field: fields.Nested) -> type[ma.Schema]:
    """The schema of a nested object; ours are always given as classes."""
    nested = field.nested
    assert isinstance(nested, type)
    return nested


def properties(cls: type[ma.Schema]) -> Iterator[tuple[str, fields.Field[Any]]]:
    """The properties of a schema by their names in a document (a field named from_ is the property from)."""
    return ((field.attribute or name, field) for name, field in cls._declared_fields.items())


Visit = Callable[[fields.Field[Any], Any, tuple[str | int, ...]], Any]


class Property(NamedTuple):
    """A property as the functions below need to know it, found out once: they run for every row of a batch."""

    name: str
    field: fields.Field[Any]  # of a list, the field of its entries
    nested: type[ma.Schema] | None
    many: bool


@cache
def shape(cls: type[ma.Schema]) -> tuple[Property, ...]:
    """All properties of a schema that are shown, in its order."""
    found = []
    for name, field in properties(cls):
        many = isinstance(field, fields.List)
        inner = field.inner if isinstance(field, fields.List) else field
        if not field.load_only:
            found.append(Property(name, inner, part(inner) if isinstance(inner, fields.Nested) else None, many))
    return tuple(found)


@cache
def _notable(cls: type[ma.Schema]) -> tuple[Property, ...]:
    """The properties in which references or dates can be met: the walk leaves out the rest."""
    return tuple(p for p in shape(cls) if (_notable(p.nested) if p.nested else isinstance(p.field, Ref | Edtf)))


def walk(cls: type[ma.Schema], document: Json, visit: Visit, at: tuple[str | int, ...] = ()) -> Json:
    """A copy of the document in which every reference and date is replaced by what ``visit`` says of it."""
    made = dict(document)
    for name, field, nested, many in _notable(cls):
        value = document.get(name)
        if value is None:
            continue
        if nested:
            made[name] = (
                [walk(nested, entry, visit, (*at, name, place)) for place, entry in enumerate(value)]
                if many
                else walk(nested, value, visit, (*at, name))
            )
        elif many:
            made[name] = [visit(field, entry, (*at, name, place)) for place, entry in enumerate(value)]
        else:
            made[name] = visit(field, value, (*at, name))
    return made


@cache
def _referring(cls: type[ma.Schema]) -> tuple[Property, ...]:
    return tuple(p for p in shape(cls) if (_referring(p.nested) if p.nested else isinstance(p.field, Ref)))


def references(cls: type[ma.Schema], document: Json, at: str = "") -> Iterator[tuple[str, Json]]:
    """All references of a document, each with its path: a JSON Pointer without list indices."""
    for name, _, nested, many in _referring(cls):
        value = document.get(name)
        if value is not None:
            for entry in value if many else (value,):
                if nested:
                    yield from references(nested, entry, f"{at}/{name}")
                else:
                    yield f"{at}/{name}", entry


@cache
def _blank(cls: type[ma.Schema]) -> tuple[Json, dict[str, Property]]:
    """The document of which nothing is known, as it is served, and its properties by name."""
    return {p.name: [] if p.many else None for p in shape(cls)}, {p.name: p for p in shape(cls)}


def show(cls: type[ma.Schema], document: Json, label: Callable[[Json], Any]) -> Json:
    """The document as it is served: all properties in the schema's order, references as labels."""
    blank, properties = _blank(cls)
    made = dict(blank)
    for name, value in document.items():
        _, field, nested, many = properties[name]
        if nested:
            made[name] = [show(nested, entry, label) for entry in value] if many else show(nested, value, label)
        elif isinstance(field, Ref):
            made[name] = [label(entry) for entry in value] if many else label(value)
        else:
            made[name] = value
    return made


@cache
def _worded(cls: type[ma.Schema]) -> tuple[Property, ...]:
    """The properties that hold text for people; identifiers are found by themselves."""
    if cls is IdentifierBody:
        return ()
    return tuple(p for p in shape(cls) if (_worded(p.nested) if p.nested else type(p.field) in (Text, Prose)))


#: how many characters of a record full-text search reads: its index holds a megabyte of words
SEARCHED = 100_000


def words(cls: type[ma.Schema], document: Json) -> dict[str, str]:
    """All text of a document that full-text search should find, by language; ``""`` where it is nobody's."""
    found: dict[str, list[str]] = {}

    def look(cls: type[ma.Schema], piece: Json) -> None:
        for name, field, nested, many in _worded(cls):
            value = piece.get(name)
            if value is None:
                continue
            if nested:
                for entry in value if many else (value,):
                    look(nested, entry)
            else:
                language = piece.get("lang", "en") if isinstance(field, Prose) else ""
                found.setdefault(language, []).extend(value if many else (value,))

    look(cls, document)
    left, texts = SEARCHED, {}
    for language, entries in found.items():
        texts[language] = "\n".join(entries)[:left]
        left -= len(texts[language])
    return texts


def spellings(document: Json) -> str:
    """All spellings of a record's name, folded for search."""
    return names.spellings(document)


@cache
def embeds(kind: str) -> Mapping[str, str]:
    """Collections whose records can refer to one of this type, with their type: what ``include`` adds to it."""
    own = BODIES[kind]._declared_fields
    return {
        body.collection: other
        for other, body in sorted(BODIES.items())  # not in the order of imports: the published document shows them
        if body.collection not in own and any(not types or kind in types for types in _targets(body))
    }


@cache
def expands(kind: str) -> Mapping[str, str]:
    """Collections that one of this type can refer to, with their type: what ``include`` spells out inside it."""
    found = {target for types in _targets(BODIES[kind]) for target in types or BODIES}
    return {BODIES[type].collection: type for type in sorted(found) if type in BODIES}


@cache
def _targets(cls: type[ma.Schema]) -> frozenset[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for field in cls._declared_fields.values():
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, Ref):
            found.add(inner.types)
        elif isinstance(inner, fields.Nested):
            found |= _targets(part(inner))
    return frozenset(found)


@lru_cache(maxsize=4096)  # a batch names the same days again and again
def days(text: str) -> Json:
    """A date as the projection needs it: the text, its first and last possible day, and whether it is hedged."""
    earliest, latest = (None, None) if text == ".." else edtf.bounds(text)
    return {
        "edtf": text,
        "earliest": earliest.isoformat() if earliest else "-infinity",
        "latest": latest.isoformat() if latest else "infinity",
        "certain": text != ".." and edtf.certain(text),
    }


def canonical(document: Json) -> bytes:
    """The bytes that are hashed: sorted keys, no spaces (close to RFC 8785; numbers as Python writes them)."""
    # copied, because orjson gives a buffer four times as large as what is in it
    return bytes(memoryview(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)))
