"""Addresses of officials: JSON lists, one file a language, in which the same address has the same id."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from anyascii import anyascii

from ingest.items import Item, Json, Look, Refusal, Unmatched
from ingest.making import Refused, cite, unreadable, upsert
from ingest.tables import Unreadable

DROPPED = {"text and name, where they only repeat the description": "nothing is lost"}
SOURCE = "addresses:dataset"
DATASET: Json = {"kind": "dataset", "title": "Addresses of officials", "licence": "CC0-1.0"}
SAID = ("uk", "ru")  # languages in which these officials speak
HOUR = re.compile("([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d)?")


@dataclass
class Entry:
    """One entry of a file."""

    where: str
    row: Json
    lang: str


@dataclass
class Address:
    """The entries that are one address."""

    entries: list[Entry] = field(default_factory=list)

    def all(self, name: str) -> list[Any]:
        """The distinct values of a property."""
        values = [entry.row.get(name) for entry in self.entries]
        return [value for place, value in enumerate(values) if value and value not in values[:place]]


def read(files: list[Path], look: Look) -> Iterator[Item | Refusal]:
    """All entries are read before the first is sent: twins stand in different files."""
    entries: list[Entry] = []
    for file in files:
        try:
            entries += list(open_file(file))
        except (Unreadable, OSError) as error:
            yield unreadable(file, error)
    yield upsert("source", SOURCE, DATASET, files[0].name, {})
    videos: set[str] = set()
    for address in joined(entries):
        where, row = "; ".join(e.where for e in address.entries), {"entries": [e.row for e in address.entries]}
        try:
            data = statement(address, look)
            for url in address.all("url"):
                if (name := source_of(url)) not in videos:
                    videos.add(name)
                    about = {"kind": "primary", "url": url}
                    yield upsert("source", name, about, where, row)
            yield upsert("statement", identifier(address), data, where, row)
        except Refused as error:
            yield error.at(where, row)


def open_file(file: Path) -> Iterator[Entry]:
    try:
        rows = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{file.name} is not JSON: {error}.", "invalid_json") from error
    if not isinstance(rows, list):
        raise Unreadable(f"{file.name} is not a list of addresses.", "unknown_shape")
    suffix = re.search(r"[-_.]([a-z]{2})$", file.stem)
    for number, row in enumerate(rows, start=1):
        where = f"{file.name}, entry {number}"
        row = row if isinstance(row, dict) else {"entry": row}
        yield Entry(where, row, language(words_of(row), suffix[1] if suffix else "und"))


def words_of(row: Json) -> str:
    return str(row.get("text") or row.get("description") or row.get("name") or "")


def is_whole(row: Json) -> bool:
    """Whether the text is the address itself; else it repeats the headline or the lead."""
    return len(words_of(row)) > 2 * max(len(str(row.get(name) or "")) for name in ("description", "name"))


def language(text: str, latin: str) -> str:
    """By the letters, for files hold entries that nobody translated; of Latin ones the file's name must tell."""
    if len(re.findall("[а-яёіїєґ]", text.lower())) <= len(re.findall("[a-z]", text.lower())):
        return latin
    return "ru" if re.search("[ыэёъ]", text.lower()) and not re.search("[іїєґ]", text.lower()) else "uk"


def joined(entries: list[Entry]) -> Iterator[Address]:
    """Entries with one id, one date and one video are one address in several languages, or told twice.

    An id is also given to different addresses by mistake, so it alone joins only a pair that is left over, one entry in
    each of two languages. The order is that of the input.
    """
    exact: dict[tuple[str, ...], Address] = {}
    for entry in entries:
        key = tuple(str(entry.row.get(name)) for name in ("id", "date", "url"))
        exact.setdefault(key, Address()).entries.append(entry)
    lonely: dict[str, list[Address]] = {}
    for address in exact.values():
        if len({entry.lang for entry in address.entries}) == 1:
            lonely.setdefault(str(address.entries[0].row.get("id")), []).append(address)
    for pair in lonely.values():
        if len(pair) == 2 and pair[0].entries[0].lang != pair[1].entries[0].lang:
            pair[0].entries += pair[1].entries
            pair[1].entries = []
    yield from (address for address in exact.values() if address.entries)


def identifier(address: Address) -> str:
    """Its id, with its time and video: only together do they name one address."""
    row = address.entries[0].row
    video = source_of(row["url"]).partition(":")[2] if row.get("url") else ""
    parts = [quote(str(part), safe=":") for part in (row["id"], video, row["date"])]
    return "addresses:" + "@".join(dict.fromkeys(parts))


