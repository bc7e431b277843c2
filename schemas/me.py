"""The key that asks."""

from marshmallow import fields

from schemas.base import Open
from schemas.fields import Enum, Integer, Text, Timestamp, about
from schemas.lists import Args


class MeArgs(Args):
    pass


class Me(Open):
    """A key, without its secret."""

    name = Text(required=True, metadata=about("Its name."))
    provider = Text(required=True, metadata=about("The ingestion client it belongs to."))
    scopes = fields.List(Enum("read", "write", "admin"), required=True, metadata=about("What it may do."))
    expires_at = Timestamp(required=True, allow_none=True, metadata=about("When it ends; null if never."))
    remaining = Integer(0, 2**31 - 1, required=True, metadata=about("Requests left in the present minute."))
