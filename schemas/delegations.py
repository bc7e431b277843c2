"""Delegations: who sat at a round or a meeting, for whom, as what."""

from typing import Any

import marshmallow as ma

from schemas.base import Schema, SourcedBody, some
from schemas.fields import Edtf, Enum, Prose, Ref, Text, about, in_order
from schemas.lists import AnyOf, ListArgs, RefsTo
from schemas.problems import Json

ROLES = Enum("head_of_delegation", "deputy_head", "chief_negotiator", "member", "adviser", "expert", "interpreter",
             "spokesperson", "special_envoy", load_default="member", metadata=about("The role there."))  # fmt: skip


class MemberBody(Schema):
    """Somebody in a delegation, as the post held then."""

    person = Ref("person", allow_none=True, metadata=about("Who, where known."))
    raw_name = Text(allow_none=True, max=500, metadata=about("The source's own spelling.", "Denis Shmygal"))
    role = ROLES
    position = Text(allow_none=True, metadata=about("The post held then, as text: it never changes with the person's."))
    attendance = Enum("expected", "confirmed", "attended", "absent", "not_expected", allow_none=True,
                      metadata=about("Whether they came, or will."))  # fmt: skip
    from_ = Edtf(allow_none=True, data_key="from", attribute="from", metadata=about("Since when a member."))
    to = Edtf(endless=True, allow_none=True, metadata=about("Until when a member."))
    note = Prose(allow_none=True, metadata=about("Free text."))
    lasts = in_order("from", "to")

    @ma.validates_schema
    def is_named(self, data: Json, **kwargs: Any) -> None:
        if not (data.get("person") or data.get("raw_name")):
            raise ma.ValidationError("A member needs a person or a raw_name.")


class DelegationBody(SourcedBody):
    """Those who sat at one round or one meeting for one or more actors (Popolo Organization at an Event)."""

    type, collection = "delegation", "delegations"

    round = Ref("round", allow_none=True, metadata=about("The round at which it sat; this or a meeting."))
    meeting = Ref("meeting", allow_none=True, metadata=about("The meeting at which it sat; this or a round."))
    represents = some(Ref("actor"), required=True, metadata=about("For whom."))
    members = some(MemberBody, metadata=about("Who sat in it, heads first."))
    composition_note = Prose(allow_none=True, metadata=about("What is known of its composition as a whole."))

    @ma.validates_schema
    def sits_somewhere(self, data: Json, **kwargs: Any) -> None:
        if bool(data.get("round")) == bool(data.get("meeting")):
            raise ma.ValidationError("A delegation sits at a round or at a meeting: send one of the two.")
        if not data.get("represents"):
            raise ma.ValidationError({"represents": ["At least one actor is needed."]})

    @ma.post_load
    def heads_first(self, data: Json, **kwargs: Any) -> Json:
        if data.get("members"):
            data["members"].sort(key=lambda member: ROLES.words.index(member["role"]))
        return data


class DelegationArgs(ListArgs):
    of = DelegationBody

    round = RefsTo(metadata=about("Only delegations at these rounds."))
    meeting = RefsTo(metadata=about("Only delegations at these meetings."))
    process = RefsTo(metadata=about("Only delegations at rounds of these processes."))
    represents = RefsTo(metadata=about("Only delegations of these actors."))
    person = RefsTo(metadata=about("Only delegations with these people, in whatever attendance."))
    role = AnyOf(ROLES, metadata=about("Only delegations with somebody in this role; with person, that person."))
