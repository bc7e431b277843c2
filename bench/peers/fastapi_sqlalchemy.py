"""FastAPI with SQLAlchemy (asyncio) and pydantic: mapped classes, relationships loaded by SELECT … IN."""

import os
import uuid
from collections.abc import AsyncIterator
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, FastAPI, HTTPException, Query
from models import NewPledge, Pledge, PledgePage, RoundPage, StatementPage
from sqlalchemy import ForeignKey, func, insert, make_url, select, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column, relationship, selectinload
from sqlalchemy.types import DateTime, Text

engine = create_async_engine(
    make_url(os.environ["BENCH_DATABASE_URL"]).set(drivername="postgresql+asyncpg"),
    pool_size=10,
    connect_args={"server_settings": {"search_path": "peer"}},
)
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    type_annotation_map: ClassVar = {
        list[dict[str, Any]]: JSONB,
        list[str]: ARRAY(Text),
        datetime: DateTime(timezone=True),
    }


class Referable:
    """What others refer to."""

    id: Mapped[UUID] = mapped_column(primary_key=True)
    identifiers: Mapped[list[dict[str, Any]]]


class Actor(Referable, Base):
    __tablename__ = "actors"
    type = "actor"
    name: Mapped[str]


class Source(Referable, Base):
    __tablename__ = "sources"
    type = "source"
    name: Mapped[str | None] = mapped_column("title")


class Person(Referable, Base):
    __tablename__ = "people"
    type = "person"
    name: Mapped[str]


class Process(Referable, Base):
    __tablename__ = "processes"
    type = "process"
    name: Mapped[str]


class Kept(Referable):
    """What every record has."""

    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class DonorRow(Base):
    __tablename__ = "pledge_donors"
    id: Mapped[int] = mapped_column(primary_key=True)
    pledge_id: Mapped[UUID] = mapped_column(ForeignKey("pledges.id"))
    actor_id: Mapped[UUID] = mapped_column(ForeignKey("actors.id"))
    role: Mapped[str]
    actor: Mapped[Actor] = relationship()


class RecipientRow(Base):
    __tablename__ = "pledge_recipients"
    id: Mapped[int] = mapped_column(primary_key=True)
    pledge_id: Mapped[UUID] = mapped_column(ForeignKey("pledges.id"))
    actor_id: Mapped[UUID] = mapped_column(ForeignKey("actors.id"))


class ItemRow(Base):
    __tablename__ = "pledge_items"
    id: Mapped[int] = mapped_column(primary_key=True)
    pledge_id: Mapped[UUID] = mapped_column(ForeignKey("pledges.id"))
    description: Mapped[str]
    category: Mapped[str | None]
    quantity: Mapped[int | None]
    unit: Mapped[str | None]


class PledgeSourceRow(Base):
    __tablename__ = "pledge_sources"
    id: Mapped[int] = mapped_column(primary_key=True)
    pledge_id: Mapped[UUID] = mapped_column(ForeignKey("pledges.id"))
    source_id: Mapped[UUID] = mapped_column(ForeignKey("sources.id"))
    locator: Mapped[str | None]
    source: Mapped[Source] = relationship()


class PledgeRow(Kept, Base):
    __tablename__ = "pledges"
    type = "pledge"
    title: Mapped[str | None]
    apportionment: Mapped[str]
    category: Mapped[str | None]
    finance_type: Mapped[str | None]
    status: Mapped[str]
    value: Mapped[Decimal | None] = mapped_column("amount")
    currency: Mapped[str | None]
    announced_on: Mapped[date | None]
    purpose: Mapped[str | None]
    sources: Mapped[list[PledgeSourceRow]] = relationship(order_by=PledgeSourceRow.id)
    donors: Mapped[list[DonorRow]] = relationship(order_by=DonorRow.id)
    recipients: Mapped[list[Actor]] = relationship(secondary="pledge_recipients", order_by=RecipientRow.id)
    items: Mapped[list[ItemRow]] = relationship(order_by=ItemRow.id)

    @property
    def amount(self) -> dict[str, Any] | None:
        return None if self.value is None else {"value": self.value, "currency": self.currency}


class RoundThirdPartyRow(Base):
    __tablename__ = "round_third_parties"
    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[UUID] = mapped_column(ForeignKey("rounds.id"))
    actor_id: Mapped[UUID] = mapped_column(ForeignKey("actors.id"))
    role: Mapped[str]
    actor: Mapped[Actor] = relationship()


class RoundSourceRow(Base):
    __tablename__ = "round_sources"
    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[UUID] = mapped_column(ForeignKey("rounds.id"))
    source_id: Mapped[UUID] = mapped_column(ForeignKey("sources.id"))
    locator: Mapped[str | None]
    source: Mapped[Source] = relationship()


