"""The OpenAPI document: generated from routes and schemas, completed in one pass, served under /v1."""

import json
import re
from collections.abc import Iterator
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

import flask_smorest
import marshmallow as ma
from apispec import BasePlugin
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_instance
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from apispec.yaml_utils import dict_to_yaml
from flask import Blueprint, Flask, Response, request
from marshmallow import fields

from api.http import QUESTIONS
from api.pages import PROBLEMS
from schemas.base import BODIES, Open, Schema, embeds, shown
from schemas.fields import Enum, Integer, Ref, Text, Timestamp, about
from schemas.problems import Json
from schemas.webhooks import Event

PREFIX = "/v1"
PROBLEM = "application/problem+json"
EXAMPLES = Path(__file__).parents[1] / "openapi" / "examples"
METHODS = ("get", "post", "put", "patch", "delete")
ORDER = ("operationId", "summary", "description", "tags", "security", "parameters", "requestBody", "responses")

INFO: Json = {
    "title": "Parley",
    "summary": "Structured conflict-diplomacy data: who met, who said what, who pledged what, and on whose word.",
    "description": """\
Negotiation rounds, the delegations that sit in them, and the people, actors and sources around them.

**Reading** needs no key (unless the operator closed it). `HEAD` and `OPTIONS` work wherever `GET` does. A list
answers with `items` and `next`, the path of the next page: follow it until it is null. Wherever an id is taken, so is
`scheme:identifier`, e.g. `iso3166-1:UKR`. Dates of the world are EDTF (ISO 8601-2) strings: `2025-07`,
`2025-06-24/2025-06-25`. Money is a decimal string with its ISO 4217 currency. A null and an absent property mean the
same. Answers may gain properties and words: ignore what you do not know.

**Writing** needs a key: `Authorization: Bearer …`. Requests are closed, so a misspelt property is refused and not
dropped. A change needs `If-Match` with the `ETag` that was read; `PUT` to `scheme:identifier` creates or replaces.

**Errors** are RFC 9457 problems (`application/problem+json`) that name all faults at once. A method that a path does
not know answers 405 with `Allow`. Every answer carries `X-Request-Id`: quote it when something is wrong.
""",
    "version": version("parley"),
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "contact": {"name": "The operator of this installation"},
}
SERVERS = [{"url": PREFIX, "description": "This installation, local or production.", "x-internal": False}]
SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key made by `parley keys create`, sent in the header only. Its scope (`read`, `write` or"
        " `admin`) says what it may do; a `write` key changes only the records of its own provider.",
    }
}


def header(description: str, schema: Json, example: str | int, *, required: bool = False) -> Json:
    return {"description": description, "required": required, "schema": schema, "example": example}


def text(length: int = 200, **more: Any) -> Json:
    return {"type": "string", "maxLength": length, **more}


HEADERS = {
    "X-Request-Id": header(
        "Id of this request; a sane one that was sent is kept.",
        text(64, pattern="^[A-Za-z0-9._-]{1,64}$"),
        "0197f0d2c1",
        required=True,
    ),
    "RateLimit": header("What is left of the quota.", text(), '"default";r=5999;t=60', required=True),
    "RateLimit-Policy": header("The quota.", text(), '"default";q=6000;w=60', required=True),
    "Access-Control-Allow-Origin": header("Pages of any origin may read this.", text(), "*", required=True),
    "ETag": header(
        "The version of this answer: send it back in `If-Match` or `If-None-Match`.", text(), '"1-0"', required=True
    ),
    "Link": header("The next page (RFC 8288); absent at the end.", text(20_000), '</v1/rounds?cursor=x>; rel="next"'),
    "Location": header("Path of the record.", text(format="uri-reference"), "/v1/rounds/x", required=True),
    "Parley-Result": header(
        "What the write did; `unchanged`: this was already there, and nothing was written.",
        {"type": "string", "enum": ["created", "updated", "unchanged", "deleted"]},
        "unchanged",
        required=True,
    ),
    "Preference-Applied": header("What of `Prefer` was followed.", text(), "respond-async", required=True),
    "Idempotent-Replayed": header("`true`: the answer that this `Idempotency-Key` got before.", text(), "true"),
    "Parley-Cursor": header(
        "Where the feed of changes goes on from this snapshot: a `cursor` for `GET /changes`.",
        text(40),
        "12f",
        required=True,
    ),
    "Parley-Total": header("How many records this holds.", {"type": "integer", "minimum": 0}, 312, required=True),
    "Content-Disposition": header("A name for the file.", text(), 'attachment; filename="pledges.csv"', required=True),
    "Retry-After": header("Seconds to wait.", {"type": "integer", "minimum": 0, "maximum": 86_400}, 30, required=True),
    "WWW-Authenticate": header("How to authenticate.", text(), "Bearer", required=True),
    "Accept": header("The content types understood here.", text(), "application/json"),
    "Accept-Patch": header("The patch formats understood here.", text(), "application/merge-patch+json"),
}
ALWAYS = ("X-Request-Id", "RateLimit", "RateLimit-Policy", "Access-Control-Allow-Origin")


