"""OCHA's Financial Tracking Service: one flow is one pledge, and a transaction once it is committed or paid."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from itertools import islice, zip_longest
from pathlib import Path
from textwrap import shorten

import pycountry

from ingest.items import Item, Json, Look, Money, Refusal
from ingest.making import Actors, Refused, amount, cite, unreadable, upsert
from ingest.tables import Row, Unreadable, number, plain, tables, words

Figure = tuple[str, Decimal, str | None]  # currency, value, and whose reckoning it is

#: Properties that are dropped on purpose, and why.
DROPPED = {
    "boundary": "how the flow lies to the search that made the file: another search says otherwise of the same flow",
    "onBoundary": "the same",
}

#: The two forms in which flows are given. A pledge cites both, each with what it alone says.
FORMS = ("api", "csv")
TOGETHER = 100  # flows that are asked for at once
PAGE = 128 << 20  # bytes; the API gives pages of about 1 MB
EARLIEST = date(1992, 1, 1)  # when the service began
SERVICE = "fts:financial-tracking-service"

STATUSES = {"pledge": "pledged", "commitment": "committed", "paid": "disbursed"}
TRANSACTIONS = {"committed": "commitment", "disbursed": "disbursement", "delivered": "delivery"}
KINDS = {
    "UN agency": "igo",
    "Inter-governmental": "igo",
    "NGO": "ngo",
    "Red Cross/Red Crescent": "ngo",
    "Government": "government_body",
}


def read(files: list[Path], look: Look) -> Iterator[Item | Refusal]:
    """A pledge for each flow, after the organisations that FTS alone knows, and before its transaction.

    Of the API's pages, one is in memory at a time; of a CSV, a hundred rows.
    """
    actors = Actors(look)
    begun = False
    for nth, path in enumerate(files):
        try:
            form, found = flows(path, actors)
            while some := list(islice(found, TOGETHER)):
                if not begun:
                    begun = True
                    yield service()
                others = cited([flow for _, flow, _ in some], form, look)
                for where, flow, done in some:
                    for item in records(flow, where, actors, form, others):
                        item.done = None if done is None else (nth + done) / len(files)
                        yield item
        except (Unreadable, OSError) as error:
            yield unreadable(path, error)


def service() -> Item:
    data = {
        "kind": "dataset",
        "url": "https://fts.unocha.org/",
        "title": "Financial Tracking Service, United Nations Office for the Coordination of Humanitarian Affairs",
        "language": "en",
        "licence": "CC-BY-3.0-IGO",
    }
    return upsert("source", SERVICE, data, "", {})


# --- files ---------------------------------------------------------------------------------------------------------


def flows(path: Path, actors: Actors) -> tuple[str, Iterator[tuple[str, Json, float | None]]]:
    """The form of a file; where each flow stands, what it says, and how much of the file is read by then."""
    with path.open("rb") as file:
        start = file.read(200).lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] not in (b"{", b"["):
        return "csv", of_csv(path)
    found = page(path)
    actors.prepare(names(found))
    return "api", ((f"{path.name}, flow {n}", flow, n / len(found)) for n, flow in enumerate(found, 1))


def of_csv(path: Path) -> Iterator[tuple[str, Json, None]]:
    for table in tables(path, knows, "list of flows (id, amountUSD, status …)"):
        for n, row in table.rows:
            if not all(cell.startswith("#") for cell in row if cell):  # the tags of HXL below the header
                yield f"{table.place}, row {n}", from_csv(table.header, row), None


def cited(flows: list[Json], form: str, look: Look) -> dict[str, list[Json]]:
    """What the server has of these flows in another form: a write replaces the whole record, and would lose it."""
    found: dict[str, list[Json]] = {}
    ask: Callable[..., list[Json]] = getattr(look, "stored", lambda *_: [])
    for record in ask("pledges", [f"fts:{flow['id']}" for flow in flows if named(flow)], "sources"):
        for entry in record["sources"]:
            at = located(entry.get("locator"))
            if at.get("form") in FORMS and at["form"] != form:
                own = {name: entry[name] for name in ("locator", "attribution_text") if entry.get(name)}
                found.setdefault(str(at.get("flow")), []).append({"source": SERVICE} | own)
    return found


def located(locator: str | None) -> Json:
    """A locator as `cite` writes it; somebody else's says nothing."""
    with suppress(ValueError):
        if isinstance(at := json.loads(locator or ""), dict):
            return at
    return {}


