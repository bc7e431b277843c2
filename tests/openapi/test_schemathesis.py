"""Everything that the document says, tried on a real server: odd and broken inputs, missing headers, wrong methods."""

import tomllib
from pathlib import Path
from threading import Thread

import pytest
import schemathesis
from schemathesis import engine
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events
from werkzeug.serving import make_server

import db
from api import create_app
from api.spec import published
from tests.openapi.conftest import BUSY
from tests.openapi.validation import operations

schemathesis.serializer.alias("application/x-ndjson", "text/plain")
CONFIG = Path(__file__).parents[2] / "schemathesis.toml"
# all inputs of an operation are made when it is its turn: made while tests are collected, they cost every run minutes
OPERATIONS = [name for name, *_ in operations(published(create_app()))]


@pytest.fixture(scope="module")
def schema(make_database, sampled, key):
    with make_database("described", like=sampled) as url:
        app = create_app(DATABASE_URL=url, **BUSY)
        server = make_server("127.0.0.1", 0, app, threaded=True)
        Thread(target=server.serve_forever).start()
        headers = {"Authorization": f"Bearer {key(app, 'admin')}"}
        config = SchemathesisConfig.from_dict(tomllib.loads(CONFIG.read_text()) | {"headers": headers})
        yield schemathesis.openapi.from_url(f"http://127.0.0.1:{server.port}/v1/openapi.json", config=config)
        server.shutdown()
        server.server_close()
        db.close(app)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_server_keeps_to_the_document(schema, operation):
    scenarios, wrong = 0, []
    for event in engine.from_schema(schema.include(operation_id=operation)).execute():
        if isinstance(event, events.ScenarioFinished):
            scenarios += 1
            wrong += [
                f"{check.failure_info.failure}\n{check.failure_info.code_sample}"
                for checks in event.recorder.checks.values()
                for check in checks
                if check.failure_info
            ]
        elif isinstance(event, events.NonFatalError | events.FatalError):
            wrong.append(str(getattr(event, "info", None) or event.exception))
    assert scenarios and not wrong, "\n\n".join(wrong[:5])
