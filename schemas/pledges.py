"""Pledges: who promised what to whom, and how far it has come."""

from collections.abc import Iterable
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import marshmallow as ma
from marshmallow import fields

from schemas import edtf
from schemas.base import MoneyBody, Open, Schema, SourcedBody, one, some
from schemas.fields import (
    Amount,
    Boolean,
    Currency,
    Edtf,
    Enum,
    Integer,
    Number,
    Pattern,
    Prose,
    Ref,
    Text,
    about,
    in_order,
)
from schemas.lists import AnyOf, CommaList, ListArgs, Parsed, QueryBoolean, RefsTo, from_to
from schemas.problems import Json

#: Longer than any sum of amounts, so that adding up is exact.
DIGITS = 100


class Rung(NamedTuple):
    """One status a pledge can have: how high it stands, and what others call it."""

    status: str
    rung: int | None
    meaning: str
    iati: tuple[tuple[str, str], ...] = ()
    fts: str | None = None


OFFERED = (("12", "Outgoing Pledge"), ("13", "Incoming Pledge"))
BOUND = (("2", "Outgoing Commitment"), ("11", "Incoming Commitment"))
PAID = (("3", "Disbursement"),)

#: Upwards; money and goods part at the last rung. The last two end a pledge wherever it stood.
LADDER = (
    Rung("discussed", 1, "Talked about; nobody has promised anything."),
    Rung("announced", 2, "Made public by the donor.", OFFERED, "pledge"),
    Rung("pledged", 3, "Promised to the recipient, without being bound.", OFFERED, "pledge"),
    Rung("committed", 4, "Bound by contract, law or budget.", BOUND, "commitment"),
    Rung("allocated", 5, "Set aside for a named purpose or delivery.", BOUND, "commitment"),
    Rung("disbursed", 6, "Money: paid out.", PAID, "paid"),
    Rung("delivered", 6, "Goods: handed over.", PAID, "paid"),
    Rung("cancelled", None, "Withdrawn."),
    Rung("expired", None, "Lapsed unfulfilled."),
)
RUNGS = {rung.status: rung.rung for rung in LADDER if rung.rung is not None}
REACHED = {"commitment": "committed", "allocation": "allocated", "disbursement": "disbursed", "delivery": "delivered"}

STATUSES = Enum(*(rung.status for rung in LADDER), required=True, metadata=about("The rung of the ladder it is on."))
CATEGORIES = Enum("military", "financial", "humanitarian", "infrastructure", "other", allow_none=True,
                  metadata=about("What kind of aid."))  # fmt: skip
FINANCE_TYPES = Enum("grant", "loan", "guarantee", "fund", "procurement", "in_kind", "other", allow_none=True,
                     metadata=about("How it is financed."))  # fmt: skip
APPORTIONMENTS = ("sole", "stated", "unsplit")


class Share(Pattern):
    """A part of one, as a decimal string."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(r"0(\.[0-9]{1,12})?|1(\.0{1,12})?", "Not a decimal number from 0 to 1.", "0.25", max=14,
                         **kwargs)  # fmt: skip


class DonorBody(Schema):
    """Somebody who gives, or through whom it is given."""

    actor = Ref("actor", required=True, metadata=about("Who."))
    amount = one(MoneyBody, metadata=about("The part they pay, where stated."))
    share = Share(allow_none=True, metadata=about("The part they pay, as a share of 1."))
    role = Enum("donor", "lead", "channel", load_default="donor",
                metadata=about("As what. A lead pays, too; a channel only passes on what others pay."))  # fmt: skip


class ValuationBody(Schema):
    """What something is worth, on somebody's reckoning."""

    value = Amount(required=True, metadata=about("The worth, as a decimal string."))
    currency = Currency(required=True, metadata=about("ISO 4217 code."))
    method = Text(allow_none=True, metadata=about("How it was reckoned.", "price of a new one"))
    as_of = Edtf(allow_none=True, metadata=about("The day whose prices it uses."))


