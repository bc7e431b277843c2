"""Posts and their holders, as queries of Wikidata give them: a row for each time that somebody held a post."""

import re
from collections.abc import Iterator
from pathlib import Path

from ingest.items import Item, Json, Look, Refusal
from ingest.making import Refused, cite, unreadable, upsert
from ingest.tables import Row, Unreadable, tables, words

DROPPED = {
    "a file of posts: rows of posts that nobody in the other files holds": "a post is known by those who held it",
}
SOURCE = "wikidata:Q2013"
WIKIDATA: Json = {
    "kind": "dataset",
    "title": "Wikidata",
    "url": "https://www.wikidata.org/",
    "licence": "CC0-1.0",
    "identifiers": [{"scheme": "wikidata", "identifier": "Q2013"}],
}
WANTED = "list of posts and their holders (position, person, personID, start, end)"
MAPPED = {"position", "person", "personid", "start", "end"}
ITEM = re.compile(r"(?:https?://www\.wikidata\.org/(?:entity|wiki)/)?(Q[1-9]\d*)")
DATE = re.compile(r"(\d{4}(?:-\d\d){0,2})(?:T[\d:.]+Z?)?")
UNKNOWN = re.compile(r"t\d+|_:.*|https?://www\.wikidata\.org/\.well-known/genid/.*")  # Wikidata's "unknown value"


def read(files: list[Path], look: Look) -> Iterator[Item | Refusal]:
    """One record a person, once all rows are read: those of one person stand anywhere."""
    people: dict[str, list[tuple[str, Json]]] = {}
    posts: list[Json] = []
    refused: list[Refusal] = []
    for file in files:
        try:
            for table in tables(file, known, WANTED):
                names = [words(name) for name in table.header]
                for number, cells in table.rows:
                    row = dict(zip(names, cells, strict=False))
                    where = f"{table.place}, row {number}"
                    if "personid" not in row:
                        posts.append(row)
                    elif found := ITEM.fullmatch(row["personid"]):
                        people.setdefault(found[1], []).append((where, row))
                    else:
                        detail = f"{row['personid']!r} is no Wikidata item, so nobody knows who this is."
                        refused.append(Refused("no_identifier", detail).at(where, row))
        except (Unreadable, OSError) as error:
            refused.append(unreadable(file, error))
    yield from refused
    yield upsert("source", SOURCE, WIKIDATA, files[0].name, {})
    for id, rows in people.items():
        yield from person(id, rows, posts)


def known(header: Row) -> bool:
    names = {words(name) for name in header}
    return names >= MAPPED or {"id", "position"} <= names


def person(id: str, rows: list[tuple[str, Json]], posts: list[Json]) -> Iterator[Item | Refusal]:
    """Somebody with all posts held, the first one first; a row that contradicts itself is left out and told."""
    held: dict[str, Json] = {}
    good: list[tuple[str, Json]] = []
    for where, row in rows:
        try:
            position = {"title": row["position"], "from": day(row["start"]), "to": day(row["end"])}
            check(position)
        except Refused as error:
            yield error.at(where, row)
            continue
        held.setdefault(repr(position), {name: value for name, value in position.items() if value})
        good.append((where, row))
    if not good:
        return
    names = list(dict.fromkeys(row["person"] for _, row in good if row["person"])) or [id]
    data = {
        "identifiers": [{"scheme": "wikidata", "identifier": id}],
        "name": names[0],
        "other_names": [{"name": name, "kind": "spelling"} for name in names[1:]],
        "positions": sorted(held.values(), key=lambda position: (position.get("from", ""), position["title"])),
    }
    where = "; ".join(where for where, _ in good)
    try:
        data["sources"] = cite(SOURCE, {"id": id}, leftovers([row for _, row in good], posts))
        yield upsert("person", f"wikidata:{id}", data, where, {"rows": [row for _, row in good]})
    except Refused as error:
        yield error.at(where, {"rows": [row for _, row in good]})


def day(text: str) -> str | None:
    """A date as EDTF, as precise as it is given. No end means that none is known, not that the post is still held."""
    if not text or UNKNOWN.fullmatch(text):
        return None
    if found := DATE.fullmatch(text):
        return found[1]
    raise Refused("invalid_date", f"{text!r} is no date of Wikidata.")


def check(position: Json) -> None:
    if not position["title"]:
        raise Refused("no_title", "The row names no post.")
    start, end = position["from"] or "", position["to"] or ""
    shared = min(len(start), len(end))
    if start[:shared] > end[:shared]:
        raise Refused("impossible_dates", f"It ends ({end}) before it starts ({start}).")


def leftovers(rows: list[Json], posts: list[Json]) -> Json:
    """What has no property: a value where all rows agree, all values where they do not; and the posts' own items."""
    raw: Json = {}
    for name in dict.fromkeys(name for row in rows for name in row if name not in MAPPED):
        values = list(dict.fromkeys(row[name] for row in rows if row.get(name)))
        if values:
            raw[name] = values[0] if len(values) == 1 else values
    titles = dict.fromkeys(row["position"] for row in rows)
    described = {title: post for title in titles if (post := description(title, posts))}
    return raw | ({"posts": described} if described else {})


def description(title: str, posts: list[Json]) -> Json | None:
    """The row of a file of posts that alone has this title, with or without its country: Minister of Defence of …"""
    alike = [post for post in posts if post["position"] == title]
    alike = alike or [post for post in posts if post["position"].startswith(f"{title} of ")]
    return {name: value for name, value in alike[0].items() if value} if len(alike) == 1 else None
