"""Dates as the Ukraine Support Tracker writes them, turned into EDTF without guessing."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Literal, NamedTuple

from ingest.making import Refused

EARLIEST = date(2013, 1, 1)  # the year before the war; what is earlier is a slip of the pen
AFTERWARDS = timedelta(days=92)  # a release comes out within three months of the last day that it covers
LONGEST = 100  # characters of an EDTF text that the API takes
EXCEL = date(1899, 12, 30)  # day 0 of its calendar

MONTHS = ["january", "february", "march", "april", "may", "june"]
MONTHS += ["july", "august", "september", "october", "november", "december"]
MONTH = rf"(?P<month>{'|'.join(f'{name[:3]}(?:{name[3:]})?' for name in MONTHS)})\.?"
SLASHED = re.compile(r"(?P<a>\d{1,2})[/.](?P<b>\d{1,2})[/.](?P<year>\d{4}|\d{2})")
FORMS = [
    re.compile(r"(?P<year>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?:[ T]\d\d:\d\d.*)?"),
    re.compile(r"(?P<year>\d{4})-(?P<m>\d{1,2})"),
    re.compile(r"(?P<m>\d{1,2})[/.](?P<year>\d{4}|\d{2})"),
    re.compile(rf"(?P<d>\d{{1,2}})(?:st|nd|rd|th)? {MONTH} (?P<year>\d{{4}})"),
    re.compile(rf"{MONTH} (?P<d>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year>\d{{4}})"),
    re.compile(rf"{MONTH} (?P<year>\d{{4}})"),
    re.compile(r"(?P<serial>[34]\d{4}|5[0-9]{4})"),
    re.compile(r"(?P<year>\d{4})"),
]
UNTIL = re.compile(r"(?:unti\w*|till?|by|before|up to) +")  # some releases write "unti"
SINCE = re.compile(r"(?:since|after|from|starting) +")
ABOUT = re.compile(r"(?:unclear|unspecified|not specified|undisclosed|unknown|around|about|approx\w*|ca?)\b[.,:; ]*")
BETWEEN = re.compile(r"(?:between +|from +)?(.+?) +(?:&|and|to|-|–|until) +(.+)")
COVERS = re.compile(rf"cover(?:s|ing).+\bto {MONTH} (?P<d>\d{{1,2}}),? (?P<year>\d{{4}})", re.I)

Order = Literal["month first", "day first"]
BOTH: tuple[Order, Order] = ("month first", "day first")


class Span(NamedTuple):
    """From one day, month or year to another; None where it is open."""

    first: str | None
    last: str | None
    mark: str = ""  # ~ where the source itself is vague

    def alone(self) -> str:
        if self.first == self.last:
            return f"{self.first}{self.mark}"
        return f"{self.first or '..'}/{self.last or '..'}"

    def within(self) -> str:
        """As a member of a set."""
        return self.alone() if self.first == self.last else f"{self.first or ''}..{self.last or ''}"


class Calendar:
    """How one release writes its dates, and the last day that it can know of."""

    def __init__(self, texts: Iterable[str], above: Iterable[str] = (), retrieved: Iterable[str] = ()) -> None:
        self.habits = habits(set(texts))
        self.latest = latest(above, retrieved)

    def read(self, text: str) -> list[Span]:
        """What a text can mean: nothing stated, one span, or two where day and month could be either.

        Raises Refused where it means no day of the war, or is not understood.
        """
        core = " ".join(text.split()).casefold()
        if not ABOUT.sub("", core, count=1):
            return []
        slashed = SLASHED.search(core)
        habit = self.habits.get(style(slashed)) if slashed else None
        spans: list[Span] = []
        a_date = False
        for order in (habit, other(habit)) if habit else BOTH:
            try:
                found = span(core, order)
            except NotADate:
                continue
            except ValueError:
                a_date = True  # though the calendar has no such day in that order
                continue
            a_date = True
            if self.possible(found) and found not in spans:
                spans.append(found)
            if habit and spans:
                break
        if spans:
            return spans
        if a_date:
            raise Refused(
                "impossible_date", f"{text!r} is no day from {EARLIEST} to {self.latest}, when this release ends."
            )
        raise Refused("unknown_date", f"{text!r} is not understood as a date.")

    def possible(self, span: Span) -> bool:
        ends = [end for end in (span.first, span.last) if end]
        return all(end <= self.latest.isoformat() and end >= EARLIEST.isoformat()[: len(end)] for end in ends)


def habits(texts: set[str]) -> dict[str, Order]:
    """For padded (06/07/2022) and plain dates (6/7/2022) apart: which comes first, if the clear ones agree.

    12/21/2022 can only be month first, 29/04/2022 only day first. A habit is what at least three clear texts have
    and at most a tenth lacks.
    """
    counts: dict[str, Counter[Order]] = defaultdict(Counter)
    for text in texts:
        for match in SLASHED.finditer(text):
            a, b = int(match["a"]), int(match["b"])
            if a > 12 or b > 12:
                counts[style(match)]["day first" if a > 12 else "month first"] += 1
    found = {kind: count.most_common(1)[0] for kind, count in counts.items()}
    return {kind: order for kind, (order, n) in found.items() if n >= 3 and n >= 0.9 * counts[kind].total()}


def style(match: re.Match[str]) -> str:
    return "padded" if match["a"].startswith("0") or match["b"].startswith("0") else "plain"


def other(order: Order) -> Order:
    return BOTH[1 - BOTH.index(order)]


def latest(above: Iterable[str], retrieved: Iterable[str]) -> date:
    """The last day a release can know of: by its own title, by when it was retrieved, else today."""
    for text in above:
        if match := COVERS.search(text):
            return date.fromisoformat(when(match, "month first")) + AFTERWARDS
    days = [day for text in set(retrieved) for order in BOTH if (day := maybe(text.split(",")[0], order))]
    return date.fromisoformat(max(days)) if days else date.today()


def maybe(text: str, order: Order) -> str | None:
    try:
        day = one(text, order)
    except ValueError:
        return None
    return day if len(day) == 10 else None


def together(spans: list[list[Span]]) -> str | None:
    """One EDTF text for the dates of all rows of a package: all of them, or one of two where that is not sure."""
    different = [meanings for n, meanings in enumerate(spans) if meanings not in spans[:n]]
    if not different:
        return None
    if len(different) == 1 and len(different[0]) == 1:
        return different[0][0].alone()
    members = ",".join(sorted(meaning.within() for meanings in different for meaning in meanings))
    if len(different) == 1:
        return f"[{members}]"
    if all(len(meanings) == 1 for meanings in different) and len(members) <= LONGEST - 2:
        return f"{{{members}}}"
    return hull([meaning for meanings in different for meaning in meanings])


def hull(spans: list[Span]) -> str | None:
    """From the first to the last day of several spans; None if both ends are open."""
    firsts, lasts = {found.first for found in spans}, {found.last for found in spans}
    first = None if None in firsts else min(day for day in firsts if day)
    last = None if None in lasts else max((day for day in lasts if day), key=lambda day: day.ljust(10, "9"))
    return Span(first, last).alone() if first or last else None


# --- one text ------------------------------------------------------------------------------------------------------


class NotADate(ValueError):
    """A text that has not the form of a date."""


def span(text: str, order: Order) -> Span:
    if match := UNTIL.match(text):
        return Span(None, one(text[match.end() :], order))
    if ends := BETWEEN.fullmatch(text):
        first, last = one(ends[1], order), one(ends[2], order)
        if first > last:
            raise ValueError("ends before it starts")
        return Span(first, last)
    if match := SINCE.match(text):
        return Span(one(text[match.end() :], order), None)
    day = one(ABOUT.sub("", text, count=1), order)
    return Span(day, day, "~" if ABOUT.match(text) else "")


def one(text: str, order: Order) -> str:
    """A day, month or year as ISO 8601; raises ValueError if the calendar has none such."""
    text = text.strip(" .,;")
    for form in (SLASHED, *FORMS):
        if match := form.fullmatch(text.casefold()):
            return when(match, order)
    raise NotADate(text)


def when(match: re.Match[str], order: Order) -> str:
    parts = match.groupdict()
    if serial := parts.get("serial"):
        return (EXCEL + timedelta(days=int(serial))).isoformat()
    year = int(parts["year"]) + (2000 if len(parts["year"]) == 2 else 0)
    month, day = parts.get("m"), parts.get("d")
    if "a" in parts:
        month, day = (parts["a"], parts["b"]) if order == "month first" else (parts["b"], parts["a"])
    if name := parts.get("month"):
        month = str(1 + next(n for n, full in enumerate(MONTHS) if full.startswith(name[:3].casefold())))
    whole = date(year, int(month or 1), int(day or 1)).isoformat()
    return whole if day else whole[:7] if month else whole[:4]
