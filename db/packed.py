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

PAGE = 256 * 1024  # bytes
PAGES = 8  # that are kept in memory

#: where documents are put aside, if they are
shelf: ContextVar["Shelf | None"] = ContextVar("shelf", default=None)


class Shelf:
    """A file without a name, gone with whoever opened it. What is read in turn is mostly what was written in turn, so
    that it goes and comes by the page: by the document, most of the time would go into asking the system for it."""

    def __init__(self, file: int) -> None:
        self.file, self.end = file, 0
        self.places: list[tuple[int, int]] = []  # where a page begins in the file, and its size
        self.read: dict[int, bytes] = {}  # some that were read of late
        self.page = bytearray()  # the one that is being written

    def put(self, content: bytes) -> "Aside":
        if len(self.page) > PAGE:
            self._turn()
        aside = Aside(self, len(self.places), len(self.page), len(content))
        self.page += content
        return aside

    def _turn(self) -> None:
        size = len(self.page)
        if os.pwrite(self.file, self.page, self.end) < size:
            raise OSError("no space is left to put documents aside")
        self.places.append((self.end, size))
        self.end += size
        self.page = bytearray()

    def get(self, number: int) -> bytes | bytearray:
        if number == len(self.places):
            return self.page
        if number not in self.read:
            if len(self.read) >= PAGES:
                del self.read[next(iter(self.read))]
            start, size = self.places[number]
            self.read[number] = os.pread(self.file, size, start)
        return self.read[number]


class Aside:
    """Bytes that were put aside. ``bytes`` gives them, as it does those that were not."""

    __slots__ = ("page", "shelf", "size", "start")

    def __init__(self, shelf: Shelf, page: int, start: int, size: int) -> None:
        self.shelf, self.page, self.start, self.size = shelf, page, start, size

    def __bytes__(self) -> bytes:
        return bytes(self.shelf.get(self.page)[self.start : self.start + self.size])


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