def sent(name: str, description: str, **more: Any) -> Json:
    schema = text(2**21)  # any text is taken; what no server's header can hold stands for no end
    return {"in": "header", "name": name, "description": description, "required": False, "schema": schema} | more


PARAMETERS = {
    "IfMatch": sent("If-Match", "The `ETag` that was read; `*` for any.", required=True, example='"1-0"'),
    "IfMatchUpsert": sent("If-Match", "As for PATCH; may be left out where the path is `scheme:identifier`."),
    "IfMatchErase": sent("If-Match", "As for PATCH; may be left out with `erase=true`."),
    "IfNoneMatch": sent("If-None-Match", "An `ETag` that you hold: 304 without a body while it is still right."),
    "CreateOnly": sent("If-None-Match", "`*`: create, never replace."),
    "IdempotencyKey": sent(
        "Idempotency-Key",
        "Any text of your own. Sent again with the same body within 24 hours, it repeats the first answer.",
        schema=text(255, pattern="^[!-~]+$"),
    ),
}
RECORD_ID = {
    "in": "path",
    "name": "id",
    "required": True,
    "description": "The record: its id (a UUID), or `scheme:identifier`.",
    "schema": text(300, minLength=1),
}

#: status → (component, its commonest code, meaning, headers of its own)
REFUSALS: dict[int, tuple[str, str, str, tuple[str, ...]]] = {
    400: ("BadRequest", "invalid_query", "Not understood: syntax, a parameter, or the cursor.", ()),
    401: ("Unauthorized", "unauthorized", "No key where one is needed, or not a valid one.", ("WWW-Authenticate",)),
    403: ("Forbidden", "forbidden", "The key may not do this.", ()),
    404: ("NotFound", "not_found", "No such record.", ()),
    406: ("NotAcceptable", "not_acceptable", "There is none of the content types in `Accept`.", ()),
    409: ("Conflict", "identifier_taken", "It does not go with what is there; what is in the way is named.", ()),
    410: ("Gone", "gone", "The record was deleted; the answer says when and why.", ()),
    412: ("PreconditionFailed", "precondition_failed", "The record is at another version.", ()),
    413: ("ContentTooLarge", "content_too_large", "The body is larger than allowed.", ()),
    415: ("UnsupportedMediaType", "unsupported_media_type", "The body is of a content type not understood here.",
          ("Accept", "Accept-Patch")),
    422: ("UnprocessableContent", "validation_failed", "Understood but wrong; all faults are listed.", ()),
    428: ("PreconditionRequired", "precondition_required", "`If-Match` is missing.", ()),
    429: ("TooManyRequests", "too_many_requests", "The quota is used up, or too much waits already.", ("Retry-After",)),
    500: ("InternalServerError", "internal_error", "Our fault; the request id finds it in the logs.", ()),
    503: ("ServiceUnavailable", "unavailable", "The database is away.", ("Retry-After",)),
}  # fmt: skip


class Sent(Text):
    """Text that a client sent, told back to it whatever it holds."""

    json_schema: ClassVar[Json] = {"maxLength": 2**21, "minLength": 0, "pattern": r"^[\s\S]*$"}


class FieldProblem(Open):
    """One fault of a request."""

    location = Enum("body", "query", "path", "header", required=True, metadata=about("Where it is."))
    pointer = Sent(required=True, metadata=about("JSON Pointer (RFC 6901) in the body; else a name.", "/name"))
    code = Text(required=True, metadata=about("Stable code of the fault.", "required"))
    detail = Text(required=True, metadata=about("What is wrong, for people."))


