"""How a record is cited: as CSL-JSON and as BibTeX, always at one version."""

import re
from datetime import date

from marshmallow import fields

from schemas.base import Body, Open
from schemas.fields import Enum, Text, Url, about, moment
from schemas.lists import Args, QueryInteger
from schemas.problems import Json


class CitationArgs(Args):
    version = QueryInteger(1, 2**31 - 1, metadata=about("The version to cite; without it the present one.", 1))


class CslDate(Open):
    """A day as CSL has it."""

    date_parts = fields.List(fields.List(fields.Integer()), data_key="date-parts", required=True,
                             metadata=about("One list of year, month and day.", [[2026, 1, 31]]))  # fmt: skip


class CslItem(Open):
    """A reference to one version of a record, as citation managers read it (CSL-JSON)."""

    id = Text(required=True, metadata=about("Its key: the type, the id and the version."))
    type = Enum("dataset", required=True, metadata=about("What CSL calls it."))
    title = Text(required=True, metadata=about("What the record is called."))
    version = Text(required=True, metadata=about("The version that is cited.", "3"))
    publisher = Text(required=True, metadata=about("Who keeps the record.", "Parley"))
    URL = Url(required=True, metadata=about("Where this version stands for ever, even if the record is deleted later."))
    issued = fields.Nested(CslDate, required=True, metadata=about("When this version was recorded."))
    accessed = fields.Nested(CslDate, required=True, metadata=about("When it was asked for."))
    note = Text(metadata=about("The sources that the record cites."))


def cite(body: type[Body], record: Json, address: str, today: date) -> Json:
    """The citation of a record whose sources are spelt out in it."""
    names = [f"{name['scheme']}:{name['identifier']}" for name in record["identifiers"]]
    said = "; ".join(dict.fromkeys(map(_source, (entry["source"] for entry in record["sources"]))))
    made = {
        "id": f"{body.type}-{record['id']}-{record['version']}",
        "type": "dataset",
        "title": record.get(body.label or "") or f"{body.type.capitalize()} {[*names, record['id']][0]}",
        "version": str(record["version"]),
        "publisher": "Parley",
        "URL": address,
        "issued": _date(moment(record["updated_at"]).date()),
        "accessed": _date(today),
    }
    return made | ({"note": f"Sources: {said}"} if said else {})


def _date(day: date) -> Json:
    return {"date-parts": [[day.year, day.month, day.day]]}


def _source(source: Json) -> str:
    publisher = (source.get("publisher") or {}).get("name")
    parts = [publisher, source.get("title") or source.get("name"), source.get("published_on"), source.get("url")]
    return ", ".join(filter(None, parts)) or f"source {source['id']}"


SPECIAL = re.compile(r"[\\{}&%$#_~^]")
SPELT = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def bibtex(citation: Json) -> str:
    """The same as an entry of BibTeX, which every version of it knows."""
    (year, month, day), (*accessed,) = citation["issued"]["date-parts"][0], citation["accessed"]["date-parts"][0]
    entry = {
        "title": f"{{{_tex(citation['title'])}}}",  # twice in braces: its capitals stay
        "publisher": citation["publisher"],
        "year": year,
        "month": month,
        "day": day,
        "version": citation["version"],
        "url": citation["URL"],
        "urldate": date(*accessed).isoformat(),
        "note": _tex(citation.get("note", "")),
    }
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in entry.items() if value)
    return f"@misc{{{citation['id']},\n{lines}\n}}\n"


def _tex(text: str) -> str:
    plain = " ".join(text.split())
    return SPECIAL.sub(lambda found: SPELT.get(found[0], f"\\{found[0]}"), plain)
