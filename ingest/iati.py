"""IATI activities, 1.0x and 2.0x: what an activity promises or commits is a pledge, what it pays a transaction."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import groupby
from pathlib import Path
from textwrap import shorten
from typing import IO, NamedTuple
from xml.etree.ElementTree import Element, ParseError  # nosec B405  (defusedxml does the parsing)

import pycountry
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from ingest.items import Item, Json, Look, Money, Refusal
from ingest.making import Actors, Refused, amount, cite, unreadable, upsert
from ingest.tables import Unreadable, plain, words

#: Elements and transaction types that are dropped on purpose, and why.
DROPPED = {
    "contact-info": "personal data that says nothing of the money",
    "budget": "a plan, not a promise",
    "planned-disbursement": "a plan, not a promise",
    "country-budget-items": "a plan, not a promise",
    "fss": "a plan, not a promise",
    "document-link": "addresses of documents, often hundreds",
    "result": "what was achieved, not what was given",
    "transaction 1": "incoming funds: the donor's own activity says them as commitment and disbursement",
    "transaction 5": "interest flows back to the donor",
    "transaction 6": "repayment flows back to the donor",
    "transaction 8": "an equity is bought, not given",
    "transaction 9": "an equity is sold, not given",
    "transaction 10": "underwrites the loan of a third party; nothing is given unless that fails",
}

# What one activity may hold before the file is called hostile; the largest known have some ten thousand elements.
DEEP, ELEMENTS, SILENCE = 60, 500_000, 64 << 20
EARLIEST, AHEAD = 1945, 15  # years

#: Transaction types of 1.0x, as 2.0x numbers them.
LETTERS = {"IF": "1", "C": "2", "D": "3", "E": "4", "IR": "5", "LR": "6", "R": "7", "QP": "8", "QS": "9", "CG": "10"}
PROMISES, COMMITMENTS, PAYMENTS, INCOMING = {"12", "13"}, {"2", "11"}, {"3", "4", "7"}, {"11", "13"}
ROLES = {"funding": "1", "accountable": "2", "extending": "3", "implementing": "4"}
DATES = {"start-planned": "1", "start-actual": "2", "end-planned": "3", "end-actual": "4"}
#: Kinds of organisations, by the code lists of IATI, and by how the channel codes of the CRS begin.
ORGANISATIONS = dict.fromkeys(("10", "11", "15"), "government_body") | dict.fromkeys(("21", "22", "23", "24"), "ngo")
ORGANISATIONS |= {"40": "igo", "80": "research_body"} | dict.fromkeys(("70", "71", "72", "73"), "company")
CHANNELS = dict.fromkeys(("41", "42", "43", "44", "46", "47"), "igo") | dict.fromkeys(("21", "22", "23"), "ngo")
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
MAPPED = {"iati-identifier", "title", "description", "transaction"}


class Organisation(NamedTuple):
    """An organisation as an activity names it."""

    ref: str
    name: str
    kind: str


@dataclass
class Transaction:
    """What moved, or was promised to move."""

    name: str
    code: str
    currency: str
    value: Decimal
    dated: str | None
    provider: Organisation | None
    raw: Json

    @property
    def incoming(self) -> bool:
        return self.code in INCOMING


def read(files: list[Path], look: Look) -> Iterator[Item | Refusal]:
    """Pledges and transactions of every activity, after the organisations that only IATI knows.

    Every file is read twice: first to see that it is whole and well-formed, so that nothing of a broken one is loaded;
    then activity by activity, one in memory at a time.
    """
    actors, publishers = Actors(look), set[str]()
    for nth, path in enumerate(files):
        try:
            total = check(path)
        except (Unreadable, OSError) as error:
            yield unreadable(path, error)
            continue
        for n, activity in enumerate(activities(path), 1):
            where = f"{path.name}, activity {n}"
            for item in Activity(activity, where, actors).records(publishers):
                item.done = (nth + n / total) / len(files)
                yield item


# --- files ---------------------------------------------------------------------------------------------------------


def check(path: Path) -> int:
    """How many activities a file has; raises Unreadable if it is not well-formed, or made to exhaust its reader."""
    count = depth = elements = 0
    for event, element in events(path):
        if event == "start":
            depth, elements = depth + 1, elements + 1
            if depth == 1 and element.tag not in ("iati-activities", "iati-activity"):
                raise Unreadable(
                    f"{path.name} is XML, but no list of IATI activities: <{element.tag}>.", "unknown_form"
                )
            if depth > DEEP or elements > ELEMENTS:
                raise Unreadable(
                    f"{path.name} has an activity that is larger or deeper than any real one.", "too_large"
                )
            continue
        depth -= 1
        element.clear()
        if element.tag == "iati-activity":
            count, elements = count + 1, 0
    return max(count, 1)


def activities(path: Path) -> Iterator[Element]:
    root: Element | None = None
    for event, element in events(path):
        if root is None:
            root = element
        if event == "end" and element.tag == "iati-activity":
            yield element
            root.clear()  # else it keeps every activity until the end


def events(path: Path) -> Iterator[tuple[str, Element]]:
    """Starts and ends of elements. A document type, and so any entity of its own, is refused."""
    with path.open("rb") as file:
        meter = Meter(file)
        try:
            for event, element in iterparse(meter, events=("start", "end"), forbid_dtd=True):
                meter.silent = 0
                yield event, element
        except ParseError as error:
            line, column = error.position
            why = str(error).partition(":")[0]
            at = f"line {line}, column {column + 1}"
            raise Unreadable(
                f"{path.name} is not well-formed XML: {at}: {why}. Nothing of it was loaded.", "ill_formed"
            ) from None
        except DefusedXmlException as error:
            detail = (
                f"{path.name} declares a document type or entities ({type(error).__name__}), which IATI never does."
            )
            raise Unreadable(detail, "hostile_xml") from None
        except (ValueError, LookupError) as error:
            raise Unreadable(f"{path.name} cannot be read: {error}", "ill_formed") from None


class Meter:
    """A file that is given up when it says nothing for long: one endless text would fill the memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.silent = file, 0

    def read(self, size: int = -1) -> bytes:
        self.silent += size
        if self.silent > SILENCE:
            raise Unreadable("One text of the file is longer than any real one.", "too_large")
        return self.file.read(size)