class ItemBody(Schema):
    """Goods or services, as promised and as handed over."""

    description = Text(required=True, metadata=about("What.", "35 mm ammunition"))
    designation = Text(allow_none=True, metadata=about("Its type or model.", "Gepard"))
    category = Text(allow_none=True, max=100, metadata=about("A group of goods, in the words of the source."))
    quantity = Number(0, 1e15, allow_none=True, metadata=about("How many; null where not stated.", 220000))
    quantity_delivered = Number(0, 1e15, allow_none=True, metadata=about("How many were handed over, where known; it "
                                "can be more than was promised.", 0))  # fmt: skip
    unit = Text(allow_none=True, max=100, metadata=about("Of what the quantity counts.", "rounds"))
    valuation = one(ValuationBody, metadata=about("What it is worth."))
    uncertain = Boolean(allow_none=True, metadata=about("Whether the source itself is not sure of it.", True))


class PledgeBody(SourcedBody):
    """A promise of aid: who gives what to whom, on which terms, and how far it has come."""

    type, collection, label = "pledge", "pledges", "title"

    title = Text(allow_none=True, max=500, metadata=about("What is promised, in a line.", "Interceptor drones"))
    donors = some(DonorBody, max=150, required=True, metadata=about("Who gives; at least one."))
    apportionment = Enum(*APPORTIONMENTS, metadata=about(
        "How the donors part it: `sole`, one pays all (the default where one pays); `stated`, each has its amount or "
        "share, and they add up; `unsplit`, who pays how much is not stated."))  # fmt: skip
    recipients = some(Ref("actor"), max=200, metadata=about("Who is to receive it."))
    category = CATEGORIES
    finance_type = FINANCE_TYPES
    status = STATUSES
    amount = one(MoneyBody, metadata=about("How much; null where not stated. A later revision replaces it."))
    amount_min = one(MoneyBody, metadata=about("At least that much."))
    amount_max = one(MoneyBody, metadata=about("At most that much."))
    amount_basis = Enum(
        "stated", "converted", "estimated", allow_none=True, metadata=about("Where the amount is from.")
    )
    items = some(ItemBody, metadata=about("Goods and services that are promised."))
    announced_on = Edtf(allow_none=True, metadata=about("When it was first made public (EDTF)."))
    announced_at = Ref("meeting", "round", allow_none=True, metadata=about("The meeting or round where it was."))
    effective_from = Edtf(allow_none=True, metadata=about("From when it is to be given (EDTF).", "2026"))
    effective_to = Edtf(endless=True, allow_none=True, metadata=about("Until when."))
    timing_text = Text(allow_none=True, metadata=about("When, in words.", "As soon as possible."))
    purpose = Prose(allow_none=True, metadata=about("What it is for."))
    process = Ref("process", allow_none=True, metadata=about("The talks it belongs to."))
    supersedes = Ref("pledge", allow_none=True, metadata=about("The pledge that this one takes the place of."))
    superseded_by = Ref("pledge", allow_none=True, dump_only=True, metadata=about(
        "The pledge that took the place of this one. Read-only: it follows from `supersedes` there."))  # fmt: skip
    lasts = in_order("effective_from", "effective_to")

    @ma.validates_schema
    def adds_up(self, data: Json, **kwargs: Any) -> None:
        faults: Json = {}
        with localcontext(prec=DIGITS):
            _check_amounts(data, faults)
            _check_parts(data, faults)
        if faults:
            raise ma.ValidationError(faults)

    @ma.post_load
    def sole_by_default(self, data: Json, **kwargs: Any) -> Json:
        data["apportionment"] = data.get("apportionment") or "sole"
        return data


class DecimalArg(Parsed):
    """A decimal number, in a query."""

    json_schema = Amount().json_schema

    def parse(self, text: str) -> str:
        Amount().deserialize(text)
        return text


class Currencies(CommaList):
    """Some currencies, by ISO 4217 code."""

    json_schema: ClassVar[Json] = {"pattern": "^[A-Z]{3}(,[A-Z]{3})*$", "examples": ["EUR"]}

    def entry(self, text: str) -> str:
        return str(Currency().deserialize(text))


