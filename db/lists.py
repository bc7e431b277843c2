"""Reading records: one statement an answer, made of the fixed parts of lists.sql and the resource's own filter."""

import re
from functools import cache, lru_cache
from typing import Any, NamedTuple

from flask import current_app

import db
from db.memory import Memory
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
    "real": ("infinity", "-infinity"),
    "text": ("\U0010ffff", ""),  # the last character there can be
}
SORTS = {"id": "uuid", "created_at": "timestamptz", "updated_at": "timestamptz"}

BOUND = re.compile(r"^(\w+) ([<>]=) (\w+)(?: unless (.+))?$", re.MULTILINE)
UNWANTED = re.compile(r'(?:^|(?<=\s))-("[^"]*"|\S+)')

OPEN = "{0}.to_position IS NULL"
AT = "({0}.from_position <= {1} AND ({0}.to_position IS NULL OR {0}.to_position > {1}))"
PINNED = "%(position)s::bigint"
PIN = "(SELECT pin.position FROM pin)"
#: a filter names records: those that the names stand for now
NAMES = re.compile(r"\b(?:ids\((?P<types>'[a-z ]+'), (?P<of>%\(\w+\)s)\)|any_ids\((?P<any>%\(\w+\)s)\))")
GUARD = re.compile(r"\(+%\((\w+)\)s::[\w\[\]]+ IS (?:NULL|DISTINCT)(?: AND %\((\w+)\)s)?")
GUARDED = re.compile(r"\A\(\(?{0}(?: AND {0}\))?\s+OR (.*)\)\Z".format(r"%\(\w+\)s::[\w\[\]]+ IS NULL"), re.DOTALL)


class Page(NamedTuple):
    """Part of a list: the JSON of its records, ready, and where it ends."""

    items: list[bytes]  # of each, or of all with commas
    tag: bytes  # another one wherever a byte of the items is
    more: bool
    key: str | None
    id: str | None
    position: int
    total: int | None = None
    languages: str | None = None


def page(type: str, args: Json) -> Page:
    """Read one page. ``args`` holds every parameter of the resource's query, None where it was not sent."""
    sort, way = (args["sort"] or ("score" if args["q"] else "id")).removeprefix("-"), "ASC"
    if (args["sort"] or "").startswith("-") or sort == "score":
        way = "DESC"
    choice = Choice.of(type, args)
    order = Order(sort, way, args["last"] is not None)
    total, fields = bool(args["include_total"]), args["fields"] is not None
    include, added = tuple(sorted(args["include"] or ())), extras(type, args)
    args = args | searched(args["q"])
    if not (total or fields or include or added):
        return documents(_keys(choice, order), args)
    found = db.row(_list(choice, order, total=total, sparse=fields, include=include, extras=added), args)
    assert found is not None  # an aggregate always has a row
    items = (found.pop("items") or "").encode()
    return Page([items], items, **found)


def documents(query: str, args: Json) -> Page:
    """A page of documents as they are: PostgreSQL says which; those that are known already come from memory."""
    memory: Memory[bytes] = current_app.extensions["documents"]
    for _ in range(3):
        found = db.read(lambda conn: conn.result(query, args))
        cell, rows = found.get_value, range(min(found.ntuples, args["limit"]))
        names: list[Any] = [(cell(row, 1), cell(row, 2)) for row in rows]  # of the rest, only the last row's is needed
        docs: list[Any] = memory.several(names)
        if None in docs:
            read = missing([(cell(row, 0), cell(row, 1)) for row in rows if docs[row] is None], memory)
            docs = [doc or read.get(name[0]) for name, doc in zip(names, docs, strict=True)]
        if None not in docs:  # else the log was made anew, or something was erased, between the two looks
            break
    id, key, position = (_text(cell(rows[-1], column)) if rows else None for column in (0, 3, 4))
    tag = b",".join([b"%b.%b" % name for name in names])
    return Page(docs, tag, found.ntuples > len(rows), key, id, int(position or 0))


def missing(rows: list[db.Row], memory: Memory[bytes]) -> dict[bytes, bytes]:
    """Documents that are not in memory, by their position; from now on they are."""
    ids, positions = zip(*rows, strict=True)
    wanted = {"ids": [*map(_text, ids)], "positions": [*map(_text, positions)]}
    read: dict[bytes, bytes] = {}
    for position, stamp, doc in db.ask(sql.documents, wanted, "lookup"):
        memory.put((position, stamp), doc, len(doc) + 250)  # with what Python needs to hold it
        read[position] = doc
    return read


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def extras(type: str, args: Json) -> tuple[str, ...]:
    """The properties that an answer has only when asked for them, and is asked for now."""
    chosen = "text" in BODIES[type].extras and (args["lang"] is not None or args["allow_machine"] is not None)
    return ("text",) * chosen + ("highlight",) * bool(args.get("highlight"))


