"""A house that the tests of one module share, and for each test a scheme of its own in it."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.db.talks import Talks, house


@pytest.fixture(scope="module")
def shared_house(make_database, migrated) -> Iterator[Flask]:
    with make_database("house", like=migrated) as url, house(url) as app:
        yield app


@pytest.fixture(scope="module")
def provider(shared_house, signed):
    return signed(shared_house, "write", "us")


@pytest.fixture
def talks(shared_house, provider) -> Talks:
    return Talks(shared_house, provider, "us")


@pytest.fixture
def own_house(fresh_database) -> Iterator[Flask]:
    """A house of the test's own: nobody else writes there."""
    with house(fresh_database) as app:
        yield app


@pytest.fixture
def own_talks(own_house, signed) -> Talks:
    return Talks(own_house, signed(own_house, "write", "us"), "us")
