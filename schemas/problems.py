"""What is wrong with a request, told all at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

MAX_FAULTS = 1000  # of one request: a body of 1 MB can hold 100,000


class Refused(Exception):
    """What was asked cannot be done: becomes one RFC 9457 problem, with all faults in ``errors``."""

    def __init__(self, status: int, code: str, detail: str, errors: list[Json] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.more = status, code, detail, more
        self.errors = (errors or [])[:MAX_FAULTS]


@dataclass
class Telling:
    """How much is told of what is wrong with the rows of a set: all, unless that were to fill the memory."""

    left: int = 100_000

    def keep(self, problem: Refused) -> Refused:
        """A problem to be told when its row's turn comes: without its traceback, which holds all that was at hand."""
        problem.__traceback__ = problem.__context__ = None
        self.left -= len(problem.errors)
        if self.left < 0 and len(problem.errors) > 1:
            del problem.errors[1:]
            problem.detail += " Only the first is told: the rows of this batch have too many faults."
        return problem


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
