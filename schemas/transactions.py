"""Transactions: what later happened to a pledge."""

from decimal import Decimal
from typing import Any

import marshmallow as ma

from schemas.base import MoneyBody, SourcedBody, one, some
from schemas.fields import Edtf, Enum, Ref, about
from schemas.lists import AnyOf, ListArgs, RefsTo, from_to
from schemas.pledges import ItemBody
from schemas.problems import Json

KINDS = Enum("commitment", "allocation", "disbursement", "delivery", "revision", "cancellation", required=True,
             metadata=about("What happened. A revision replaces the amount and never adds to it."))  # fmt: skip


class TransactionBody(SourcedBody):
    """What later happened to a pledge. Its status and amount follow from its transactions."""

    type, collection = "transaction", "transactions"

    pledge = Ref("pledge", required=True, metadata=about("The pledge to which it happened."))
    kind = KINDS
    amount = one(MoneyBody, metadata=about("How much money it moved; of a revision, what the pledge now amounts to."))
    items = some(ItemBody, metadata=about("What was handed over, or set aside."))
    dated = Edtf(allow_none=True, metadata=about("When (EDTF)."))

    @ma.validates_schema
    def revises_to_something(self, data: Json, **kwargs: Any) -> None:
        if data["kind"] != "revision":
            return  # a negative commitment or disbursement takes an earlier one back
        if not (data.get("amount") or data.get("items")):
            raise ma.ValidationError({"amount": ["A revision needs the new amount, or the new items."]})
        if data.get("amount") and Decimal(data["amount"]["value"]) < 0:
            raise ma.ValidationError({"amount": {"value": ["Must not be negative."]}})


class TransactionArgs(ListArgs):
    of = TransactionBody

    pledge = RefsTo(metadata=about("Only what happened to these pledges."))
    kind = AnyOf(KINDS, metadata=about("Only transactions of this kind."))
    from_, to, date_match = from_to("transactions dated")
