"""What a process remembers of the database, bounded by bytes, under names by which none of it can become untrue."""

from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Memory(Generic[T]):
    """Things by name, in two generations: when the young one is full it becomes the old one, and the old one goes.

    What is asked for stays young. No lock: at worst, two threads read the same thing twice.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit // 2  # bytes of one generation
        self.young: dict[Hashable, tuple[T, int]] = {}
        self.old: dict[Hashable, tuple[T, int]] = {}
        self.size = 0

    def get(self, name: Hashable) -> T | None:
        if found := self.young.get(name):
            return found[0]
        if found := self.old.get(name):
            self.put(name, *found)
            return found[0]
        return None

    def put(self, name: Hashable, value: T, size: int) -> None:
        """Remember something that takes ``size`` bytes."""
        if self.size + size > self.limit:
            self.old, self.young, self.size = self.young, {}, 0
        if size <= self.limit:
            self.young[name] = (value, size)
            self.size += size
