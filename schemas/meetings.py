"""Meetings: every diplomatic event that is no round of talks."""

from typing import Any

import marshmallow as ma

from schemas.base import Schema, SourcedBody, VenueBody, one, some
from schemas.fields import Edtf, Enum, Prose, Ref, Text, about
from schemas.lists import AnyOf, Countries, ListArgs, RefsTo, from_to
from schemas.problems import Json

KINDS = Enum("contact_group", "summit", "visit", "conference", "call", "council_session", "other", required=True,
             metadata=about("What kind of event it is."))  # fmt: skip


class ParticipantBody(Schema):
    """Somebody at a meeting, or expected there."""

    actor = Ref("actor", allow_none=True, metadata=about("Which actor took part, or for which a person did."))
    person = Ref("person", allow_none=True, metadata=about("Who, where known."))
    position = Text(allow_none=True, metadata=about("The post held then, as text: it never changes with the person's."))
    role = Text(allow_none=True, max=200, metadata=about("As what they took part.", "guest"))
    attendance = Enum("expected", "confirmed", "attended", "absent", "not_expected", allow_none=True,
                      metadata=about("Whether they came, or will."))  # fmt: skip
    note = Prose(allow_none=True, metadata=about("Free text."))

    @ma.validates_schema
    def is_named(self, data: Json, **kwargs: Any) -> None:
        if not (data.get("actor") or data.get("person")):
            raise ma.ValidationError("A participant needs an actor or a person.")


class MeetingBody(SourcedBody):
    """A diplomatic event that is no round of talks (schema.org Event): a summit, a visit, a call."""

    type, collection, label = "meeting", "meetings", "name"

    kind = KINDS
    name = Text(allow_none=True, max=500, metadata=about("What it is called."))
    held_on = Edtf(allow_none=True, metadata=about("When it took place, or is to (EDTF)."))
    venue = one(VenueBody, metadata=about("Where; null where not stated."))
    convened_by = some(Ref("actor"), metadata=about("Who called it."))
    chaired_by = some(Ref("actor"), metadata=about("Who led it."))
    participants = some(ParticipantBody, metadata=about("Who took part, stayed away, or is expected."))
    summary = Prose(allow_none=True, metadata=about("Our own summary."))


class MeetingArgs(ListArgs):
    of = MeetingBody

    kind = AnyOf(KINDS, metadata=about("Only meetings of these kinds."))
    actor = RefsTo(metadata=about("Only meetings that these actors convened, led, or took part in."))
    person = RefsTo(metadata=about("Only meetings with these people, in whatever attendance."))
    country = Countries(metadata=about("Only meetings held there (ISO 3166-1 alpha-3)."))
    from_, to, date_match = from_to("meetings")