class Problem(Open):
    """Why a request was refused (RFC 9457)."""

    type = Text(required=True, metadata=about("Page that explains the code.", "/problems/not-found"))
    title = Text(required=True, metadata=about("The kind of problem."))
    status = Integer(400, 599, required=True, metadata=about("The HTTP status."))
    detail = Text(required=True, metadata=about("What happened this time."))
    instance = Text(max=20_000, required=True, metadata=about("The path that was asked for."))
    code = Text(required=True, metadata=about("Stable code of the problem.", "not_found"))
    request_id = Text(required=True, metadata=about("The same as `X-Request-Id`."))
    errors = fields.List(fields.Nested(FieldProblem), required=True, metadata=about("All faults of the request."))
    deleted_at = Timestamp(metadata=about("410: when the record was deleted."))
    reason = Text(allow_none=True, metadata=about("410: why it was deleted."))
    target = fields.UUID(metadata=about("409 `merged`: the record that this one was merged into."))


#: what we send: one operation that endpoints of webhooks have
WEBHOOKS = {
    "change": {
        "post": {
            "operationId": "receive_change",
            "summary": "A change",
            "description": "Sent to each webhook in the order of the feed of changes, and again until it is answered"
            " with 2xx. Verify the signature (Standard Webhooks) before you believe it; see docs/webhooks.md.",
            "tags": ["webhooks"],
            "security": [],
            "parameters": [
                sent("webhook-id", "The same whenever this event is sent again.", required=True),
                sent("webhook-timestamp", "When it was sent: Unix time in seconds.", required=True),
                sent("webhook-signature", "One signature `v1,…`, or two after a rotation, with a space between.",
                     required=True),
            ],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Event"}}},
            },
            "responses": {
                "2XX": {"description": "Accepted: the next event may come."},
                "default": {"description": "Not accepted: it is sent again, later and later, for three days; 410 ends"
                            " it at once."},
            },
        }
    }
}  # fmt: skip


# --- schemas and fields -----------------------------------------------------------------------------------------------


class Converter(OpenAPIConverter):
    """marshmallow → JSON Schema 2020-12, told as it is: what is closed, what may grow, what a field itself knows.

    A field may carry ``json_schema``, a dict that overrides what is derived from its class.
    """

    open = False  # whether the schema at hand is an answer's

    def schema2jsonschema(self, schema: ma.Schema) -> Json:
        """Answers stay open and their words too; requests are closed."""
        around, self.open = self.open, schema.unknown == ma.EXCLUDE
        try:
            made: Json = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        finally:
            self.open = around
        if schema.unknown != ma.RAISE:
            made.pop("additionalProperties", None)
        if isinstance(schema, Schema):  # a null and an absent property mean the same
            optional = [field.data_key or name for name, field in schema.load_fields.items() if not field.required]
            made["properties"] |= {name: nullable(made["properties"][name]) for name in optional}
        for kind, body in BODIES.items():
            if type(schema) is shown(body):
                added = {name: (other, f"the {name} that refer to it") for name, other in embeds(kind).items()}
                added |= body.includes
                made["properties"] |= {name: self.embedded(name, *which) for name, which in added.items()}
                made.pop("required", None)  # `fields` may leave out any
        return {"description": (type(schema).__doc__ or "").strip(), **made}

    def embedded(self, name: str, kind: str, which: str) -> Json:
        """What ``include`` adds to a record."""
        return {
            "type": "array",
            "description": f"With `include={name}`: {which}.",
            "items": self.resolve_nested_schema(shown(BODIES[kind])),  # type: ignore[no-untyped-call]
            "maxItems": 500,
        }

    def field2property(self, field: fields.Field[Any]) -> Json:
        if isinstance(field, Ref):
            made: Json = {"$ref": "#/components/schemas/ReferenceBody", "x-refers-to": list(field.types)}
            made |= self.metadata2properties(field) | self.field2read_only(field)
            return nullable(made) if field.allow_none else made
        made = super().field2property(field) | getattr(field, "json_schema", {})
        made = {key: value for key, value in made.items() if value is not None and not key.startswith("x-m")}
        if isinstance(field, fields.Decimal) and field.as_string:
            made |= {"type": "string", "format": "decimal"}
        if isinstance(field, fields.Constant):
            made |= {"const": field.constant}
            made.pop("default", None)
        if made.get("format") == "url":
            made["format"] = "uri"
        if "pattern" in made:
            made["pattern"] = ecma(made["pattern"])
        if self.open and "enum" in made:
            made["x-extensible-enum"] = [word for word in made.pop("enum") if word is not None]
        return nullable(made) if field.allow_none else made


