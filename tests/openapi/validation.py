"""Is this answer what the published document promises? `app.test_client_class = CheckedClient` asks it of every one."""

import json
import re
from functools import cache
from typing import Any
from urllib.parse import quote

from flask.testing import FlaskClient
from jsonschema_rs import Draft202012Validator, Registry
from werkzeug.test import TestResponse

from api import create_app
from api.spec import METHODS, PREFIX, PROBLEM, published

HERE = "urn:openapi"
UNDOCUMENTED = re.compile(rf"{PREFIX}/openapi\.(json|yaml)")


class CheckedClient(FlaskClient):
    """A test client that believes no answer."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        response = super().open(*args, **kwargs)
        validate(response)
        return response


def validate(response: TestResponse) -> None:
    """Raise AssertionError unless status, headers, content type and body are as published for this operation."""
    contract().check(response)


@cache
def contract() -> "Contract":
    """Every app publishes the same."""
    return Contract(published(create_app()))


class Contract:
    """The document, ready to compare answers with."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = tightened(document)
        self.registry = Registry([(HERE, self.document)])
        # a fixed path before a template, a long one before a short: an id may hold slashes
        templates = sorted(document["paths"], key=lambda path: (path.count("{"), -path.count("/")))
        self.paths = [(re.compile(re.sub(r"\{\w+\}", ".+", PREFIX + path)), path) for path in templates]

    def check(self, response: TestResponse) -> None:
        request = response.request
        assert response.headers.get("X-Request-Id"), f"{request.path} answers without X-Request-Id"
        path = next((path for pattern, path in self.paths if pattern.fullmatch(request.path)), None)
        method = "get" if request.method == "HEAD" else request.method.lower()
        if path is None or method not in self.document["paths"][path]:
            self.check_undocumented(response, path)
            return
        answers = self.document["paths"][path][method]["responses"]
        status = str(response.status_code)
        assert status in answers, (
            f"{request.method} {path} answered {status}, documented: {list(answers)}\n{response.text}"
        )
        answer, at = self.resolve(answers[status], "paths", path, method, "responses", status)
        for name, header in answer.get("headers", {}).items():
            required = self.resolve(header)[0].get("required")
            assert not required or name in response.headers, f"{request.method} {path} {status} lacks {name}"
        if "Content-Encoding" in response.headers:
            return  # what compression leaves alone is checked without it
        if request.method == "HEAD" or not answer.get("content"):
            assert not response.data, f"{request.method} {path} {status} has a body"
            return
        kind = response.mimetype
        assert kind in answer["content"], f"{request.method} {path} {status} is {kind}, not {list(answer['content'])}"
        if kind.endswith("json") and "ndjson" not in kind:
            self.compare(response, *at, "content", kind, "schema")

    def check_undocumented(self, response: TestResponse, path: str | None) -> None:
        """Where there is no operation, an error is still a problem, and nothing else happens under /v1."""
        request = response.request
        if response.status_code >= 400 and (request.path.startswith(PREFIX + "/") or response.mimetype == PROBLEM):
            assert response.mimetype == PROBLEM, f"{request.path} {response.status_code} is {response.mimetype}"
            assert response.status_code != 405 or response.headers.get("Allow"), f"{request.path}: 405 without Allow"
            if request.method != "HEAD" and "Content-Encoding" not in response.headers:
                self.compare(response, "components", "schemas", "Problem")
        elif request.path.startswith(PREFIX + "/") and request.method != "OPTIONS":
            assert UNDOCUMENTED.fullmatch(request.path), f"{request.method} {path or request.path} is not documented"

    def resolve(self, node: dict[str, Any], *at: str) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Follow a reference; a node and where it is."""
        while "$ref" in node:
            at = tuple(node["$ref"].removeprefix("#/").split("/"))
            node = self.document
            for step in at:
                node = node[step]
        return node, at

    def compare(self, response: TestResponse, *at: str) -> None:
        pointer = "/".join(step.replace("~", "~0").replace("/", "~1") for step in at)
        errors = self.validator(pointer).iter_errors(response.json)
        faults = [f"{'/'.join(map(str, fault.instance_path))}: {fault.message}" for fault in errors]
        assert not faults, f"{response.request.method} {response.request.path} {response.status_code}\n" + "\n".join(
            faults
        )

    @cache  # noqa: B019  (as many as there are schemas, and one contract)
    def validator(self, pointer: str) -> Draft202012Validator:
        return Draft202012Validator(
            {"$ref": f"{HERE}#/{quote(pointer)}"}, registry=self.registry, validate_formats=True
        )


def tightened(document: dict[str, Any]) -> dict[str, Any]:
    """Clients are told to expect new properties and words; we answer with none that are not yet documented."""

    def tighten(schema: Any) -> Any:
        if isinstance(schema, list):
            return [tighten(entry) for entry in schema]
        if not isinstance(schema, dict):
            return schema
        made = {key: tighten(value) for key, value in schema.items()}
        if isinstance(made.get("properties"), dict) and made["properties"]:
            made.setdefault("additionalProperties", False)
        if "x-extensible-enum" in made:
            made["enum"] = [*made["x-extensible-enum"], *([None] if "null" in made["type"] else [])]
        return made

    tight: dict[str, Any] = json.loads(json.dumps(document))
    schemas = tight["components"]["schemas"]
    # with `include` the whole record stands where the reference stood
    tight["components"]["schemas"] = tighten(schemas) | {"Reference": schemas["Reference"]}
    return tight


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Every operation: its operationId, itself, its path item."""
    return [
        (item[method]["operationId"], item[method], item)
        for item in document["paths"].values()
        for method in METHODS
        if method in item
    ]
