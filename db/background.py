"""What is done in the background lets readers go first, here and in PostgreSQL."""

import ctypes
import os
import platform
import socket
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

NICE = 10  # about a tenth of a processor that others want, all of one that they do not
SLICE = 100_000  # ns, the least there is: who is woken waits for no more than that, and not for some milliseconds
SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}  # the number of the system call, for which Python has no name


def step_back() -> None:
    """Let all other processes of this machine go first.

    Linux may share the processors out to sessions, and counts niceness only within each (sched(7), "autogroup"): so
    this process gets a session of its own, which is as nice.
    """
    _give_way(0)
    with suppress(OSError):  # no Linux, or sessions do not count
        if os.getsid(0) != os.getpid():
            os.setsid()
        Path("/proc/self/autogroup").write_text(str(NICE))


def hold_back(conn: psycopg.Connection[Any]) -> None:
    """Let PostgreSQL's other processes go before the one that works for this connection, if that is on this machine.

    Its parent must be who listens at the socket: the number that it gives itself could be another's in a container.
    """
    with suppress(OSError, AttributeError):  # no Linux, or it is another user's
        with socket.socket(fileno=os.dup(conn.fileno())) as way:
            if way.family != socket.AF_UNIX:
                return
            listening, _, _ = struct.unpack("3i", way.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        process = conn.info.backend_pid
        if int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1]) == listening:
            _give_way(process)


def _give_way(process: int) -> None:
    """Be nicer, and be interrupted sooner: sched_setattr(2), which takes a slice for any process since Linux 6.12."""
    nice = os.getpriority(os.PRIO_PROCESS, process) + NICE
    os.setpriority(os.PRIO_PROCESS, process, nice)
    if platform.system() == "Linux" and (call := SCHED_SETATTR.get(platform.machine())):
        with suppress(OSError):  # where a sandbox forbids it, it stays as it is
            policy, nice = os.sched_getscheduler(process), os.getpriority(os.PRIO_PROCESS, process)
            attributes = struct.pack("=IIQiIQQQ", 48, policy, 0, nice, 0, SLICE, 0, 0)
            ctypes.CDLL(None).syscall(call, process, attributes, 0)
