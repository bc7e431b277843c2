"""How many requests a key or an address may make, counted across all worker processes.

Built on `limits`, the library beneath flask-limiter: the extension itself costs 100 µs a request (measured on a bare
route), as much as the rest of a cheap read; asking the library directly costs a tenth of that.
"""

import fcntl
import math
import os
import tempfile
from _thread import allocate_lock
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address, ip_network
from mmap import mmap
from pathlib import Path
from struct import Struct
from time import time
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, current_app, g, request
from limits.errors import StorageError
from limits.limits import RateLimitItem
from limits.storage import Storage, storage_from_string
from limits.util import parse
from werkzeug.exceptions import TooManyRequests
from werkzeug.middleware.proxy_fix import ProxyFix

FREE = {"/livez", "/readyz", "/metrics", "/v1/me"}
REDIS = {"wrap_exceptions": True, "socket_connect_timeout": 0.2, "socket_timeout": 0.2}
REDIS_REST = 5.0  # seconds without asking a Redis that did not answer

WAYS, SETS = 8, 8192  # 65,536 callers in 1.3 MB a worker, however many come
SLOT = Struct("<QdI")  # whose (a hash), when the window ends, how many requests
SET = Struct("<" + "QdI" * WAYS)
PART = SETS * SET.size
PARTS = 64  # as many workers may count at a time
HEAD = Struct("<Q")  # how many workers there have been


class SharedCounters(Storage):
    """Fixed windows in a file that all workers map into memory: `shared:/path`, or `shared:` for a file of one's own.

    Each worker writes a part of its own and adds up what all hold, so none waits for another, and one that dies leaves
    no lock. A caller's hash names a set of eight slots in each part; a newcomer takes the slot that is over or, where
    none is, the quietest, so that a flood of addresses never frees a busy one.
    """

    STORAGE_SCHEME = ["shared"]  # noqa: RUF012  (the library's own way to register a storage)
    base_exceptions = OSError

    def __init__(self, uri: str, wrap_exceptions: bool = False) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        path = urlsplit(uri).path
        if path:
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        else:
            file, path = tempfile.mkstemp()
            Path(path).unlink()
        os.ftruncate(file, HEAD.size + PARTS * PART)  # on the disk it takes what is written of it
        self._memory = mmap(file, HEAD.size + PARTS * PART)
        self._thread = allocate_lock()
        fcntl.lockf(file, fcntl.LOCK_EX)
        (number,) = HEAD.unpack_from(self._memory)
        HEAD.pack_into(self._memory, 0, number + 1)
        os.close(file)  # and thereby the lock
        self._own = HEAD.size + number % PARTS * PART  # after so many, an owner is dead, or a count may be lost

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        return self.charge(key, expiry, amount)[0]

    def charge(self, key: str, expiry: float, amount: int) -> tuple[int, float]:
        """How many requests a caller has made in his window with these, and when it ends."""
        who, start = place(key)
        with self._thread:
            now = time()
            owners, ends, counts = self._slots(self._own + start)
            running = [now < end <= now + expiry for end in ends]  # an end beyond one window: the clock was set back
            if who in owners:
                index = owners.index(who)
            else:
                index = min(range(WAYS), key=lambda slot: running[slot] and counts[slot])
            if owners[index] == who and running[index]:
                end, count = ends[index], counts[index]
            else:
                end, count = min((end for end, _ in self._windows(key, now, expiry)), default=now + expiry), 0
            SLOT.pack_into(self._memory, self._own + start + index * SLOT.size, who, end, count + amount)
            # after the writing, so that of two who come at the same time one sees the other, and none too many gets in
            return sum(count for _, count in self._windows(key, now, expiry)), end

    def get(self, key: str) -> int:
        return sum(count for _, count in self._windows(key, time()))

    def get_expiry(self, key: str) -> float:
        now = time()
        return min((end for end, _ in self._windows(key, now)), default=now)

    def check(self) -> bool:
        return not self._memory.closed

    def reset(self) -> None:
        for part in self._parts():
            self._memory[part : part + PART] = bytes(PART)

    def clear(self, key: str) -> None:
        who, start = place(key)
        for part in self._parts():
            owners = self._slots(part + start)[0]
            if who in owners:
                SLOT.pack_into(self._memory, part + start + owners.index(who) * SLOT.size, 0, 0.0, 0)

    def _windows(self, key: str, now: float, expiry: float = math.inf) -> Iterator[tuple[float, int]]:
        """When a caller's window ends and how many requests it holds, in each part where it runs."""
        who, start = place(key)
        for part in self._parts():
            owners, ends, counts = self._slots(part + start)
            if who in owners and now < ends[index := owners.index(who)] <= now + expiry:
                yield ends[index], counts[index]

    def _parts(self) -> range:
        """Where those in use begin."""
        (number,) = HEAD.unpack_from(self._memory)
        return range(HEAD.size, HEAD.size + min(number, PARTS) * PART, PART)

    def _slots(self, start: int) -> tuple[tuple[int, ...], tuple[float, ...], tuple[int, ...]]:
        flat = SET.unpack_from(self._memory, start)
        return flat[0::3], flat[1::3], flat[2::3]


