"""Short words for tests of the core: a house with its database, and a corner of it for every test."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from types import MethodType
from typing import Any

import psycopg
from flask import Flask
from flask.testing import FlaskClient
from psycopg.rows import dict_row
from werkzeug.test import TestResponse

import db
from api import create_app
from db import Direct, records
from db.records import By, Operation, Outcome
from schemas.fields import address

Json = dict[str, Any]

#: the least that makes a record of each type; {} stands for the scheme of the test
MINIMAL: dict[str, Json] = {
    "actor": {"name": "Nobody", "kind": "state"},
    "person": {"name": "Somebody"},
    "source": {"kind": "news"},
    "process": {"name": "Talks", "sources": [{"source": "{}:paper"}]},
    "round": {"status": "concluded", "sources": [{"source": "{}:paper"}]},
    "delegation": {"round": "{}:round", "represents": ["{}:actor"], "sources": [{"source": "{}:paper"}]},
}
COLLECTIONS = {
    "actor": "actors", "person": "people", "source": "sources", "process": "processes", "round": "rounds",
    "delegation": "delegations",
}  # fmt: skip
TABLES = ["served", "links", "identifiers", "records", *COLLECTIONS.values(), "people_positions", "delegations_members"]
FRESH = count(1)


@contextmanager
def house(url: str) -> Iterator[Flask]:
    """An app whose quota no test uses up."""
    app = create_app(DATABASE_URL=url, TESTING=True, RATE_LIMIT="10000000/minute")
    yield app
    db.close(app)


def filled(value: Any, scheme: str) -> Any:
    """The value with the test's scheme in its references."""
    if isinstance(value, dict):
        return {key: filled(entry, scheme) for key, entry in value.items()}
    if isinstance(value, list):
        return [filled(entry, scheme) for entry in value]
    return value.replace("{}", scheme) if isinstance(value, str) else value


class Talks:
    """One provider's way to write and read, under a scheme that no other test uses."""

    def __init__(self, app: Flask, client: FlaskClient, provider: str) -> None:
        self.app, self.client, self.provider = app, client, provider
        self.scheme = f"t{next(FRESH)}"
        self.made("source", "paper")

    # --- over HTTP ---

    def path(self, type: str, name: str) -> str:
        return f"/v1/{COLLECTIONS[type]}/{name if name.count('-') == 4 else f'{self.scheme}:{name}'}"

    def body(self, type: str, more: Json) -> Json:
        whole: Json = filled(MINIMAL[type] | more, self.scheme)
        return whole

    def put(self, type: str, name: str, more: Json | None = None, **headers: str) -> TestResponse:
        return self.client.put(self.path(type, name), json=self.body(type, more or {}), headers=dashed(headers))

    def made(self, type: str, called: str, /, **more: Any) -> Json:
        """Upsert a record and return it."""
        answer = self.put(type, called, more)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json or {})

    def get(self, type: str, name: str, query: str = "") -> TestResponse:
        return self.client.get(self.path(type, name) + query)

    def read(self, type: str, name: str, query: str = "") -> Json:
        answer = self.get(type, name, query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json or {})

    def patch(self, type: str, name: str, change: Any, if_match: str = "*", client: Any = None) -> TestResponse:
        answer: TestResponse = (client or self.client).patch(
            self.path(type, name),
            json=filled(change, self.scheme),
            headers={"If-Match": if_match},
            content_type="application/merge-patch+json",
        )
        return answer

    def delete(self, type: str, name: str, if_match: str = "*", query: str = "") -> TestResponse:
        return self.client.delete(self.path(type, name) + query, headers={"If-Match": if_match})

    def listed(self, type: str, query: str = "", **headers: str) -> Json:
        answer = self.client.get(f"/v1/{COLLECTIONS[type]}?{filled(query, self.scheme)}", headers=dashed(headers))
        assert answer.status_code == 200, answer.text
        return dict(answer.json or {})

    def found(self, type: str, query: str = "") -> list[str]:
        """The names of what a list holds, in its order, as the test gave them."""
        items = self.listed(type, query)["items"]
        return [
            next((n["identifier"] for n in item["identifiers"] if n["scheme"] == self.scheme), item["id"])
            for item in items
        ]

    # --- sets ---

    def upsert(self, type: str, called: str, /, **more: Any) -> Operation:
        return Operation("replace", type, address(f"{self.scheme}:{called}"), self.body(type, more))

    def change(self, type: str, called: str, /, **change: Any) -> Operation:
        return Operation("patch", type, address(f"{self.scheme}:{called}"), filled(change, self.scheme))

    def removal(self, type: str, name: str) -> Operation:
        return Operation("delete", type, address(f"{self.scheme}:{name}"))

    def write(self, *operations: Operation, atomic: bool = True, admin: bool = False) -> list[Outcome]:
        with self.app.app_context():
            return records.write(list(operations), By(self.provider, "test", admin), atomic=atomic)

    # --- the tables themselves ---

    def rows(self, query: str, *args: Any) -> list[Any]:
        with psycopg.connect(self.app.config["DATABASE_URL"], row_factory=dict_row, autocommit=True) as conn:
            return conn.execute(query, args).fetchall()

    def revisions(self, id: str) -> int:
        return int(self.rows("SELECT count(*) AS n FROM revisions WHERE id = %s", id)[0]["n"])

    def everything(self) -> Json:
        """All rows of the log and of what is made of it, as text."""
        return everything(self.app.config["DATABASE_URL"], "revisions", *TABLES)


@contextmanager
def statements(app: Flask) -> Iterator[list[tuple[str, int]]]:
    """The statements that the app sends to the database meanwhile, and how many rows came back of each."""
    seen: list[tuple[str, int]] = []

    class Watched(psycopg.Cursor[Any]):
        def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
            answer = super().execute(query, *args, **kwargs)
            seen.append((str(query), self.rowcount))
            return answer

    with ExitStack() as stack:
        pools = [pool for pool in app.extensions["db"].values() if pool is not None]
        for pool in pools:
            pool.open()
        conns = [stack.enter_context(pool.connection()) for pool in pools for _ in range(pool.max_size)]

    def result(conn: Direct, query: str, args: Any) -> Any:
        found = Direct.result(conn, query, args)
        seen.append((query, found.ntuples))
        return found

    def run(conn: Direct, statements: Any) -> list[Any]:
        asked = list(statements)
        answers = Direct.run(conn, asked)
        seen.extend((query, len(found)) for (query, _), found in zip(asked, answers, strict=True))
        return answers

    for conn in conns:
        conn.cursor_factory, conn.result, conn.run = Watched, MethodType(result, conn), MethodType(run, conn)
    yield seen
    for conn in conns:
        conn.cursor_factory = psycopg.Cursor
        del conn.result, conn.run


def everything(url: str, *tables: str) -> dict[str, list[str]]:
    """All rows of tables as text, in an order that does not depend on how they came there."""
    with psycopg.connect(url, autocommit=True) as conn:
        query = "SELECT t::text FROM {} AS t ORDER BY t::text"
        return {table: [row[0] for row in conn.execute(query.format(table))] for table in tables or TABLES}


def dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def statuses(outcomes: list[Outcome]) -> list[str]:
    return [outcome.problem.code if outcome.problem else outcome.status for outcome in outcomes]
