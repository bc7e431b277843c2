"""What exports hold: their parameters, the columns of a CSV and the types of a Parquet file, all from the schemas."""

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, NamedTuple

from marshmallow import fields

import schemas
from schemas import base, edtf
from schemas.base import Body, Property
from schemas.fields import Amount, Anything, Edtf, Timestamp, about
from schemas.lists import Args, ListArgs, QueryBoolean
from schemas.pledges import Share

if TYPE_CHECKING:
    from pyarrow import Array, DataType, Field, Schema

#: what belongs to a page or to the shape of its records, and so to no export
LEFT_OUT = ("limit", "cursor", "sort", "fields_", "include", "include_total", "lang", "allow_machine", "highlight")
BOM = about("CSV only: begin with the mark by which spreadsheets know UTF-8.", True)


def lists() -> list[type[ListArgs]]:
    """The parameters of every collection's list, by the name of the collection, whatever was imported before."""
    for module in iter_modules(schemas.__path__):
        import_module(f"schemas.{module.name}")
    found = [args for args in ListArgs.__subclasses__() if "of" in vars(args)]
    return sorted(found, key=lambda args: args.of.collection)


def filters(args: type[ListArgs], **more: fields.Field[Any]) -> Args:
    """The parameters of a list that say which records, without those that say how they are shown."""
    made: Args = type(args.__name__, (args,), more)(exclude=LEFT_OUT)
    return made


def export_args(args: type[ListArgs]) -> Args:
    return filters(args, bom=QueryBoolean(metadata=BOM))


@cache
def shape(body: type[Body]) -> tuple[Property, ...]:
    """The properties of a record as it stands in a list."""
    return tuple(p for p in base.shape(base.shown(body)) if p.name not in {"highlight", *body.extras})


def raw(body: type[Body]) -> list[str]:
    """The properties that can hold any JSON: in a table they stand as JSON text."""
    return [p.name for p in shape(body) if isinstance(p.field, Anything)]


# --- CSV -----------------------------------------------------------------------------------------------------------


class Column(NamedTuple):
    """A cell of each row: the way to it from the record's root; a list stands in it as JSON."""

    path: tuple[str, ...]
    json: bool

    @property
    def name(self) -> str:
        return ".".join(self.path)


def columns(properties: tuple[Property, ...], path: tuple[str, ...] = ()) -> Iterator[Column]:
    """A column a property: a dot into an object, a list as JSON."""
    for p in properties:
        if p.nested and not p.many:
            yield from columns(base.shape(p.nested), (*path, p.name))
        else:
            yield Column((*path, p.name), p.many or isinstance(p.field, Anything))


# --- Parquet -------------------------------------------------------------------------------------------------------

EARLIEST, LATEST = "_earliest", "_latest"


def arrow_schema(body: type[Body]) -> "Schema":
    """The types of a Parquet file's columns."""
    import pyarrow as pa  # late: 50 MB that only a worker asked for Parquet needs

    return pa.schema(_arrow_fields(shape(body)))


def _arrow_fields(properties: tuple[Property, ...]) -> "list[Field[Any]]":
    import pyarrow as pa

    made = []
    for p in properties:
        kind = pa.struct(_arrow_fields(base.shape(p.nested))) if p.nested else _arrow_type(p.field)
        made.append(pa.field(p.name, pa.list_(kind) if p.many else kind))
    return made


def _arrow_type(field: fields.Field[Any]) -> "DataType":
    import pyarrow as pa

    match field:
        case Amount():
            return pa.decimal128(24, 6)
        case Share():
            return pa.decimal128(13, 12)
        case Timestamp():
            return pa.timestamp("us", tz="UTC")
        case fields.Integer():
            return pa.int32()
        case fields.Float():
            return pa.float64()
        case fields.Boolean():
            return pa.bool_()
    return pa.string()


@cache
def dates(body: type[Body]) -> frozenset[str]:
    """The dates of the world beside which a Parquet file has their first and last day."""
    return frozenset(p.name for p in shape(body) if isinstance(p.field, Edtf) and not p.many)


def days(texts: "Array[Any]") -> Mapping[str, "Array[Any]"]:
    """Two columns for one of EDTF dates: the first and the last day that each can mean."""
    import pyarrow as pa

    found = [_bounds(text) for text in texts.to_pylist()]
    return {suffix: pa.array([day[end] for day in found], pa.date32()) for end, suffix in enumerate((EARLIEST, LATEST))}


@lru_cache(4096)
def _bounds(text: str | None) -> tuple[Any, Any]:
    return (None, None) if text in (None, "..") else edtf.bounds(str(text))
