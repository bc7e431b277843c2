"""The actors that every Parley starts with: the entries of ISO 3166-1, and bodies that negotiations know."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pycountry
from babel import Locale

from ingest.client import Json

# International organisations, ministries, media. Their slugs never change; a Wikidata item stands where it is certain.
BODIES = Path(__file__).parent / "data" / "bodies.json"
LANGUAGES = ["en", "fr", "ru", "uk", "tr", "de", "es", "ar", "zh", "pl"]

# What people write, and neither ISO 3166-1 nor CLDR has.
ALSO = {
    "ARE": [("UAE", "en", "short")],
    "COD": [("DR Congo", "en", "short")],
    "GBR": [("UK", "en", "short"), ("Great Britain", "en", "short")],
    "LAO": [("Lao PDR", "en", "short")],
    "PRK": [("DPRK", "en", "short")],
    "TUR": [("Turkey", "en", "former")],
    "USA": [("USA", "en", "short"), ("US", "en", "short")],
    "VAT": [("Holy See", "en", "short")],
}
INVERTED = re.compile("(.+), (?:The )?(.+ of(?: the)?)$")  # Korea, Republic of


def records() -> Iterator[tuple[str, str, Json]]:
    """Collection, scheme:identifier and body of every actor, each after those it refers to."""
    for body in [*states(), *json.loads(BODIES.read_text(encoding="utf-8"))]:
        yield "actors", "{scheme}:{identifier}".format_map(body["identifiers"][0]), body


def states() -> Iterator[Json]:
    """Every present entry of ISO 3166-1; `state` says nothing of its status. Short names are those of Unicode CLDR."""
    cldr = {lang: Locale(lang).territories for lang in LANGUAGES}
    for country in sorted(pycountry.countries, key=lambda country: country.alpha_3):
        code, name = country.alpha_3, cldr["en"][country.alpha_2]
        names = [
            (getattr(country, "official_name", country.name), "en", "official"),
            (country.name, "en", "short"),
            (INVERTED.sub(r"\2 \1", country.name), "en", "official"),
            *((cldr[lang][country.alpha_2], lang, "short") for lang in LANGUAGES),
            *ALSO.get(code, []),
        ]
        yield {
            "identifiers": [{"scheme": "iso3166-1", "identifier": code} for code in (code, country.alpha_2)],
            "name": name,
            "other_names": other_names(names, shown=name),
            "kind": "state",
            "country": code,
        }


def other_names(names: list[tuple[str, str, str]], shown: str) -> list[Json]:
    """Each name of a language once, as the kind it has first, and without the English one that is shown anyway."""
    kinds: dict[tuple[str, str], str] = {}
    for name, lang, kind in names:
        kinds.setdefault((name, lang), kind)
    kinds.pop((shown, "en"), None)
    return [{"name": name, "lang": lang, "kind": kind} for (name, lang), kind in kinds.items()]
