"""Processes: talks as a whole."""

from schemas.base import IdentifierBody, Schema, SourcedBody, some
from schemas.fields import Edtf, Enum, Prose, Ref, Text, about, in_order
from schemas.lists import AnyOf, ListArgs, RefsTo

STATUSES = Enum("planned", "ongoing", "suspended", "concluded", "collapsed", "unknown", allow_none=True,
                metadata=about("How it stands."))  # fmt: skip


TRACKS = Enum("humanitarian", "political", "military", "economic", "other", required=True,
              metadata=about("The subject."))  # fmt: skip


class TrackBody(Schema):
    """One subject on which the talks proceed."""

    track = TRACKS
    status = Enum("not_started", "under_discussion", "partly_agreed", "agreed", "in_implementation", "implemented",
                  "deadlocked", "unknown", load_default="unknown", metadata=about("How far it has come."))  # fmt: skip
    summary = Prose(allow_none=True, metadata=about("Our own summary."))


class OutcomeBody(Schema):
    """What came of the talks."""

    kind = Enum("prisoner_exchange", "remains_transfer", "document_exchange", "ceasefire", "agreement_signed",
                "joint_statement", "next_round_agreed", "none", "other", required=True,
                metadata=about("What it is."))  # fmt: skip
    status = Enum("agreed", "in_implementation", "implemented", "broken", "unknown", load_default="unknown",
                  metadata=about("What became of it."))  # fmt: skip
    summary = Prose(allow_none=True, metadata=about("Our own summary."))
    documents = some(Ref("document"), metadata=about("The documents of it."))


class ProcessOutcomeBody(OutcomeBody):
    """An outcome that belongs to no single round."""

    rounds = some(Ref("round"), metadata=about("The rounds it came from."))


class ProcessBody(SourcedBody):
    """Talks between parties as a whole: a peace process (PA-X)."""

    type, collection, label = "process", "processes", "name"

    name = Text(required=True, max=500, metadata=about("What it is called."))
    parties = some(Ref("actor"), metadata=about("Between whom."))
    status = STATUSES
    started_on = Edtf(allow_none=True, metadata=about("When it began."))
    ended_on = Edtf(endless=True, allow_none=True, metadata=about("When it ended."))
    conflict_identifiers = some(
        IdentifierBody, metadata=about("The conflict in other schemes: ucdp-conflict, wikidata.")
    )
    tracks = some(TrackBody, metadata=about("The subjects on which it proceeds."))
    outcomes = some(ProcessOutcomeBody, metadata=about("What came of it beyond single rounds."))
    summary = Prose(allow_none=True, metadata=about("Our own summary."))
    lasts = in_order("started_on", "ended_on")


class ProcessArgs(ListArgs):
    of = ProcessBody

    party = RefsTo(metadata=about("Only processes between these and others."))
    status = AnyOf(STATUSES, metadata=about("Only processes that stand so."))
