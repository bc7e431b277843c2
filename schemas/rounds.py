"""Rounds of talks."""

from schemas.base import Schema, SourcedBody, VenueBody, one, some
from schemas.fields import Edtf, Enum, Integer, Prose, Ref, Text, about, in_order
from schemas.lists import AnyOf, Countries, Integers, ListArgs, RefsTo, from_to
from schemas.processes import TRACKS, OutcomeBody, TrackBody

STATUSES = Enum("proposed", "scheduled", "confirmed", "ongoing", "concluded", "suspended", "postponed", "cancelled",
                required=True, metadata=about("How it stands."))  # fmt: skip
FORMATS = Enum("direct", "mediated", "proximity", "shuttle", "bilateral", "multilateral", "remote")


class ThirdPartyBody(Schema):
    """Somebody at the talks who is not a party to them."""

    actor = Ref("actor", required=True, metadata=about("Who."))
    role = Enum("host", "mediator", "facilitator", "guarantor", "observer", "witness", "convener", required=True,
                metadata=about("As what."))  # fmt: skip


class RoundBody(SourcedBody):
    """A round of talks (schema.org Event): when and where the delegations met, or are to meet, and what came of it."""

    type, collection, label = "round", "rounds", "name"

    process = Ref("process", allow_none=True, metadata=about("The talks it belongs to."))
    parent = Ref("round", allow_none=True, metadata=about("The round of which it is a session."))
    number = Integer(1, 10_000, allow_none=True, metadata=about("Its number in the process.", 3))
    name = Text(allow_none=True, max=500, metadata=about("What it is called."))
    status = STATUSES
    starts_on = Edtf(allow_none=True, metadata=about("First day (EDTF)."))
    ends_on = Edtf(allow_none=True, metadata=about("Last day (EDTF); null also for a round of one day."))
    timezone = Text(allow_none=True, max=50, metadata=about("IANA time zone of the place.", "Europe/Istanbul"))
    formats = some(FORMATS, metadata=about("How the sides met."))
    venue = one(VenueBody, metadata=about("Where; null where not stated."))
    third_parties = some(ThirdPartyBody, metadata=about("Who else took part, and as what."))
    tracks = some(TrackBody, metadata=about("The subjects on which it proceeded."))
    outcomes = some(OutcomeBody, metadata=about("What came of it."))
    summary = Prose(allow_none=True, metadata=about("Our own summary."))
    lasts = in_order("starts_on", "ends_on")


class RoundArgs(ListArgs):
    of = RoundBody

    process = RefsTo(metadata=about("Only rounds of these processes."))
    parent = RefsTo(metadata=about("Only sessions of these rounds."))
    party = RefsTo(metadata=about("Only rounds of processes between these parties, or with a delegation of theirs."))
    status = AnyOf(STATUSES, metadata=about("Only rounds that stand so."))
    format = AnyOf(FORMATS, metadata=about("Only rounds that met so."))
    track = AnyOf(TRACKS, metadata=about("Only rounds with these tracks."))
    country = Countries(metadata=about("Only rounds held there (ISO 3166-1 alpha-3)."))
    third_party = RefsTo(metadata=about("Only rounds with these third parties."))
    number = Integers(metadata=about("Only rounds with these numbers."))
    from_, to, date_match = from_to("rounds")
