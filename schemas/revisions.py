"""The history of a record."""

from marshmallow import fields

from schemas.base import Open
from schemas.fields import Enum, Integer, Pointer, Text, Timestamp, about
from schemas.lists import Args, QueryInteger


class RevisionArgs(Args):
    limit = QueryInteger(1, 500, load_default=50, metadata=about("How many revisions a page holds at most.", 50))
    cursor = Text(max=2000, metadata=about("Where the page before ended: its `next_cursor`. Opaque."))


class Revision(Open):
    """One change of a record."""

    version = Integer(1, 2**31 - 1, required=True, metadata=about("The version it made."))
    op = Enum("created", "updated", "deleted", "merged", required=True, metadata=about("What happened."))
    recorded_at = Timestamp(required=True, metadata=about("When it was recorded."))
    provider = Text(required=True, metadata=about("Whose key did it."))
    key = Text(required=True, metadata=about("The name of that key."))
    batch = fields.UUID(required=True, allow_none=True, metadata=about("The batch it came in."))
    reason = Text(required=True, allow_none=True, metadata=about("Why, where that was said."))
    changed = fields.List(Pointer(), required=True, metadata=about("JSON Pointers of the properties that changed."))


class RevisionPage(Open):
    """One page of a record's revisions, oldest first."""

    items = fields.List(fields.Nested(Revision), required=True, metadata=about("The revisions of this page."))
    next = Text(required=True, allow_none=True, metadata=about("Path of the next page; null at the end."))
    next_cursor = Text(required=True, allow_none=True, metadata=about("The cursor alone."))
