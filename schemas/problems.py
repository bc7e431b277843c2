"""What is wrong with a request, told all at once."""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

MAX_FAULTS = 1000  # of one request: a body of 1 MB can hold 100,000


class Refused(Exception):
    """What was asked cannot be done: becomes one RFC 9457 problem, with all faults in ``errors``."""

    def __init__(self, status: int, code: str, detail: str, errors: list[Json] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.more = status, code, detail, more
        self.errors = (errors or [])[:MAX_FAULTS]


def fault(pointer: str, code: str, detail: str, location: str = "body") -> Json:
    """One entry of a problem's ``errors``; ``pointer`` is a JSON Pointer (RFC 6901) or a parameter's name."""
    return {"location": location, "pointer": pointer, "code": code, "detail": detail}


def pointer(*steps: str | int) -> str:
    """A JSON Pointer (RFC 6901) from its steps."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def faults(messages: Any, location: str = "body", at: str = "") -> Iterator[Json]:
    """Flatten marshmallow's nested messages into a problem's ``errors``."""
    if isinstance(messages, dict):
        for key, inner in messages.items():
            own = key == "_schema" and inner != ["Unknown field."]  # of the object itself, not of a property named so
            yield from faults(inner, location, at if own else at + pointer(key))
        return
    for message in messages if isinstance(messages, list) else [messages]:
        code = {"Missing data for required field.": "required", "Unknown field.": "unknown_property"}.get(message)
        yield fault(at, code or "invalid", str(message), location)
