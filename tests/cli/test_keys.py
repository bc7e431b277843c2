"""`parley keys` on a database that is there."""

import pytest
from psycopg.rows import dict_row

from db import Direct, keys


@pytest.fixture
def run(parley, fresh_database):
    return lambda *arguments: parley("keys", *arguments, PARLEY_DATABASE_URL=fresh_database)


def make(run, name, *more):
    return run("create", "--name", name, "--provider", "kiel", *more)


def find(url, token):
    with Direct.connect(url, row_factory=dict_row) as conn:
        return keys.find(conn, token)


def test_create_prints_the_key_alone(run, fresh_database):
    made = make(run, "a", "--scope", "admin")
    assert made.exit_code == 0
    assert made.stderr == ""
    assert made.stdout == f"{made.stdout.strip()}\n"
    found = find(fresh_database, made.stdout.strip())
    assert (found["name"], found["provider"], found["scopes"]) == ("a", "kiel", ["read", "write", "admin"])


def test_the_scope_is_write_unless_said(run, fresh_database):
    assert find(fresh_database, make(run, "a").stdout.strip())["scopes"] == ["read", "write"]
    assert make(run, "b", "--scope", "owner").exit_code == 2


def test_a_name_is_given_once(run):
    make(run, "a")
    again = make(run, "a")
    assert again.exit_code == 1
    assert again.stdout == ""
    assert "already a key named a" in again.stderr


def test_a_key_ends_when_it_should(run, fresh_database):
    key = make(run, "a", "--expires", "2999-01-31").stdout.strip()
    assert find(fresh_database, key)["expires_at"].isoformat() == "2999-01-31T00:00:00+00:00"
    assert make(run, "b", "--expires", "2020-01-01").exit_code == 2


def test_list_shows_every_key_and_no_secret(run):
    secret = make(run, "a").stdout.strip()
    make(run, "b", "--scope", "read")
    run("revoke", "b")
    listed = run("list").stdout
    assert [line.split("\t")[1:] for line in listed.splitlines()] == [
        ["a", "kiel", "write", "valid"],
        ["b", "kiel", "read", "revoked"],
    ]
    assert secret not in listed


def test_revoke_ends_a_key(run, fresh_database):
    key = make(run, "a").stdout.strip()
    assert run("revoke", "a").exit_code == 0
    assert find(fresh_database, key) is None
    again = run("revoke", "a")
    assert again.exit_code == 1
    assert "No valid key" in again.stderr


def test_without_tables_it_says_what_to_do(parley, make_database):
    with make_database("bare") as url:
        listed = parley("keys", "list", PARLEY_DATABASE_URL=url)
        assert listed.exit_code == 1
        assert "parley migrate" in listed.stderr
        assert parley("migrate", PARLEY_DATABASE_URL=url).exit_code == 0
        assert parley("keys", "list", PARLEY_DATABASE_URL=url).stdout == ""


def test_without_a_database_it_says_so_in_one_line(parley):
    listed = parley("keys", "list", PARLEY_DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert listed.exit_code == 1
    assert listed.stderr.startswith("Error: connection failed")
