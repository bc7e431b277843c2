"""What is done later: the queue of procrastinate, whose tables are in a schema of their own.

A job only says whose turn it is, and is taken up again when its worker falls silent. What is to be done, and whether it
still is, stands in our own tables; so it harms nobody when a job is begun twice, or once too often.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from typing import TypeVar

import psycopg
from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy, SyncPsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.middleware import AsyncCallNext
from procrastinate.worker import Worker

import db
from db.migrate import AMONG_THEIRS

SILENCE = 6.0  # seconds after which a worker that says nothing is taken for dead
BEAT = 2.0  # seconds between two words of a worker
OPTIONS = "-c search_path=procrastinate -c synchronous_commit=off"  # a job that comes back finds nothing to do

T = TypeVar("T")
log = logging.getLogger(__name__)
logging.getLogger("procrastinate").setLevel(logging.CRITICAL)  # it tells each step; what goes wrong is told here
queue = App(connector=SyncPsycopgConnector())  # never opened: a job is put in by the transaction that it belongs to


def put(conn: db.Connection, task: str, lock: str, **args: str) -> None:
    """Put a job in. Those with the same lock are done one after the other, in this order."""
    conn.execute(AMONG_THEIRS)
    try:
        queue.configure_task(task, lock=lock, connection=conn).defer(**args)
    except ConnectorException as error:
        raise error.__cause__ or error from None


def take(url: str, task: str, work: Callable[[str], None]) -> bool:
    """Do the job whose turn it is; says whether there was one. One that fails comes back in a second."""
    return beside(lambda: asyncio.run(_take(url, task, work))).result()


async def _take(url: str, task: str, work: Callable[[str], None]) -> bool:
    taken = False

    async def do(id: str) -> None:
        await asyncio.wrap_future(beside(lambda: work(id)))

    async def only_one(go_on: AsyncCallNext, _context: JobContext, worker: Worker) -> None:
        """A run has one job: when its end cannot be told, the end of the run gives it to others."""
        nonlocal taken
        taken = True
        try:
            await go_on()
        except psycopg.errors.LockNotAvailable:
            raise  # another worker still has it
        except Exception as error:
            log.warning("%s put back: %s", task, type(error).__name__, exc_info=not isinstance(error, psycopg.Error))
            raise
        finally:
            worker.stop()  # type: ignore[no-untyped-call]  # procrastinate gives it no types

    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: log.debug("%s", context))
    connector = PsycopgConnector(conninfo=url, min_size=0, max_size=2, timeout=5, kwargs={"options": OPTIONS})
    app = App(connector=connector)
    app.task(name=task, retry=RetryStrategy(wait=1))(do)
    try:
        async with app.open_async():
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=SILENCE):
                with suppress(ConnectorException):  # another worker was quicker
                    await app.job_manager.retry_job(job)
            await app.run_worker_async(
                wait=False,
                listen_notify=False,
                install_signal_handlers=False,
                delete_jobs="always",
                update_heartbeat_interval=BEAT,
                stalled_worker_timeout=SILENCE,
                worker_middleware=[only_one],
            )
    except ConnectorException as error:
        log.warning("database unavailable: %s", type(error.__cause__ or error).__name__)
        return False
    return taken


def beside(call: Callable[[], T]) -> Future[T]:
    """Call it in a thread that keeps no process from ending."""
    future = Future[T]()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=copy_context().run, args=[run], daemon=True).start()
    return future
