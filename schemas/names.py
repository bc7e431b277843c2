"""Names for search: every spelling of a record, and every reading of what was typed, in plain Latin letters."""

import re
from collections.abc import Iterable
from typing import Any
from unicodedata import normalize

from anyascii import anyascii

# What anyascii spells the Russian way (close to ICAO 9303) has a Ukrainian spelling of its own: resolution 55 of the
# Cabinet of Ministers of Ukraine, 27 January 2010. Five letters sound and are spelt otherwise at the start of a word.
UKRAINIAN = str.maketrans(
    {"г": "h", "ґ": "g", "и": "y", "і": "i", "є": "ie", "ї": "i", "й": "i", "ю": "iu", "я": "ia", "ь": None}
)
UKRAINIAN_START = str.maketrans({"є": "ye", "ї": "yi", "й": "y", "ю": "yu", "я": "ya"})
CYRILLIC = re.compile("[\u0400-\u04ff]")
APOSTROPHE = re.compile("['`ʼ‘’]")  # part of the word: O'Neill, Лук'янов, and the soft sign as anyascii writes it

SEPARATOR = " | "


def fold(text: str) -> str:
    """Lower-case Latin words of any script, with single spaces between them."""
    latin = APOSTROPHE.sub("", anyascii(normalize("NFKC", text))).casefold()
    return " ".join(re.findall("[a-z0-9]+", latin))


def ukrainian(text: str) -> str:
    """A Cyrillic text read as a Ukrainian one."""
    words = APOSTROPHE.sub("", normalize("NFKC", text)).casefold().replace("зг", "zgh")
    return re.sub(r"\b[єїйюя]", lambda letter: letter[0].translate(UKRAINIAN_START), words).translate(UKRAINIAN)


def readings(texts: Iterable[str]) -> list[str]:
    """The distinct folded forms of some texts; Cyrillic ones count as Ukrainian and as Russian."""
    both = (form for text in texts for form in ((ukrainian(text), text) if CYRILLIC.search(text) else (text,)))
    return [form for form in dict.fromkeys(map(fold, both)) if form]


NAMES = ("name", "title")  # the properties by which a record is called


def spellings(record: dict[str, Any]) -> str:
    """All names of a record, ready for `name_score` and its trigram index; a space stands around every word."""
    names = [*(record.get(name) for name in NAMES), *(other.get("name") for other in record.get("other_names") or [])]
    forms = readings(name for name in names if name)
    return f" {SEPARATOR.join(forms)} " if forms else ""


def queries(typed: str) -> list[str]:
    """What somebody may have meant: both readings of Cyrillic, and the German `sch` also as the English `sh`."""
    forms = readings([typed])
    return list(dict.fromkeys(forms + [form.replace("sch", "sh") for form in forms]))


def pattern(typed: str) -> str:
    """A regular expression for the trigram index: it finds every spelling that `name_score` does, and more.

    It looks for the longest word only, and finds nothing where nothing was typed.
    """
    words = (max(form.split(), key=len) for form in queries(typed))
    return "|".join(dict.fromkeys(sound(part) for word in words for part in parts(word))) or r"\A\Z."


def parts(word: str) -> list[str]:
    """What `name_score` takes for a word of up to seven letters: itself, or what one typo makes of it (two letters that
    change places are one). Of a longer one, three parts of which one is whole after two typos, for all that two could
    make of it is too much; with its space, an end of the word tells as much as the longer middle.
    """
    size = len(word)
    if size < 4:
        return [f" {word}" + " " * (size < 3)]
    if size < 8:
        other = (f" {word[:place]}[^ ]{{0,2}}{word[place + 1 :]} " for place in range(size))
        moved = (f" {word[:place]}{word[place + 1]}{word[place]}{word[place + 2 :]} " for place in range(size - 1))
        return [f" {word}", *other, *moved]
    start, end = size // 3, (size + 1) // 3
    return [f" {word[:start]}", f"{word[-end:]} ", word[start:-end]]


def sound(part: str) -> str:
    """Ukrainian and Russian spellings of a name differ by y for i and by h for g: to `name_score` they are equal."""
    return re.sub("[gh]", "[gh]", re.sub("[iy]", "[iy]", part))
