"""The Ukraine Support Tracker of the Kiel Institute: one package of aid is one pledge, its rows are the items."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from textwrap import shorten

from ingest.items import Item, Json, Look, Money, Refusal
from ingest.kiel_dates import Calendar, Span, together
from ingest.making import Actors, Refused, amount, cite, unreadable, upsert
from ingest.tables import Row, Unreadable, number, plain, tables, words

#: What each column is called in one release or another, in words alone (see `words`).
COLUMNS = {
    "id": ["activity id", "aid id", "package id", "id"],  # where there are two, the first is the package
    "donor": ["countries", "country", "donor", "donors", "donor country"],
    "announced": ["announcement date", "date of announcement"],
    "category": ["type of aid general", "aid type general"],
    "kind": ["type of aid specific", "aid type specific"],
    "measure": ["measure"],
    "explanation": ["explanation"],
    "currency": ["original currency", "reporting currency"],
    "given": ["monetary value as given by source", "source reported value"],
    "total": ["total", "tot activity value"],
    "basis": ["value source commitments"],
    "item": ["items", "item"],
    "item_type": ["type of item", "item type"],
    "units": ["no of units", "number of units", "item numb", "item number", "item nr"],
    "delivered": [
        "no of units delivered in kind military aid",
        "no of units delivered",
        "item numb deliv",
        "item nr deliv",
    ],
    "worth": ["value committed own estimate in usd", "item value estimate usd"],
    "delivery_source": ["source for delivery", "source delivery"],
}
AID_SOURCE = re.compile(r"(source (of aid )?|source reported )\d+")

#: Columns that are dropped on purpose, in words alone, and why.
WORKING = "the tracker's own working column, derived from others of the same row"
DROPPED = {
    "total value dummy 1 is first row in the package": "says which row is the first of its package, as the order does",
    "monthcoding2": WORKING,
    "month3": WORKING,
    "month": WORKING,
    "month exists dummy": WORKING,
    "beforewar4": WORKING,
    "ukraine asked for it dummy 1": "a property of the item in the tracker's price list, not of the pledge",
    "heavy but undisclosed commitments": WORKING,
    "heavy but undisclosed deliveries": WORKING,
    "ammunition dummy 1": WORKING,
    "items short version": "the items of the package again, in one cell",
    "relative importance 2 very imporant 1 important 0 less important": "a property of the item in the price list",
    "official source yes no dummy": "the column official source again",
    "in kind dummy": WORKING,
    "dummy month check 1 error": WORKING,
    "explanation dummy 1 error": WORKING,
    "deliveries more than committements 1 yes": WORKING,
    "nato": "a property of the donor, not of the pledge",
    "eu": "a property of the donor, not of the pledge",
    "benchmark check % of total value": WORKING,
    "% difference from the value by the source": WORKING,
    "updated newly added entry": "says what is new in a release; the change feed does",
    "working debug": "an empty column that sets off the working columns",
    "retrieved": "when a copy was made; it only bounds the dates",
}

MISSING = {"", "-", "–", "n/a", "na", "none", "nan"}  # besides dots and blanks alone
ROWS = 250_000  # a hundred times the largest release
WANTED = "list of packages (ID, donor, date, currency, total …); sums, like those on the tracker's website, name none"
CITATIONS = 1_000  # that the API takes
TRACKER = "kiel:ukraine-support-tracker"
WHOLE = {"pledge": TRACKER}  # a release is the whole tracker: what it leaves out has vanished

CATEGORIES = {"military", "humanitarian", "financial"}
FINANCE = {
    "grant": "grant",
    "loan": "loan",
    "guarantee": "guarantee",
    "swap-line": "other",
    "european peace facility": "fund",
}
GOODS = re.compile("weapon|equipment|medicine|material|supplies")
MORE_THAN_GOODS = re.compile("and assist|assistance and|training|fund|grant|loan")
BASES = {"value is given by the so": "stated", "value is calculated with prices": "estimated"}  # "souce" occurs, too
OFFICIAL = re.compile(r"https?://[^/]*\b(gov|mil|(govt|gouv|gob|europa|nato)\.[a-z]{2,3})(\.[a-z]{2})?(/|$)", re.I)
SOCIAL = re.compile(r"https?://([^/]*\.)?(twitter|x|t|facebook|instagram|youtube|linkedin)\.(com|me)(/|$)", re.I)


@dataclass
class Line:
    """One row of the sheet: what the known columns say, and everything else that is worth keeping."""

    number: int
    cells: dict[str, str] = field(default_factory=dict)
    aid_sources: list[str] = field(default_factory=list)
    raw: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, part: str) -> str:
        return self.cells.get(part, "")

    def printed(self) -> Json:
        return {"row": self.number, **self.cells, "aid sources": self.aid_sources, **self.raw}

    def sources(self) -> Iterator[tuple[str, Json]]:
        """A record for every address, or for the words that stand in its place."""
        for cell in filter(None, [*self.aid_sources, self["delivery_source"]]):
            for text in re.split(r"[\s;,]+(?=https?://)", cell.strip(" \xa0.;,\n")):
                digest = hashlib.sha256(text.encode()).hexdigest()[:16]
                if re.match(r"https?://[^\s/?#]", text):
                    kind = "official" if OFFICIAL.match(text) else "social" if SOCIAL.match(text) else "other"
                    yield f"kiel:url-{digest}", {"kind": kind, "url": "%20".join(text.split())}
                elif text:
                    yield f"kiel:text-{digest}", {"kind": "other", "title": text}


def read(files: list[Path], look: Look) -> Iterator[Item | Refusal]:
    """A source for the tracker and for each address it cites, and a pledge for each package.

    A package can be scattered over its sheet, and how its dates are written shows only in all of them, so one sheet at
    a time is held in memory: a few thousand rows.
    """
    actors, cited = Actors(look), set[str]()
    for path in files:
        try:
            place, lines, calendar = sheet(path)
        except (Unreadable, OSError) as error:
            yield unreadable(path, error)
            continue
        if not cited:
            cited.add(TRACKER)
            yield tracker(files[-1])
        packages: dict[str, list[Line]] = {}
        for line in lines:
            packages.setdefault(line["id"], []).append(line)
        actors.prepare({line["donor"] for line in lines if line["donor"]})
        for identifier, rows in packages.items():
            where = f"{place}, row {rows[0].number}"
            row = {"rows": [line.printed() for line in rows]}
            money = worth(rows)
            try:
                sources, pledge = package(identifier, rows, calendar, actors)
            except Refused as refused:
                yield refused.at(where, row, money)
                continue
            for source, data in sources.items():
                if source not in cited:
                    cited.add(source)
                    yield upsert("source", source, data, where, {})
            yield upsert("pledge", f"kiel:{identifier}", pledge, where, row, money)


def tracker(path: Path) -> Item:
    """The dataset, one for all releases: a package that a release repeats as it was has to stay as it was."""
    data = {
        "kind": "dataset",
        "url": "https://www.ifw-kiel.de/topics/war-against-ukraine/ukraine-support-tracker/",
        "title": "Ukraine Support Tracker, Kiel Institute for the World Economy",
        "language": "en",
        "licence": "CC-BY-4.0",
        "content_sha256": hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None,
        "note": "Cite as Antezza et al. (2022), The Ukraine Support Tracker, Kiel Working Paper 2218.",
    }
    return upsert("source", TRACKER, data, path.name, {})


# --- the sheet -----------------------------------------------------------------------------------------------------

#: the part each column plays (one of ours, "aid source", "raw" or "dropped"), and its name
Columns = list[tuple[str, str]]


def sheet(path: Path) -> tuple[str, list[Line], Calendar]:
    """The rows of the main sheet: of several with its columns the longest, the others are of other kinds of aid."""
    place, columns, rows, above = "", Columns(), list[tuple[int, Row]](), list[str]()
    for table in tables(path, knows, WANTED):
        these = list(islice(table.rows, ROWS + 1))
        if len(these) > ROWS:
            raise Unreadable(f"{table.place} has more than {ROWS} rows, which no release has.", "too_large")
        if not place or len(these) > len(rows):
            place, columns, rows, above = table.place, parts(table.header), these, table.above
    lines = [line for number, row in rows if (line := as_line(number, row, columns))["id"]]
    at = [n for n, (_, name) in enumerate(columns) if name == "retrieved"]
    retrieved = [row[n] for _, row in rows for n in at if n < len(row)]
    return place, lines, Calendar((line["announced"] for line in lines), above, retrieved)


def knows(row: Row) -> bool:
    """Whether a row is the header of a list of packages."""
    return {part for part, _ in parts(row)} >= {"id", "donor", "announced", "category", "currency", "total"}


def parts(header: Row) -> Columns:
    names = [words(cell) for cell in header]
    taken: dict[int, str] = {}
    for part, known in COLUMNS.items():
        if at := next((names.index(name) + 1 for name in known if name in names), 0):
            taken.setdefault(at - 1, part)
    types = [at for at, part in taken.items() if part == "item_type" and at and not names[at - 1]]
    if types and "item" not in taken.values():
        taken[types[0] - 1] = "item"  # release 7 leaves its header empty, left of the type
    columns: Columns = []
    for at, name in enumerate(names):
        if (first := re.sub(r" \d+$", "", name)) in names[:at] and not AID_SOURCE.fullmatch(name):
            name = first  # a repeated header, as a spreadsheet or as pandas writes it
        part = "aid source" if AID_SOURCE.fullmatch(name) else "dropped" if name in DROPPED else "raw"
        columns.append((taken.get(at, part), name or f"column {at + 1}"))
    return columns


def as_line(number: int, row: Row, columns: Columns) -> Line:
    """Sort the cells of a row; one beyond the last header has only its place for a name."""
    line = Line(number)
    for at, cell in enumerate(row):
        part, name = columns[at] if at < len(columns) else ("raw", f"column {at + 1}")
        if cell.strip(" \xa0.").casefold() in MISSING or part == "dropped":
            continue
        if part == "aid source":
            line.aid_sources.append(cell)
        elif part != "raw":
            line.cells[part] = cell
        elif line.raw.get(name) != cell:
            line.raw[f"{name} again" if name in line.raw else name] = whole(cell)
    return line


def whole(cell: str) -> str:
    """A release as CSV writes 0.0 for the 0 of the workbook."""
    return re.sub(r"^(-?\d+)\.0+$", r"\1", cell)


# --- a package -----------------------------------------------------------------------------------------------------

#: What all rows of a package repeat: kept once, and again only where a row says something else.
PACKAGE_WIDE = {
    *(COLUMNS[part][0] for part in ("kind", "measure", "given", "basis", "announced")),
    "official source",
    "bilateral loan grant made through imf or wb",
    "value source deliveries",
}


def package(identifier: str, rows: list[Line], calendar: Calendar, actors: Actors) -> tuple[Json, Json]:
    """The sources of a package and its pledge; raises Refused."""
    donors = [actors.by_name(name) for name in distinct(rows, "donor")]
    if not donors:
        raise Refused("no_donor", f"{identifier} names no donor.")
    announced_on, notes = announced(rows, calendar)
    explanations = distinct(rows, "explanation")
    sources = {source: data for line in rows for source, data in line.sources()}
    citations = [citation for n, line in enumerate(rows, 1) for citation in locate(identifier, n, line, rows)]
    citations += [{"source": source} for source in sources]
    if len(citations) > CITATIONS:
        raise Refused("too_long", f"{identifier} has {len(rows)} rows: more than one pledge can hold.")
    if again := [line for line in rows if number(line["total"]) is not None][1:]:
        more = ", ".join(
            f"{line['total']} {line['currency']} (row {rows.index(line) + 1} of the package)" for line in again
        )
        notes.append(f"The tracker states a total more than once; the first is taken, not added to {more}.")
    return sources, {
        "title": shorten(explanations[0], 120, placeholder=" …") if explanations else identifier,
        "donors": [{"actor": donor} for donor in donors],
        "apportionment": "sole" if len(donors) == 1 else "unsplit",
        "recipients": ["iso3166-1:UKR"],
        "category": the_one({word.casefold() for word in distinct(rows, "category")} & CATEGORIES),
        "finance_type": the_one({finance_type(kind) for kind in distinct(rows, "kind")}),
        "status": "allocated" if {m.casefold() for m in distinct(rows, "measure")} == {"allocation"} else "committed",
        "items": [item for line in rows if (item := as_item(line))],
        "announced_on": announced_on,
        "purpose": "\n\n".join(explanations),
        "sources": citations,
        "note": "\n".join(notes),
        **total(rows),
    }


def distinct(rows: list[Line], part: str) -> list[str]:
    return list(dict.fromkeys(" ".join(line[part].split()) for line in rows if line[part]))


def the_one(values: set[str]) -> str | None:
    """What all rows agree on."""
    return values.pop() if len(values) == 1 else None


def finance_type(kind: str) -> str:
    """Of ``Grant``, ``Loan`` … the like; of goods alone, in kind; of goods with services or money, nothing certain."""
    kind = kind.casefold()
    goods = GOODS.search(kind) and not MORE_THAN_GOODS.search(kind)
    return FINANCE.get(kind, "in_kind" if goods else "")


def worth(rows: list[Line]) -> list[Money]:
    """The total of a package, which stands on its first row; the others leave it empty."""
    for line in rows:
        if (value := number(line["total"])) is not None:
            return [(line["currency"] or "?", value)]
    return []


def total(rows: list[Line]) -> Json:
    """The amount of a pledge, in the currency in which it was promised, and whose figure it is."""
    if not (money := worth(rows)):
        return {}
    currency, value = money[0]
    if not re.fullmatch("[A-Z]{3}", currency):
        raise Refused("unknown_currency", f"The total of {plain(value)} has no currency: {currency!r}.")
    if value < 0:
        raise Refused("impossible_amount", f"A total cannot be negative: {plain(value)} {currency}.")
    if value == 0:
        return {}  # unknown is nothing, never 0
    first = next(line for line in rows if line["total"])
    basis = next((ours for theirs, ours in BASES.items() if first["basis"].casefold().startswith(theirs)), None)
    if number(first["given"]) == value:
        basis = "stated"
    elif number(first["given"]) is None and basis is None:
        basis = "estimated"  # no figure of the donor, so it is the tracker's
    return {"amount": amount(value, currency), "amount_basis": basis}


def as_item(line: Line) -> Json | None:
    if not line["item"]:
        return None
    item: Json = {"description": line["item"], "category": line["item_type"][:100]}
    for name, part in (("quantity", "units"), ("quantity_delivered", "delivered")):
        if (count := number(line[part])) is not None:
            item[name] = int(count) if count == int(count) else float(count)
    if (value := number(line["worth"])) is not None:
        item["valuation"] = amount(value, "USD") | {"method": "estimate of the Ukraine Support Tracker"}
    return {name: value for name, value in item.items() if value != ""}


def announced(rows: list[Line], calendar: Calendar) -> tuple[str | None, list[str]]:
    """When a package was announced, and notes on dates that had to be left out.

    Raises Refused if none is left and one of them cannot be: a package must not lose its only date in silence.
    """
    spans: list[list[Span]] = []
    faults: dict[str, Refused] = {}
    for text in distinct(rows, "announced"):
        try:
            spans += filter(None, [calendar.read(text)])
        except Refused as fault:
            faults[text] = fault
    impossible = [fault for fault in faults.values() if fault.problem["code"] == "impossible_date"]
    if impossible and not spans:
        raise impossible[0]
    # without the reason, which names the end of the release and would make every release change the note
    return together(spans), [
        f"The announcement date {text!r} is left out: it cannot be, or is not clear." for text in faults
    ]


def locate(identifier: str, n: int, line: Line, rows: list[Line]) -> list[Json]:
    """Where a row says what, with all that has no property of its own."""
    raw = kept(line)
    if n > 1:
        first = kept(rows[0])
        raw = {name: value for name, value in raw.items() if name not in PACKAGE_WIDE or first.get(name) != value}
    return cite(TRACKER, {"id": identifier, "item": n}, raw) if raw or n == 1 else []


def kept(line: Line) -> dict[str, str]:
    """Cells that are mapped in part or not at all, by the words of their headers."""
    parts = [
        "kind",
        "measure",
        "given",
        "basis",
        *(part for part in ("units", "delivered", "worth") if not line["item"]),
    ]
    parts += [part for part in ("units", "delivered", "worth", "total") if number(line[part]) is None]
    parts += ["announced"] if not re.fullmatch(r"\d{4}-\d\d-\d\d( 00:00:00)?", line["announced"]) else []
    parts += ["category"] if line["category"].casefold() not in CATEGORIES else []
    parts += ["item_type"] if not line["item"] else []
    return {COLUMNS[part][0]: line[part] for part in parts if line[part]} | line.raw
