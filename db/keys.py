"""API keys: who may do what. A key is shown once, when it is made; only its hash is kept."""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from typing import Any

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


def find(conn: db.Connection, token: str) -> dict[str, Any] | None:
    """The living key that this token is, or None."""
    key = conn.execute(sql.find, {"hash": digest(token), "now": datetime.now(UTC)}).fetchone()
    # the index finds the hash, not the secret, so its timing tells nothing; the last word is constant-time all the same
    return key if key and hmac.compare_digest(key.pop("hash"), digest(token)) else None


def list_keys(conn: db.Connection) -> list[dict[str, Any]]:
    """All keys ever made, oldest first."""
    return conn.execute(sql.list).fetchall()


def revoke(conn: db.Connection, key: str) -> dict[str, Any] | None:
    """End a key, named by its name or id."""
    return conn.execute(sql.revoke, {"key": key, "now": datetime.now(UTC)}).fetchone()


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
