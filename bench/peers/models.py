"""What goes in and out of the two FastAPI peers, as pydantic models of the shape that Parley answers."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Identifier(Model):
    scheme: str
    identifier: str


class Reference(Model):
    id: UUID
    type: str
    name: str | None
    identifiers: list[Identifier]


class Citation(Model):
    source: Reference
    locator: str | None = None
    attribution_text: str | None = None


class Money(Model):
    value: Decimal
    currency: str


class Donor(Model):
    actor: Reference
    amount: Money | None = None
    share: str | None = None
    role: str


class Item(Model):
    description: str
    designation: str | None = None
    category: str | None = None
    quantity: int | None = None
    quantity_delivered: int | None = None
    unit: str | None = None
    valuation: Money | None = None
    uncertain: bool | None = None


class Record(Model):
    id: UUID
    type: str
    version: int
    created_at: datetime
    updated_at: datetime
    contested: list[str] = []
    identifiers: list[Identifier]
    sources: list[Citation] = []
    note: str | None = None


class Pledge(Record):
    title: str | None
    donors: list[Donor]
    apportionment: str
    recipients: list[Reference]
    category: str | None
    finance_type: str | None
    status: str
    amount: Money | None
    amount_min: Money | None = None
    amount_max: Money | None = None
    amount_basis: str | None = None
    items: list[Item]
    announced_on: date | None
    announced_at: Reference | None = None
    effective_from: date | None = None
    effective_to: date | None = None
    timing_text: str | None = None
    purpose: str | None
    process: Reference | None = None
    supersedes: Reference | None = None
    superseded_by: Reference | None = None


class Text(Model):
    lang: str
    text: str
    original: bool | None = None
    translated_from: str | None = None
    translation: str | None = None
    engine: str | None = None


class Statement(Record):
    speaker: Reference | None
    speaker_actor: Reference | None = None
    attribution_text: str | None = None
    position: str | None = None
    on_behalf_of: Reference | None
    said_on: date | None
    mode: str
    act: str | None
    deadline: date | None = None
    deadline_period: str | None = None
    texts: list[Text]
    summary: str | None = None
    topics: list[str]
    tracks: list[str]
    round: Reference | None
    meeting: Reference | None = None
    channel: str | None
    audience: list[Reference] = []
    relations: list[Reference] = []
    about: list[Reference] = []


class Member(Model):
    model_config = ConfigDict(from_attributes=True, populate_by_name=True)

    person: Reference
    raw_name: str | None = None
    role: str
    position: str | None = None
    attendance: str | None = None
    from_: date | None = Field(None, serialization_alias="from")
    to: date | None = None
    note: str | None = None


class Delegation(Record):
    round: Reference
    meeting: Reference | None = None
    represents: list[Reference]
    members: list[Member]
    composition_note: str | None = None


class ThirdParty(Model):
    actor: Reference
    role: str


class Track(Model):
    track: str
    status: str
    summary: str | None = None


class Round(Record):
    process: Reference | None
    parent: Reference | None = None
    number: int | None
    name: str | None
    status: str
    starts_on: date | None
    ends_on: date | None
    timezone: str | None = None
    formats: list[str]
    venue: dict[str, Any] | None = None
    third_parties: list[ThirdParty]
    tracks: list[Track]
    outcomes: list[dict[str, Any]] = []
    summary: str | None
    delegations: list[Delegation]


class PledgePage(Model):
    items: list[Pledge]
    next: str | None


class StatementPage(Model):
    items: list[Statement]
    next: str | None


class RoundPage(Model):
    items: list[Round]
    next: str | None


class Group(Model):
    donor: Reference
    currency: str | None
    pledges: int
    value: Decimal | None


class Summary(Model):
    groups: list[Group]


class NewDonor(Model):
    actor: UUID
    role: str = Field("donor", pattern="^(donor|lead|channel)$")


class NewCitation(Model):
    source: UUID
    locator: str | None = Field(None, max_length=20_000)


class NewItem(Model):
    description: str = Field(max_length=20_000)
    category: str | None = Field(None, max_length=100)
    quantity: int | None = Field(None, ge=0, le=10**15)
    unit: str | None = Field(None, max_length=100)


class NewPledge(Model):
    """A pledge as it is sent; what is unknown is refused, as Parley does."""

    model_config = ConfigDict(extra="forbid")

    identifiers: list[Identifier] = Field(max_length=50)
    sources: list[NewCitation] = Field(min_length=1)
    title: str | None = Field(None, max_length=500)
    donors: list[NewDonor] = Field(min_length=1, max_length=200)
    apportionment: str = Field("sole", pattern="^(sole|stated|unsplit)$")
    recipients: list[UUID] = Field(max_length=200)
    category: str | None = Field(None, pattern="^(military|financial|humanitarian|infrastructure|other)$")
    finance_type: str | None = Field(None, pattern="^(grant|loan|guarantee|fund|procurement|in_kind|other)$")
    status: str = Field(pattern="^(discussed|announced|pledged|committed|allocated|disbursed|delivered)$")
    amount: Money | None = None
    items: list[NewItem] = Field([], max_length=1000)
    announced_on: date | None = None
    purpose: str | None = None
