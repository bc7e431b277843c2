"""Actors: who can be a party, a donor, a recipient or a host."""

from schemas.base import Body, OtherNameBody, some
from schemas.fields import Country, Edtf, Enum, Ref, Text, about, in_order
from schemas.lists import AnyOf, Countries, ListArgs, RefsTo

KINDS = Enum(
    "state", "igo", "alliance", "coalition", "government_body", "armed_group", "political_party", "company", "media",
    "ngo", "research_body", "other", required=True,
    metadata=about("What it is. `state` covers every entry of ISO 3166-1 and says nothing of its status."),
)  # fmt: skip


class ActorBody(Body):
    """Who can be a party, a donor, a recipient or a host: a state, a body of one, an alliance, a company."""

    type, collection, label = "actor", "actors", "name"

    name = Text(required=True, max=500, metadata=about("Display name.", "Türkiye"))
    other_names = some(OtherNameBody, metadata=about("Every other spelling (Popolo); search finds them all."))
    kind = KINDS
    parent = Ref("actor", allow_none=True, metadata=about("The actor it is part of."))
    country = Country(allow_none=True, metadata=about("ISO 3166-1 alpha-3 code of its country."))
    valid_from = Edtf(allow_none=True, metadata=about("Since when it exists."))
    valid_to = Edtf(endless=True, allow_none=True, metadata=about("Until when it existed."))
    lasts = in_order("valid_from", "valid_to")


class ActorArgs(ListArgs):
    of = ActorBody

    kind = AnyOf(KINDS, metadata=about("Only actors of these kinds."))
    country = Countries(metadata=about("Only actors of these countries (ISO 3166-1 alpha-3)."))
    parent = RefsTo(metadata=about("Only actors that are part of these."))
