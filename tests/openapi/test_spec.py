"""The document is complete, valid, and the one that is committed."""

import json
from collections import Counter
from functools import partial
from pathlib import Path

import openapi_spec_validator
import pytest
import yaml

from api.spec import ALWAYS, Api, dumps, published, recorded
from schemas.batches import OperationBody
from tests.openapi.validation import operations

COMMITTED = Path(__file__).parents[2] / "openapi" / "openapi.json"


@pytest.fixture
def document(app):
    return published(app)


def test_committed_document_is_the_generated_one(document):
    assert COMMITTED.read_text(encoding="utf-8") == dumps(document), "run `make openapi` and read the difference"


def test_two_who_ask_at_once_get_the_same(app, document):
    assert Api.document.func(app.extensions["flask-smorest"]["apis"][""]["ext_obj"]) == document


def test_document_is_valid(document):
    openapi_spec_validator.validate(document)


def test_operation_ids_are_unique(document):
    counted = Counter(name for name, *_ in operations(document))
    assert [name for name, times in counted.items() if times > 1] == []


@pytest.mark.parametrize("part", ["summary", "description", "tags", "security"])
def test_every_operation_has(document, part):
    assert [name for name, operation, _ in operations(document) if not operation.get(part)] == []


def test_every_operation_has_an_example_and_every_example_an_operation(document):
    assert {name for name, *_ in operations(document)} == set(recorded())


def test_every_parameter_is_described(document):
    parameters = [
        (name, parameter["name"], parameter.get("description"))
        for name, operation, item in operations(document)
        for parameter in (*operation["parameters"], *item["parameters"])
        if "$ref" not in parameter
    ]
    assert [(name, parameter) for name, parameter, description in parameters if not description] == []


def test_every_schema_and_property_is_described(document):
    schemas = document["components"]["schemas"]
    assert [name for name, schema in schemas.items() if not schema.get("description")] == []
    assert [
        (name, key)
        for name, schema in schemas.items()
        for key, entry in schema.get("properties", {}).items()
        if not entry.get("description")
    ] == []


def test_every_tag_is_described(document):
    assert [tag["name"] for tag in document["tags"] if not tag.get("description")] == []


def test_every_operation_names_its_problems(document):
    for name, operation, item in operations(document):
        expected = {"400", "401", "403", "429", "500", "503"}
        if item["parameters"]:
            expected |= {"404", "410"}
        if "requestBody" in operation:
            expected |= {"413", "415", "422"}
        assert expected <= operation["responses"].keys(), name


def test_every_good_answer_documents_its_headers(document):
    for name, operation, _ in operations(document):
        for status, answer in operation["responses"].items():
            if status.startswith("2"):
                assert set(ALWAYS) <= answer["headers"].keys(), (name, status)


def test_a_null_and_an_absent_property_of_a_request_mean_the_same(document):
    for name, schema in document["components"]["schemas"].items():
        if schema.get("additionalProperties") is False:
            for key in schema["properties"].keys() - set(schema.get("required", ())):
                kind = schema["properties"][key]
                if not kind.get("readOnly"):
                    assert None in kind.get("enum", [None]), (name, key)
                    assert "null" in kind.get("type", ["null"]), (name, key)
                    assert "$ref" not in kind, (name, key)


def test_requests_are_closed_and_answers_open(document):
    closed = {name for name, schema in document["components"]["schemas"].items() if "additionalProperties" in schema}
    bodies = {name for name in document["components"]["schemas"] if name.endswith(("Body", "Patch"))}
    assert closed == bodies - {"ReferenceBody"}


def test_versions_stand_in_the_server_and_not_in_the_paths(document):
    assert document["servers"][0]["url"] == "/v1"
    assert [path for path in document["paths"] if path.startswith("/v1")] == []


@pytest.mark.parametrize(
    ("path", "read"),
    [("/v1/openapi.json", json.loads), ("/v1/openapi.yaml", partial(yaml.load, Loader=yaml.CSafeLoader))],
    ids=["json", "yaml"],
)
def test_document_is_served_to_anybody_and_cached(client, document, path, read):
    answer = client.get(path)
    assert read(answer.text) == document
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert client.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_batches_are_described_in_both_of_their_forms(document):
    batch = document["paths"]["/batches"]["post"]
    content = batch["requestBody"]["content"]
    assert list(content) == ["application/json", "application/x-ndjson"]
    rows = [json.loads(line) for line in content["application/x-ndjson"]["example"].splitlines()]
    assert all(OperationBody().validate(row) == {} for row in rows)
    assert "Preference-Applied" in batch["responses"]["202"]["headers"]
