"""Documents as their canonical bytes: a set holds fifty thousand of them, several times over."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import orjson

from schemas import base
from schemas.problems import Json

#: where documents are put aside, if they are
shelf: ContextVar["Shelf | None"] = ContextVar("shelf", default=None)


class Shelf:
    """A file without a name, which is gone with whoever opened it."""

    def __init__(self, number: int) -> None:
        self.number, self.end = number, 0

    def put(self, content: bytes) -> "Aside":
        aside = Aside(self.number, self.end, len(content))
        self.end += os.pwrite(self.number, content, self.end)
        if self.end < aside.start + aside.size:
            raise OSError("no space is left to put documents aside")
        return aside


class Aside:
    """Bytes that were put aside. ``bytes`` gives them, as it does those that were not."""

    __slots__ = ("number", "size", "start")

    def __init__(self, number: int, start: int, size: int) -> None:
        self.number, self.start, self.size = number, start, size

    def __bytes__(self) -> bytes:
        return os.pread(self.number, self.size, self.start)


@contextmanager
def put_aside() -> Iterator[None]:
    """Pack into a file meanwhile. What was packed can be read no longer than that."""
    with tempfile.TemporaryFile(buffering=0) as file:
        token = shelf.set(Shelf(file.fileno()))
        try:
            yield
        finally:
            shelf.reset(token)


def pack(value: Any) -> bytes | Aside:
    """Anything that is JSON."""
    content, aside = base.canonical(value), shelf.get()
    return aside.put(content) if aside else content


def unpack(packed: bytes | Aside) -> Any:
    return orjson.loads(bytes(packed))


class Packed:
    """A document that is kept packed (and its identifiers beside it). What is read is a copy: set it to change it."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.bytes, self.names = f"{name}_bytes", f"{name}_names"

    def __get__(self, instance: Any, owner: type) -> Json | None:
        packed = getattr(instance, self.bytes)
        return None if packed is None else unpack(packed)

    def __set__(self, instance: Any, value: Json | None) -> None:
        names = value.get("identifiers", ()) if value else ()
        setattr(instance, self.bytes, None if value is None else pack(value))
        setattr(instance, self.names, tuple((name["scheme"], name["identifier"]) for name in names))
