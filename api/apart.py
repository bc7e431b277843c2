"""Long work in a process of its own: in this one, readers would wait for Python's lock while it lasts.

Each server process has at most one such helper, started when there is work for it and ended when there has been none
for a while. It answers the same request by the same function; what it raises is raised here.
"""

import ctypes
import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.util import Finalize
from typing import Any, NamedTuple

from flask import Flask, Response, current_app, g, request

import db
from api import resources
from api.http import refuse
from api.operations import configure_logs
from db.background import step_back
from db.packed import put_aside
from schemas.problems import Refused

IDLE = 300.0  # seconds without work after which a helper ends: it takes 60 MB, and two seconds to start
#: what of the application's settings the work depends on
SETTINGS = ("DATABASE_URL", "READ_DATABASE_URL", "DB_TIMEOUT", "LOG_LEVEL")
AWAY = "The process that worked on it has ended, and whether it was kept is unknown. Send it again."
BUSY = "Many large requests are being worked on just now. Try again."


class Asked(NamedTuple):
    """What of a request the work needs to know."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    key: Any
    id: str


class Said(NamedTuple):
    """An answer, as it comes back."""

    body: bytes
    status: int
    headers: list[tuple[str, str]]


class Helper:
    """The process, and how many wait for it."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.settings = {name: config[name] for name in SETTINGS if name in config}
        self.places = config.get("THREADS", 4)  # each who waits holds a thread of the server
        self.lock = threading.Lock()
        self.pool: ProcessPoolExecutor | None = None
        self.at_exit: Finalize | None = None
        self.waiting = 0
        self.resting: threading.Timer | None = None

    def work(self, *work: Any) -> Said:
        with self.lock:
            if self.waiting >= self.places:
                raise Refused(503, "unavailable", BUSY)
            if self.resting:
                self.resting.cancel()
            future = self._submit(work)
            self.waiting += 1
        try:
            return future.result()
        except BrokenProcessPool:
            raise Refused(503, "unavailable", AWAY) from None
        finally:
            with self.lock:
                self.waiting -= 1
                if not self.waiting:
                    self.resting = threading.Timer(IDLE, self.rest)
                    self.resting.daemon = True
                    self.resting.start()

    def _submit(self, work: tuple[Any, ...]) -> Future[Said]:
        if self.pool:
            try:
                return self.pool.submit(answer, *work)
            except BrokenProcessPool:  # it was killed
                self._end()
        # spawned, for a copy of a process with threads may hold locks that nobody in it will let go of
        spawned = multiprocessing.get_context("spawn")
        self.pool = ProcessPoolExecutor(1, spawned, initializer=begin, initargs=(self.settings,))
        # a process that multiprocessing has begun, as Granian's are, waits for its children before it tells them to end
        self.at_exit = Finalize(None, self.pool.shutdown, exitpriority=100)  # before their queues are closed (10)
        return self.pool.submit(answer, *work)

    def rest(self) -> None:
        """End the process, unless somebody waits for it."""
        with self.lock:
            if not self.waiting:
                self._end()

    def _end(self) -> None:
        if self.pool and self.at_exit:
            self.at_exit.cancel()
            self.pool.shutdown()
            self.pool = None


def do(function: Callable[..., Response], *args: Any) -> Response:
    """What ``function`` answers to this request, found out in another process."""
    helper: Helper = current_app.extensions.setdefault("apart", Helper(current_app.config))
    asked = Asked(request.method, request.full_path, list(request.headers), g.key, g.request_id)
    said = helper.work(function, asked, args)
    return Response(said.body, said.status, said.headers)


# --- in the helper -------------------------------------------------------------------------------------------------

here = Flask(__name__)


def begin(settings: dict[str, Any]) -> None:
    """Become a helper."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server
    step_back()
    gc.set_threshold(20_000, 10, 10)  # a batch makes many objects and few cycles, and each look for these takes longer
    threading.Thread(target=end_with_parent, daemon=True).start()
    configure_logs(settings.get("LOG_LEVEL", "info"))
    resources()  # they know all types of records
    here.config.update(settings, THREADS=2, BACKGROUND=True)
    db.init_app(here)


def end_with_parent() -> None:
    """However that ends: what had begun is rolled back."""
    parent = multiprocessing.parent_process()
    assert parent
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def answer(function: Callable[..., Response], asked: Asked, args: tuple[Any, ...]) -> Said:
    """One request's answer."""
    with here.test_request_context(asked.path, method=asked.method, headers=asked.headers), put_aside():
        g.key, g.request_id = asked.key, asked.id
        try:
            response = function(*args)
        except Refused as error:
            response = refuse(error)
        said = Said(response.get_data(), response.status_code, list(response.headers))
    give_back()
    return said


def give_back() -> None:
    """Let the system have what a large batch took: glibc would keep it for the next one, some 40 MB for 10,000 rows."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
