"""Finding the actor that a name means: what is asked and answered, and how lists of donors write names."""

import re
from collections.abc import Iterator
from itertools import islice

from marshmallow import fields, validate

from schemas.actors import KINDS
from schemas.base import Open, Reference, Schema
from schemas.fields import Enum, Number, Text, about
from schemas.names import fold, readings

GOVERNMENT = re.compile(
    r"(?:the )?government of (?:the )?(?P<before>.+)|(?P<after>.+?),? (?:the )?government of(?: the)?", re.I
)
INVERTED = re.compile(r"(?P<name>[^,(]+)(?:, (?P<comma>the|.+ of(?: the)?)| \((?P<bracket>the|.+ of(?: the)?)\))", re.I)
EXPLAINED = re.compile(r"(?P<name>[^(]+) \((?P<short>[^()]+)\)")
MINISTRY = re.compile(
    r"(?P<owner>.+?)(?:,| -| –|:)? (?P<body>(?:ministry|department) (?:of|for) .+)"
    r"|(?P<first>(?:ministry|department) (?:of|for) [^,(]+)(?:, (?P<then>.+)| \((?P<within>.+)\))",
    re.I,
)


class MatchBody(Schema):
    """Names to find the actors of."""

    names = fields.List(Text(max=300), required=True, validate=validate.Length(1, 500), metadata=about(
        "The names as they are written.", ["Canada, Government of", "Turkey"]))  # fmt: skip
    kind = Enum(*KINDS.words, allow_none=True, metadata=about("Only actors of this kind."))


class Candidate(Open):
    """An actor that may be meant."""

    actor = fields.Nested(Reference, required=True, metadata=about("The actor."))
    score = Number(0, 1, required=True, metadata=about("How well it matches; 1 is the whole name."))
    matched = Text(required=True, metadata=about("Which of its spellings matched.", "Turkey"))


class Match(Open):
    """Whom a name may mean."""

    name = Text(required=True, metadata=about("The name as it was asked."))
    sure = fields.Boolean(required=True, metadata=about(
        "Whether the first candidate is surely meant: one of its spellings is the whole name, and nobody else's is."
    ))  # fmt: skip
    candidates = fields.List(fields.Nested(Candidate), required=True, metadata=about("Up to five, best first."))


class Matches(Open):
    """Whom the names may mean."""

    matches = fields.List(fields.Nested(Match), required=True, metadata=about("One entry a name, in their order."))


def forms(name: str) -> list[str]:
    """The folded forms of a name, the most literal first: `Canada, Government of` also means `Canada`."""
    ways = islice(spelt(" ".join(name.split())), 6)
    return list(dict.fromkeys(form for text in ways for form in readings([text])))


def spelt(name: str) -> Iterator[str]:
    """How else a name is written: each of these says the same, so that none of them is a guess."""
    yield name
    if "&" in name:
        yield from spelt(name.replace("&", " and "))
    if found := GOVERNMENT.fullmatch(name):  # a state gives through its government
        yield from spelt(found["before"] or found["after"])
    if found := INVERTED.fullmatch(name):  # Korea, Republic of
        yield from spelt(f"{found['comma'] or found['bracket']} {found['name']}")
    if found := MINISTRY.fullmatch(name):  # Ukraine, Ministry of Defence
        body, owner = found["body"] or found["first"], found["owner"] or found["then"] or found["within"]
        yield f"{body} of {owner}"
        yield f"{body} of the {owner}"
    if (found := EXPLAINED.fullmatch(name)) and is_short_for(found["short"], found["name"]):
        yield found["name"]
    if name.lower().startswith("the "):
        yield name[4:]


def is_short_for(short: str, name: str) -> bool:
    """WFP is short for World Food Programme; small words may be left out."""
    words = fold(name).split()
    initials = {"".join(word[0] for word in words), "".join(word[0] for word in words if len(word) > 3)}
    return fold(short) in initials