def named(flow: Json) -> bool:
    return bool(re.fullmatch(r"\w{1,50}", str(flow.get("id") or "")))


def knows(row: Row) -> bool:
    return {"id", "amountUSD", "status", "srcOrganization"} <= set(row)


def page(path: Path) -> list[Json]:
    """The flows of one answer of the API."""
    if path.stat().st_size > PAGE:
        raise Unreadable(f"{path.name} has more than {PAGE >> 20} MB: ask the API for smaller pages.", "too_large")
    try:
        answer = json.loads(path.read_bytes(), parse_float=Decimal, parse_constant=constant)
        found = answer["data"]["flows"]
        if not isinstance(found, list) or not all(isinstance(flow, dict) for flow in found):
            raise TypeError
    except (KeyError, TypeError):
        raise Unreadable(f"{path.name} is not a page of flows: it has no list data.flows.", "unknown_table") from None
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{path.name} is not JSON: {error}") from error
    return found


def names(flows: list[Json]) -> set[str]:
    """Of whom and where the flows of a page speak, to be asked for at once."""
    found = set()
    for flow in flows:
        with suppress(Refused):
            found |= {str(end["name"]).strip() for end in objects_of(flow) if end.get("type") in LISTED.values()}
    return found


def constant(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")


def objects_of(flow: Json, *sides: str) -> list[Json]:
    """What stands at the ends of a flow: organisations, places, plans, years …"""
    ends = [flow.get(side) or [] for side in sides or ENDS]
    if not all(isinstance(end, list) and all(isinstance(found, dict) for found in end) for end in ends):
        raise Refused("unknown_form", "The objects of the flow are not lists of objects.")
    return [found for end in ends for found in end if str(found.get("name") or "").strip()]


ENDS = {"sourceObjects": "src", "destinationObjects": "dest"}
#: Columns of the CSV that list objects, by the type of these; a comma without a blank after it parts two.
LISTED = {"Organization": "Organization", "Locations": "Location"}


def from_csv(header: Row, row: Row) -> Json:
    """A row in the form in which the API gives flows. Of several organisations it does not say how they share."""
    cells = dict(zip_longest(header, row[: len(header)], fillvalue=""))
    cells |= {f"column {at + 1}": cell for at, cell in enumerate(row) if at >= len(header)}
    for side, prefix in ENDS.items():
        kinds = split(cells.pop(f"{prefix}OrganizationTypes", ""))
        found: list[Json] = []
        for column, kind in LISTED.items():
            found += [{"type": kind, "name": name} for name in split(cells.pop(prefix + column, ""))]
        organisations = [end for end in found if end["type"] == "Organization"]
        for end, own in zip(organisations, kinds if len(kinds) == len(organisations) else [], strict=False):
            end["organizationTypes"] = [own]
        first, last = cells.pop(f"{prefix}UsageYearStart", ""), cells.pop(f"{prefix}UsageYearEnd", "")
        found += [{"type": "UsageYear", "name": year} for year in dict.fromkeys([first, last])]
        cells[side] = found  # type: ignore[assignment]
    return dict(cells)


def split(cell: str) -> list[str]:
    return [part for part in re.split(r",(?=\S)", cell) if part]


# --- a flow --------------------------------------------------------------------------------------------------------


def records(
    flow: Json, where: str, actors: Actors, form: str, others: dict[str, list[Json]]
) -> Iterator[Item | Refusal]:
    """The pledge that a flow is, and the transaction if it is more than promised."""
    money: list[Money] = []
    cites = others.get(str(flow.get("id")), [])
    try:
        figure = worth(flow)
        money = [figure[:2]] if figure else []
        name, pledge = as_pledge(flow, figure, actors, form, ends(flow, form, cites))
        happened = day(flow, "date")
    except Refused as refused:
        yield refused.at(where, flow, money)
        return
    pledge["sources"] = sorted(
        pledge["sources"] + cites, key=lambda entry: FORMS.index(located(entry["locator"])["form"])
    )
    yield from actors.arrivals()
    yield upsert("pledge", name, pledge, where, flow, money)
    if kind := TRANSACTIONS.get(pledge["status"]):
        transaction = {
            "pledge": name,
            "kind": kind,
            "amount": pledge.get("amount"),
            "dated": happened,
            "sources": cite(SERVICE, {"flow": flow["id"]}, {}),
        }
        yield upsert("transaction", f"{name}-{kind}", transaction, where, {"id": flow["id"]})


def ends(flow: Json, form: str, cites: list[Json]) -> Json:
    """Between whom it flows: by the API where it has said so, for the CSV has no ids, and of the places only those that
    were searched for. Not if the row is of a later day."""
    for entry in cites if form == "csv" else ():
        said = located(entry["locator"]).get("raw", {})
        if str(flow.get("updatedAt") or "")[:10] <= str(said.get("updatedAt") or "")[:10]:
            flow = {side: said.get(side) for side in ENDS}
    return {side: flow.get(side) for side in ENDS}


def as_pledge(flow: Json, figure: Figure | None, actors: Actors, form: str, between: Json) -> tuple[str, Json]:
    identifier = str(flow.get("id") or "")
    if not named(flow):
        raise Refused("no_identifier", f"A flow needs an id; this one has {identifier!r}.")
    status = STATUSES.get(str(flow.get("status")).casefold())
    if status is None:
        raise Refused(
            "unknown_status", f"A flow is a pledge, a commitment or paid; this one is {flow.get('status')!r}."
        )
    in_kind = str(flow.get("contributionType")).casefold() == "in kind"
    donors = organisations(between, "sourceObjects", actors)
    if not donors:
        raise Refused("no_donor", "The flow names no organisation as its source.")
    through = organisations(between, "destinationObjects", actors)
    recipients = places(between, "destinationObjects", actors)
    if not recipients or recipients == places(between, "sourceObjects", actors):
        # money that is in the country already: it counted for the country when it came in
        recipients, through = through or recipients, []
    years = sorted(
        str(end["name"]) for end in objects_of(between, "destinationObjects") if end.get("type") == "UsageYear"
    )
    years = [year for year in years if re.fullmatch(r"[12]\d{3}", year)]
    description = " ".join(str(flow.get("description") or "").split())
    used = {
        "id",
        "description",
        "status",
        "contributionType",
        *(["originalAmount", "originalCurrency"] if figure else []),
    }
    raw = {name: value for name, value in flow.items() if name not in used and name not in DROPPED}
    raw = {name: value for name, value in raw.items() if value not in (None, "", [])}
    reporters = dict.fromkeys(str(report.get("organization")) for report in reports(flow) if report.get("organization"))
    return f"fts:{identifier}", {
        "title": shorten(description, 120, placeholder=" …") or f"Flow {identifier}",
        "donors": [{"actor": donor} for donor in donors]
        + [{"actor": actor, "role": "channel"} for actor in through if actor not in (*donors, *recipients)],
        "apportionment": "sole" if len(donors) == 1 else "unsplit",
        "recipients": recipients,
        "category": "humanitarian",
        "finance_type": "in_kind" if in_kind else None,
        "status": "delivered" if in_kind and status == "disbursed" else status,
        "announced_on": day(flow, "decisionDate") or day(flow, "date"),
        "effective_from": years[0] if years else None,
        "effective_to": years[-1] if years else None,
        "purpose": description,
        "note": remark(flow, figure),
        "sources": cite(SERVICE, {"flow": identifier, "form": form}, raw, attribution_text="; ".join(reporters)[:2000]),
    } | ({"amount": amount(figure[1], figure[0]), "amount_basis": figure[2]} if figure else {})


def organisations(flow: Json, side: str, actors: Actors) -> list[str]:
    """The organisations at one end. Those that only FTS knows come under the id that they have there."""
    found = []
    for end in objects_of(flow, side):
        if end.get("type") == "Organization":
            name, kinds = str(end["name"]).strip(), end.get("organizationTypes")
            kind = str(kinds[0]) if kinds and isinstance(kinds, list) else ""
            if re.search(r"\bgovernment of\b", name, re.I):
                found.append(actors.by_name(name))  # a state, which is known already or nothing certain
            else:
                own = f"fts-organization:{end.get('id') or slug(name)}"
                found.append(actors.introduced(name, own, KINDS.get(kind, "other"), "", end))
    return list(dict.fromkeys(found))


def slug(name: str) -> str:
    """The CSV has no ids of organisations, so their names stand in."""
    return words(name).replace(" ", "-")[:80] or hashlib.sha256(name.encode()).hexdigest()[:16]


def places(flow: Json, side: str, actors: Actors) -> list[str]:
    """The countries at one end: by name in the API, by ISO code in the CSV."""
    names = [str(end["name"]) for end in objects_of(flow, side) if end.get("type") == "Location"]
    return sorted({f"iso3166-1:{name}" if is_code(name) else actors.by_name(name) for name in names})


@cache
def is_code(name: str) -> bool:
    return bool(re.fullmatch("[A-Z]{3}", name) and pycountry.countries.get(alpha_3=name))


def worth(flow: Json) -> Figure | None:
    """Currency, value and basis: as it was promised, else in US dollars; None where all that is stated is 0."""
    currency, promised, dollars = (
        flow.get("originalCurrency"),
        figure_of(flow, "originalAmount"),
        figure_of(flow, "amountUSD"),
    )
    for value in (promised, dollars):
        if value is not None and value < 0:
            raise Refused("impossible_amount", f"A flow cannot be of {plain(value)}.")
    if promised and currency:
        if not re.fullmatch("[A-Z]{3}", str(currency)):
            raise Refused("unknown_currency", f"{plain(promised)} is in no currency: {currency!r}.")
        return str(currency), promised, "stated"
    if dollars:
        return "USD", dollars, "converted" if currency and currency != "USD" else None
    return None


def figure_of(flow: Json, name: str) -> Decimal | None:
    stated = flow.get(name)
    if stated is None or stated == "":
        return None
    if (value := number(str(stated))) is None:
        raise Refused("impossible_amount", f"{name} is no number: {str(stated)[:50]!r}.")
    return value


def remark(flow: Json, figure: Figure | None) -> str | None:
    """What the amount does not say by itself."""
    dollars, rate = figure_of(flow, "amountUSD"), flow.get("exchangeRate")
    if figure is None and dollars == 0:
        return "FTS states an amount of 0, which is kept as none."
    if figure and figure[2] == "stated" and figure[0] != "USD" and dollars:
        return f"FTS converts it to {plain(dollars)} USD" + (f", at {rate} {figure[0]} for 1 USD." if rate else ".")
    return None


def reports(flow: Json) -> list[Json]:
    found = flow.get("reportDetails") or []
    return [report for report in found if isinstance(report, dict)] if isinstance(found, list) else []


def day(flow: Json, name: str) -> str | None:
    """The day of a time stamp that FTS gives for a day."""
    if not (text := str(flow.get(name) or "")):
        return None
    try:
        found = date.fromisoformat(text[:10])
    except ValueError:
        raise Refused("impossible_date", f"{name} is no date: {text[:50]!r}.") from None
    if not EARLIEST <= found <= date.today() + timedelta(days=366):
        raise Refused("impossible_date", f"{name} is {found}, when FTS did not exist.")
    return found.isoformat()
