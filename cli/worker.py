"""`parley worker`: works off the batches that were sent with `Prefer: respond-async`, tells webhooks of changes, and
sorts new words into the indexes."""

import logging
import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from uuid import UUID

import click
import psycopg
from flask import Flask

import db
import settings
from cli.installation import database
from db.background import step_back

PAUSE = 1.0  # seconds between two looks at an empty queue, or at a database that is away
COURIERS = 16  # webhooks that are told of changes at a time: a slow one keeps no other waiting
log = logging.getLogger("parley.worker")
sql, webhooks, records = db.load("batches"), db.load("webhooks"), db.load("records")


@click.command()
@click.option("--parent", type=int, hidden=True, help="The process to end with.")
def worker(parent: int | None) -> None:
    """Work off batches that need not be answered at once, and tell webhooks of changes.

    `parley serve` starts one; run more on any machine.
    """
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(0)
    )  # what it had begun is rolled back, and begun anew by the next
    if parent:  # a server beside it, whose readers go first
        follow(parent)
        step_back()
    chosen = settings.load()
    with database(chosen) as url:
        app = Flask(__name__)
        # one connection for the batch, one for its progress, one to sort words in, and one for each webhook and to look
        # for them
        app.config.update(DATABASE_URL=url, THREADS=4 + COURIERS, BACKGROUND=parent is not None)
        app.config.update(WEBHOOK_ALLOW=chosen.webhook_allow)
        db.init_app(app)
        threading.Thread(target=send, args=[app, chosen.log_level], daemon=True).start()
        threading.Thread(target=sort_in, args=[app], daemon=True).start()
        with app.app_context():
            while True:
                if not look(chosen.log_level):
                    time.sleep(PAUSE)


def follow(parent: int) -> None:
    """End this process when the one that started it is gone, however that ended."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def look(log_level: str) -> bool:
    """Work off one batch; says whether one had its turn."""
    try:
        if not db.rows(sql.waiting):
            return False
        from api import resources  # here, so that a worker without work stays small
        from api.operations import configure_logs

        resources()
        from api.batches import take_turn

        configure_logs(log_level)
        return take_turn()
    except psycopg.OperationalError as error:
        log.warning("database unavailable: %s", type(error).__name__)
        return False


def sort_in(app: Flask) -> None:
    """Put what was written into the indexes of words, where it waits in a list: before that list is full, when whoever
    fills it has to do so, and all who write wait for him; and before a search has to read all of it."""
    found = False
    while True:
        time.sleep(PAUSE / 2 if found else PAUSE)
        try:
            with app.app_context():
                [(pages,)] = db.ask(records.sort_in, {}, "write")
                found = pages not in (None, b"0")
        except psycopg.Error as error:  # nothing is lost by that: whoever fills the list does it
            log.debug("cannot sort words in: %s", type(error).__name__)


def send(app: Flask, log_level: str) -> None:
    """Give each webhook that something waits for a turn, in a thread of its own; few of them at a time."""
    free, busy = threading.BoundedSemaphore(COURIERS), set[UUID]()

    def turn(id: UUID) -> None:
        from api import deliveries  # here, so that a worker without webhooks stays small
        from api.operations import configure_logs

        configure_logs(log_level)
        try:
            with app.app_context():
                deliveries.take_turn(id)
        except psycopg.OperationalError as error:
            log.warning("database unavailable: %s", type(error).__name__)
        except Exception:
            log.exception("webhook %s", id)
        finally:
            busy.discard(id)
            free.release()

    while True:
        for id in due(app):
            if id not in busy:
                free.acquire()
                busy.add(id)
                threading.Thread(target=turn, args=[id], daemon=True).start()
        time.sleep(PAUSE)


def due(app: Flask) -> list[UUID]:
    """The webhooks that something waits for."""
    try:
        with app.app_context():
            return [row["id"] for row in db.rows(webhooks.due, {"now": datetime.now(UTC)})]
    except (psycopg.OperationalError, psycopg.errors.UndefinedTable) as error:  # `look` tells of a database without any
        log.debug("cannot look for webhooks: %s", type(error).__name__)
        return []
