"""The records that are measured: made from a fixed seed, so that every machine measures the same."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from itertools import accumulate
from typing import Any, NamedTuple

from bench.ingest import CITED, operation

Row = dict[str, Any]


class Size(NamedTuple):
    """How many records of each type there are; pledges and statements are ``copies`` times those that are sent."""

    actors: int
    people: int
    rounds: int
    pledges: int
    statements: int
    copies: int


QUICK = Size(500, 2_000, 1_000, 1_000, 2_500, 20)
FULL = Size(2_000, 20_000, 5_000, 10_000, 25_000, 20)
HUGE = FULL._replace(copies=136)  # 40 GB and an hour: only Parley is asked, and nothing is written

DONORS = 60  # most is given by few
FIRST_DAY = date(2022, 2, 24)
DAYS = 1400
VOCABULARY = 8_000
CATEGORIES = ("military", "financial", "humanitarian", "infrastructure", "other")
STATUSES = ("announced", "pledged", "committed", "allocated", "delivered")
ACTS = ("announcement", "assessment", "demand", "offer", "rejection", "denial", "confirmation", "appeal", "warning")
TOPICS = ("ceasefire", "prisoners", "sanctions", "grain", "energy", "borders", "guarantees", "nato_membership")
TRACKS = ("humanitarian", "political", "military", "economic")
ROLES = ("head_of_delegation", "deputy_head", "chief_negotiator", "member", "adviser")
SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in ("a", "e", "i", "o", "u", "an", "er", "il")]


class Chance(random.Random):
    """Chance with the tastes of this data: some words and some donors come far more often than others."""

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self.words = vocabulary()
        self.word_weights = list(accumulate(1 / (place + 5) for place in range(VOCABULARY)))
        self.donor_weights = list(accumulate(1 / (place + 2) for place in range(DONORS)))

    def text(self, words: int) -> str:
        return " ".join(self.choices(self.words, cum_weights=self.word_weights, k=words)).capitalize() + "."

    def name(self) -> str:
        return " ".join(self.choice(self.words).capitalize() for _ in range(2))

    def day(self) -> date:
        return FIRST_DAY + timedelta(days=self.randrange(DAYS))

    def donors(self, number: int) -> list[int]:
        return list(dict.fromkeys(self.choices(range(DONORS), cum_weights=self.donor_weights, k=number)))


@cache
def vocabulary() -> list[str]:
    """Words that no language has, of two to four syllables."""
    chance = random.Random("words")
    found: dict[str, None] = {}
    while len(found) < VOCABULARY:
        found["".join(chance.choices(SYLLABLES, k=chance.randint(2, 4)))] = None
    return list(found)


def pledge(number: int | str, chance: Chance) -> Row:
    """A promise by one to four donors, of none to six items."""
    donors = chance.donors(chance.choice((1, 1, 2, 3, 4)))
    items = [
        {
            "description": chance.text(5),
            "category": chance.choice(CATEGORIES),
            "quantity": chance.randrange(1, 5_000),
            "unit": "piece",
        }
        for _ in range(chance.randrange(7))
    ]
    return operation(
        "pledge",
        f"pledge-{number}",
        CITED
        | {
            "title": chance.text(6),
            "donors": [{"actor": f"bench:actor-{donor}"} for donor in donors],
            "apportionment": "sole" if len(donors) == 1 else "unsplit",
            "recipients": ["bench:actor-60"],
            "category": chance.choice(CATEGORIES),
            "finance_type": chance.choice(("grant", "loan", "in_kind")),
            "status": chance.choice(STATUSES),
            "amount": {"value": f"{chance.randrange(10**4, 10**9)}.00", "currency": chance.choice(("EUR", "USD"))},
            "items": items,
            "announced_on": chance.day().isoformat(),
            "purpose": chance.text(25),
        },
    )


def statement(number: int, chance: Chance, size: Size) -> Row:
    return operation(
        "statement",
        f"statement-{number}",
        CITED
        | {
            "speaker": f"bench:person-{chance.randrange(size.people)}",
            "on_behalf_of": f"bench:actor-{chance.randrange(DONORS)}",
            "said_on": chance.day().isoformat(),
            "mode": "verbatim_translated",
            "act": chance.choice(ACTS),
            "channel": chance.choice(("press_conference", "interview", "briefing", "social")),
            "texts": [
                {"lang": lang, "text": chance.text(chance.randint(15, 40)), "original": lang == "uk"}
                for lang in chance.choice((("en",), ("uk", "en"), ("en", "uk", "de")))
            ],
            "topics": chance.sample(TOPICS, 2),
            "tracks": [chance.choice(TRACKS)],
            "round": f"bench:round-{chance.randrange(size.rounds)}",
        },
    )


def round_of_talks(number: int, chance: Chance) -> Row:
    day = chance.day()
    return operation(
        "round",
        f"round-{number}",
        CITED
        | {
            "process": f"bench:process-{number % 20}",
            "number": number // 20 + 1,
            "name": f"Round {number // 20 + 1} of {chance.text(2)}",
            "status": "concluded",
            "starts_on": day.isoformat(),
            "ends_on": (day + timedelta(days=chance.randrange(3))).isoformat(),
            "formats": ["mediated"],
            "third_parties": [{"actor": f"bench:actor-{chance.randrange(DONORS)}", "role": "host"}],
            "tracks": [{"track": track, "status": "under_discussion"} for track in chance.sample(TRACKS, 2)],
            "summary": chance.text(20),
        },
    )


def delegation(number: int, chance: Chance, size: Size) -> Row:
    members = chance.sample(range(size.people), chance.randint(3, 6))
    return operation(
        "delegation",
        f"delegation-{number}",
        CITED
        | {
            "round": f"bench:round-{number // 2}",
            "represents": [f"bench:actor-{chance.randrange(DONORS)}"],
            "members": [
                {
                    "person": f"bench:person-{person}",
                    "role": ROLES[min(place, 4)],
                    "position": chance.text(3),
                    "attendance": "attended",
                }
                for place, person in enumerate(members)
            ],
        },
    )


def before(size: Size) -> Iterator[Row]:
    """What pledges and statements refer to."""
    chance = Chance("world")
    yield operation("source", "source", {"kind": "dataset", "title": "A table"})
    for number in range(size.actors):
        kind = "state" if number <= DONORS else chance.choice(("company", "ngo", "igo", "media"))
        yield operation("actor", f"actor-{number}", {"name": chance.name(), "kind": kind})
    for number in range(size.people):
        post = {"title": chance.text(3), "organization": f"bench:actor-{chance.randrange(size.actors)}"}
        yield operation("person", f"person-{number}", {"name": chance.name(), "positions": [post]})
    for number in range(20):
        parties = [f"bench:actor-{party}" for party in chance.sample(range(DONORS), 2)]
        yield operation("process", f"process-{number}", CITED | {"name": chance.text(4), "parties": parties})
    for number in range(size.rounds):
        yield round_of_talks(number, chance)
    for number in range(2 * size.rounds):
        yield delegation(number, chance, size)


def pledges(size: Size) -> Iterator[Row]:
    chance = Chance("pledges")
    return (pledge(number, chance) for number in range(size.pledges))


def statements(size: Size) -> Iterator[Row]:
    chance = Chance("statements")
    return (statement(number, chance, size) for number in range(size.statements))