class PledgeArgs(ListArgs):
    of = PledgeBody

    donor = RefsTo(metadata=about("Only pledges that these pay or help to pay.", "iso3166-1:NLD"))
    recipient = RefsTo(metadata=about("Only pledges to these."))
    status = AnyOf(STATUSES, metadata=about("Only pledges on these rungs."))
    category = AnyOf(CATEGORIES, metadata=about("Only this kind of aid."))
    finance_type = AnyOf(FINANCE_TYPES, metadata=about("Only pledges financed so."))
    currency = Currencies(metadata=about("Only pledges of money in these currencies (ISO 4217)."))
    amount_from = DecimalArg(max=30, metadata=about("Only pledges of possibly so much or more, of whatever currency."))
    amount_to = DecimalArg(max=30, metadata=about("Only pledges of possibly so much or less, of whatever currency."))
    announced_at = RefsTo(metadata=about("Only pledges announced at these meetings or rounds."))
    process = RefsTo(metadata=about("Only pledges that belong to these talks."))
    undelivered = QueryBoolean(
        metadata=about(
            "true: only pledges with something still to be handed over, as far as is known; false: only the others.",
            True,
        )
    )
    from_, to, date_match = from_to("pledges announced")


class IatiType(Open):
    """A transaction type of the International Aid Transparency Initiative."""

    code = Text(required=True, metadata=about("Its code in the codelist TransactionType.", "12"))
    name = Text(required=True, metadata=about("Its name there.", "Outgoing Pledge"))


class LadderRung(Open):
    """One status, and what others call it."""

    status = Enum(*(rung.status for rung in LADDER), required=True, metadata=about("The status."))
    rung = Integer(1, 100, required=True, allow_none=True, metadata=about(
        "How high it stands; null where it ends a pledge wherever it stood.", 2))  # fmt: skip
    meaning = Text(required=True, metadata=about("What it means."))
    iati_transaction_types = fields.List(fields.Nested(IatiType), required=True, metadata=about(
        "The transaction types of IATI (seen by the donor, and by the recipient)."))  # fmt: skip
    fts_flow_status = Text(required=True, allow_none=True, metadata=about(
        "The flow status of OCHA's Financial Tracking Service.", "pledge"))  # fmt: skip


class PledgeLadder(Open):
    """The statuses of a pledge, upwards."""

    items = fields.List(fields.Nested(LadderRung), required=True, metadata=about("The statuses, upwards."))


def ladder() -> Json:
    """The ladder as it is published."""
    return {
        "items": [
            {
                "status": rung.status,
                "rung": rung.rung,
                "meaning": rung.meaning,
                "iati_transaction_types": [{"code": code, "name": name} for code, name in rung.iati],
                "fts_flow_status": rung.fts,
            }
            for rung in LADDER
        ]
    }


# --- what has to add up --------------------------------------------------------------------------------------------


#: Messages by property, or by place in a list.
Faults = dict[str | int, Any]


def _value(money: Json) -> Decimal:
    return Decimal(money["value"])


def _check_amounts(data: Json, faults: Json) -> None:
    """No amount is negative, all are of one currency, and the least is not more than the most."""
    given = {name: data[name] for name in ("amount_min", "amount", "amount_max") if data.get(name)}
    for name, money in given.items():
        if _value(money) < 0:
            faults[name] = {"value": ["Must not be negative."]}
    if len({money["currency"] for money in given.values()}) > 1:
        faults[list(given)[-1]] = {"currency": ["The amounts of a pledge are of one currency."]}
        return
    for lower, upper in pairwise(given):
        if _value(given[lower]) > _value(given[upper]):
            faults[upper] = {"value": [f"Must not be less than {lower}."]}


def _check_parts(data: Json, faults: Json) -> None:
    """The donors' parts are told exactly where they are said to be, and make up the whole."""
    donors: list[Json] = data.get("donors") or []
    if not donors:
        faults["donors"] = ["At least one donor is needed."]
        return
    paying = {number: donor for number, donor in enumerate(donors) if donor["role"] != "channel"}
    kind = data.get("apportionment") or ("sole" if len(paying) == 1 else None)
    if kind is None:
        why = f"{len(paying)} donors pay" if paying else "Nobody pays, for a channel does not"
        faults["apportionment"] = [f"{why}: say stated or unsplit."]
        return
    if kind == "sole" and len(paying) != 1:
        faults["apportionment"] = [f"Sole means that exactly one donor pays; here {len(paying)} do."]
    wrong: Faults = {}
    for number, donor in enumerate(donors):
        stating = kind == "stated" and number in paying
        for name in ("amount", "share"):
            if donor.get(name) and not stating:
                why = "A channel does not pay" if number not in paying else f"The apportionment is {kind}"
                wrong.setdefault(number, {})[name] = [f"{why}: leave it out."]
        if stating and not (donor.get("amount") or donor.get("share")):
            wrong[number] = {"amount": ["The apportionment is stated: give an amount or a share."]}
    if kind == "stated" and not wrong:
        wrong = _check_whole(data.get("amount"), paying)
    if wrong:
        faults["donors"] = wrong


