"""Everything that the document says, tried on a real server: odd and broken inputs, missing headers, wrong methods."""

import re
import tomllib
from itertools import chain
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode

import pytest
import schemathesis
from schemathesis import engine
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events
from werkzeug.serving import make_server

import api
from api import create_app
from api.spec import published
from schemas.base import BODIES
from tests.openapi.conftest import BUSY
from tests.openapi.validation import operations

schemathesis.serializer.alias("application/x-ndjson", "text/plain")
TEXT = r"^[^\u0000]*$"
CONFIG = Path(__file__).parents[2] / "schemathesis.toml"
# all inputs of an operation are made when it is its turn: made while tests are collected, they cost every run minutes
OPERATIONS = [name for name, *_ in operations(published(create_app()))]
#: what is one path through the code for all types, or takes the body of another operation, is tried at its limits with
#: one of them
TYPE = f"({'|'.join(BODIES)})"
COLLECTION = f"({'|'.join(body.collection for body in BODIES.values())})"
ONE = f"(get|delete|restore|merge|replace)_{TYPE}"
ALIKE = re.compile(f"{ONE}|(get|list)_{TYPE}_(citation|revisions)|export_{COLLECTION}")


# what is made of the examples and at random; and each limit of each value, as many as there is time for. Apart, for
# a time limit is spent to its end on values made at random
HALVES = (
    {"phases": {"coverage": {"enabled": False}}},
    {"max-time": 1, "phases": {"examples": {"enabled": False}, "fuzzing": {"enabled": False}}},
)


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """No pattern of long strings: of it and their length schemathesis makes another, which takes a tenth of a second to
    compile, again for each schema (a third of all the time). What else holds a NUL is still tried."""
    waiting = [raw_schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict) and node.get("pattern") == TEXT and node.get("maxLength", 0) > 1000:
            del node["pattern"]
        waiting += node.values() if isinstance(node, dict) else node if isinstance(node, list) else []


@schemathesis.hook
def filter_query(context, query):
    """No server takes a longer line; the one that is asked here says so before the application is asked."""
    return len(urlencode(query or {})) < 32_000


@pytest.fixture(scope="module")
def halves(make_database, sampled, key):
    with make_database("described", like=sampled) as url:
        app = create_app(DATABASE_URL=url, **BUSY)
        server = make_server("127.0.0.1", 0, app, threaded=True)
        Thread(target=server.serve_forever).start()
        headers = {"Authorization": f"Bearer {key(app, 'admin')}"}
        common = tomllib.loads(CONFIG.read_text()) | {"headers": headers}
        yield [
            schemathesis.openapi.from_url(
                f"http://127.0.0.1:{server.port}/v1/openapi.json",
                config=SchemathesisConfig.from_dict(common | half | {"phases": common["phases"] | half["phases"]}),
            )
            for half in HALVES
        ]
        server.shutdown()
        server.server_close()
        api.close(app)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_server_keeps_to_the_document(halves, operation):
    tried, wrong = set(), []
    # not `include`: the engine's own filter includes all, and those of one kind are joined by "or"
    wanted = halves[:1] if ALIKE.fullmatch(operation) and "pledge" not in operation else halves
    alone = [half.exclude(lambda ctx: ctx.operation.definition.raw["operationId"] != operation) for half in wanted]
    for event in chain.from_iterable(engine.from_schema(half).execute() for half in alone):
        if isinstance(event, events.ScenarioFinished):
            tried.add(event.recorder.label)
            wrong += [
                f"{check.failure_info.failure}\n{check.failure_info.code_sample}"
                for checks in event.recorder.checks.values()
                for check in checks
                if check.failure_info
            ]
        elif isinstance(event, events.NonFatalError | events.FatalError):
            wrong.append(str(getattr(event, "info", None) or event.exception))
    assert len(tried) == 1, tried
    assert not wrong, "\n\n".join(wrong[:5])
