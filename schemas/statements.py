"""Statements: who said what, where, as what, and in answer to whom."""

from typing import Any, ClassVar

import marshmallow as ma

from schemas.base import Schema, SourcedBody, one, some
from schemas.fields import Boolean, Edtf, Enum, Language, Pattern, Prose, Ref, Text, about
from schemas.lists import AnyOf, CommaList, ListArgs, RefsTo, from_to
from schemas.problems import Json
from schemas.processes import TRACKS

MODES = Enum("verbatim", "verbatim_translated", "partial_quote", "paraphrase", "summary", "joint_text", required=True,
             metadata=about("How close the texts are to what was said. Those of a `paraphrase` or `summary` are not "
                            "the speaker's words: never show them as a quotation."))  # fmt: skip
ACTS = Enum("announcement", "assessment", "demand", "offer", "acceptance", "rejection", "denial", "confirmation",
            "non_confirmation", "appeal", "warning", "ultimatum", "other", allow_none=True,
            metadata=about("What was done by saying it."))  # fmt: skip
CHANNELS = Enum("press_conference", "interview", "briefing", "plenary", "social", "readout", "broadcast", "document",
                "leak", "other", allow_none=True, metadata=about("Through what it was said."))  # fmt: skip

_DATE = r"(?:#W|#Y(?:#M)?(?:#D)?|#M(?:#D)?|#D)"
_TIME = r"T(?:#H(?:#M)?(?:#S)?|#M(?:#S)?|#S)"
PERIOD = f"P(?:{_DATE}(?:{_TIME})?|{_TIME})".replace("#", "[0-9]{1,4}")


class Topic(Pattern):
    """What something is about, as one word that programs can compare."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("[a-z0-9][a-z0-9_-]*", "Not a topic: a-z, 0-9, _ and - only, like nato_membership.",
                         "nato_membership", max=100, **kwargs)  # fmt: skip


class TextBody(Schema):
    """One wording of what was said."""

    lang = Language(required=True, metadata=about("BCP 47 language of this wording."))
    text = Prose(required=True, max=100_000, metadata=about("The words."))
    original = Boolean(allow_none=True, metadata=about("Whether it was said in this language; null where unknown."))
    translated_from = Language(allow_none=True, metadata=about("BCP 47 language that it was translated from."))
    translation = Enum("human", "machine", "machine_post_edited", allow_none=True, metadata=about("Who translated it."))
    engine = Text(allow_none=True, metadata=about("The translation engine.", "Yandex Translate"))

    @ma.validates_schema
    def is_consistent(self, data: Json, **kwargs: Any) -> None:
        translated = [name for name in ("translated_from", "translation", "engine") if data.get(name)]
        if data.get("original") and translated:
            raise ma.ValidationError({name: ["An original is not a translation."] for name in translated})


class RelationBody(Schema):
    """How a statement refers to another."""

    kind = Enum("responds_to", "denies", "confirms", "clarifies", "retracts", "repeats", "quotes", required=True,
                metadata=about("What it does to the other."))  # fmt: skip
    statement = Ref("statement", required=True, metadata=about("The other statement."))


class StatementBody(SourcedBody):
    """Something that was said (Popolo Speech, schema.org Quotation), with whoever said it and how it is known."""

    type, collection = "statement", "statements"
    includes: ClassVar = {
        "thread": ("statement", "the statements connected with this one by relations, however far, by their days")
    }
    extras: ClassVar = {
        "text": one(TextBody, metadata=about("With `lang` or `allow_machine`: the best of `texts`, or null."))
    }

    speaker = Ref("person", allow_none=True, metadata=about("The person who said it."))
    speaker_actor = Ref("actor", allow_none=True, metadata=about("The outlet, ministry or state that said it."))
    attribution_text = Text(allow_none=True, metadata=about("Whom the source names.", "a source told TASS"))
    position = Text(allow_none=True, metadata=about("The post held then, as text: it never changes with the person's."))
    on_behalf_of = Ref("actor", allow_none=True, metadata=about("For whom the speaker spoke."))
    said_on = Edtf(allow_none=True, metadata=about("When it was said (EDTF)."))
    mode = MODES
    act = ACTS
    deadline = Edtf(allow_none=True, metadata=about("The day it sets as a limit (EDTF)."))
    deadline_period = Pattern(PERIOD, "Not an ISO 8601 duration like P50D or PT48H.", "P50D", max=50, allow_none=True,
                              metadata=about("The time it gives, where no day is known (ISO 8601)."))  # fmt: skip
    texts = some(TextBody, max=100, metadata=about("What was said, word by word as far as `mode` says so."))
    summary = Prose(allow_none=True, metadata=about("Our own summary; never a quotation."))
    topics = some(Topic(), max=100, metadata=about("Its topics."))
    tracks = some(Enum(*TRACKS.words), metadata=about("The subjects of the talks that it touches."))
    round = Ref("round", allow_none=True, metadata=about("The round at which it was said; this or a meeting."))
    meeting = Ref("meeting", allow_none=True, metadata=about("The meeting at which it was said; this or a round."))
    channel = CHANNELS
    audience = some(Ref("actor"), metadata=about("To whom."))
    relations = some(RelationBody, metadata=about("The statements that it answers, denies, confirms, repeats …"))
    # last, for it hides the word that describes the others
    about = some(Ref(), metadata=about("Records of any type that it is about."))

    @ma.validates_schema
    def is_attributed(self, data: Json, **kwargs: Any) -> None:
        if not any(data.get(name) for name in ("speaker", "speaker_actor", "attribution_text")):
            raise ma.ValidationError("Somebody said it: send speaker, speaker_actor or attribution_text.")
        if data.get("round") and data.get("meeting"):
            raise ma.ValidationError("A statement is made at a round or at a meeting: send one of the two at most.")

    @ma.validates_schema
    def verbatim_names_its_original(self, data: Json, **kwargs: Any) -> None:
        if data.get("mode") == "verbatim":
            text = "A verbatim text says whether it is the original: true or false."
            silent = [place for place, entry in enumerate(data.get("texts") or ()) if entry.get("original") is None]
            if silent:
                raise ma.ValidationError({"texts": {place: {"original": [text]} for place in silent}})


class StatementArgs(ListArgs):
    of = StatementBody

    speaker = RefsTo(metadata=about("Only what these people said."))
    speaker_actor = RefsTo(metadata=about("Only what these actors said."))
    on_behalf_of = RefsTo(metadata=about("Only what was said on behalf of these actors."))
    round = RefsTo(metadata=about("Only statements made at these rounds or about them."))
    meeting = RefsTo(metadata=about("Only statements made at these meetings or about them."))
    process = RefsTo(metadata=about(
        "Only statements about these processes, or at or about one of their rounds, delegations, documents or pledges."
    ))  # fmt: skip
    track = AnyOf(TRACKS, metadata=about("Only statements that touch these subjects."))
    topic = CommaList(metadata=about("Only statements on these topics.", "round_date"))
    act = AnyOf(ACTS, metadata=about("Only statements that do this."))
    mode = AnyOf(MODES, metadata=about("Only statements known in this way."))
    channel = AnyOf(CHANNELS, metadata=about("Only what was said through these."))
    from_, to, date_match = from_to("statements")
    about = RefsTo(metadata=about("Only statements about these records, of whatever type."))