def _check_whole(whole: Json | None, paying: dict[int, Json]) -> Faults:
    """What is wrong with the stated parts of a pledge; by the number of the donor, or ``_schema`` for all."""
    wrong: Faults = {}
    if not paying:
        return {"_schema": ["The apportionment is stated, but nobody pays."]}
    for number, donor in paying.items():
        money = donor.get("amount")
        if money and _value(money) < 0:
            wrong[number] = {"amount": {"value": ["Must not be negative."]}}
        if money and whole and money["currency"] != whole["currency"]:
            wrong[number] = {"amount": {"currency": [f"The pledge is of {whole['currency']}."]}}
    shares = [Decimal(donor["share"]) for donor in paying.values() if donor.get("share")]
    faults = []
    if len(shares) == len(paying) and (total := sum(shares)) != 1:
        faults.append(f"The shares add up to {total}, not to 1.")
    if not wrong and any(donor.get("amount") for donor in paying.values()):
        if whole is None:
            faults.append("Amounts of the donors need an amount of the pledge, to which they add up.")
        else:
            parts = [_part(donor, _value(whole)) for donor in paying.values()]
            if (total := sum(parts)) != _value(whole):
                faults.append(f"The parts add up to {total}, not to {whole['value']}.")
    return wrong | ({"_schema": faults} if faults else {})


def _part(donor: Json, whole: Decimal) -> Decimal:
    return _value(donor["amount"]) if donor.get("amount") else Decimal(donor["share"]) * whole


# --- what transactions make of a pledge ----------------------------------------------------------------------------


class Course(NamedTuple):
    """What transactions, taken in their order, say of a pledge."""

    status: str | None  # the highest rung reached, or cancelled
    amount: Json | None  # of the last revision


def course(transactions: Iterable[Json]) -> Course:
    """Follow transactions by their earliest day, undated ones last."""
    reached = amount = None
    cancelled = False
    for transaction in sorted(transactions, key=lambda given: _day(given.get("dated"))):
        kind = transaction["kind"]
        cancelled = kind == "cancellation"
        if kind == "revision":
            amount = transaction.get("amount") or amount
        status = REACHED.get(kind)
        if status and RUNGS[status] >= RUNGS.get(reached or "", 0):
            reached = status
    return Course("cancelled" if cancelled else reached, amount)


def _day(dated: str | None) -> tuple[bool, str]:
    if dated is None:
        return (True, "")
    first, _ = edtf.bounds(dated)
    return (False, first.isoformat() if first else "")


def outcome(pledge: Json, transactions: list[Json]) -> Json:
    """The status and amount that a pledge shows: what was written, or what transactions have made of it since."""
    found = course(transactions)
    written = pledge["status"]
    return {
        "status": found.status if _outranks(found.status, written) else written,
        "amount": found.amount or pledge.get("amount"),
    }


def contradiction(pledge: Json, transactions: list[Json]) -> str | None:
    """Why what is written of a pledge cannot stand beside its transactions, if it cannot."""
    found = course(transactions)
    status, amount, revised = pledge["status"], pledge.get("amount"), found.amount
    if _outranks(found.status, status):
        return f"The status cannot be {status}: by its transactions the pledge is {found.status}."
    if amount and revised and (amount["currency"], _value(amount)) != (revised["currency"], _value(revised)):
        return f"The amount cannot be {_spell(amount)}: the last revision made it {_spell(revised)}."
    return None


def _outranks(reached: str | None, written: str) -> bool:
    """Whether transactions have come further than what is written; no rung is higher than a cancellation."""
    return reached not in (None, written) and RUNGS.get(reached or "", 99) > RUNGS.get(written, 0)


def _spell(money: Json) -> str:
    return f"{money['value']} {money['currency']}"
