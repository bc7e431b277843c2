"""What the tests of the resources share: one small world a pytest worker, which they only read.

Every answer about it is compared with the published document.
"""

from collections.abc import Iterator

import psycopg
import pytest

from db import rates
from tests import aid as promised
from tests import words as spoken
from tests.conftest import running_app
from tests.openapi.validation import CheckedClient
from tests.world import World, write


@pytest.fixture(scope="session")
def world(make_database, migrated, signed) -> Iterator[World]:
    with make_database("world", like=migrated) as url, running_app(url) as app:
        app.test_client_class = CheckedClient
        yield write(signed(app, "write", "world"))


@pytest.fixture(scope="session")
def words(make_database, migrated, signed) -> Iterator[World]:
    """The same world, and what was said and written in it."""
    with make_database("words", like=migrated) as url, running_app(url) as app:
        app.test_client_class = CheckedClient
        client = signed(app, "write", "world")
        yield spoken.write(write(client), client)


@pytest.fixture(scope="session")
def aid(make_database, migrated, signed) -> Iterator[World]:
    """The same world with its words, and what was promised in it; money can be converted."""
    with make_database("aid", like=migrated) as url, running_app(url) as app:
        with psycopg.connect(url) as conn:
            rates.load(conn)
        app.test_client_class = CheckedClient
        client = signed(app, "write", "world")
        yield promised.write(spoken.write(write(client), client), client)