def nullable(made: Json) -> Json:
    """The same, or null. (apispec has done so already where it knew the type itself.)"""
    if "$ref" in made:
        return {"anyOf": [{"$ref": made.pop("$ref")}, {"type": "null"}], **made}
    if isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    if "enum" in made and None not in made["enum"]:
        made["enum"] = [*made["enum"], None]
    return made


def ecma(pattern: str) -> str:
    r"""A pattern that Python matches from the start, as JSON Schema has it: anchored, without ``\Z``."""
    if pattern.startswith("^"):
        return pattern
    return f"^(?:{pattern.removesuffix(chr(92) + 'Z')})$" if pattern.endswith(r"\Z") else f"^(?:{pattern})"


def schema_name(schema: Any) -> str:
    return type(resolve_schema_instance(schema)).__name__


class Marshmallow(MarshmallowPlugin):
    Converter = Converter


class OperationIds(BasePlugin):
    """The view function's name is the operationId."""

    def operation_helper(self, path: str | None = None, operations: Json | None = None, **kwargs: Any) -> None:
        for operation in (operations or {}).values():
            operation.setdefault("operationId", kwargs["rule"].endpoint.rpartition(".")[2])


REFERENCE_BODY: Json = {
    "description": "A reference to a record: its id, `scheme:identifier`, or an object with one of them as `id`"
    " (so what was read can be sent back).",
    "oneOf": [
        {"type": "string", "maxLength": 300, "minLength": 1},
        {
            "type": "object",
            "required": ["id"],
            "properties": {
                "id": text(300, minLength=1, description="Its id, or `scheme:identifier`."),
                "type": text(50, minLength=1, description="Its type, checked where given."),
            },
        },
    ],
    "examples": ["iso3166-1:UKR"],
}


# --- the document -----------------------------------------------------------------------------------------------------


class Api(flask_smorest.Api):  # type: ignore[misc]
    """flask-smorest, of which only the documentation is used: answers and errors are made in api/http.py."""

    DEFAULT_ERROR_RESPONSE_NAME = None  # each operation names the problems it can give

    def _init_spec(self, **options: Any) -> None:
        super()._init_spec(
            title=INFO["title"],
            version=INFO["version"],
            openapi_version="3.1.0",
            marshmallow_plugin=Marshmallow(schema_name),
            extra_plugins=[OperationIds()],
            **options,
        )
        self.spec.components.schema("Problem", schema=Problem)
        self.spec.components.schema("Event", schema=Event)
        self.untold: list[flask_smorest.Blueprint] = []
        self.telling = Lock()
        self.generated = self.spec.to_dict
        self.spec.to_dict = lambda: self.document  # whoever asks gets the whole

    def register_blueprint(self, blp: flask_smorest.Blueprint) -> None:
        """Serve what a resource answers; what the document says of it is made when somebody asks for the document."""
        self._app.register_blueprint(blp)
        self.untold.append(blp)

    def _register_responses(self) -> None:
        """finalise() adds them."""

    _register_etag_headers = _register_pagination_header = _register_error_handlers = _register_responses

    @cached_property
    def document(self) -> Json:
        with self.telling:  # two may ask at once, and each resource is told of once
            while self.untold:
                blp = self.untold.pop(0)
                blp.register_views_in_doc(self, self._app, self.spec, name=blp.name, parameters=None)
                self.spec.tag({"name": blp.name, "description": blp.description})
        # through JSON: status codes become strings, and no part is shared with the generator's own
        return finalise(json.loads(json.dumps(self.generated())))

    @cached_property
    def _json(self) -> str:
        return dumps(self.document)

    @cached_property
    def _yaml(self) -> str:
        return dict_to_yaml(self.document, {"allow_unicode": True, "sort_keys": False, "width": 120})

    def _register_doc_blueprint(self) -> None:
        blp = Blueprint("openapi", __name__, url_prefix=PREFIX)
        blp.add_url_rule("/openapi.json", "json", lambda: served(self._json, "application/json"))
        blp.add_url_rule("/openapi.yaml", "yaml", lambda: served(self._yaml, "application/yaml"))
        self._app.register_blueprint(blp)


def published(app: Flask) -> Json:
    """The document of an app."""
    document: Json = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].document
    return document


