"""The SQL by hand of the two asyncpg peers: a page or a record, with all that belongs to it, in one statement."""

import uuid
from datetime import date
from typing import Any
from urllib.parse import urlencode

import asyncpg
import orjson

REFERENCE = "json_build_object('id', {0}.id, 'type', '{1}', 'name', {0}.{2}, 'identifiers', {0}.identifiers)"
ACTOR = REFERENCE.format("a", "actor", "name")
SOURCE = REFERENCE.format("s", "source", "title")

PLEDGES = f"""
    SELECT p.id, 'pledge' AS type, p.version, p.created_at, p.updated_at, p.identifiers, p.title, p.apportionment,
           p.category, p.finance_type, p.status, p.announced_on, p.purpose,
           json_build_object('value', p.amount::text, 'currency', p.currency) AS amount,
           (SELECT coalesce(json_agg(json_build_object('source', {SOURCE}, 'locator', c.locator) ORDER BY c.id), '[]')
              FROM pledge_sources AS c JOIN sources AS s ON s.id = c.source_id WHERE c.pledge_id = p.id) AS sources,
           (SELECT coalesce(json_agg(json_build_object('actor', {ACTOR}, 'role', d.role) ORDER BY d.id), '[]')
              FROM pledge_donors AS d JOIN actors AS a ON a.id = d.actor_id WHERE d.pledge_id = p.id) AS donors,
           (SELECT coalesce(json_agg({ACTOR} ORDER BY r.id), '[]')
              FROM pledge_recipients AS r JOIN actors AS a ON a.id = r.actor_id WHERE r.pledge_id = p.id) AS recipients,
           (SELECT coalesce(json_agg(json_build_object('description', i.description, 'category', i.category,
                                                       'quantity', i.quantity, 'unit', i.unit) ORDER BY i.id), '[]')
              FROM pledge_items AS i WHERE i.pledge_id = p.id) AS items
      FROM ({{}}) AS p
     ORDER BY p.id
"""
PLEDGE = PLEDGES.format("SELECT * FROM pledges WHERE id = $1")

STATEMENTS = f"""
    SELECT t.id, 'statement' AS type, t.version, t.created_at, t.updated_at, t.identifiers, t.said_on, t.mode, t.act,
           t.channel, t.topics, t.tracks, {REFERENCE.format("p", "person", "name")} AS speaker, {ACTOR} AS on_behalf_of,
           {REFERENCE.format("r", "round", "name")} AS round,
           (SELECT coalesce(json_agg(json_build_object('source', {SOURCE}, 'locator', c.locator) ORDER BY c.id), '[]')
              FROM statement_sources AS c JOIN sources AS s ON s.id = c.source_id
             WHERE c.statement_id = t.id) AS sources,
           (SELECT json_agg(json_build_object('lang', x.lang, 'text', x.text, 'original', x.original) ORDER BY x.id)
              FROM statement_texts AS x WHERE x.statement_id = t.id) AS texts
      FROM (SELECT t.*, ts_rank(t.search, q) AS rank
              FROM statements AS t, websearch_to_tsquery('english', $1) AS q
             WHERE t.search @@ q
             ORDER BY rank DESC, t.id DESC
             LIMIT $2 + 1) AS t
      LEFT JOIN people AS p ON p.id = t.speaker_id
      LEFT JOIN actors AS a ON a.id = t.on_behalf_of_id
      LEFT JOIN rounds AS r ON r.id = t.round_id
     ORDER BY t.rank DESC, t.id DESC
"""

ROUND = REFERENCE.format("t", "round", "name")
ROUNDS = f"""
    SELECT t.id, 'round' AS type, t.version, t.created_at, t.updated_at, t.identifiers, t.number, t.name, t.status,
           t.starts_on, t.ends_on, t.formats, t.tracks, t.summary,
           {REFERENCE.format("p", "process", "name")} AS process,
           (SELECT coalesce(json_agg(json_build_object('source', {SOURCE}, 'locator', c.locator) ORDER BY c.id), '[]')
              FROM round_sources AS c JOIN sources AS s ON s.id = c.source_id WHERE c.round_id = t.id) AS sources,
           (SELECT coalesce(json_agg(json_build_object('actor', {ACTOR}, 'role', h.role) ORDER BY h.id), '[]')
              FROM round_third_parties AS h JOIN actors AS a ON a.id = h.actor_id
             WHERE h.round_id = t.id) AS third_parties,
           (SELECT coalesce(json_agg(json_build_object(
                       'id', d.id, 'type', 'delegation', 'version', d.version, 'created_at', d.created_at,
                       'updated_at', d.updated_at, 'identifiers', d.identifiers, 'round', {ROUND},
                       'represents', json_build_array({ACTOR}),
                       'sources', (SELECT json_agg(json_build_object('source', {SOURCE}, 'locator', c.locator)
                                                   ORDER BY c.id)
                                     FROM delegation_sources AS c JOIN sources AS s ON s.id = c.source_id
                                    WHERE c.delegation_id = d.id),
                       'members', (SELECT json_agg(json_build_object(
                                              'person', {REFERENCE.format("w", "person", "name")}, 'role', m.role,
                                              'position', m.position, 'attendance', m.attendance) ORDER BY m.id)
                                     FROM delegation_members AS m JOIN people AS w ON w.id = m.person_id
                                    WHERE m.delegation_id = d.id)) ORDER BY d.id), '[]')
              FROM delegations AS d JOIN actors AS a ON a.id = d.actor_id
             WHERE d.round_id = t.id) AS delegations
      FROM (SELECT * FROM rounds WHERE process_id = $1 AND ends_on >= $2 ORDER BY id LIMIT $3 + 1) AS t
      LEFT JOIN processes AS p ON p.id = t.process_id
     ORDER BY t.id
"""

