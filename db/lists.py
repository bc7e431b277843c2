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
across = db.load("search")

#: SQL type of a sort key, and what stands for null so that it comes last upwards and downwards: a row comparison
#: then pages through an index whatever is missing.
NULLS = {
    "uuid": ("ffffffff-ffff-ffff-ffff-ffffffffffff", "00000000-0000-0000-0000-000000000000"),
    "timestamptz": ("infinity", "-infinity"),
    "date": ("infinity", "-infinity"),
    "integer": ("2147483647", "-2147483648"),
    "numeric": ("infinity", "-infinity"),
    "text": ("\U0010ffff", ""),  # the last character there can be
}
SORTS = {"id": "uuid", "created_at": "timestamptz", "updated_at": "timestamptz"}

UNWANTED = re.compile(r'(?:^|(?<=\s))-("[^"]*"|\S+)')

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
    languages: str | None


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
        extras=extras(type, args),
    )
    found = db.row(query, args | searched(args["q"]))
    assert found is not None  # an aggregate always has a row
    return Page(found.pop("items") or "", **found)


def extras(type: str, args: Json) -> tuple[str, ...]:
    """The properties that an answer has only when asked for them, and is asked for now."""
    chosen = "text" in BODIES[type].extras and (args["lang"] is not None or args["allow_machine"] is not None)
    return ("text",) * chosen + ("highlight",) * bool(args.get("highlight"))


class Found(NamedTuple):
    """Part of the hits of a search across all types."""

    items: str
    more: bool
    key: str | None
    id: str | None
    position: int
    facets: str


def search(args: Json) -> Found:
    """Read one page of a search across all types."""
    query = _search(args["position"] is not None, args["last"] is not None, bool(args["highlight"]))
    found = db.row(query, args | searched(args["q"]))
    assert found is not None  # an aggregate always has a row
    return Found(found.pop("items") or "", **found)


@cache
def _search(pinned: bool, further: bool, highlight: bool) -> str:
    return str(
        across.page.format(
            score=sql.score,
            match=sql.match,
            period=period("s", PINNED if pinned else None),
            after="(h.score, h.id) < (%(key)s::numeric, %(last)s::uuid)" if further else "TRUE",
            highlight=f"""|| ',"highlight":' || {sql.highlight}""" if highlight else "",
        )
    )


def searched(q: str | None) -> Json:
    """What the search blocks need of a query; words that must not be there concern all languages and names alike."""
    if q is None:
        return {}
    wanted, unwanted = UNWANTED.sub(" ", q), " or ".join(UNWANTED.findall(q))
    return {"q": wanted, "unwanted": unwanted or None, "names": " | ".join(names.queries(wanted)),
            "pattern": names.pattern(wanted)}  # fmt: skip


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
    extras: tuple[str, ...],
) -> str:
    at = PINNED if pinned else PIN if past else None
    kind = sorts(type).get(sort, "numeric")
    last = NULLS[kind][way == "DESC"]
    column = "hits.score" if sort == "score" else f"t.{sort}"
    key = column if kind in ("uuid", "timestamptz") or sort == "score" else f"coalesce({column}, '{last}'::{kind})"
    shared = chosen(type, at, searched)
    return str(
        sql.page.format(
            key=key,
            way=way,
            after=f"({key}, t.id) {'<' if way == 'DESC' else '>'} (%(key)s::{kind}, %(last)s::uuid)"
            if further
            else "TRUE",
            document=document(type, include, sparse, at, extras),
            languages=languages(type, extras, at, "string_agg(DISTINCT {}, ', ')"),
            total=sql.total.format(**shared) if total else "NULL::bigint",
            **shared,
        )
    )


def chosen(type: str, at: str | None, searched: bool) -> dict[str, str]:
    """The parts of a statement that choose a resource's rows: of which time, by which filters, found by which words."""
    hits = "\n" + sql.hits.format(type=type, period=period("s", at), score=sql.score, match=sql.match)
    return {
        "hits": hits if searched else "",
        "table": BODIES[type].collection,
        "join": "\n      JOIN hits ON hits.id = t.id AND hits.from_position = t.from_position" if searched else "",
        "period": period("t", at),
        "common": sql.common.format(type=type),
        "filter": _block(type, "filter", at),
    }


def _block(type: str, name: str, at: str | None) -> str:
    """A block of the resource's own SQL, told of which time its rows are to be."""
    block: str = getattr(db.load(BODIES[type].collection), name)
    return re.sub(r"{period:(\w+)}", lambda alias: period(alias[1], at), block)


def languages(type: str, extras: tuple[str, ...], at: str | None, several: str = "{}") -> str:
    """The expression that gives the language of the chosen text."""
    return several.format(f"{_block(type, 'text', at)} ->> 'lang'") if "text" in extras else "NULL::text"


def period(alias: str, at: str | None) -> str:
    """The rows that stand now, or stood at a position of the log."""
    return AT.format(alias, at) if at else OPEN.format(alias)


@cache
def document(type: str, include: tuple[str, ...], sparse: bool, at: str | None, extras: tuple[str, ...] = ()) -> str:
    """The expression that gives a record of ``served AS s``: spelt out, thinned and added to as asked."""
    doc = "s.doc"
    embeds, expands, own = base.embeds(type), base.expands(type), BODIES[type].includes
    if types := [expands[name] for name in include if name in expands]:
        linked = sql.linked.format(types=",".join(types), period=period("o", at))
        doc = sql.expand.format(doc=doc, linked=linked)
    if sparse:
        doc = sql.sparse.format(doc=doc)
    added = {
        name: sql.embed.format(type=embeds[name], links_period=period("l", at)) for name in include if name in embeds
    } | {name: _block(type, f"include_{name}", at) for name in include if name in own}
    parts = [f"""',"{name}":[' || {rows} || ']'""" for name, rows in added.items()]
    if "text" in extras:
        parts.append(f"""',"text":' || coalesce({_block(type, "text", at)}, 'null')""")
    if "highlight" in extras:
        parts.append(f"""',"highlight":' || {sql.highlight}""")
    return f"left({doc}, -1) || {' || '.join(parts)} || '}}'" if parts else doc


def get(type: str, target: Json, args: Json) -> Any:
    """One record by id or identifier: the row tells whether it is there, gone or merged, in one query."""
    at, when = None, ""
    if args["version"] is not None:
        when = "s.version = %(version)s::int"
    elif args["as_of"] is not None:
        at = "(SELECT max(v.position) FROM revisions AS v WHERE v.recorded_at <= %(as_of)s::timestamptz)"
    include = tuple(sorted(args["include"] or ()))
    query = _one(type, include, args["fields"] is not None, at, when, extras(type, args))
    absent = {"id": None, "scheme": None, "identifier": None}
    return db.row(query, args | absent | target | {"type": type})


@cache
def _one(type: str, include: tuple[str, ...], sparse: bool, at: str | None, when: str, extras: tuple[str, ...]) -> str:
    return str(
        records.one.format(
            document=document(type, include, sparse, at, extras),
            languages=languages(type, extras, at),
            target=records.then if at else records.today,
            period=when or period("s", at),
        )
    )


def history(type: str, target: Json, after: int | None, limit: int) -> Any:
    """A record's revisions, oldest first: ``id`` is None where there is no such record."""
    absent = {"id": None, "scheme": None, "identifier": None}
    return db.row(records.history, absent | target | {"type": type, "after": after, "limit": limit})
