"""What a process remembers of the database, bounded by bytes, under names by which none of it can become untrue."""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Memory(Generic[T]):
    """Things by name; what was not asked for the longest time goes first."""

    def __init__(self, limit: int) -> None:
        self.limit = limit  # bytes
        self.size = 0
        self._kept: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._lock = Lock()  # of those who put: each step of a look is one step for all threads

    def get(self, name: Hashable) -> T | None:
        found = self._kept.get(name)
        if found is None:
            return None
        try:  # noqa: SIM105 `suppress` takes longer than all the rest
            self._kept.move_to_end(name)
        except KeyError:  # it has just gone
            pass
        return found[0]

    def put(self, name: Hashable, value: T, size: int) -> None:
        """Remember something that takes ``size`` bytes."""
        with self._lock:
            _, before = self._kept.pop(name, (None, 0))
            self.size -= before
            if size > self.limit:
                return
            self._kept[name] = (value, size)
            self.size += size
            while self.size > self.limit:
                _, (_, gone) = self._kept.popitem(last=False)
                self.size -= gone
