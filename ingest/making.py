"""Making records of what a format read: citations, money, actors, and refusals in the words of the API."""

import json
from collections.abc import Iterable, Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

from ingest.items import Item, Json, Look, Money, Refusal, Unmatched
from ingest.tables import plain

LOCATOR = 18_000  # characters; the API takes 20,000, and a little room is left for escapes
MICRO = Decimal("0.000001")  # the finest amount that the API keeps


class Refused(Exception):
    """Nothing honest can be made of a piece of input; ``problem`` says why."""

    def __init__(self, code: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.problem: Json = {"code": code, "detail": detail} | more

    def at(self, where: str, row: Json, money: Iterable[Money] = ()) -> Refusal:
        return Refusal(where, row, self.problem, list(money))


def unreadable(file: Path, error: Exception) -> Refusal:
    """A file of which nothing can be taken, or nothing more."""
    return Refusal(file.name, {}, {"code": getattr(error, "code", "unreadable_file"), "detail": str(error)}, file=True)


def upsert(kind: str, identifier: str, data: Json, where: str, row: Json, money: Iterable[Money] = ()) -> Item:
    """One record, without the properties of which nothing is known."""
    known = {name: value for name, value in data.items() if value not in (None, "", [], {})}
    return Item({"op": "upsert", "type": kind, "identifier": identifier, "data": known}, where, row, list(money))


def cite(source: str, at: Json, raw: Json, **more: str) -> list[Json]:
    """Citations that keep what has no property of its own, as JSON: ``{"id": "DEM2", "raw": {…}}``.

    One citation holds only so much: a long row takes several, and a long list goes on in the next.
    """
    parts: list[Json] = [{}]
    room = LOCATOR
    for name, value in raw.items():
        for piece in value if isinstance(value, list) and len(as_json(value)) > LOCATOR // 2 else [value]:
            size = len(as_json(piece)) + len(name) + 6
            if size > LOCATOR:
                raise Refused("too_long", f"{name} is longer than {LOCATOR} characters.")
            if size > room:
                parts.append({})
                room = LOCATOR
            room -= size
            if piece is value:
                parts[-1][name] = value
            else:
                parts[-1].setdefault(name, []).append(piece)
    known = {name: text for name, text in more.items() if text}
    return [{"source": source, "locator": as_json(at | ({"raw": part} if part else {}))} | known for part in parts]


def as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=plain)


def amount(value: Decimal, currency: str) -> Json:
    """Money as the API writes it. Estimates are printed with more digits than any currency has; six are kept."""
    if abs(value) >= 10**18:
        raise Refused("impossible_amount", f"{plain(value)} {currency} is more money than there is.")
    if value != (kept := value.quantize(MICRO, ROUND_HALF_EVEN)):
        value = kept
    return {"value": plain(value), "currency": currency}


class Actors:
    """Finds actors by name, each once, and introduces those that the input itself identifies."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.found: dict[str, str | Unmatched] = {}
        self.new: list[Item] = []  # to be sent before what refers to them

    def prepare(self, names: Iterable[str]) -> None:
        """Ask for many at once, where that can be done."""
        if prepare := getattr(self.look, "prepare", None):
            prepare(filter(askable, names))

    def by_name(self, name: str) -> str:
        """The actor surely meant by the name; raises Refused with the candidates."""
        if name not in self.found:
            try:
                self.found[name] = self.look(name) if askable(name) else Unmatched(name, [])
            except Unmatched as unmatched:
                self.found[name] = unmatched
        known = self.found[name]
        if isinstance(known, str):
            return known
        detail = f"No actor is surely meant by {name!r}; a mapping file can say which."
        raise Refused("unknown_actor", detail, candidates=known.candidates)

    def introduced(self, name: str, identifier: str, kind: str, where: str, row: Json) -> str:
        """The actor meant by the name, or else a new one under the identifier that the input gives it."""
        if identifier not in self.found:
            try:
                self.found[identifier] = self.by_name(name)
            except Refused:
                self.found[identifier] = identifier
                self.new.append(upsert("actor", identifier, {"name": name[:500], "kind": kind}, where, row))
        return str(self.found[identifier])

    def arrivals(self) -> Iterator[Item]:
        """Those introduced since the last time."""
        new, self.new = self.new, []
        yield from new


def askable(name: str) -> bool:
    return len(name.strip()) > 0 and len(name) <= 300 and name.isprintable()
