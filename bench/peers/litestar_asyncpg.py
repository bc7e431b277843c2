"""Litestar with asyncpg and msgspec: the SQL of the other asyncpg peer, and structs instead of models."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
import queries
from litestar import Litestar, get, post
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.params import Parameter
from msgspec import Meta, Struct


class Identifier(Struct):
    scheme: str
    identifier: str


class Reference(Struct):
    id: UUID
    type: str
    name: str | None
    identifiers: list[Identifier]


class Citation(Struct):
    source: Reference
    locator: str | None = None
    attribution_text: str | None = None


class Money(Struct):
    value: Decimal
    currency: str


class Donor(Struct):
    actor: Reference
    role: str
    amount: Money | None = None
    share: str | None = None


class Item(Struct):
    description: str
    designation: str | None = None
    category: str | None = None
    quantity: int | None = None
    quantity_delivered: int | None = None
    unit: str | None = None
    valuation: Money | None = None
    uncertain: bool | None = None


class Record(Struct, kw_only=True):
    id: UUID
    type: str
    version: int
    created_at: datetime
    updated_at: datetime
    contested: list[str] = []
    identifiers: list[Identifier]
    sources: list[Citation] = []
    note: str | None = None


class Pledge(Record, kw_only=True):
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


class Text(Struct):
    lang: str
    text: str
    original: bool | None = None
    translated_from: str | None = None
    translation: str | None = None
    engine: str | None = None


class Statement(Record, kw_only=True):
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


class Member(Struct):
    person: Reference
    role: str
    raw_name: str | None = None
    position: str | None = None
    attendance: str | None = None
    from_: date | None = msgspec.field(default=None, name="from")
    to: date | None = None
    note: str | None = None


class Delegation(Record, kw_only=True):
    round: Reference
    meeting: Reference | None = None
    represents: list[Reference]
    members: list[Member]
    composition_note: str | None = None


class ThirdParty(Struct):
    actor: Reference
    role: str


class Track(Struct):
    track: str
    status: str
    summary: str | None = None


class Round(Record, kw_only=True):
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


class PledgePage(Struct):
    items: list[Pledge]
    next: str | None


class StatementPage(Struct):
    items: list[Statement]
    next: str | None


class RoundPage(Struct):
    items: list[Round]
    next: str | None


Short = Annotated[str, Meta(max_length=100)]


class NewDonor(Struct, forbid_unknown_fields=True):
    actor: UUID
    role: Annotated[str, Meta(pattern="^(donor|lead|channel)$")] = "donor"


class NewCitation(Struct, forbid_unknown_fields=True):
    source: UUID
    locator: Annotated[str, Meta(max_length=20_000)] | None = None


class NewItem(Struct, forbid_unknown_fields=True):
    description: Annotated[str, Meta(max_length=20_000)]
    category: Short | None = None
    quantity: Annotated[int, Meta(ge=0, le=10**15)] | None = None
    unit: Short | None = None


class NewPledge(Struct, forbid_unknown_fields=True, kw_only=True):
    identifiers: Annotated[list[Identifier], Meta(max_length=50)]
    sources: Annotated[list[NewCitation], Meta(min_length=1)]
    title: Annotated[str, Meta(max_length=500)] | None = None
    donors: Annotated[list[NewDonor], Meta(min_length=1, max_length=200)]
    apportionment: Annotated[str, Meta(pattern="^(sole|stated|unsplit)$")] = "sole"
    recipients: Annotated[list[UUID], Meta(max_length=200)]
    category: Annotated[str, Meta(pattern="^(military|financial|humanitarian|infrastructure|other)$")] | None = None
    finance_type: Annotated[str, Meta(pattern="^(grant|loan|guarantee|fund|procurement|in_kind|other)$")] | None = None
    status: Annotated[str, Meta(pattern="^(discussed|announced|pledged|committed|allocated|disbursed|delivered)$")]
    amount: Money | None = None
    items: Annotated[list[NewItem], Meta(max_length=1000)] = []
    announced_on: date | None = None
    purpose: str | None = None


@asynccontextmanager
async def lifespan(app: Litestar) -> AsyncIterator[None]:
    async with queries.pool(os.environ["BENCH_DATABASE_URL"]) as app.state.pool:
        yield


@get("/livez")
async def livez() -> dict[str, str]:
    return {"status": "ok"}


@get("/v1/pledges/{id:uuid}")
async def get_pledge(state: State, id: UUID) -> Pledge:
    row = await state.pool.fetchrow(queries.PLEDGE, id)
    if row is None:
        raise NotFoundException
    return msgspec.convert(dict(row), Pledge)


@get("/v1/pledges")
async def list_pledges(
    state: State,
    donor: str | None = None,
    first: Annotated[date | None, Parameter(query="from")] = None,
    to: date | None = None,
    cursor: UUID | None = None,
    limit: Annotated[int, Parameter(ge=1, le=500)] = 50,
) -> PledgePage:
    query, args = queries.choice(donor, first, to, cursor, limit)
    rows = await state.pool.fetch(query, *args)
    page = queries.page("/v1/pledges", rows, limit, donor=donor, **{"from": first, "to": to})
    return msgspec.convert(page, PledgePage)


@post("/v1/pledges")
async def create_pledge(state: State, data: NewPledge) -> Pledge:
    async with state.pool.acquire() as conn:
        (id,) = await queries.store(conn, [msgspec.to_builtins(data, builtin_types=(UUID, date, Decimal))])
        return msgspec.convert(dict(await conn.fetchrow(queries.PLEDGE, id)), Pledge)


@get("/v1/statements")
async def search_statements(state: State, q: str, limit: int = 50) -> StatementPage:
    rows = await state.pool.fetch(queries.STATEMENTS, q, limit)
    return msgspec.convert(queries.page("/v1/statements", rows, limit, q=q), StatementPage)


@get("/v1/rounds")
async def list_rounds(
    state: State, process: UUID, first: Annotated[date | None, Parameter(query="from")] = None, limit: int = 50
) -> RoundPage:
    rows = await state.pool.fetch(queries.ROUNDS, process, first or date.min, limit)
    return msgspec.convert(queries.page("/v1/rounds", rows, limit, process=process), RoundPage)


app = Litestar(
    [livez, get_pledge, list_pledges, create_pledge, search_statements, list_rounds], lifespan=[lifespan], debug=False
)