@lru_cache(4096)
def place(key: str) -> tuple[int, int]:
    """A caller's hash, and where its set of slots begins."""
    who = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "little")
    return who, who % SETS * SET.size


class Quota(NamedTuple):
    used: int
    left: int
    seconds: int  # until the window ends
    exceeded: bool


class Limiter:
    """One limit, where it is counted, and where instead while a Redis is away: a limiter must not end the service."""

    def __init__(self, limit: RateLimitItem, storage: Storage) -> None:
        self.limit, self.storage = limit, storage
        self.spare = storage if isinstance(storage, SharedCounters) else SharedCounters("shared:")
        self.resting_until = 0.0
        self.policy = f'"default";q={limit.amount};w={limit.get_expiry()}'

    def ask(self, who: str, cost: int) -> Quota:
        if time() >= self.resting_until:
            try:
                return self._ask(self.storage, who, cost)
            except StorageError as error:
                self.resting_until = time() + REDIS_REST
                structlog.get_logger().warning("rate_limit_storage_away", reason=str(error))
        return self._ask(self.spare, who, cost)

    def _ask(self, storage: Storage, who: str, cost: int) -> Quota:
        window = self.limit.get_expiry()
        if isinstance(storage, SharedCounters) and cost:
            used, end = storage.charge(who, window, cost)
        else:
            used = storage.incr(who, window, cost) if cost else storage.get(who)
            end = storage.get_expiry(who) if used else time() + window
        seconds = math.ceil(end - time())
        return Quota(used, max(0, self.limit.amount - used), max(0, seconds), used > self.limit.amount)


def init_app(app: Flask) -> None:
    """Believe `TRUSTED_PROXIES` proxies about the address, then count by `RATE_LIMIT`; an empty limit counts nothing.

    To be called after what finds the key (`g.key`) and before what refuses a request for the lack of one: bad keys are
    then counted by their address.
    """
    if proxies := app.config.get("TRUSTED_PROXIES", 0):
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    if not (limit := app.config.get("RATE_LIMIT", "6000/minute")):
        return
    redis = app.config.get("RATE_LIMIT_STORAGE")
    file = app.config.get("RATE_LIMIT_FILE") or os.environ.get("PARLEY_RATE_LIMIT_FILE", "")  # `parley serve` sets it
    storage = storage_from_string(redis, **REDIS) if redis else storage_from_string(f"shared:{file}")
    app.extensions["limits"] = Limiter(parse(limit), cast(Storage, storage))
    app.before_request(count)
    app.after_request(tell)


def count() -> None:
    free = request.path in FREE and (request.path != "/v1/me" or request.method in ("GET", "HEAD"))
    g.quota = request.environ.pop("parley.quota", None) or limiter().ask(caller(), cost=0 if free else 1)
    if not free and g.quota.exceeded:
        raise TooManyRequests("Too many requests; wait before the next one.", retry_after=g.quota.seconds)


def tell(response: Response) -> Response:
    if "quota" not in g:  # refused before the count
        g.quota = limiter().ask(caller(), cost=1)
    response.headers["RateLimit"] = told(g.quota)
    response.headers["RateLimit-Policy"] = limiter().policy
    return response


def told(quota: Quota) -> str:
    return f'"default";r={quota.left};t={quota.seconds}'


def name(key: Any, remote: str | None) -> str:
    """Whose requests are counted together: a made-up key gives nobody a fresh quota."""
    return f"key:{key['id']}" if key else f"address:{network(remote or 'local')}"


def remaining() -> int | None:
    """Requests left to the caller in this window; None where nothing is counted."""
    return limiter().ask(caller(), cost=0).left if "limits" in current_app.extensions else None


def limiter() -> Limiter:
    return cast(Limiter, current_app.extensions["limits"])


def caller() -> str:
    return name(g.get("key"), request.remote_addr)


@lru_cache(4096)
def network(remote: str) -> str:
    """An address as it is counted: one subscriber holds a whole /64 of IPv6."""
    try:
        ip = ip_address(remote)
    except ValueError:
        return remote
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or ip_network((ip, 64), strict=False))
    return remote
