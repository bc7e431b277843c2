"""Where a page ended, told to readers so that they can come back with it and cannot make it up."""

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from time import time
from typing import Any

import orjson

DAY = 24 * 60 * 60
AGE = 7  # days
MARK = 16  # bytes of the signature: half a SHA-256 (RFC 2104, 5)


class Cursors:
    """Places, signed with the secret of the database, so that every worker knows every other's.

    They tell the day on which they were made and not the second, so that the same page has the same bytes all day.
    """

    def __init__(self, secret: bytes) -> None:
        self.secret = secret

    def sign(self, place: list[Any]) -> str:
        return self._sealed(orjson.dumps([today(), *place]))

    def read(self, cursor: str) -> list[Any] | None:
        """The place, or None of what was not signed here, or longer ago than a week."""
        try:
            text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[:-MARK]
        except (binascii.Error, ValueError):
            return None
        if not hmac.compare_digest(self._sealed(text).encode(), cursor.encode()):
            return None
        day, *place = orjson.loads(text)
        return place if today() - day <= AGE else None

    def _sealed(self, text: bytes) -> str:
        return urlsafe_b64encode(text + hmac.digest(self.secret, text, "sha256")[:MARK]).decode().rstrip("=")


def today() -> int:
    return int(time()) // DAY
