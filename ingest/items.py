"""What a format makes of its input: rows for a batch, or reasons why there is none."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

Json = dict[str, Any]
Money = tuple[str, Decimal]  # ISO 4217 code (or what stood in its place) and amount


@dataclass
class Item:
    """One operation of a batch, and where it comes from."""

    operation: Json  # {"op": "upsert", "type": "pledge", "identifier": "kiel:DEM2", "data": {...}}
    where: str  # for people: "release_07.xlsx, row 12"
    row: Json  # the input as it was read, for the reject file
    money: list[Money] = field(default_factory=list)  # what the input says it is worth, for the reconciliation
    done: float | None = None  # how much of the input was read by now, 0 to 1, where the format knows


@dataclass
class Refusal:
    """Input of which nothing can be made honestly; ``problem`` has at least code and detail."""

    where: str
    row: Json
    problem: Json
    money: list[Money] = field(default_factory=list)
    done: float | None = None
    file: bool = False  # a whole file, of which nothing can be taken


class Unmatched(Exception):
    """No actor is surely meant by a name; ``candidates`` are those it may be."""

    def __init__(self, name: str, candidates: list[Json]) -> None:
        super().__init__(f"no actor is surely meant by {name!r}")
        self.name, self.candidates = name, candidates


#: Finds the actor that a name means: ``look("United Kingdom")`` → ``"iso3166-1:GBR"``; raises Unmatched.
Look = Callable[..., str]


class Format(Protocol):
    """A module that reads one kind of file: ingest/kiel.py, ingest/fts.py …

    It may also have ``WHOLE``, the types of which a file holds the whole, each with the source that all of them cite
    (what a file leaves out has vanished); and ``MENTIONED``, the types that never vanish, for their records are only
    mentioned: actors and sources, unless it says otherwise.
    """

    #: input columns that are dropped on purpose, and why
    DROPPED: dict[str, str]

    def read(self, files: list[Path], look: Look) -> Iterator[Item | Refusal]:
        """All that the files hold, in an order in which it can be sent; memory does not grow with their size."""
        ...