def source_of(url: str) -> str:
    """The record of the page or video, by the id that the site gives it."""
    parts = urlsplit(url)
    video = parse_qs(parts.query).get("v", [parts.path.strip("/")])[0]
    if parts.netloc.removeprefix("www.") in ("youtube.com", "youtu.be") and video:
        return f"youtube:{quote(video)}"
    return f"addresses:{quote(url, safe=':')}"


def statement(address: Address, look: Look) -> Json:
    dates, speakers = check(address)
    names = list(dict.fromkeys(name for group in speakers for name in group))
    whole = [entry for entry in address.entries if is_whole(entry.row)]
    by_lang: dict[str, str] = {}
    for entry in whole or address.entries:
        by_lang.setdefault(entry.lang, words_of(entry.row))
    said = next((lang for lang in by_lang if lang in SAID), None)
    texts = [
        {"lang": lang, "text": by_lang[lang]} | origin(lang, said, bool(whole))
        for lang in sorted(by_lang, key=lambda lang: lang != said)
    ]
    raw = {entry.where.partition(",")[0]: leftovers(entry, by_lang) for entry in address.entries}
    cited = cite(SOURCE, {"id": address.entries[0].row["id"]}, raw)
    return {
        "speaker": person(names, look),
        "attribution_text": ", ".join(names),
        "said_on": when(dates),
        "mode": "summary" if not whole else "verbatim" if said else "verbatim_translated",
        "texts": texts,
        "topics": list(dict.fromkeys(slug(t) for topics in address.all("topics") for t in topics)),
        "sources": [*cited, *({"source": source_of(url)} for url in address.all("url"))],
    }


def when(dates: list[str]) -> str:
    """The moment as it is given; the day, marked as uncertain, where the hour is none; both days where twins differ."""
    if len(dates) > 1:
        days = sorted({date[:10] for date in dates})
        return days[0] if len(days) == 1 else f"[{','.join(days)}]"
    return dates[0] if len(dates[0]) == 10 or HOUR.fullmatch(dates[0][11:]) else f"{dates[0][:10]}?"


def origin(lang: str, said: str | None, whole: bool) -> Json:
    """An official text in the language of the country counts as the original, one in another as its translation."""
    if lang == said:
        return {"original": True} if whole else {}
    return {"original": False} | ({"translated_from": said} if said else {})


def check(address: Address) -> tuple[list[str], list[list[str]]]:
    """Its dates and its speakers, if it has what makes it a statement."""
    first = address.entries[0].row
    if not isinstance(first.get("id"), str) or not first["id"].strip():
        raise Refused("no_identifier", "It has no id.")
    dates = address.all("date")
    if not dates or not all(isinstance(date, str) and MOMENT.fullmatch(date) for date in dates):
        raise Refused("invalid_date", f"{dates} is no date like 2022-03-13T22:05:38.")
    speakers = [[said] if isinstance(said, str) else said for said in address.all("speaker")]
    if not speakers or not all(are_texts(names) and all(names) for names in speakers):
        raise Refused("no_speaker", "It does not say who spoke.")
    if not all(isinstance(url, str) for url in address.all("url")):
        raise Refused("invalid_url", "Its url is no text.")
    if not all(map(are_texts, address.all("topics"))):
        raise Refused("invalid_topics", "Its topics are no list of words.")
    if not words_of(first).strip():
        raise Refused("no_text", "It has no words.")
    return dates, speakers


def are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


def person(names: list[str], look: Look) -> str | None:
    """Who spoke, if it was one person whom the server knows; all others are named in the attribution."""
    if len(names) == 1:
        try:
            return look(names[0], "person")
        except Unmatched:
            pass
    return None


def slug(topic: str) -> str:
    """A topic as a word that programs can compare."""
    return re.sub("[^a-z0-9]+", "_", anyascii(topic).lower().replace("'", "")).strip("_")[:100] or "other"


def leftovers(entry: Entry, by_lang: dict[str, str]) -> Json:
    """What has no property of its own, and a wording that another entry of the same language has displaced."""
    mapped = {"id", "url", "speaker"}
    kept = {name: value for name, value in entry.row.items() if name not in mapped and value not in (None, "", [])}
    if by_lang.get(entry.lang) == words_of(entry.row):
        kept = {name: value for name, value in kept.items() if value != words_of(entry.row)}
    return kept
