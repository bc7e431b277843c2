"""Everything that the document says, tried on a real server: odd and broken inputs, missing headers, wrong methods."""

from pathlib import Path

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig

CONFIG = SchemathesisConfig.from_path(Path(__file__).parents[2] / "schemathesis.toml")


@pytest.fixture
def described(fresh_app):
    return schemathesis.openapi.from_wsgi("/v1/openapi.json", fresh_app, config=CONFIG)


@pytest.fixture
def authorization(fresh_app, key):
    return {"Authorization": f"Bearer {key(fresh_app, 'admin')}"}


schema = schemathesis.pytest.from_fixture("described")


@schema.parametrize()
def test_server_keeps_to_the_document(case, authorization):
    case.call_and_validate(headers=authorization)
