"""An app that holds the sample data: loaded once, copied for whoever asks."""

from collections.abc import Iterator

import httpx
import pytest
from flask.testing import FlaskClient
from psycopg.conninfo import conninfo_to_dict

import api
from api import create_app
from ingest import sample
from ingest.client import Client
from tests.openapi.validation import CheckedClient

# one test asks more than a client may in a minute; Schemathesis does not unpack what an app in its own process sends
BUSY = {"TESTING": True, "RATE_LIMIT": "1000000/minute", "COMPRESS": False, "WEBHOOK_ALLOW": "hooks.example"}


@pytest.fixture(scope="session")
def sampled(make_database, migrated, key) -> Iterator[str]:
    """The name of a database with the sample data that nobody is connected to."""
    with make_database("sampled", like=migrated) as url:
        app = create_app(DATABASE_URL=url, **BUSY)
        with Client("http://test", key(app, "write", "sample"), httpx.WSGITransport(app=app)) as client:
            sample.load(client)
        api.close(app)
        yield str(conninfo_to_dict(url)["dbname"])


@pytest.fixture
def sample_app(make_database, sampled):
    with make_database("sample", like=sampled) as url:
        app = create_app(DATABASE_URL=url, **BUSY)
        app.test_client_class = CheckedClient
        yield app
        api.close(app)


@pytest.fixture
def sample_client(sample_app, signed) -> FlaskClient:
    """An admin's client, on a copy of the sample data of the test's own."""
    return signed(sample_app, "admin")
