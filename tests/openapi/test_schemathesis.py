"""Everything that the document says, tried on a real server: odd and broken inputs, missing headers, wrong methods."""

from pathlib import Path

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig

import db
from api import create_app
from tests.openapi.conftest import BUSY

CONFIG = SchemathesisConfig.from_path(Path(__file__).parents[2] / "schemathesis.toml")


class Door:
    """Leads to an app. The document is wanted when tests are collected, a database only when they run."""

    def __init__(self):
        self.app = create_app()

    def __call__(self, environ, start_response):
        return self.app(environ, start_response)


door = Door()
schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", door, config=CONFIG)


@pytest.fixture(scope="module")
def authorization(make_database, sampled, key):
    with make_database("described", like=sampled) as url:
        door.app = create_app(DATABASE_URL=url, **BUSY)
        yield {"Authorization": f"Bearer {key(door.app, 'admin')}"}
        db.close(door.app)


@schema.parametrize()
def test_server_keeps_to_the_document(case, authorization):
    case.call_and_validate(headers=authorization)