# --- an activity ---------------------------------------------------------------------------------------------------


class Activity:
    """One activity, and what can be made of it."""

    def __init__(self, element: Element, where: str, actors: Actors) -> None:
        self.element, self.where, self.actors = element, where, actors
        self.name = said(element.findall("iati-identifier"))
        self.row: Json = {"iati-identifier": self.name, "title": said(element.findall("title"))}
        reporting = element.find("reporting-org")
        self.publisher = organisation(reporting) if reporting is not None else None
        own = self.publisher.ref or words(self.publisher.name).replace(" ", "-")[:80] if self.publisher else ""
        self.source = f"iati:publisher-{own or 'unknown'}"

    def records(self, publishers: set[str]) -> Iterator[Item | Refusal]:
        """Its publisher, a pledge for each direction and currency of its money, and their transactions."""
        good: list[Transaction] = []
        bad: list[Refusal] = []
        unsure = False
        elements = self.element.findall("transaction")
        refs = [element.get("ref", "").strip() for element in elements]
        own = refs if all(refs) and len(set(refs)) == len(refs) else [str(n) for n in range(1, len(refs) + 1)]
        for element, ref in zip(elements, own, strict=True):
            try:
                if transaction := self.transaction(element, f"{self.name};{ref}"):
                    good.append(transaction)
            except Refused as refused:
                row = self.row | {"transaction": bare(element)}
                bad.append(refused.at(self.where, row, money_of(element, self.element)))
                unsure |= code_of(element.find("transaction-type"), LETTERS) not in PAYMENTS
        yield from bad
        if not good and not bad:
            why = "The activity has no pledge, commitment or payment: nothing is promised or given in it."
            yield Refused("no_transaction", why).at(self.where, self.row)
        for (incoming, currency), group in groupby(sorted(good, key=direction), direction):
            transactions = list(group)
            money = [(found.currency, found.value) for found in transactions]
            try:
                pledge = self.pledge(transactions, unsure)
                name = self.pledge_name(incoming, currency, good)
            except Refused as refused:
                yield refused.at(self.where, self.row | {"transactions": [found.raw for found in transactions]}, money)
                continue
            publication = [] if self.source in publishers else [self.publication()]
            publishers.add(self.source)
            yield from self.actors.arrivals()
            yield from publication
            promised = [(found.currency, found.value) for found in transactions if found.code in PROMISES]
            whole = [(currency, sum((value for _, value in promised), Decimal()))] if promised else []
            yield upsert("pledge", name, pledge, self.where, self.row, whole)
            yield from (self.moved(found, name) for found in transactions if found.code not in PROMISES)
            if pledge["status"] == "cancelled":
                data = {
                    "pledge": name,
                    "kind": "cancellation",
                    "sources": cite(self.source, {"activity": self.name}, {}),
                }
                yield upsert("transaction", f"{name};cancelled", data, self.where, self.row)

    def pledge_name(self, incoming: bool, currency: str, good: list[Transaction]) -> str:
        """The activity's own name for its main money, so that the name stays when other money comes in."""
        main = self.element.get("default-currency", "").strip().upper() or good[0].currency
        return f"iati:{self.name}" + ";incoming" * incoming + f";{currency}" * (currency != main)

    def transaction(self, element: Element, name: str) -> Transaction | None:
        """Raises Refused; None for a type that is dropped."""
        code = code_of(element.find("transaction-type"), LETTERS)
        if f"transaction {code}" in DROPPED:
            return None
        if code not in PROMISES | COMMITMENTS | PAYMENTS:
            raise Refused("unknown_type", f"There is no transaction type {code!r}.")
        currency = currency_of(element, self.element)
        if not re.fullmatch("[A-Z]{3}", currency):
            raise Refused("unknown_currency", f"The value has no currency, nor has the activity: {currency!r}.")
        provider = element.find("provider-org")
        found = organisation(provider) if provider is not None else None
        day = day_of(element.find("transaction-date")) or day_of(element.find("value"), "value-date")
        value = value_of(element)
        return Transaction(f"iati:{name}", code, currency, value, day, found, bare(element))

    def pledge(self, transactions: list[Transaction], unsure: bool) -> Json:
        """What the transactions of one direction and currency promise together."""
        if not re.fullmatch(r"\S.{0,149}", self.name):
            raise Refused("no_identifier", f"An activity needs an iati-identifier; this one has {self.name[:50]!r}.")
        notes: list[str] = []
        codes = {found.code for found in transactions}
        promised = [found.raw for found in transactions if found.code in PROMISES]
        basis = [found for found in transactions if found.code in PROMISES]
        basis = basis or [found for found in transactions if found.code in COMMITMENTS]
        currency, total = transactions[0].currency, sum((found.value for found in basis), Decimal())
        whole = amount(total, currency) if basis and total > 0 and not unsure else None
        if basis and not whole:
            why = (
                "a transaction of the activity was refused"
                if unsure
                else f"its parts add up to {plain(total)} {currency}"
            )
            notes.append(f"The amount is left out, for {why}.")
        donors, apportionment = self.donors(basis or transactions, whole)
        recipients = self.recipients(notes)
        days = [found.dated for found in basis if found.dated]
        titles, descriptions = self.element.findall("title"), self.element.findall("description")
        text = "\n\n".join(filter(None, (said([element]) for element in in_english(descriptions))))
        cancelled = code_of(self.element.find("activity-status")) == "5"
        status = "disbursed" if codes & PAYMENTS else "committed" if codes & COMMITMENTS else "pledged"
        return {
            "title": shorten(said(titles) or text, 200, placeholder=" …") or self.name,
            "donors": donors + self.channels({str(donor["actor"]) for donor in donors} | set(recipients)),
            "apportionment": apportionment,
            "recipients": recipients,
            "category": self.category(),
            "finance_type": finance_type(code_of(self.element.find("default-finance-type"))),
            "status": "cancelled" if cancelled else status,
            "amount": whole,
            "amount_basis": "stated" if whole else None,
            "announced_on": min(days, default=None),
            "effective_from": self.date("start"),
            "effective_to": self.date("end"),
            "purpose": text,
            "note": " ".join(notes),
            "sources": cite(
                self.source,
                {"activity": self.name},
                self.kept() | ({"transaction": promised} if promised else {}),
            ),
        }

    def moved(self, found: Transaction, pledge: str) -> Item | Refusal:
        row, money = self.row | {"transaction": found.raw}, [(found.currency, found.value)]
        try:
            data = {
                "pledge": pledge,
                "kind": "commitment" if found.code in COMMITMENTS else "disbursement",
                "amount": amount(found.value, found.currency),
                "dated": found.dated,
                "sources": cite(self.source, {"activity": self.name}, found.raw),
            }
        except Refused as refused:
            return refused.at(self.where, row, money)
        return upsert("transaction", found.name, data, self.where, row, money)

    def publication(self) -> Item:
        """The source: all that one organisation publishes."""
        publisher = None
        with suppress(Refused):
            publisher = self.actor(self.publisher) if self.publisher else None
        who = (self.publisher.name or self.publisher.ref) if self.publisher else "an organisation that is not named"
        data = {"kind": "official", "title": f"IATI activities of {who}", "publisher": publisher}
        return upsert("source", self.source, data, self.where, self.row)

    def donors(self, basis: list[Transaction], whole: Json | None) -> tuple[list[Json], str]:
        """Who provides: as each transaction says, else who funds the activity, else who reports it."""
        parts: dict[str, Decimal] = {}
        if all(found.provider for found in basis):
            for found in basis:
                actor = self.actor(found.provider) if found.provider else ""
                parts[actor] = parts.get(actor, Decimal()) + found.value
        else:
            named = [organisation(found) for found in self.participants("1")] or list(filter(None, [self.publisher]))
            parts = {self.actor(found): Decimal() for found in named}
        if not parts:
            raise Refused("no_donor", "The activity names nobody who provides its money.")
        if len(parts) == 1:
            return [{"actor": actor} for actor in parts], "sole"
        if whole and all(value > 0 for value in parts.values()):
            currency = whole["currency"]
            return [{"actor": actor, "amount": amount(value, currency)} for actor, value in parts.items()], "stated"
        return [{"actor": actor} for actor in parts], "unsplit"

    def channels(self, others: set[str]) -> list[Json]:
        """Who passes the money on. One whom nobody knows for sure stays in the raw part alone."""
        found = []
        for element in [*self.participants("3"), *self.participants("4")]:
            with suppress(Refused):
                found.append(self.actor(organisation(element)))
        return [{"actor": actor, "role": "channel"} for actor in dict.fromkeys(found) if actor not in others]

    def participants(self, role: str) -> list[Element]:
        found = self.element.findall("participating-org")
        return [
            element for element in found if ROLES.get(element.get("role", "").casefold(), element.get("role")) == role
        ]

    def actor(self, found: Organisation) -> str:
        """By country code, else by name; an organisation with an identifier of its own may also be new."""
        if country := country_of(found.ref):
            return country
        crs = re.fullmatch(r"(?:XM-DAC-)?(\d\d)(\d{3})", found.ref)
        # channel codes that end in 000 are kinds of organisations, not one
        if found.ref and found.ref.casefold() != "excluded" and not (crs and crs[2] == "000"):
            kind = ORGANISATIONS.get(found.kind) or (CHANNELS.get(crs[1]) if crs else None) or "other"
            return self.actors.introduced(found.name or found.ref, f"iati-org:{found.ref}", kind, self.where, self.row)
        return self.actors.by_name(found.name)

    def recipients(self, notes: list[str]) -> list[str]:
        """The countries of the activity, else of its transactions."""
        elements = self.element.findall("recipient-country") or self.element.findall("transaction/recipient-country")
        found = []
        for element in elements:
            try:
                found.append(country_of(code_of(element)) or self.actors.by_name(said([element])))
            except Refused:
                notes.append(f"The recipient country {code_of(element)!r} is not known.")
        return list(dict.fromkeys(found))

    def category(self) -> str | None:
        """By the humanitarian mark, the type of aid, or the purpose codes of the DAC if all are of one kind."""
        if self.element.get("humanitarian") in ("1", "true"):
            return "humanitarian"
        if code_of(self.element.find("default-aid-type"))[:2] in ("A0", "F0"):
            return "financial"  # budget support, debt relief
        sectors = [code_of(sector) for sector in self.element.findall("sector") if is_dac(sector)]
        for category, starts in (("humanitarian", ("72", "73", "74")), ("infrastructure", ("21", "22", "23"))):
            if sectors and all(code.startswith(starts) for code in sectors):
                return category
        return None

    def date(self, which: str) -> str | None:
        """The actual day, else the planned one."""
        dates = {
            DATES.get(element.get("type", ""), element.get("type")): element
            for element in self.element.findall("activity-date")
        }
        for code in (DATES[f"{which}-actual"], DATES[f"{which}-planned"]):
            with suppress(Refused):
                if code in dates and (day := day_of(dates[code])):
                    return day
        return None

    def kept(self) -> Json:
        """All of the activity that has no property of its own, and texts of which only one language has."""
        raw: Json = {"activity": attributes(self.element)}
        for element in self.element:
            several = element.tag in ("title", "description") and len(list(tongues([element]))) > 1
            if (element.tag not in MAPPED or several) and element.tag not in DROPPED:
                raw.setdefault(element.tag, []).append(bare(element))
        return raw


