"""Records that are created at the same time: written as one set, each answered by itself.

A set waits for the lock of the log and for the disk, and takes a dozen statements however large it is. So what a
process is asked to create while it waits for that goes together, in the next set.
"""

from dataclasses import dataclass, field
from threading import Lock

from flask import current_app
from psycopg.pq import TransactionStatus
from psycopg_pool import PoolTimeout

import db
from db import records
from db.records import By, Operation, Outcome


def shut() -> Lock:
    """A lock at which its owner waits until somebody opens it."""
    lock = Lock()
    lock.acquire()
    return lock


@dataclass(eq=False)
class Waiting:
    """What is to be created, and what became of it."""

    operation: Operation
    by: By
    called: Lock = field(default_factory=shut)  # opened when it is its turn, or it is settled
    turn: bool = False
    outcome: Outcome | None = None
    error: Exception | None = None


@dataclass
class Queue:
    """Those of one process. Whose turn it is writes for all who wait, calls each of them, and then the next in turn.

    With one lock for all, who was settled long ago would wait behind the next set: the lock goes to whoever runs.
    """

    waiting: list[Waiting] = field(default_factory=list)  # the first may be the one whose turn it is
    lock: Lock = field(default_factory=Lock)  # of this list

    def enter(self, one: Waiting) -> None:
        with self.lock:
            self.waiting.append(one)
            self._call()

    def withdraw(self, one: Waiting) -> bool:
        """Whether it still waited; whoever asks first is told so."""
        with self.lock:
            if one.turn or one not in self.waiting:
                return False
            self.waiting.remove(one)
            return True

    def leave(self, one: Waiting) -> None:
        """Its turn is over."""
        with self.lock:
            self.waiting.remove(one)
            self._call()

    def _call(self) -> None:
        if self.waiting and not self.waiting[0].turn:
            self.waiting[0].turn = True
            self.waiting[0].called.release()


def create(operation: Operation, by: By) -> Outcome:
    """Create one record, with others that arrive while this one waits.

    What cannot stand beside the others is tried by itself: its fault may be theirs.
    """
    records.load(operation)
    if operation.problem is None:
        queue: Queue = current_app.extensions.setdefault("together", Queue())
        mine = Waiting(operation, by)
        queue.enter(mine)
        await_turn(queue, mine)
        if mine.turn:
            settle(queue, mine)
        if mine.error:
            raise mine.error
        if mine.outcome:
            return mine.outcome
    [outcome] = records.write([operation], by, show=True)
    return outcome


def await_turn(queue: Queue, mine: Waiting) -> None:
    """For no longer than for a connection, unless it is being written already."""
    if not mine.called.acquire(timeout=current_app.extensions["db"]["write"].timeout):
        if queue.withdraw(mine):
            raise PoolTimeout("others are being written for so long")
        mine.called.acquire()


def settle(queue: Queue, mine: Waiting) -> None:
    """Write one, and with it whatever waits when the log can be written to.

    Where the database was lost nobody knows if they were kept, so none of them is tried again; nor are they when they
    were, and something failed behind that.
    """
    together, kept = [mine], False
    try:
        with db.transaction(*records.beginning(records.FEW)) as conn:
            alike = [other for other in list(queue.waiting) if other.by == mine.by and other is not mine]
            others = [other for other in alike[: records.FEW - 1] if queue.withdraw(other)]
            together += others
            rows = [one.operation for one in together]
            try:
                outcomes = records.write(rows, mine.by, atomic=False, show=True, conn=conn, begun=True)
            finally:
                kept = conn.info.transaction_status == TransactionStatus.IDLE
        for one, outcome in zip(together, outcomes, strict=True):
            one.outcome = None if outcome.problem and others else outcome
    except Exception as error:
        for one in together:
            one.error = error if kept or len(together) == 1 or isinstance(error, db.AWAY) else None
    finally:
        for one in together[1:]:
            one.called.release()
        queue.leave(mine)