def served(content: str, mimetype: str) -> Response:
    """The document with its ETag, good for five minutes."""
    response = Response(content, mimetype=mimetype)
    response.cache_control.public = True
    response.cache_control.max_age = 300
    response.add_etag()
    response.make_conditional(request)
    return response


def dumps(document: Json) -> str:
    """The text that is committed and served."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def recorded() -> Json:
    """The recorded examples of all resources, by operationId."""
    found: Json = {}
    for file in sorted(EXAMPLES.glob("*.json")):
        examples = json.loads(file.read_text(encoding="utf-8"))
        answers = {name: example["response"] for name, example in examples.items()}
        for example in examples.values():
            example["request"] = resolved(example["request"], answers)
        found |= examples
    return found


def resolved(asked: Json, answers: Json) -> Json:
    """The request of an example, whose path may name what an earlier one answered: `/v1/batches/{create_batch[id]}`."""
    return asked | {"path": asked["path"].format_map({name: answer.get("body") for name, answer in answers.items()})}


def finalise(doc: Json) -> Json:
    """Everything the routes need not say, because it is true of all of them."""
    paths = {path.removeprefix(PREFIX): item for path, item in doc["paths"].items()}
    components = doc["components"]
    schemas = components["schemas"] | {"ReferenceBody": REFERENCE_BODY}
    examples = recorded()
    for path, item in paths.items():
        parameters = [{**RECORD_ID} if given["name"] == "id" else given for given in item.pop("parameters", [])]
        for method in METHODS:
            if operation := item.pop(method, None):
                complete(method, path, operation, schemas)
                if example := examples.get(operation["operationId"]):
                    illustrate(path, parameters, operation, example)
                item[method] = {key: operation[key] for key in ORDER if key in operation}
        item["parameters"] = parameters
    made: Json = {
        "openapi": doc["openapi"],
        "info": INFO,
        "servers": SERVERS,
        "tags": doc.get("tags", []),
        "paths": paths,
        "webhooks": WEBHOOKS,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "parameters": PARAMETERS,
            "responses": {name: problem(status) for status, (name, *_) in REFUSALS.items()},
            "headers": HEADERS,
            "securitySchemes": SECURITY_SCHEMES,
        },
    }
    made = json.loads(json.dumps(made))  # the constants above stay as they are
    bound(made)
    return without_unused(made)


def complete(method: str, path: str, operation: Json, schemas: Json) -> None:
    """Add to one operation its security, conditional headers, problems and response headers."""
    collection = path.split("/")[1]
    kept = collection in {body.collection for body in BODIES.values()}
    reads = method == "get" or operation["operationId"] in QUESTIONS
    acts = "get" if reads else method
    of_record, paged = kept and path.endswith("{id}"), is_page(operation, schemas)
    tagged = (paged or of_record) if reads else kept and method != "delete"
    operation.setdefault("security", [{}, {"bearer": []}] if reads else [{"bearer": []}])
    parameters = operation.setdefault("parameters", [])
    parameters += [{"$ref": f"#/components/parameters/{name}"} for name in conditional(acts, of_record, tagged)]
    # what flask-smorest put there by reference is its own idea of an error
    responses = {code: answer for code, answer in operation["responses"].items() if "$ref" not in answer}
    if reads and tagged:
        responses["304"] = {"description": "What you hold is still right."}
    if reads and of_record:
        responses["308"] = {"description": "It was merged into another record."}
    if method == "put" and of_record:
        responses["201"] = responses["200"] | {"description": "Created"}
    for code, answer in responses.items():
        for name in headers(acts, code, kept and not path.endswith("/merge"), paged, tagged):
            answer.setdefault("headers", {}).setdefault(name, {"$ref": f"#/components/headers/{name}"})
    for status in problems(method, path, operation):
        responses.setdefault(str(status), {"$ref": f"#/components/responses/{REFUSALS[status][0]}"})
    operation["responses"] = dict(sorted(responses.items()))


def is_page(operation: Json, schemas: Json) -> bool:
    """Whether the answer says where the next page is."""
    content = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    return "next" in schemas.get(name, {}).get("properties", {})


def conditional(method: str, of_record: bool, tagged: bool) -> tuple[str, ...]:
    """The header parameters of an operation."""
    if method == "get":
        return ("IfNoneMatch",) if tagged else ()
    if method == "post":
        return ("IdempotencyKey",)
    if not of_record:
        return ()
    return {"put": ("IfMatchUpsert", "CreateOnly"), "patch": ("IfMatch",), "delete": ("IfMatchErase",)}[method]


def problems(method: str, path: str, operation: Json) -> Iterator[int]:
    """The statuses with which an operation can refuse."""
    yield from (400, 401, 403, 429, 500, 503)
    if "{" in path:
        yield from (404, 410)
    if method == "get":
        yield 406
    else:
        yield from (409, 422)
    if "requestBody" in operation:
        yield from (413, 415)
    if method in ("put", "patch", "delete"):
        yield from (412, 428)


def headers(method: str, code: str, kept: bool, paged: bool, tagged: bool) -> Iterator[str]:
    """The headers of one good answer."""
    yield from ALWAYS
    if code in ("201", "308"):
        yield "Location"
    if tagged and code != "308":
        yield "ETag"
    if paged and code == "200":
        yield "Link"
    if kept and method != "get":
        yield "Parley-Result"
    if method == "post":
        yield "Idempotent-Replayed"


def problem(status: int) -> Json:
    """The response component of one status."""
    _, code, meaning, own = REFUSALS[status]
    codes = ", ".join(f"`{known}`" for known, page in PROBLEMS.items() if page["status"] == status)
    example = {
        "type": f"/problems/{code.replace('_', '-')}",
        "title": PROBLEMS[code]["title"],
        "status": status,
        "detail": meaning,
        "instance": "/v1/rounds",
        "code": code,
        "request_id": "0197f0d2c1",
        "errors": [],
    }
    return {
        "description": f"{meaning} Codes: {codes}.",
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in (*ALWAYS, *own)},
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}},
    }


def illustrate(path: str, parameters: list[Json], operation: Json, example: Json) -> None:
    """Show the recorded request and answer where the document can hold them."""
    asked, answered = example["request"], example["response"]
    url = urlsplit(asked["path"].removeprefix(PREFIX))
    values: Json = dict(parse_qsl(url.query)) | asked.get("headers", {})
    if match := re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path), url.path):
        values |= {name: unquote(value) for name, value in match.groupdict().items()}
    for given in (*operation["parameters"], *parameters):
        if given.get("name") in values:
            given.setdefault("example", typed(values[given["name"]], given["schema"]))
    for content in operation.get("requestBody", {}).get("content", {}).values():
        content.setdefault("example", asked["body"])
    if "body" in answered:
        contents = operation["responses"][str(answered["status"])].get("content", {})
        kind = answered.get("content_type", "application/json")
        if kind in contents:
            contents[kind]["example"] = answered["body"]


def typed(value: str, schema: Json) -> Any:
    """A query's text as the value it stands for."""
    return json.loads(value) if {"integer", "boolean", "number"} & types(schema) else value


