"""Every example is what the server answers. `UPDATE_EXAMPLES=1 pytest tests/openapi/test_examples.py` records anew.

The examples of one file are replayed in their order on a database of their own that holds the sample data, so that a
file can tell a story: create, change, delete.
"""

import json
import os
import re
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import pytest

from api.spec import EXAMPLES, resolved

FILES = sorted(EXAMPLES.glob("*.json"))
UPDATE = os.environ.get("UPDATE_EXAMPLES")

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOMENT = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z|\d{8}T\d{6}Z"  # of JSON, of a calendar, of BibTeX
    r"|year = {\d+},\s+month = {\d+},\s+day = {\d+}|urldate = {[\d-]+}"
)
#: properties whose text is another on every run, and opaque to readers
OPAQUE = {"next", "next_cursor", "cursor", "request_id", "batch", "key", "checksum", "secret"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_examples_are_what_the_server_answers(sample_client, file):
    examples = json.loads(file.read_text(encoding="utf-8"))
    answered: dict[str, Any] = {}
    for name, example in examples.items():
        answered[name] = answer(sample_client, resolved(example["request"], answered))
        if stable(answered[name]) == stable(example["response"]):
            continue
        assert UPDATE, f"{name}: {json.dumps(answered[name], indent=2, ensure_ascii=False)}"
        example["response"] = answered[name]
    if UPDATE:
        file.write_text(json.dumps(examples, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def answer(client, request: dict[str, Any]) -> dict[str, Any]:
    body = request.get("body")
    headers = dict(request.get("headers", {}))
    kind = headers.pop("Content-Type", "application/json") if body is not None else None
    data = json.dumps(body) if body is not None else None
    response = client.open(request["path"], method=request["method"], headers=headers, data=data, content_type=kind)
    made: dict[str, Any] = {"status": response.status_code}
    if response.data and response.mimetype not in ("application/json", "application/problem+json"):
        made["content_type"] = response.mimetype
    return made | ({"body": response.json if response.is_json else response.text} if response.data else {})


def stable(value: Any) -> Any:
    """The one place that says what may differ between two runs: ids (numbered as they appear), moments and cursors."""
    numbers: dict[str, str] = {}
    counter = count(1)

    def same(value: Any, key: str = "") -> Any:
        if key == "date-parts":
            return "today"
        if isinstance(value, dict):
            return {key: same(entry, key) for key, entry in value.items()}
        if isinstance(value, list):
            return [same(entry, key) for entry in value]
        if not isinstance(value, str):
            return value
        if key in OPAQUE:
            return urlsplit(value).path if value.startswith("/") else "…"
        value = UUID.sub(lambda found: numbers.setdefault(found[0], f"id {next(counter)}"), value)
        return MOMENT.sub("…", value)

    return same(value)
