"""/v1/changes"""

import re
from threading import Condition, Thread
from time import monotonic

import orjson
from flask import Flask, Response, current_app
from psycopg_pool import PoolClosed

import db
from api.http import Blueprint, answer
from schemas.changes import ChangeArgs, ChangePage
from schemas.problems import Json, Refused, fault
from settings import WAITERS

blp = Blueprint("changes", __name__, url_prefix="/v1/changes", description="What changed, in one order over all types.")
sql = db.load("changes")
EVERY = 0.2  # seconds between two looks at the log while somebody waits


@blp.route("")
@blp.arguments(ChangeArgs(), location="query")
@blp.response(200, ChangePage)
def list_changes(args: Json) -> Response:
    """Follow the changes

    One total order over all types, without gaps. Without `cursor` from the beginning: who applies all changes holds
    exactly the present state. With `wait` it answers as soon as there is a change, or after so many seconds (at once
    where too many wait already).
    """
    after = position(args["cursor"])
    until = monotonic() + args["wait"]
    while True:
        row = db.row(sql.page, args | {"after": after, "record": args["include"] == "record"})
        assert row is not None
        if row["items"] or monotonic() >= until or not bell().wait(row["head"], until):
            break
    # what other types did may be passed over, too
    end = row["last"] if row["more"] else max(row["head"], after)
    rest = orjson.dumps({"next_cursor": f"{end:x}", "caught_up": not row["more"]})[1:]
    return answer(b'{"items":[%b],%b' % ((row["items"] or "").encode(), rest))


def position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not re.fullmatch("[0-9a-f]{1,15}", cursor):
        text = "The cursor is mangled. Start anew without it."
        raise Refused(400, "invalid_cursor", text, [fault("cursor", "invalid_cursor", text, "query")])
    return int(cursor, 16)


class Bell:
    """Wakes those who wait for the log to grow: one thread looks for all of them, and only while somebody waits."""

    def __init__(self, app: Flask) -> None:
        self.app, self.rung, self.waiting, self.head = app, Condition(), 0, 0

    def wait(self, head: int, until: float) -> bool:
        """Wait until the log is longer than ``head``; False if that did not happen, or too many wait already."""
        with self.rung:
            if self.waiting >= WAITERS:
                return False
            self.waiting += 1
            if self.waiting == 1:
                self.head = head
                Thread(target=self.watch, daemon=True).start()
            try:
                return self.rung.wait_for(lambda: self.head > head, until - monotonic())
            finally:
                self.waiting -= 1

    def watch(self) -> None:
        with self.app.app_context():
            while True:
                with self.rung:
                    self.rung.wait_for(lambda: not self.waiting, EVERY)
                    if not self.waiting:
                        return
                try:
                    row = db.row(sql.head)
                except PoolClosed:
                    return  # the application has ended
                except Exception:
                    self.app.logger.warning("cannot look at the log", exc_info=True)
                    continue
                with self.rung:
                    if row is not None and row["position"] > self.head:
                        self.head = row["position"]
                        self.rung.notify_all()


def bell() -> Bell:
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    found: Bell = app.extensions.setdefault("bell", Bell(app))
    return found
