"""The feed of changes."""

from marshmallow import ValidationError, fields

from schemas.base import BODIES, Open
from schemas.fields import Anything, Enum, Integer, Text, Timestamp, about
from schemas.lists import Args, CommaList, QueryInteger, nearest


class Types(CommaList):
    """Some record types."""

    def entry(self, text: str) -> str:
        if text not in BODIES:
            raise ValidationError(f"{text[:60]!r} is not a type: {', '.join(BODIES)}.{nearest(text, BODIES)}")
        return text


class ChangeArgs(Args):
    cursor = Text(
        max=40, metadata=about("A `next_cursor`, or the `cursor` of an item. Without it: from the beginning.")
    )
    types = Types(metadata=about("Only changes of records of these types.", "round,delegation"))
    limit = QueryInteger(1, 500, load_default=500, metadata=about("How many changes a page holds at most.", 500))
    include = Enum("record", metadata=about("With each change the record as it was logged: references as id and type."))
    wait = QueryInteger(0, 60, load_default=0, metadata=about("Seconds to wait where there is no change yet.", 30))


class Change(Open):
    """One change of one record."""

    cursor = Text(required=True, metadata=about("Where the feed goes on after this change. Opaque."))
    type = Text(required=True, metadata=about("The type of the record.", "round"))
    id = fields.UUID(required=True, metadata=about("The record."))
    op = Enum("created", "updated", "deleted", "merged", required=True, metadata=about("What happened."))
    version = Integer(1, 2**31 - 1, required=True, metadata=about("The version it made."))
    changed_at = Timestamp(required=True, metadata=about("When it was recorded."))
    merged_into = fields.UUID(metadata=about("The record it was merged into."))
    record = Anything(metadata=about("The record as logged; with include=record."))


class ChangePage(Open):
    """Part of the feed."""

    items = fields.List(fields.Nested(Change), required=True, metadata=about("The changes, in the order of the log."))
    next_cursor = Text(required=True, metadata=about("Where to go on, now or later."))
    caught_up = fields.Boolean(required=True, metadata=about("Whether these were all there are up to now."))