def direction(found: Transaction) -> tuple[bool, str]:
    return found.incoming, found.currency


# --- elements ------------------------------------------------------------------------------------------------------


def tongues(elements: Iterable[Element]) -> Iterator[tuple[str, str]]:
    """Language and text of each: 2.0x has it in narratives, 1.0x in the element itself."""
    for element in elements:
        for piece in element.findall("narrative") or [element]:
            if text := " ".join((piece.text or "").split()):
                yield piece.get(LANG, element.get(LANG, "")), text


def said(elements: Iterable[Element]) -> str:
    """The text in English if there is one, else the first."""
    texts = list(tongues(elements))
    return next((text for lang, text in texts if lang.casefold().startswith("en")), texts[0][1] if texts else "")


def in_english(elements: list[Element]) -> list[Element]:
    """Of elements that repeat one text in several languages, those in English; else all."""
    return [element for element in elements if element.get(LANG, "").casefold().startswith("en")] or elements


def code_of(element: Element | None, letters: dict[str, str] | None = None) -> str:
    code = element.get("code", "").strip() if element is not None else ""
    return (letters or {}).get(code.upper(), code)


def organisation(element: Element) -> Organisation:
    return Organisation(element.get("ref", "").strip(), said([element]), element.get("type", "").strip())


@cache
def country_of(code: str) -> str | None:
    country = pycountry.countries.get(alpha_2=code) if re.fullmatch("[A-Z]{2}", code) else None
    return f"iso3166-1:{country.alpha_3}" if country else None


