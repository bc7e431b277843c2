"""FastAPI with asyncpg and pydantic: SQL by hand, a pool, models for what goes in and out."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Annotated
from uuid import UUID

import queries
from fastapi import FastAPI, HTTPException, Query, Request
from models import NewPledge, Pledge, PledgePage, RoundPage, StatementPage, Summary


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with queries.pool(os.environ["BENCH_DATABASE_URL"]) as app.state.pool:
        yield


app = FastAPI(lifespan=lifespan)
From = Annotated[date | None, Query(alias="from")]


@app.get("/livez")
async def livez() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/v1/pledges/summary")
async def summarize_pledges(request: Request, first: From = None) -> Summary:
    rows = await request.app.state.pool.fetch(queries.SUMMARY, first or date.min)
    return {"groups": [dict(row) for row in rows]}


@app.get("/v1/pledges/{id}")
async def get_pledge(request: Request, id: UUID) -> Pledge:
    row = await request.app.state.pool.fetchrow(queries.PLEDGE, id)
    if row is None:
        raise HTTPException(404)
    return dict(row)


@app.get("/v1/pledges")
async def list_pledges(
    request: Request,
    donor: str | None = None,
    first: From = None,
    to: date | None = None,
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> PledgePage:
    query, args = queries.choice(donor, first, to, cursor, limit)
    rows = await request.app.state.pool.fetch(query, *args)
    return queries.page("/v1/pledges", rows, limit, donor=donor, **{"from": first, "to": to})


@app.post("/v1/pledges", status_code=201)
async def create_pledge(request: Request, pledge: NewPledge) -> Pledge:
    async with request.app.state.pool.acquire() as conn:
        (id,) = await queries.store(conn, [pledge.model_dump()])
        return dict(await conn.fetchrow(queries.PLEDGE, id))


@app.get("/v1/statements")
async def search_statements(request: Request, q: str, limit: int = 50) -> StatementPage:
    rows = await request.app.state.pool.fetch(queries.STATEMENTS, q, limit)
    return queries.page("/v1/statements", rows, limit, q=q)


@app.get("/v1/rounds")
async def list_rounds(request: Request, process: UUID, first: From = None, limit: int = 50) -> RoundPage:
    rows = await request.app.state.pool.fetch(queries.ROUNDS, process, first or date.min, limit)
    return queries.page("/v1/rounds", rows, limit, process=process)
