"""What pledges add up to, as it is asked and answered."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from schemas.base import Open, Reference
from schemas.fields import Amount, Boolean, Currency, Enum, Integer, Text, about
from schemas.lists import AnyOf, QueryBoolean
from schemas.pledges import STATUSES, PledgeArgs
from schemas.problems import Json

KEYS = ("donor", "recipient", "category", "status", "currency", "year", "month")
#: As many pledges as one answer lists.
MOST = 10_000

#: Why a pledge is left out.
EXCLUDED = {
    "discussed": "It was only discussed; nobody has promised it.",
    "cancelled": "It was cancelled.",
    "expired": "It expired.",
    "superseded": "Another pledge took its place.",
}
#: Why money is not converted.
NOT_CONVERTED = {
    "no_date": "The day of the announcement is not known, so no rate belongs to it.",
    "before_rates": "The reference rates begin on 4 January 1999.",
    "no_series": "The ECB has no reference rate between these currencies.",
    "before_series": "The ECB did not yet publish a rate for one of these currencies.",
    "series_ended": "The ECB no longer published a rate for one of these currencies.",
    "gap": "The latest rate is more than 7 days older than the announcement.",
    "not_yet_known": "The announcement is more than 7 days later than the latest rate this installation has.",
}


class GroupBy(AnyOf):
    """One or two of the keys."""

    def parse(self, text: str) -> list[str]:
        keys = super().parse(text)
        if len(keys) > 2 or len(set(keys)) < len(keys):
            raise ma.ValidationError("Group by one key or by two different ones.")
        return keys


class SummaryArgs(PledgeArgs):
    """All filters of the list; no pages."""

    class Meta(PledgeArgs.Meta):
        exclude = ("limit", "cursor", "sort", "fields_", "include", "include_total", "lang")

    group_by = GroupBy(KEYS, metadata=about(
        "By what to group, one or two of: donor, recipient, category, status, currency, year, month (of "
        "`announced_on`). Without it there is only the grand total.", "donor"))  # fmt: skip
    convert = Currency(
        metadata=about(
            "Also convert all money to this currency (ISO 4217), by the ECB reference rate of `announced_on`.", "EUR"
        )
    )
    explain = QueryBoolean(
        metadata=about(f"Also list which pledges were counted, which were not, and why ({MOST} pledges at most).", True)
    )

    @ma.post_load
    def says_whether(self, data: Json, **kwargs: Any) -> Json:
        return data | {"explain": bool(data.get("explain"))}


# --- the answer ----------------------------------------------------------------------------------------------------


def _amount(description: str) -> Amount:
    return Amount(required=True, allow_none=True, metadata=about(description))


def _count(description: str, **kwargs: Any) -> Integer:
    return Integer(0, 2**31 - 1, required=True, metadata=about(description), **kwargs)


def _ids(description: str) -> fields.List[Any]:
    return fields.List(fields.UUID(), required=True, metadata={"description": description, "maxItems": MOST})


class SummaryBounds(Open):
    """A sum of money. Unknown is null, never 0."""

    value = _amount("Sum of the amounts that are stated as such; null where none is. Pledges of which only bounds are "
                    "stated are not in it.")  # fmt: skip
    min = _amount("Sum of the least that each amounts to (its amount, where no less is stated); null where one of them "
                  "has no lower bound.")  # fmt: skip
    max = _amount("Sum of the most that each amounts to; null where one of them has no upper bound.")


class SummaryMoney(SummaryBounds):
    """A sum of money in one currency."""

    currency = Text(required=True, metadata=about("ISO 4217 code.", "EUR"))
    pledges = _count("How many pledges are in the sum.")


class SummaryPart(Open):
    """Pledges, and the money they come to."""

    pledges = _count("How many pledges.")
    without_amount = _count("How many of them state no money at all.")
    amounts = fields.List(fields.Nested(SummaryMoney), required=True, metadata=about("Their money, by currency."))
    ids = _ids("Their ids, with `explain=true`; else empty.")


class SummaryConverted(Open):
    """Money converted to one currency. Exact sums of the converted amounts, rounded at the end to the minor unit."""

    currency = Text(required=True, metadata=about("The currency asked for.", "EUR"))
    exclusive = fields.Nested(SummaryBounds, required=True, metadata=about("Of the exclusive pledges."))
    shared = fields.Nested(SummaryBounds, required=True, metadata=about("Of the shared pledges."))
    all = fields.Nested(SummaryBounds, required=True, metadata=about("Of both together."))
    pledges = _count("How many pledges are in it.")
    imprecise = _count("How many of them were converted by the rate of the earliest day of an imprecise or uncertain "
                       "date.")  # fmt: skip


class SummaryNotConverted(Open):
    """Money that could not be converted, and is in no converted sum."""

    reason = Enum(*NOT_CONVERTED, required=True, metadata=about("Why, as a word."))
    detail = Text(required=True, metadata=about("Why, in a sentence."))
    currency = Text(required=True, metadata=about("The currency it is in.", "UAH"))
    pledges = _count("How many pledges.")
    ids = _ids(f"Their ids ({MOST} at most).")


class SummaryAccount(Open):
    """What some pledges add up to."""

    pledges = _count("How many pledges are counted here.")
    exclusive = fields.Nested(SummaryPart, required=True, metadata=about(
        "What is of this group alone: of a donor, what it pays by itself, and its stated part of others."))  # fmt: skip
    shared = fields.Nested(SummaryPart, required=True, metadata=about(
        "Pledges that stand whole in several groups: their donors' split is not stated, or they have several "
        "recipients. The grand total counts each once."))  # fmt: skip
    by_currency = fields.List(fields.Nested(SummaryMoney), required=True, metadata=about(
        "Exclusive and shared together, by currency. Groups overlap in what is shared, the total never."))  # fmt: skip
    converted = fields.Nested(SummaryConverted, required=True, allow_none=True, metadata=about(
        "The same in the currency asked for by `convert`; null without it."))  # fmt: skip
    not_converted = fields.List(fields.Nested(SummaryNotConverted), required=True, metadata=about(
        "What could not be converted, and why."))  # fmt: skip


class SummaryKey(Open):
    """What the pledges of a group have in common: the properties named in `group_by`, null where not known."""

    donor = fields.Nested(Reference, allow_none=True, metadata=about("Who pays, or helps to pay."))
    recipient = fields.Nested(Reference, allow_none=True, metadata=about("Who receives."))
    category = Text(allow_none=True, metadata=about("The kind of aid.", "military"))
    status = Text(allow_none=True, metadata=about("The rung of the ladder.", "announced"))
    currency = Text(allow_none=True, metadata=about("The currency; null without money.", "EUR"))
    year = Text(allow_none=True, metadata=about("The year of the announcement; null where not known.", "2025"))
    month = Text(allow_none=True, metadata=about("The month of the announcement; null where not known.", "2025-07"))


class SummaryGroup(SummaryAccount):
    """What the pledges of one group add up to."""

    key = fields.Nested(SummaryKey, required=True, metadata=about("What they have in common."))


class SummaryRate(Open):
    """A rate that was used."""

    currency = Text(required=True, metadata=about("The currency that was converted.", "NOK"))
    day = fields.Date(required=True, metadata=about("The day of the rate."))
    rate = Text(required=True, metadata=about("What one unit of it came to, as a decimal string.", "0.085"))
    pledges = _count("How many pledges were converted by it.")


class SummaryCounted(SummaryBounds):
    """One pledge that was counted."""

    pledge = fields.Nested(Reference, required=True, metadata=about("The pledge."))
    status = Text(required=True, metadata=about("The rung it is on.", "announced"))
    shared = Boolean(required=True, metadata=about("Whether it counts as shared."))
    reason = Text(required=True, metadata=about("Why it counts so, in a sentence."))
    day = fields.Date(required=True, allow_none=True, metadata=about("The earliest day of its announcement."))
    currency = Text(required=True, allow_none=True, metadata=about("The currency; null without money.", "EUR"))
    converted = fields.Nested(
        SummaryBounds, required=True, allow_none=True, metadata=about("In the currency asked for.")
    )
    rate = Text(required=True, allow_none=True, metadata=about("The rate it was converted by.", "1"))
    rate_day = fields.Date(required=True, allow_none=True, metadata=about("The day of that rate; null where the "
                           "currency is the one asked for."))  # fmt: skip
    imprecise = Boolean(required=True, metadata=about("Whether that is the rate of the earliest day of an imprecise or "
                        "uncertain date."))  # fmt: skip
    not_converted = Enum(*NOT_CONVERTED, required=True, allow_none=True, metadata=about("Why it was not converted."))


class SummaryExcluded(Open):
    """One pledge that was left out."""

    pledge = fields.Nested(Reference, required=True, metadata=about("The pledge."))
    status = Enum(*STATUSES.words, required=True, metadata=about("The rung it is on."))
    reason = Enum(*EXCLUDED, required=True, metadata=about("Why it was left out, as a word."))
    detail = Text(required=True, metadata=about("Why, in a sentence."))


class SummaryExplanation(Open):
    """Which pledges were found, and what became of each."""

    counted = fields.List(fields.Nested(SummaryCounted), required=True, metadata=about("Those in the sums."))
    excluded = fields.List(fields.Nested(SummaryExcluded), required=True, metadata=about("Those left out."))
    without_amount = _ids("The ids of the counted ones that state no money at all.")


class Summary(Open):
    """What pledges add up to: in groups, and as a whole."""

    group_by = fields.List(Enum(*KEYS), required=True, metadata=about("The keys of the groups."))
    groups = fields.List(fields.Nested(SummaryGroup), required=True, metadata={
        "description": "In the order of their keys, unknown ones last.", "maxItems": 100_000})  # fmt: skip
    total = fields.Nested(
        SummaryAccount, required=True, metadata=about("The grand total: every pledge once, whatever the groups.")
    )
    rates = fields.List(fields.Nested(SummaryRate), required=True, metadata={
        "description": "The ECB reference rates that were used.", "maxItems": 250_000})  # fmt: skip
    explain = fields.Nested(
        SummaryExplanation,
        required=True,
        allow_none=True,
        metadata=about("With `explain=true`: which pledges were counted, which were not, and why."),
    )
