"""Keys open doors until they expire or are revoked."""

from datetime import UTC, datetime, timedelta

import pytest
from psycopg.rows import dict_row

from db import Direct, keys


@pytest.fixture
def conn(fresh_database):
    with Direct.connect(fresh_database, row_factory=dict_row, autocommit=True) as conn:
        yield conn


def test_a_key_is_found_and_only_its_hash_is_kept(conn):
    token = keys.create(conn, name="kiel", provider="kiel", scope="write")
    found = keys.find(conn, token)
    assert (found["name"], found["provider"], found["scopes"]) == ("kiel", "kiel", ["read", "write"])
    assert token not in str(conn.execute("SELECT * FROM keys").fetchall())
    assert "hash" not in found


@pytest.mark.parametrize("token", ["", "parley_", "parley_" + "a" * 43, "\ud800", "\x00", "é" * 100_000])
def test_another_token_is_not_found(conn, token):
    keys.create(conn, name="kiel", provider="kiel", scope="write")
    assert keys.find(conn, token) is None


def test_an_expired_key_is_not_found(conn):
    now = datetime.now(UTC)
    assert keys.find(conn, keys.create(conn, name="a", provider="p", scope="read", expires_at=now)) is None
    later = now + timedelta(hours=1)
    assert keys.find(conn, keys.create(conn, name="b", provider="p", scope="read", expires_at=later))


@pytest.mark.parametrize("by", ["name", "id"])
def test_a_revoked_key_is_not_found_and_frees_its_name(conn, by):
    token = keys.create(conn, name="kiel", provider="kiel", scope="admin")
    other = keys.create(conn, name="other", provider="kiel", scope="admin")
    with pytest.raises(keys.NameTaken):
        keys.create(conn, name="kiel", provider="kiel", scope="admin")
    assert keys.revoke(conn, str(keys.list_keys(conn)[0][by]))["name"] == "kiel"
    assert keys.find(conn, token) is None
    assert keys.find(conn, other)
    assert keys.revoke(conn, "kiel") is None
    assert keys.create(conn, name="kiel", provider="kiel", scope="admin") != token