class DelegationSourceRow(Base):
    __tablename__ = "delegation_sources"
    id: Mapped[int] = mapped_column(primary_key=True)
    delegation_id: Mapped[UUID] = mapped_column(ForeignKey("delegations.id"))
    source_id: Mapped[UUID] = mapped_column(ForeignKey("sources.id"))
    locator: Mapped[str | None]
    source: Mapped[Source] = relationship()


class MemberRow(Base):
    __tablename__ = "delegation_members"
    id: Mapped[int] = mapped_column(primary_key=True)
    delegation_id: Mapped[UUID] = mapped_column(ForeignKey("delegations.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    role: Mapped[str]
    position: Mapped[str | None]
    attendance: Mapped[str | None]
    person: Mapped[Person] = relationship()


class DelegationRow(Kept, Base):
    __tablename__ = "delegations"
    type = "delegation"
    round_id: Mapped[UUID] = mapped_column(ForeignKey("rounds.id"))
    actor_id: Mapped[UUID] = mapped_column(ForeignKey("actors.id"))
    round: Mapped["RoundRow"] = relationship(back_populates="delegations")
    actor: Mapped[Actor] = relationship()
    sources: Mapped[list[DelegationSourceRow]] = relationship(order_by=DelegationSourceRow.id)
    members: Mapped[list[MemberRow]] = relationship(order_by=MemberRow.id)

    @property
    def represents(self) -> list[Actor]:
        return [self.actor]


class RoundRow(Kept, Base):
    __tablename__ = "rounds"
    type = "round"
    process_id: Mapped[UUID | None] = mapped_column(ForeignKey("processes.id"))
    number: Mapped[int | None]
    name: Mapped[str | None]
    status: Mapped[str]
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    formats: Mapped[list[str]]
    tracks: Mapped[list[dict[str, Any]]]
    summary: Mapped[str | None]
    process: Mapped[Process | None] = relationship()
    sources: Mapped[list[RoundSourceRow]] = relationship(order_by=RoundSourceRow.id)
    third_parties: Mapped[list[RoundThirdPartyRow]] = relationship(order_by=RoundThirdPartyRow.id)
    delegations: Mapped[list[DelegationRow]] = relationship(order_by=DelegationRow.id, back_populates="round")


class TextRow(Base):
    __tablename__ = "statement_texts"
    id: Mapped[int] = mapped_column(primary_key=True)
    statement_id: Mapped[UUID] = mapped_column(ForeignKey("statements.id"))
    lang: Mapped[str]
    text: Mapped[str]
    original: Mapped[bool | None]


class StatementSourceRow(Base):
    __tablename__ = "statement_sources"
    id: Mapped[int] = mapped_column(primary_key=True)
    statement_id: Mapped[UUID] = mapped_column(ForeignKey("statements.id"))
    source_id: Mapped[UUID] = mapped_column(ForeignKey("sources.id"))
    locator: Mapped[str | None]
    source: Mapped[Source] = relationship()


class StatementRow(Kept, Base):
    __tablename__ = "statements"
    type = "statement"
    speaker_id: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    on_behalf_of_id: Mapped[UUID | None] = mapped_column(ForeignKey("actors.id"))
    round_id: Mapped[UUID | None] = mapped_column(ForeignKey("rounds.id"))
    said_on: Mapped[date | None]
    mode: Mapped[str]
    act: Mapped[str | None]
    channel: Mapped[str | None]
    topics: Mapped[list[str]]
    tracks: Mapped[list[str]]
    search: Mapped[str] = mapped_column(TSVECTOR, deferred=True)
    speaker: Mapped[Person | None] = relationship()
    on_behalf_of: Mapped[Actor | None] = relationship()
    round: Mapped[RoundRow | None] = relationship()
    texts: Mapped[list[TextRow]] = relationship(order_by=TextRow.id)
    sources: Mapped[list[StatementSourceRow]] = relationship(order_by=StatementSourceRow.id)


WHOLE_PLEDGE = (
    selectinload(PledgeRow.sources).joinedload(PledgeSourceRow.source),
    selectinload(PledgeRow.donors).joinedload(DonorRow.actor),
    selectinload(PledgeRow.recipients),
    selectinload(PledgeRow.items),
)
WHOLE_STATEMENT = (
    selectinload(StatementRow.sources).joinedload(StatementSourceRow.source),
    selectinload(StatementRow.texts),
    joinedload(StatementRow.speaker),
    joinedload(StatementRow.on_behalf_of),
    joinedload(StatementRow.round),
)
WHOLE_ROUND = (
    joinedload(RoundRow.process),
    selectinload(RoundRow.sources).joinedload(RoundSourceRow.source),
    selectinload(RoundRow.third_parties).joinedload(RoundThirdPartyRow.actor),
    selectinload(RoundRow.delegations).joinedload(DelegationRow.actor),
    selectinload(RoundRow.delegations).selectinload(DelegationRow.sources).joinedload(DelegationSourceRow.source),
    selectinload(RoundRow.delegations).selectinload(DelegationRow.members).joinedload(MemberRow.person),
)


async def open_session() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


Session = Annotated[AsyncSession, Depends(open_session)]
From = Annotated[date | None, Query(alias="from")]
app = FastAPI()


@app.get("/livez")
async def livez(session: Session) -> dict[str, str]:
    await session.execute(text("SELECT 1"))
    return {"status": "ok"}


@app.get("/v1/pledges/{id}", response_model=Pledge)
async def get_pledge(session: Session, id: UUID) -> Any:
    pledge = await session.get(PledgeRow, id, options=WHOLE_PLEDGE)
    if pledge is None:
        raise HTTPException(404)
    return pledge


def page(path: str, found: list[Any], limit: int, **sent: Any) -> dict[str, Any]:
    items, next = found[:limit], None
    if len(found) > limit:
        given = {name: value for name, value in sent.items() if value is not None}
        next = f"{path}?{urlencode(given | {'limit': limit, 'cursor': items[-1].id})}"
    return {"items": items, "next": next}


@app.get("/v1/pledges", response_model=PledgePage)
async def list_pledges(
    session: Session,
    donor: str | None = None,
    first: From = None,
    to: date | None = None,
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Any:
    query = select(PledgeRow).options(*WHOLE_PLEDGE).order_by(PledgeRow.id).limit(limit + 1)
    if donor:
        query = query.where(PledgeRow.donors.any(DonorRow.actor_id.in_([UUID(one) for one in donor.split(",")])))
    if first:
        query = query.where(PledgeRow.announced_on >= first)
    if to:
        query = query.where(PledgeRow.announced_on <= to)
    if cursor:
        query = query.where(PledgeRow.id > cursor)
    found = list((await session.scalars(query)).all())
    return page("/v1/pledges", found, limit, donor=donor, **{"from": first, "to": to})


async def store(session: AsyncSession, pledges: list[NewPledge]) -> list[UUID]:
    """Insert pledges and all that belongs to them by one statement for each table."""
    ids, now = [uuid.uuid4() for _ in pledges], datetime.now().astimezone()
    both = list(zip(ids, pledges, strict=True))
    tables: list[tuple[type[Base], list[dict[str, Any]]]] = [
        (PledgeRow, [
            {"id": id, "version": 1, "created_at": now, "updated_at": now, "value": p.amount and p.amount.value,
             "currency": p.amount and p.amount.currency, "identifiers": [name.model_dump() for name in p.identifiers]}
            | p.model_dump(include={"title", "apportionment", "category", "finance_type", "status", "announced_on",
                                    "purpose"})
            for id, p in both
        ]),
        (DonorRow, [{"pledge_id": id, "actor_id": d.actor, "role": d.role} for id, p in both for d in p.donors]),
        (RecipientRow, [{"pledge_id": id, "actor_id": actor} for id, p in both for actor in p.recipients]),
        (ItemRow, [{"pledge_id": id} | item.model_dump() for id, p in both for item in p.items]),
        (PledgeSourceRow, [
            {"pledge_id": id, "source_id": cited.source, "locator": cited.locator}
            for id, p in both
            for cited in p.sources
        ]),
    ]  # fmt: skip
    for table, found in tables:
        if found:
            await session.execute(insert(table), found)
    await session.commit()
    return ids


@app.post("/v1/pledges", status_code=201, response_model=Pledge)
async def create_pledge(session: Session, pledge: NewPledge) -> Any:
    (id,) = await store(session, [pledge])
    return await session.get(PledgeRow, id, options=WHOLE_PLEDGE)


@app.post("/v1/pledges/bulk")
async def create_pledges(session: Session, pledges: list[NewPledge]) -> dict[str, int]:
    return {"created": len(await store(session, pledges))}


@app.get("/v1/statements", response_model=StatementPage)
async def search_statements(session: Session, q: str, limit: int = 50) -> Any:
    words = func.websearch_to_tsquery("english", q)
    query = (
        select(StatementRow)
        .options(*WHOLE_STATEMENT)
        .where(StatementRow.search.bool_op("@@")(words))
        .order_by(func.ts_rank(StatementRow.search, words).desc(), StatementRow.id.desc())
        .limit(limit + 1)
    )
    return page("/v1/statements", list((await session.scalars(query)).all()), limit, q=q)


@app.get("/v1/rounds", response_model=RoundPage)
async def list_rounds(session: Session, process: UUID, first: From = None, limit: int = 50) -> Any:
    query = select(RoundRow).options(*WHOLE_ROUND).where(RoundRow.process_id == process).order_by(RoundRow.id)
    if first:
        query = query.where(RoundRow.ends_on >= first)
    return page("/v1/rounds", list((await session.scalars(query.limit(limit + 1))).all()), limit, process=process)
