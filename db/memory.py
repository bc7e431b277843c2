"""What a process remembers of the database, bounded by bytes, under names by which none of it can become untrue."""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from itertools import compress
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Memory(Generic[T]):
    """Things by name; the oldest goes first, but what was asked for meanwhile gets a second chance.

    By that, a look costs less than where each thing asked for would be moved to the end at once. There may be ten
    thousand, so each is a tuple, which Python does not look through for cycles, and no object of its own.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit  # bytes
        self.size = 0
        self._kept: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._asked: set[Hashable] = set()  # of what is kept
        self._lock = Lock()  # of those who put: each step of a look is one step for all threads

    def get(self, name: Hashable) -> T | None:
        return self.several([name])[0]

    def several(self, names: Sequence[Hashable]) -> list[T | None]:
        """What is known by each name, or None."""
        found = list(map(self._kept.get, names))
        self._asked.update(names if None not in found else compress(names, found))
        return [entry[0] if entry else None for entry in found]

    def put(self, name: Hashable, value: T, size: int) -> None:
        """Remember something that takes ``size`` bytes."""
        with self._lock:
            self._drop(name)
            if size > self.limit:
                return
            while self.size + size > self.limit:
                oldest = next(iter(self._kept))
                if oldest in self._asked:
                    self._asked.discard(oldest)
                    self._kept.move_to_end(oldest)
                else:
                    self._drop(oldest)
            self._kept[name] = value, size
            self.size += size
            if len(self._asked) > len(self._kept):  # some went while others asked for them
                self._asked.intersection_update(self._kept)

    def _drop(self, name: Hashable) -> None:
        _, size = self._kept.pop(name, (None, 0))
        self.size -= size
        self._asked.discard(name)
