"""A `parley serve` with a PostgreSQL of its own, and hands that kill any part of it."""

from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import psycopg

from db import engine
from tests.cli.test_serve import free_port, kill_worker, serving, wait_until


class Installation:
    """What a `with` block over its stack leaves stopped. Its folder must be open to the account of PostgreSQL."""

    def __init__(self, folder: Path, stack: ExitStack, **environment: str) -> None:
        self.folder, self.stack, self.cluster = folder, stack, folder / "postgres"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        (folder / "tmp").mkdir()  # what a killed server cannot clear away goes with the folder
        own = {"PARLEY_DATA_DIR": str(folder), "PARLEY_DATABASE_URL": "", "TMPDIR": f"{folder}/tmp"}
        self.environment = own | environment
        self.serve()

    @property
    def key(self) -> str:
        return (self.folder / "key").read_text().strip()

    def serve(self) -> None:
        options = ("--no-sample", "--workers", "2", "--port", str(self.port))
        self.server, _ = self.stack.enter_context(serving(*options, **self.environment))

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(engine.address(self.cluster))

    def answers(self) -> bool:
        """Whether PostgreSQL is there, and has recovered from what happened to it."""
        try:
            self.connect().close()
        except (psycopg.OperationalError, IndexError, UnicodeError):  # it starts: where it listens is not yet said
            return False
        return True

    def kill_worker(self) -> None:
        kill_worker(self.server)

    def kill_postgres(self) -> None:
        killed = engine.process(self.cluster)
        killed.kill()
        wait_until(lambda: engine.process(self.cluster) not in (None, killed) and self.answers())

    def kill_all(self) -> None:
        """As when the power fails."""
        family = [*psutil.Process(self.server.pid).children(recursive=True), *engine.members(self.cluster)]
        for process in (self.server, *family):
            with suppress(psutil.NoSuchProcess):  # it went with its parent
                process.kill()
        psutil.wait_procs(family, timeout=10)
