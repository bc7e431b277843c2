"""People, and the posts they held over time."""

from schemas.base import Body, OtherNameBody, Schema, some
from schemas.fields import Edtf, Ref, Text, about, in_order
from schemas.lists import Day, ListArgs, RefsTo


class PositionBody(Schema):
    """A post held for a time (Popolo membership)."""

    title = Text(required=True, metadata=about("The post.", "Minister of Defence"))
    organization = Ref("actor", allow_none=True, metadata=about("Where it is held."))
    from_ = Edtf(allow_none=True, data_key="from", attribute="from", metadata=about("Since when."))
    to = Edtf(
        endless=True, allow_none=True, metadata=about("Until when; `..` while it is still held, null where unknown.")
    )
    lasts = in_order("from", "to")


class PersonBody(Body):
    """Somebody who sits in a delegation, speaks or decides."""

    type, collection, label = "person", "people", "name"

    name = Text(required=True, max=500, metadata=about("Display name.", "Rustem Umerov"))
    other_names = some(OtherNameBody, metadata=about("Every other spelling (Popolo); search finds them all."))
    positions = some(PositionBody, metadata=about("Posts held over time."))


class PersonArgs(ListArgs):
    of = PersonBody

    organization = RefsTo(metadata=about("Only people who hold or held a post there."))
    position_on = Day(
        metadata=about("Only people who held a post on this day; with organization, there.", "2025-07-22")
    )
