"""World dates: what days an EDTF text (ISO 8601-2) can mean at the earliest and at the latest."""

import re
from calendar import monthrange
from datetime import date
from functools import lru_cache

Day = tuple[int, int, int]  # not datetime.date: the standard knows the year -170000002
Span = tuple[Day | None, Day | None]

LONGEST = 100  # characters
EARLIEST_YEAR, LATEST_YEAR = 1000, 2200

PLAIN = re.compile(r"(?!-0000)(-?[0-9]{4})(?:-([0-9]{2}))?(?:-([0-9]{2}))?")
TIME = re.compile(r"T([01][0-9]|2[0-3])(:[0-5][0-9]){2}(Z|[+-](0[0-9]|1[0-4])(:[0-5][0-9])?)?")
SEASON = re.compile(r"([0-9]{4})-(2[1-9]|3[0-9]|4[01])")
# What the library is asked for. It is slow to refuse, prints while it fails, and takes `2025-02-29`,
# so it sees no other text than these: unspecified digits and years of more than four digits.
RARE = re.compile(r"[0-9](?:[0-9]{2}X|[0-9]XX|XXX)|[0-9]{4}-(?:XX|(?:0[1-9]|1[0-2]|XX)-XX)|Y-?[1-9][0-9]{4,}")

# First and last month; beyond 12 is the next year. A season without a hemisphere (21-24) is read as the northern one.
# The library ends winter on 31 December; a winter that began in December lasts until the end of February.
SPRING, SUMMER, AUTUMN, WINTER = (3, 5), (6, 8), (9, 11), (12, 14)
YEAR_PARTS = dict(
    enumerate(
        [SPRING, SUMMER, AUTUMN, WINTER] * 2
        + [AUTUMN, WINTER, SPRING, SUMMER]
        + [(1, 3), (4, 6), (7, 9), (10, 12), (1, 4), (5, 8), (9, 12), (1, 6), (7, 12)],
        start=21,
    )
)


def bounds(text: str) -> tuple[date | None, date | None]:
    """The earliest and the latest day of a world date; None where an end is open or unknown."""
    first, last = span(text)
    return allowed(first), allowed(last)


def certain(text: str) -> bool:
    """Whether nothing in the text calls it uncertain or approximate and both its ends are known."""
    return not set(text) & set("?~%") and None not in bounds(text)


@lru_cache(maxsize=4096)
def surely_before(text: str, other: str) -> bool:
    """Whether all that a date can mean is before all that another can; an approximate one may mean yet more."""
    if set(text + other) & set("?~%"):
        return False
    last, first = bounds(text)[1], bounds(other)[0]
    return last is not None and first is not None and last < first


def allowed(day: Day | None) -> date | None:
    """A day of the years this API keeps: no negotiation is dated 20255."""
    if day is not None and not EARLIEST_YEAR <= day[0] <= LATEST_YEAR:
        raise ValueError(f"The year {day[0]} is outside {EARLIEST_YEAR} to {LATEST_YEAR}.")
    return day and date(*day)


def span(text: str) -> Span:
    """The same for every year the standard can name: levels 0 and 1, year parts and sets of level 2."""
    if not 0 < len(text) <= LONGEST:
        raise ValueError(f"A date has 1 to {LONGEST} characters.")
    if text[0] + text[-1] in ("[]", "{}"):
        return hull([member(part) for part in text[1:-1].split(",")])
    day, at, _ = text.partition("T")
    if at and len(day) == 10 and TIME.fullmatch(text[10:]):
        return single(day)
    if "/" in text:
        return between(text.split("/", 1), ("", ".."))
    return single(text)


def member(text: str) -> Span:
    """A part of a set: one date, or `earlier..later` with either left out."""
    return between(text.split("..", 1), ("",)) if ".." in text else single(text)


def between(ends: list[str], open_ends: tuple[str, ...]) -> Span:
    """From one date to another."""
    start, end = ends
    if start in open_ends and end in open_ends:
        raise ValueError("An interval needs a start or an end.")
    first = None if start in open_ends else single(start)[0]
    last = None if end in open_ends else single(end)[1]
    if first and last and first > last:
        raise ValueError("The interval ends before it starts.")
    return first, last


def hull(spans: list[Span]) -> Span:
    """From the earliest to the latest of several; one open end leaves the whole open."""
    firsts, lasts = zip(*spans, strict=True)
    return (None if None in firsts else min(firsts)), (None if None in lasts else max(lasts))


def single(text: str) -> tuple[Day, Day]:
    """One date. A closing `?`, `~` or `%` says how sure it is, not that it is another day."""
    core = text[:-1] if text.endswith(("?", "~", "%")) else text
    if plain := PLAIN.fullmatch(core):
        year, month, day = int(plain[1]), int(plain[2] or 12), int(plain[3] or 1)
        if 1 <= month <= 12 and 1 <= day <= (length := monthrange(year, month)[1]):
            return (year, month if plain[2] else 1, day), (year, month, day if plain[3] else length)
    if part := SEASON.fullmatch(core):
        year, (first, last) = int(part[1]), YEAR_PARTS[int(part[2])]
        return months(year, first)[0], months(year, last)[1]
    if RARE.fullmatch(core):
        return by_library(core)
    raise ValueError(f"{text!r} is not a date: write 2025-07-23, 2025-07, 2025 or another EDTF form.")


def months(year: int, month: int) -> tuple[Day, Day]:
    """First and last day of a month counted from January of that year."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return (year, month, 1), (year, month, monthrange(year, month)[1])


@lru_cache(maxsize=4096)
def by_library(text: str) -> tuple[Day, Day]:
    """Imported late: 0.3 s and several megabytes for texts that most servers never meet."""
    from edtf.parser.grammar import parse_edtf

    parsed = parse_edtf(text)
    (year, month, day), (to_year, to_month, to_day) = parsed.lower_strict()[:3], parsed.upper_strict()[:3]
    return (year, month, day), (to_year, to_month, to_day)