def is_dac(sector: Element) -> bool:
    return sector.get("vocabulary", "1") in ("1", "DAC")


def finance_type(code: str) -> str | None:
    """By the code list of the DAC."""
    if code in ("110", "111", "210", "211"):
        return "grant"
    if code == "1100":
        return "guarantee"
    return "loan" if re.fullmatch(r"4[0-2]\d|45\d", code) else "other" if code else None


def currency_of(element: Element, activity: Element) -> str:
    value = element.find("value")
    stated = value.get("currency") if value is not None else None
    return (stated or activity.get("default-currency") or "").strip().upper()


def value_of(element: Element) -> Decimal:
    text = (element.findtext("value") or "").strip()
    if not re.fullmatch(r"[-+]?(\d{1,24}(\.\d{0,24})?|\.\d{1,24})", text):
        raise Refused("impossible_amount", f"The value is no decimal number: {text[:50]!r}.")
    return Decimal(text)


def money_of(element: Element, activity: Element) -> list[Money]:
    """What a refused transaction is worth, as far as it can be told."""
    with suppress(Refused):
        return [(currency_of(element, activity) or "?", value_of(element))]
    return []


def day_of(element: Element | None, attribute: str = "iso-date") -> str | None:
    """A day, month or year; 1.0x may have it as text. Free text is no date. Raises Refused if it cannot be."""
    if element is None:
        return None
    stated = element.get(attribute, "").strip() or ((element.text or "").strip() if attribute == "iso-date" else "")
    match = re.fullmatch(r"(\d{4})(-\d\d)?(-\d\d)?(Z|[-+]\d\d:\d\d|T.*)?", stated)
    if not match:
        if element.get(attribute, "").strip():
            raise Refused("impossible_date", f"{stated[:50]!r} is no date.")
        return None
    year, month, day = match[1], match[2] or "", match[3] or ""
    try:
        date(int(year), int(month[1:] or 1), int(day[1:] or 1))
    except ValueError:
        raise Refused("impossible_date", f"The calendar has no {stated[:50]}.") from None
    if not EARLIEST <= int(year) <= date.today().year + AHEAD:
        raise Refused("impossible_date", f"{stated[:50]} is not the date of any aid.")
    return year + month + day


def attributes(element: Element) -> Json:
    return {name.rpartition("}")[2]: value for name, value in element.attrib.items() if value.strip()}


def bare(element: Element) -> Json:
    """An element as JSON: its attributes, its text, and its parts by name."""
    made = attributes(element)
    if text := " ".join((element.text or "").split()):
        made["text"] = text
    for part in element:
        name = part.tag.rpartition("}")[2]
        made.setdefault(name if isinstance(made.get(name, []), list) else f"<{name}>", []).append(bare(part))
    return made