def types(schema: Json) -> set[str]:
    found = schema.get("type")
    return {found} if isinstance(found, str) else set(found) if isinstance(found, list) else set()


LENGTHS = {"uuid": 36, "date": 10, "date-time": 40}
#: keys whose values are data, not schemas
DATA = frozenset({"example", "examples", "enum", "const", "default", "x-extensible-enum"})


def bound(node: Any) -> None:
    """Every string, list and number of every schema has an end, so that clients can reserve room and scanners rest."""
    if isinstance(node, list):
        for entry in node:
            bound(entry)
    if not isinstance(node, dict):
        return
    kinds = types(node)
    if "string" in kinds and not {"enum", "const"} & node.keys():
        node.setdefault("maxLength", LENGTHS.get(node.get("format", ""), 20_000))
        if not {"format", "pattern"} & node.keys():
            node["pattern"] = r"^[^\u0000]*$"
    if "integer" in kinds:
        node.setdefault("minimum", -(2**31))
        node.setdefault("maximum", 2**31 - 1)
        node.setdefault("format", "int32" if abs(node["maximum"]) < 2**31 else "int64")
    if "array" in kinds:
        node.setdefault("maxItems", 10_000)
    for key, inner in node.items():
        if key not in DATA:
            bound(inner)


def without_unused(doc: Json) -> Json:
    """Leave out components that nothing refers to."""
    components = doc["components"]
    while True:
        used = set(re.findall(r'"#/components/(\w+)/([\w.-]+)"', json.dumps(doc)))
        spare = [(kind, name) for kind in ("schemas", "parameters", "responses", "headers") for name in components[kind]
                 if (kind, name) not in used]  # fmt: skip
        if not spare:
            return doc
        for kind, name in spare:
            del components[kind][name]
