"""API keys: who may do what. A key is shown once, when it is made; only its hash is kept."""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from uuid_utils.compat import uuid7

import db

SCOPES = ["read", "write", "admin"]  # each includes those before it
sql = db.load("keys")


class NameTaken(ValueError):
    """A living key already has this name."""


def create(conn: db.Connection, *, name: str, provider: str, scope: str, expires_at: datetime | None = None) -> str:
    """Make a key and return it; nobody can ask for it again."""
    token = "parley_" + secrets.token_urlsafe(32)
    scopes = SCOPES[: SCOPES.index(scope) + 1]
    key = {"id": uuid7(), "name": name, "provider": provider, "scopes": scopes, "hash": digest(token)}
    try:
        conn.execute(sql.create, key | {"created_at": datetime.now(UTC), "expires_at": expires_at})
    except UniqueViolation as error:
        raise NameTaken(f"There is already a key named {name}; revoke it or choose another name.") from error
    return token


def find(conn: db.Direct, token: str) -> dict[str, Any] | None:
    """The living key that this token is, or None."""
    hash = digest(token)
    for found, id, name, provider, scopes, expires_at in conn.ask(sql.find, {"hash": hash, "now": datetime.now(UTC)}):
        # the index finds the hash, not the secret, so its timing tells nothing; the last word is constant-time, too
        if hmac.compare_digest(found, hash.hex().encode()):
            until = None if expires_at is None else datetime.fromisoformat(expires_at.decode())
            of = {"id": UUID(id.decode()), "name": name.decode(), "provider": provider.decode()}
            return of | {"scopes": scopes.decode().split(), "expires_at": until}
    return None


def list_keys(conn: db.Connection) -> list[dict[str, Any]]:
    """All keys ever made, oldest first."""
    return conn.execute(sql.list).fetchall()


def revoke(conn: db.Connection, key: str) -> dict[str, Any] | None:
    """End a key, named by its name or id."""
    return conn.execute(sql.revoke, {"key": key, "now": datetime.now(UTC)}).fetchone()


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
