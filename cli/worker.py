"""`parley worker`: works off the batches that were sent with `Prefer: respond-async`."""

import logging
import os
import signal
import sys
import threading
import time
from importlib import import_module

import click
import psycopg
from flask import Flask

import db
import settings
from cli.installation import database

PAUSE = 1.0  # seconds between two looks at an empty queue, or at a database that is away
log = logging.getLogger("parley.worker")
sql = db.load("batches")


@click.command()
@click.option("--parent", type=int, hidden=True, help="The process to end with.")
def worker(parent: int | None) -> None:
    """Work off batches that need not be answered at once. `parley serve` starts one; run more on any machine."""
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(0)
    )  # what it had begun is rolled back, and begun anew by the next
    if parent:
        follow(parent)
    chosen = settings.load()
    with database(chosen) as url:
        app = Flask(__name__)
        app.config.update(DATABASE_URL=url, THREADS=2)  # one connection for the batch, one for its progress
        db.init_app(app)
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
    """Work off one batch; says whether there was one."""
    try:
        if not db.rows(sql.waiting):
            return False
        from api import RESOURCES  # here, so that a worker without work stays small
        from api.operations import configure_logs

        for name in RESOURCES:
            import_module(f"api.{name}")  # they know all types of records
        from api.batches import work_off

        configure_logs(log_level)
        return work_off()
    except psycopg.OperationalError as error:
        log.warning("database unavailable: %s", type(error).__name__)
        return False
