"""Who may read and who may write: keys in requests."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.rows import dict_row

from api import create_app
from db import close, keys

BODY = {"name": "x", "kind": "other"}
WRITES = [("POST", "/v1/actors"), ("PUT", "/v1/actors/keys:x"), ("PATCH", "/v1/actors/keys:x"),
          ("DELETE", "/v1/actors/keys:x")]  # fmt: skip


@pytest.mark.parametrize(("method", "where"), WRITES)
@pytest.mark.parametrize("body", [b"", b"{", b'{"name": "x", "kind": "other"}'])
def test_writing_needs_a_key_before_anything_else(client, method, where, body):
    answer = client.open(where, method=method, data=body)
    assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="parley"'


@pytest.mark.parametrize(("method", "where"), WRITES)
def test_writing_needs_the_scope_before_anything_else(app, signed, method, where):
    answer = signed(app, "read").open(where, method=method, data=b"{")
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")


@pytest.mark.parametrize("header", ["Bearer nobody", "Bearer", "bearer  ", "Basic eDp5", "nonsense", "", "Bearer \x7f"])
@pytest.mark.parametrize("where", ["/v1/actors", "/v1/me", "/v1/nowhere"])
def test_a_bad_key_is_told_even_where_none_is_needed(client, header, where):
    """Whoever sends a key wants it to count: reading on without it would hide that it ran out."""
    answer = client.get(where, headers={"Authorization": header})
    assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("word", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(app, key, client, word):
    assert client.get("/v1/me", headers={"Authorization": f"{word} {key(app)}"}).status_code == 200


def test_a_key_is_read_in_the_header_only(app, key, client):
    token = key(app)
    for name in ("key", "access_token", "api_key"):
        answer = client.get(f"/v1/actors?{name}={token}")
        assert (answer.status_code, answer.json["code"]) == (400, "unknown_parameter")
    client.set_cookie("Authorization", f"Bearer {token}")
    assert client.post("/v1/actors", json=BODY).status_code == 401


def test_an_expired_or_revoked_key_ends_at_once(app, client):
    with psycopg.connect(app.config["DATABASE_URL"], row_factory=dict_row, autocommit=True) as conn:
        past = datetime.now(UTC) - timedelta(seconds=1)
        expired = keys.create(conn, name="expired", provider="p", scope="write", expires_at=past)
        revoked = keys.create(conn, name="revoked", provider="p", scope="write")
        headers = {"Authorization": f"Bearer {revoked}"}
        assert client.post("/v1/actors", json=BODY, headers=headers).status_code == 201
        keys.revoke(conn, "revoked")
    for token in (expired, revoked):
        answer = client.post("/v1/actors", json=BODY, headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")


def test_a_record_is_changed_by_its_provider_or_an_admin(app, signed):
    owner, other, admin = signed(app, "write", "one"), signed(app, "write", "two"), signed(app, "admin", "three")
    made = owner.put("/v1/actors/keys:owned", json=BODY)
    where, headers = made.headers["Location"], {"If-Match": "*"}
    patch = {"data": b'{"note": "x"}', "content_type": "application/merge-patch+json", "headers": headers}
    for answer in (
        other.put("/v1/actors/keys:owned", json=BODY | {"name": "y"}),
        other.put("/v1/actors/keys:owned", json=BODY),
        other.put(where, json=BODY, headers=headers),
        other.patch(where, **patch),
        other.delete(where, headers=headers),
    ):
        assert (answer.status_code, answer.json["code"]) == (403, "not_your_record")
    assert other.get(where).data == made.data
    assert admin.patch(where, **patch).status_code == 200
    assert owner.patch(where, **patch).headers["Parley-Result"] == "unchanged"
    revisions = owner.get(f"{where}/revisions").json["items"]
    assert [entry["provider"] for entry in revisions] == ["one", "three"]
    assert "parley_" not in str(revisions)
    assert owner.delete(where, headers=headers).status_code == 204  # it stays its provider's


def test_only_an_admin_gives_ids(app, signed):
    id = "01970000-0000-7000-8000-000000000001"
    writer, admin = signed(app, "write", "one"), signed(app, "admin", "one")
    headers = {"If-None-Match": "*"}
    answer = writer.put(f"/v1/actors/{id}", json=BODY, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    ignored = writer.put("/v1/actors/keys:given", json=BODY | {"id": id})
    assert (ignored.status_code, ignored.json["id"] == id) == (201, False)
    given = admin.put(f"/v1/actors/{id}", json=BODY, headers=headers)
    assert (given.status_code, given.json["id"]) == (201, id)
    taken = admin.put("/v1/people/keys:taken", json={"name": "x", "id": id})
    assert (taken.status_code, taken.json["code"]) == (409, "conflict")


@pytest.fixture
def private(database):
    app = create_app(DATABASE_URL=database, PUBLIC_READ=False)
    yield app
    close(app)


def test_reading_can_be_closed(private, signed):
    stranger, reader = private.test_client(), signed(private, "read")
    for where in ("/v1/actors", "/v1/actors/a:b", "/v1/nowhere", "/v1/me"):
        answer = stranger.get(where)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="parley"')
        assert reader.get(where).status_code in (200, 404)
    for where in ("/v1/openapi.json", "/v1/openapi.yaml", "/livez", "/readyz", "/docs", "/problems/unauthorized"):
        assert stranger.get(where).status_code == 200
    assert stranger.options("/v1/actors").status_code == 200
    preflight = {"Origin": "https://example.org", "Access-Control-Request-Method": "GET"}
    assert stranger.options("/v1/actors", headers=preflight).headers["Access-Control-Allow-Origin"] == "*"