SUMMARY = f"""
    SELECT {ACTOR} AS donor, sums.currency, sums.pledges, sums.value
      FROM (SELECT d.actor_id, p.currency, count(*) AS pledges, sum(p.amount) AS value
              FROM pledges AS p
              JOIN pledge_donors AS d ON d.pledge_id = p.id
             WHERE p.announced_on >= $1
             GROUP BY d.actor_id, p.currency) AS sums
      JOIN actors AS a ON a.id = sums.actor_id
     ORDER BY a.id, sums.currency
"""


async def prepare(conn: asyncpg.Connection) -> None:
    for kind in ("json", "jsonb"):
        await conn.set_type_codec(
            kind, encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads, schema="pg_catalog"
        )


def pool(url: str) -> Any:
    return asyncpg.create_pool(url, init=prepare, server_settings={"search_path": "peer"})


def choice(
    donor: str | None, first: date | None, last: date | None, cursor: uuid.UUID | None, limit: int
) -> tuple[str, list[Any]]:
    """The statement for a list: only what was sent is in it, so that it is planned for just that."""
    args: list[Any] = []
    conditions = ["TRUE"]

    def condition(text: str, value: Any) -> None:
        args.append(value)
        conditions.append(text.format(f"${len(args)}"))

    if donor:
        ids = [uuid.UUID(one) for one in donor.split(",")]
        if len(ids) == 1:
            condition("EXISTS (SELECT FROM pledge_donors AS d WHERE d.pledge_id = p.id AND d.actor_id = {})", ids[0])
        else:
            condition("EXISTS (SELECT FROM pledge_donors AS d WHERE d.pledge_id = p.id AND d.actor_id = ANY({}))", ids)
    if first:
        condition("p.announced_on >= {}", first)
    if last:
        condition("p.announced_on <= {}", last)
    if cursor:
        condition("p.id > {}", cursor)
    args.append(limit + 1)
    where = " AND ".join(conditions)
    return PLEDGES.format(f"SELECT p.* FROM pledges AS p WHERE {where} ORDER BY p.id LIMIT ${len(args)}"), args


def page(path: str, rows: list[Any], limit: int, **sent: Any) -> dict[str, Any]:
    items, next = [dict(row) for row in rows[:limit]], None
    if len(rows) > limit:
        given = {name: value for name, value in sent.items() if value is not None}
        next = f"{path}?{urlencode(given | {'limit': limit, 'cursor': items[-1]['id']})}"
    return {"items": items, "next": next}


async def store(conn: asyncpg.Connection, pledges: list[dict[str, Any]]) -> list[uuid.UUID]:
    """Insert pledges and all that belongs to them, in one transaction."""
    ids = [uuid.uuid4() for _ in pledges]
    both = list(zip(ids, pledges, strict=True))
    async with conn.transaction():
        await conn.executemany(
            "INSERT INTO pledges (id, version, created_at, updated_at, identifiers, title, apportionment, category,"
            " finance_type, status, amount, currency, announced_on, purpose)"
            " VALUES ($1, 1, now(), now(), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            [
                (
                    id,
                    p["identifiers"],
                    p["title"],
                    p["apportionment"],
                    p["category"],
                    p["finance_type"],
                    p["status"],
                    p["amount"]["value"],
                    p["amount"]["currency"],
                    p["announced_on"],
                    p["purpose"],
                )
                for id, p in both
            ],
        )
        await conn.executemany(
            "INSERT INTO pledge_donors (pledge_id, actor_id, role) VALUES ($1, $2, $3)",
            [(id, donor["actor"], donor["role"]) for id, p in both for donor in p["donors"]],
        )
        await conn.executemany(
            "INSERT INTO pledge_recipients (pledge_id, actor_id) VALUES ($1, $2)",
            [(id, actor) for id, p in both for actor in p["recipients"]],
        )
        await conn.executemany(
            "INSERT INTO pledge_items (pledge_id, description, category, quantity, unit) VALUES ($1, $2, $3, $4, $5)",
            [(id, i["description"], i["category"], i["quantity"], i["unit"]) for id, p in both for i in p["items"]],
        )
        await conn.executemany(
            "INSERT INTO pledge_sources (pledge_id, source_id, locator) VALUES ($1, $2, $3)",
            [(id, cited["source"], cited["locator"]) for id, p in both for cited in p["sources"]],
        )
    return ids