class Found(NamedTuple):
    """Part of the hits of a search across all types."""

    items: list[bytes]
    tag: bytes
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
    items = (found.pop("items") or "").encode()
    return Found([items], items, **found)


@cache
def _search(pinned: bool, further: bool, highlight: bool) -> str:
    return str(
        across.page.format(
            score=sql.score,
            match=sql.match.format(words=sql.words_of_all),
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
    block: str = getattr(db.load(BODIES[type].collection), "sorts", "")
    return SORTS | dict(line.split() for line in block.splitlines())


class Bound(NamedTuple):
    """Where an order is entered, as no row before that meets a filter, except those of which something else is true."""

    filter: str
    unless: str  # a condition, or nothing


@cache
def bounds(type: str) -> dict[tuple[str, str], Bound]:
    """Bounds by sort key and sign, ``amount`` and ``>=`` for the smallest from an amount on."""
    block: str = getattr(db.load(BODIES[type].collection), "bounds", "")
    return {(key, sign): Bound(*rest) for key, sign, *rest in BOUND.findall(block)}


class Choice(NamedTuple):
    """Which rows a statement is about. A filter that was not sent is not part of it: the planner has less to weigh."""

    type: str
    at: str | None
    searched: bool
    filters: frozenset[str]

    @classmethod
    def of(cls, type: str, args: Json) -> "Choice":
        at = PINNED if args.get("position") is not None else PIN if args["as_of"] is not None else None
        sent = frozenset(name for name in guards(type) if args[name] is not None)
        return cls(type, at, args["q"] is not None, sent)

    def slots(self) -> dict[str, str]:
        """The parts of a statement that choose the rows: of which time, by which filters, found by which words."""
        when = period("s", self.at)
        score, match = (sql.score, sql.match) if named(self.type) else (sql.score_words, sql.match_words)
        hits = "\n" + sql.hits.format(type=self.type, period=when, score=score, match=match.format(words=sql.words))
        wanted = [part for part, names in conditions(self.type, self.at) if names & self.filters]
        return {
            "hits": hits if self.searched else "",
            "table": BODIES[self.type].collection,
            "join": "\n      JOIN hits ON hits.id = t.id AND hits.from_position = t.from_position" * self.searched,
            "period": period("t", self.at),
            "filter": "\n       AND ".join(wanted) or "TRUE",
            "pin": sql.then if self.at == PIN else sql.now,
            "position": self.at if self.at == PINNED else PIN,
        }


def conditions(type: str, at: str | None) -> list[tuple[str, set[str]]]:
    """The conditions of a filter and of all lists, each with the parameters that it starts by asking for.

    As one stands in a statement only if they were sent, "is null or" is left out before it: behind an "or", the planner
    would not turn what is looked up elsewhere into a join.
    """
    blocks = _then(sql.common.format(type=type), at), _block(type, "filter", at)
    parts = [part for block in blocks for part in block.split("\n       AND ")]
    return [(GUARDED.sub(r"(\1)", part), asked(part)) for part in parts]


def asked(condition: str) -> set[str]:
    """The parameters that a condition starts by asking for: if none was sent, it is left out of the statement."""
    if guard := GUARD.match(condition):
        return {name for name in guard.groups() if name}
    raise SyntaxError(f"begins by asking for no parameter: {condition}")


def named(type: str) -> bool:
    """Whether records of a type have names, which are found by their sound and with a slip, or words alone."""
    return any(name in names.NAMES for name, _ in base.properties(BODIES[type]))


@cache
def guards(type: str) -> frozenset[str]:
    """The parameters that choose rows."""
    return frozenset().union(*(names for _, names in conditions(type, None)))


class Order(NamedTuple):
    """How a list is sorted, and whether it goes on behind a page."""

    sort: str
    way: str
    further: bool

    def slots(self, type: str) -> dict[str, str]:
        kind = sorts(type).get(self.sort, "numeric" if named(type) else "real")  # a score
        last = NULLS[kind][self.way == "DESC"]
        column = "hits.score" if self.sort == "score" else f"t.{self.sort}"
        never_null = kind in ("uuid", "timestamptz") or self.sort == "score"
        key = column if never_null else f"coalesce({column}, '{last}'::{kind})"
        after = f"({key}, t.id) {'<' if self.way == 'DESC' else '>'} (%(key)s::{kind}, %(last)s::uuid)"
        return {"key": key, "way": self.way, "after": after if self.further else "TRUE"}


def parts(choice: Choice, order: Order) -> list[dict[str, str]]:
    """A list as parts that are each read from an index in the order of the list; there are few rows in all but one.

    Those that stand now and those of the past are in different indexes; and an order is entered where a filter says,
    but for the rows that reach over its bound.
    """
    if choice.searched:  # the words find few
        return [{"period": period("t", choice.at)}]
    slots = order.slots(choice.type)
    now, after, key = {"period": OPEN.format("t")}, slots["after"], slots["key"]
    if choice.at:
        now["period"] += f" AND t.from_position <= {choice.at}"
    if choice.at == PIN:  # says nothing new, but by this the planner knows how many that may be
        now["period"] += " AND t.updated_at <= %(as_of)s::timestamptz"
    sign, other = ("<=", ">") if order.way == "DESC" else (">=", "<")
    found, bound = [now], bounds(choice.type).get((order.sort, sign))
    if bound and bound.filter in choice.filters:
        found = [now | {"after": f"{after} AND {key} {sign} %({bound.filter})s"}]
        if bound.unless:
            found.append(now | {"after": f"{after} AND {key} {other} %({bound.filter})s AND {bound.unless}"})
    if choice.at:
        found.append({"table": sql.past.format(table=BODIES[choice.type].collection, at=choice.at), "period": "TRUE"})
    return found


def live(type: str, target: Json) -> db.Row | None:
    """A record as it stands now: its version, its label stamp and its document; None where there is more to be said."""
    absent = {"id": None, "scheme": None, "identifier": None}
    found = db.ask(sql.live, absent | target | {"type": type}, "lookup")
    return found[0] if found else None


@lru_cache(2048)
def _keys(choice: Choice, order: Order) -> str:
    slots = _slots(choice, order)
    if choice.at or choice.searched:
        return str(sql.keys.format(begin=f"{slots['pinned']}\n", **slots))
    # the place in the log is only told: to plan a CTE for it would take a tenth of the whole
    return str(sql.keys.format(begin="", **slots | {"position": f"coalesce({sql.now}, 0)"}))


@lru_cache(2048)
def _list(
    choice: Choice, order: Order, *, total: bool, sparse: bool, include: tuple[str, ...], extras: tuple[str, ...]
) -> str:
    type, at = choice.type, choice.at
    return str(
        sql.page.format(
            document=document(type, include, sparse, at, extras),
            languages=languages(type, extras, at, "string_agg(DISTINCT {}, ', ')"),
            total=sql.total.format(**choice.slots()) if total else "NULL::bigint",
            **_slots(choice, order),
        )
    )


def _slots(choice: Choice, order: Order) -> dict[str, str]:
    """What chooses the rows of a page and sorts them."""
    slots = choice.slots() | order.slots(choice.type)
    slots["pinned"] = sql.pinned.format(**slots)
    chosen = slots | {"join": "", "period": "TRUE", "filter": "TRUE"}
    if choice.searched and not choice.filters and order.sort in ("id", "score"):
        # whom the words have found is all that is asked
        own = {name: slots[name].replace("hits.", "t.") for name in ("key", "after")}
        return chosen | own | {"table": "hits"}
    first, *others = (slots | part for part in parts(choice, order))
    if not others:
        return first
    found = "\n UNION ALL\n".join(sql.part.format(**part) for part in (first, *others))
    return chosen | {"table": f"({found})", "key": "t.key", "after": "TRUE"}


def _block(type: str, name: str, at: str | None) -> str:
    """A block of the resource's own SQL, told of which time its rows are to be."""
    block: str = getattr(db.load(BODIES[type].collection), name)
    return _then(re.sub(r"{period:(\w+)}", lambda alias: period(alias[1], at), block), at)


def _then(block: str, at: str | None) -> str:
    """A block whose names are to mean what they meant at a position: asked once, and not of every row."""
    if at is None:
        return block
    every = "'" + " ".join(BODIES) + "'"
    # a position that was sent is known to the planner, and by it how many rows the names stand for
    asked = "ids_at({}, {}, {})" if at == PINNED else "((SELECT ids_at({}, {}, {}))::uuid[])"
    return NAMES.sub(lambda found: asked.format(at, found["types"] or every, found["of"] or found["any"]), block)


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
        at = sql.then
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
            target=records.then.format(position=at) if at else records.today,
            held=period("i", at),
            period=when or period("s", at),
        )
    )


def history(type: str, target: Json, after: int | None, limit: int) -> Any:
    """A record's revisions, oldest first: ``id`` is None where there is no such record."""
    absent = {"id": None, "scheme": None, "identifier": None}
    return db.row(records.history, absent | target | {"type": type, "after": after, "limit": limit})
