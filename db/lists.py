"""Reading records: one statement an answer, made of the fixed parts of lists.sql and the resource's own filter."""

import re
from functools import cache
from typing import Any, NamedTuple

import db
from schemas import base, names
from schemas.base import BODIES
from schemas.problems import Json

sql = db.load("lists")
records = db.load("records")

#: SQL type of a sort key, and what stands for null so that it comes last upwards and downwards: a row comparison
#: then pages through an index whatever is missing.
NULLS = {
    "uuid": ("ffffffff-ffff-ffff-ffff-ffffffffffff", "00000000-0000-0000-0000-000000000000"),
    "timestamptz": ("infinity", "-infinity"),
    "date": ("infinity", "-infinity"),
    "integer": ("2147483647", "-2147483648"),
    "numeric": ("infinity", "-infinity"),
    "text": ("\uffff", ""),
}
SORTS = {"id": "uuid", "created_at": "timestamptz", "updated_at": "timestamptz"}

OPEN = "{0}.to_position IS NULL"
AT = "({0}.from_position <= {1} AND ({0}.to_position IS NULL OR {0}.to_position > {1}))"
PINNED = "%(position)s::bigint"
PIN = "(SELECT pin.position FROM pin)"


class Page(NamedTuple):
    """Part of a list: the JSON of its records, ready, and where it ends."""

    items: str
    more: bool
    key: str | None
    id: str | None
    position: int
    total: int | None


def page(type: str, args: Json) -> Page:
    """Read one page. ``args`` holds every parameter of the resource's query, None where it was not sent."""
    sort, way = (args["sort"] or ("score" if args["q"] else "id")).removeprefix("-"), "ASC"
    if (args["sort"] or "").startswith("-") or sort == "score":
        way = "DESC"
    query = _list(
        type,
        sort,
        way,
        pinned=args["position"] is not None,
        past=args["as_of"] is not None,
        searched=args["q"] is not None,
        further=args["last"] is not None,
        total=bool(args["include_total"]),
        sparse=args["fields"] is not None,
        include=tuple(sorted(args["include"] or ())),
    )
    found = db.row(query, args | searched(args["q"]))
    assert found is not None  # an aggregate always has a row
    return Page(found["items"] or "", found["more"], found["key"], found["id"], found["position"], found["total"])


def searched(q: str | None) -> Json:
    """What the search blocks need of a query."""
    return {} if q is None else {"names": " | ".join(names.queries(q)), "pattern": names.pattern(q)}


@cache
def sorts(type: str) -> dict[str, str]:
    """Properties by which a list can be sorted, with the SQL type of the column of that name."""
    block = getattr(db.load(BODIES[type].collection), "sorts", "")
    return SORTS | dict(line.split() for line in block.splitlines())


@cache
def _list(
    type: str,
    sort: str,
    way: str,
    *,
    pinned: bool,
    past: bool,
    searched: bool,
    further: bool,
    total: bool,
    sparse: bool,
    include: tuple[str, ...],
) -> str:
    body = BODIES[type]
    at = PINNED if pinned else PIN if past else None
    kind = sorts(type).get(sort, "numeric")
    last = NULLS[kind][way == "DESC"]
    column = "hits.score" if sort == "score" else f"t.{sort}"
    key = column if kind in ("uuid", "timestamptz") or sort == "score" else f"coalesce({column}, '{last}'::{kind})"
    shared = {
        "table": body.collection,
        "join": "\n      JOIN hits ON hits.id = t.id AND hits.from_position = t.from_position" if searched else "",
        "period": period("t", at),
        "common": sql.common.format(type=type),
        "filter": re.sub(r"{period:(\w+)}", lambda alias: period(alias[1], at), db.load(body.collection).filter),
    }
    return str(
        sql.page.format(
            hits="\n" + sql.hits.format(type=type, period=period("s", at)) if searched else "",
            key=key,
            way=way,
            after=f"({key}, t.id) {'<' if way == 'DESC' else '>'} (%(key)s::{kind}, %(last)s::uuid)"
            if further
            else "TRUE",
            document=document(type, include, sparse, at),
            total=sql.total.format(**shared) if total else "NULL::bigint",
            **shared,
        )
    )


def period(alias: str, at: str | None) -> str:
    """The rows that stand now, or stood at a position of the log."""
    return AT.format(alias, at) if at else OPEN.format(alias)


@cache
def document(type: str, include: tuple[str, ...], sparse: bool, at: str | None) -> str:
    """The expression that gives a record of ``served AS s``: spelt out, thinned and added to as asked."""
    doc = "s.doc"
    embeds, expands = base.embeds(type), base.expands(type)
    if types := [expands[name] for name in include if name in expands]:
        linked = sql.linked.format(types=",".join(types), period=period("o", at))
        doc = sql.expand.format(doc=doc, linked=linked)
    if sparse:
        doc = sql.sparse.format(doc=doc)
    if added := [name for name in include if name in embeds]:
        parts = []
        for name in added:
            rows = sql.embed.format(type=embeds[name], links_period=period("l", at))
            parts.append(f"""',"{name}":[' || {rows} || ']'""")
        doc = f"left({doc}, -1) || {' || '.join(parts)} || '}}'"
    return doc


def get(type: str, target: Json, args: Json) -> Any:
    """One record by id or identifier: the row tells whether it is there, gone or merged, in one query."""
    at, when = None, ""
    if args["version"] is not None:
        when = "s.version = %(version)s::int"
    elif args["as_of"] is not None:
        at = "(SELECT max(v.position) FROM revisions AS v WHERE v.recorded_at <= %(as_of)s::timestamptz)"
    query = _one(type, tuple(sorted(args["include"] or ())), args["fields"] is not None, at, when)
    absent = {"id": None, "scheme": None, "identifier": None}
    return db.row(query, args | absent | target | {"type": type})


@cache
def _one(type: str, include: tuple[str, ...], sparse: bool, at: str | None, when: str) -> str:
    shown = document(type, include, sparse, at)
    target = records.then if at else records.today
    return str(records.one.format(document=shown, target=target, period=when or period("s", at)))


def history(type: str, target: Json, after: int | None, limit: int) -> Any:
    """A record's revisions, oldest first: ``id`` is None where there is no such record."""
    absent = {"id": None, "scheme": None, "identifier": None}
    return db.row(records.history, absent | target | {"type": type, "after": after, "limit": limit})
