"""What a process remembers of the database, bounded by bytes, under names by which none of it can become untrue."""

from collections.abc import Hashable

ENTRY = 200  # bytes that an entry takes beside its value


class Memory:
    """Bytes by name, in two generations: when the young one is full it becomes the old one, and the old one goes.

    What is asked for stays young. No lock: at worst, two threads read the same thing twice.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit // 2
        self.young: dict[Hashable, bytes] = {}
        self.old: dict[Hashable, bytes] = {}
        self.size = 0

    def get(self, name: Hashable) -> bytes | None:
        value = self.young.get(name)
        if value is None and (value := self.old.get(name)) is not None:
            self.put(name, value)
        return value

    def put(self, name: Hashable, value: bytes) -> None:
        self.size += len(value) + ENTRY
        if self.size > self.limit:
            self.old, self.young, self.size = self.young, {}, len(value) + ENTRY
        if self.size <= self.limit:  # else it alone is too large
            self.young[name] = value
