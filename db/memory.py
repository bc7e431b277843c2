"""What a process remembers of the database, bounded by bytes, under names by which none of it can become untrue."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Entry(Generic[T]):
    value: T
    size: int
    asked: bool = False  # since it came to its place


class Memory(Generic[T]):
    """Things by name; the oldest goes first, but what was asked for meanwhile gets a second chance.

    By that, a look costs less than where each thing asked for would be moved to the end at once.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit  # bytes
        self.size = 0
        self._kept: OrderedDict[Hashable, Entry[T]] = OrderedDict()
        self._lock = Lock()  # of those who put: each step of a look is one step for all threads

    def get(self, name: Hashable) -> T | None:
        return self.several([name])[0]

    def several(self, names: Iterable[Hashable]) -> list[T | None]:
        """What is known by each name, or None."""
        found = list(map(self._kept.get, names))
        for entry in found:
            if entry:
                entry.asked = True
        return [entry.value if entry else None for entry in found]

    def put(self, name: Hashable, value: T, size: int) -> None:
        """Remember something that takes ``size`` bytes."""
        with self._lock:
            before = self._kept.pop(name, None)
            self.size -= before.size if before else 0
            if size > self.limit:
                return
            self._kept[name] = Entry(value, size)
            self.size += size
            while self.size > self.limit:
                name, oldest = self._kept.popitem(last=False)
                if oldest.asked:
                    oldest.asked = False
                    self._kept[name] = oldest
                else:
                    self.size -= oldest.size
