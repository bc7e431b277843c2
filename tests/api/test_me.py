"""The key that asks, and what it has left."""

from datetime import UTC, datetime, timedelta

import psycopg
from psycopg.rows import dict_row

from db import keys


def test_me_shows_the_key_without_its_secret_and_costs_nothing(app, signed):
    client = signed(app, "admin", "somebody")
    first = client.get("/v1/me")
    assert first.status_code == 200
    assert first.json["provider"] == "somebody"
    assert first.json["scopes"] == ["read", "write", "admin"]
    assert first.json["expires_at"] is None
    assert "parley_" not in first.text
    assert client.get("/v1/me").json["remaining"] == first.json["remaining"]
    client.get("/v1/rounds")
    assert client.get("/v1/me").json["remaining"] == first.json["remaining"] - 1


def test_me_tells_when_the_key_ends(app):
    later = datetime.now(UTC) + timedelta(days=1)
    with psycopg.connect(app.config["DATABASE_URL"], row_factory=dict_row, autocommit=True) as conn:
        token = keys.create(conn, name="short", provider="me", scope="read", expires_at=later)
    answer = app.test_client().get("/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.json["scopes"] == ["read"]
    assert datetime.fromisoformat(answer.json["expires_at"]) == later
    assert answer.json["expires_at"].endswith("Z")


def test_me_without_a_key(client):
    answer = client.get("/v1/me")
    assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_me_takes_no_parameters(writer):
    assert writer.get("/v1/me?verbose=true").json["errors"][0]["code"] == "unknown_parameter"
