"""Search across all types of records."""

from typing import ClassVar

import marshmallow as ma
from marshmallow import fields

from schemas.base import BODIES, Open, Reference
from schemas.fields import Integer, Number, Text, about
from schemas.lists import Args, CommaList, QueryBoolean, QueryInteger
from schemas.problems import Json


class Types(CommaList):
    """Some types of records."""

    json_schema: ClassVar[Json] = {"pattern": "^[a-z]+(,[a-z]+)*$", "examples": ["statement,pledge"]}

    def entry(self, text: str) -> str:
        if text not in BODIES:
            raise ma.ValidationError(f"Must be one of: {', '.join(sorted(BODIES))}.")
        return text


class SearchArgs(Args):
    q = Text(max=200, required=True, metadata=about(
        "Words to find in all texts and names, in any language; a name by any spelling. All have to be there; `or` "
        "between two, `-` before one that must not be, quotes around a phrase.", "drones"))  # fmt: skip
    types = Types(metadata=about("Only records of these types; `facets` counts the others all the same."))
    highlight = QueryBoolean(metadata=about("Show as `highlight` where the words of `q` were found.", True))
    limit = QueryInteger(1, 500, load_default=50, metadata=about("How many hits a page holds at most.", 50))
    cursor = Text(max=2000, metadata=about("Where the page before ended: its `next_cursor`. Opaque."))


class Hit(Reference):
    """A record that was found, as references name it."""

    score = Number(0, 2, required=True, metadata=about("How well it matches; to be compared within one search only."))
    highlight = fields.List(Text(), metadata=about(
        "With `highlight=true`: up to three passages where `q` was found, as HTML, its words in `mark`."))  # fmt: skip


class SearchPage(Open):
    """One page of what was found, best match first."""

    items = fields.List(fields.Nested(Hit), required=True, metadata=about("The hits of this page."))
    facets = fields.Dict(Text(), Integer(0, 2**31 - 1), required=True,
                         metadata=about("How many records of each type were found in all."))  # fmt: skip
    next = Text(required=True, allow_none=True, metadata=about("Path of the next page; null at the end."))
    next_cursor = Text(required=True, allow_none=True, metadata=about("The cursor alone, for the same query."))
