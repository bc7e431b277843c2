"""What there is: how much of each type and from each source, from when to when."""

from marshmallow import fields

from schemas.base import Open, Reference
from schemas.fields import Integer, Pattern, Text, Timestamp, about


class Covered(Open):
    """How much there is."""

    count = Integer(0, 2**31 - 1, required=True, metadata=about("How many records there are."))
    earliest = fields.Date(required=True, allow_none=True, metadata=about(
        "The earliest day of the world that one of them can mean; null where none is dated."))  # fmt: skip
    latest = fields.Date(required=True, allow_none=True, metadata=about("The latest such day."))
    changed_at = Timestamp(required=True, allow_none=True, metadata=about("When one of them last changed."))


class TypeCovered(Covered):
    """How much there is of one type."""

    type = Text(required=True, metadata=about("The type.", "pledge"))
    collection = Text(required=True, metadata=about("The collection in which its records are found.", "pledges"))
    checksum = Pattern("[0-9a-f]{32}", "", "d41d8cd98f00b204e9800998ecf8427e", required=True, metadata=about(
        "MD5 of the lines `id:version` of all its records, each with a line feed at its end, in the order of their "
        "bytes. Whoever holds the same records in the same versions gets the same."))  # fmt: skip


class SourceCovered(Covered):
    """How much there is from one source."""

    source = fields.Nested(Reference, required=True, metadata=about("The source that the records cite."))


class Coverage(Open):
    """What there is, at one position of the feed."""

    cursor = Text(required=True, metadata=about("The position in the feed of changes at which all this is true."))
    types = fields.List(fields.Nested(TypeCovered), required=True, metadata=about("All types."))
    sources = fields.List(fields.Nested(SourceCovered), required=True, metadata=about(
        "The thousand sources that most records cite, the most cited first."))  # fmt: skip
    sources_total = Integer(0, 2**31 - 1, required=True, metadata=about("How many sources are cited in all."))
