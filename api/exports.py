"""/v1/exports: whole collections in one stream, as NDJSON, CSV or Parquet."""

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from flask import Response, current_app, request

from api import http
from db import exports
from schemas.base import BODIES, Body
from schemas.exports import arrow_schema, dates, days, export_args, lists
from schemas.lists import ListArgs
from schemas.problems import Json, Refused, fault

if TYPE_CHECKING:
    from pyarrow import Table

AT_ONCE = 2  # exports a worker sends; its other threads stay free for those who only ask for a page
SLICE = 1 << 19  # bytes of JSON that are read into columns at once
GROUP = 8 << 20  # bytes of columns that make a row group: fewer cost memory while they are written, more in the footer
BOM = b"\xef\xbb\xbf"
T = TypeVar("T")


class Format(NamedTuple):
    content_type: str
    description: str
    rows: Callable[[Any, str, Json], exports.Rows]


def csv(conn: Any, type: str, args: Json) -> exports.Rows:
    if args["bom"]:
        yield BOM
    yield from exports.table(conn, type, args)


def parquet(conn: Any, type: str, args: Json) -> exports.Rows:
    """A row group at a time: no more than one is ever held."""
    import pyarrow as pa  # late, as below: 50 MB that only a worker asked for Parquet needs
    from pyarrow.parquet import ParquetWriter

    body, made = BODIES[type], Spool()
    schema = typed(body, b"").schema.with_metadata({"parley_cursor": f"{args['position']:x}"})
    with ParquetWriter(made, schema, compression="zstd") as writer:
        slices = gathered(exports.lines(conn, type, args, flat=True), len, SLICE)
        for group in gathered((typed(body, b"".join(lines)) for lines in slices), lambda table: table.nbytes, GROUP):
            writer.write_table(pa.concat_tables(group).replace_schema_metadata(schema.metadata))
            pa.default_memory_pool().release_unused()
            yield made.taken()
    yield made.taken()


def gathered(found: Iterable[T], size: Callable[[T], int], limit: int) -> Iterator[list[T]]:
    """The same in lists of about one size."""
    some: list[T] = []
    total = 0
    for entry in found:
        some.append(entry)
        total += size(entry)
        if total >= limit:
            yield some
            some, total = [], 0
    if some:
        yield some


def typed(body: type[Body], lines: bytes) -> "Table":
    """Documents as typed columns, and beside each date of the world its first and its last day."""
    import pyarrow as pa
    from pyarrow.json import ParseOptions, ReadOptions, read_json

    schema = arrow_schema(body)
    table = schema.empty_table()
    if lines:
        options = ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
        # the whole of it as one block: a line is never cut, however long
        table = read_json(pa.BufferReader(lines), ReadOptions(use_threads=False, block_size=len(lines) + 1), options)
    made = {}
    for name in schema.names:
        made[name] = table.column(name)
        if name in dates(body):
            made |= {name + suffix: column for suffix, column in days(made[name]).items()}
    return pa.table(made)


class Spool(io.RawIOBase):
    """A file that is taken away as it is written."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.length = 0

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        self.parts.append(bytes(part))
        self.length += len(part)
        return len(part)

    def tell(self) -> int:
        return self.length

    def taken(self) -> bytes:
        whole = b"".join(self.parts)
        self.parts = []
        return whole


FORMATS = {
    "ndjson": Format("application/x-ndjson", "One record a line, as it stands in the list.", exports.lines),
    "csv": Format("text/csv", "A table with a header: a dot into an object, a list as JSON in one cell.", csv),
    "parquet": Format("application/vnd.apache.parquet", "Typed columns, in row groups.", parquet),
}


class Parser(http.Parser):
    def offered(self) -> tuple[str, ...]:
        return (FORMATS[request.view_args["extension"]].content_type,) if request.view_args else ()


class Blueprint(http.Blueprint):
    ARGUMENTS_PARSER = Parser()


blp = Blueprint("exports", __name__, url_prefix="/v1/exports", description="Whole collections in one stream.")


def export(body: type[Body], extension: str, args: Json) -> Response:
    """All that the filters find, as it stood at one moment."""
    if args["bom"] and extension != "csv":
        text = "Only CSV begins with a mark."
        raise Refused(400, "invalid_query", text, [fault("bom", "invalid", text, "query")])
    chosen = FORMATS[extension]
    with ExitStack() as stack:
        stack.enter_context(turn())
        conn = stack.enter_context(closing(exports.snapshot()))
        args["position"] = exports.position(conn, args)
        total = exports.total(conn, body.type, args)
        rows = stack.enter_context(closing(chosen.rows(conn, body.type, args)))
        first = next(rows)  # what fails now can still be told
        held = stack.pop_all()
    response = Response(sent(first, rows, held), content_type=chosen.content_type)
    response.call_on_close(held.close)  # where nobody reads it at all
    response.headers["Content-Disposition"] = f'attachment; filename="{body.collection}.{extension}"'
    response.headers["Parley-Cursor"] = f"{args['position']:x}"
    response.headers["Parley-Total"] = str(total)
    response.headers["Cache-Control"] = "no-cache"
    return response


def sent(first: bytes, rest: exports.Rows, held: ExitStack) -> exports.Rows:
    with held:
        yield first
        yield from rest


@contextmanager
def turn() -> Iterator[None]:
    """One of the few exports that a worker sends at a time."""
    turns: BoundedSemaphore = current_app.extensions.setdefault("exports", BoundedSemaphore(AT_ONCE))
    if not turns.acquire(blocking=False):
        raise Refused(503, "too_many_exports", "This server sends as many exports as it can. Try again in a moment.")
    try:
        yield
    finally:
        turns.release()


CONTENT = {
    kind.content_type: {"schema": {"type": "string", "format": "binary", "maxLength": 2**53 - 1,
                                   "description": kind.description}}
    for kind in FORMATS.values()
}  # fmt: skip
EXTENSION = {"in": "path", "name": "extension", "description": "The form of the file."}
HEADERS = ("Parley-Cursor", "Parley-Total", "Content-Disposition")
SENT = {name: {"$ref": f"#/components/headers/{name}"} for name in HEADERS}


def register(args: type[ListArgs]) -> None:
    body = args.of

    def view(args: Json, extension: str) -> Response:
        return export(body, extension, args)

    view.__name__ = f"export_{body.collection}"
    view.__doc__ = f"""Export {body.collection}

        The whole collection, or what the filters of its list find: one snapshot, streamed, in the order of the ids.
        `Parley-Cursor` says where the feed of changes goes on from it, `Parley-Total` how many records there have to
        be: an answer that holds fewer broke off. Each worker of the server sends two exports at a time, and asks others
        to come back (503).
        """
    for decorate in (
        blp.response(200, description="The records."),
        blp.doc(responses={200: {"content": CONTENT, "headers": SENT}}),
        blp.arguments(export_args(args), location="query"),
        blp.route(f"/{body.collection}.<any({', '.join(FORMATS)}):extension>", methods=["GET"], parameters=[EXTENSION]),
    ):
        view = decorate(view)


for found in lists():
    register(found)
