"""Django REST framework under gunicorn: models, nested serializers, prefetch_related, a connection pool."""

import uuid
from urllib.parse import urlencode

import django
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchQuery, SearchRank, SearchVectorField
from django.core.wsgi import get_wsgi_application
from django.db import models, transaction
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.response import Response

django.setup()  # models can be made after it alone


class Referable(models.Model):
    """What others refer to."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    identifiers = models.JSONField()

    class Meta:
        abstract = True


class Actor(Referable):
    type = "actor"
    name = models.TextField()

    class Meta:
        app_label, managed, db_table = "peer", False, "actors"


class Source(Referable):
    type = "source"
    name = models.TextField(null=True, db_column="title")

    class Meta:
        app_label, managed, db_table = "peer", False, "sources"


class Person(Referable):
    type = "person"
    name = models.TextField()

    class Meta:
        app_label, managed, db_table = "peer", False, "people"


class Process(Referable):
    type = "process"
    name = models.TextField()

    class Meta:
        app_label, managed, db_table = "peer", False, "processes"


class Kept(Referable):
    """What every record has."""

    version = models.IntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True


class Pledge(Kept):
    type = "pledge"
    title = models.TextField(null=True)
    apportionment = models.TextField()
    category = models.TextField(null=True)
    finance_type = models.TextField(null=True)
    status = models.TextField()
    value = models.DecimalField(null=True, max_digits=20, decimal_places=2, db_column="amount")
    currency = models.TextField(null=True)
    announced_on = models.DateField(null=True)
    purpose = models.TextField(null=True)

    class Meta:
        app_label, managed, db_table = "peer", False, "pledges"


class PledgeDonor(models.Model):
    pledge = models.ForeignKey(Pledge, models.CASCADE, related_name="donors")
    actor = models.ForeignKey(Actor, models.CASCADE)
    role = models.TextField()

    class Meta:
        app_label, managed, db_table, ordering = "peer", False, "pledge_donors", ("id",)


class PledgeRecipient(models.Model):
    pledge = models.ForeignKey(Pledge, models.CASCADE, related_name="recipients")
    actor = models.ForeignKey(Actor, models.CASCADE)

    class Meta:
        app_label, managed, db_table, ordering = "peer", False, "pledge_recipients", ("id",)


class PledgeItem(models.Model):
    pledge = models.ForeignKey(Pledge, models.CASCADE, related_name="items")
    description = models.TextField()
    category = models.TextField(null=True)
    quantity = models.BigIntegerField(null=True)
    unit = models.TextField(null=True)

    class Meta:
        app_label, managed, db_table, ordering = "peer", False, "pledge_items", ("id",)


class PledgeSource(models.Model):
    pledge = models.ForeignKey(Pledge, models.CASCADE, related_name="sources")
    source = models.ForeignKey(Source, models.CASCADE)
    locator = models.TextField(null=True)

    class Meta:
        app_label, managed, db_table, ordering = "peer", False, "pledge_sources", ("id",)


class Round(Kept):
    type = "round"
    process = models.ForeignKey(Process, models.CASCADE, null=True)
    number = models.IntegerField(null=True)
    name = models.TextField(null=True)
    status = models.TextField()
    starts_on = models.DateField(null=True)
    ends_on = models.DateField(null=True)
    formats = ArrayField(models.TextField())
    tracks = models.JSONField()
    summary = models.TextField(null=True)

    class Meta:
        app_label, managed, db_table = "peer", False, "rounds"


class RoundThirdParty(models.Model):
    round = models.ForeignKey(Round, models.CASCADE, related_name="third_parties")
    actor = models.ForeignKey(Actor, models.CASCADE)
    role = models.TextField()

    class Meta:
        app_label, managed, db_table, ordering = "peer", False, "round_third_parties", ("id",)


class Delegation(Kept):
    type = "delegation"
    round = models.ForeignKey(Round, models.CASCADE, related_name="delegations")
    actor = models.ForeignKey(Actor, models.CASCADE)

    class Meta:
        app_label, managed, db_table, ordering = "peer", False, "delegations", ("id",)

    @property
    def represents(self):
        return [self.actor]


class RoundSource(models.Model):
    round = models.ForeignKey(Round, models.CASCADE, related_name="sources")
    source = models.ForeignKey(Source, models.CASCADE)
    locator = models.TextField(null=True)

    class Meta:
        app_label, managed, db_table, ordering = "peer", False, "round_sources", ("id",)


class DelegationSource(models.Model):
    delegation = models.ForeignKey(Delegation, models.CASCADE, related_name="sources")
    source = models.ForeignKey(Source, models.CASCADE)
    locator = models.TextField(null=True)

    class Meta:
        app_label, managed, db_table, ordering = "peer", False, "delegation_sources", ("id",)


class Member(models.Model):
    delegation = models.ForeignKey(Delegation, models.CASCADE, related_name="members")
    person = models.ForeignKey(Person, models.CASCADE)
    role = models.TextField()
    position = models.TextField(null=True)
    attendance = models.TextField(null=True)

    class Meta:
        app_label, managed, db_table, ordering = "peer", False, "delegation_members", ("id",)


class Statement(Kept):
    type = "statement"
    speaker = models.ForeignKey(Person, models.CASCADE, null=True)
    on_behalf_of = models.ForeignKey(Actor, models.CASCADE, null=True)
    round = models.ForeignKey(Round, models.CASCADE, null=True)
    said_on = models.DateField(null=True)
    mode = models.TextField()
    act = models.TextField(null=True)
    channel = models.TextField(null=True)
    topics = ArrayField(models.TextField())
    tracks = ArrayField(models.TextField())
    search = SearchVectorField()

    class Meta:
        app_label, managed, db_table = "peer", False, "statements"


class StatementText(models.Model):
    statement = models.ForeignKey(Statement, models.CASCADE, related_name="texts")
    lang = models.TextField()
    text = models.TextField()
    original = models.BooleanField(null=True)

    class Meta:
        app_label, managed, db_table, ordering = "peer", False, "statement_texts", ("id",)


class StatementSource(models.Model):
    statement = models.ForeignKey(Statement, models.CASCADE, related_name="sources")
    source = models.ForeignKey(Source, models.CASCADE)
    locator = models.TextField(null=True)

    class Meta:
        app_label, managed, db_table, ordering = "peer", False, "statement_sources", ("id",)


# --- what goes out and in ---


class Null(serializers.Field):
    """A property that none of these records has."""

    def __init__(self, value=None, **kwargs):
        self.value = value
        super().__init__(read_only=True, source="*", **kwargs)

    def to_representation(self, value):
        return self.value


class ReferenceOut(serializers.Serializer):
    id = serializers.UUIDField()
    type = serializers.CharField()
    name = serializers.CharField()
    identifiers = serializers.JSONField()


class CitationOut(serializers.Serializer):
    source = ReferenceOut()
    locator = serializers.CharField()
    attribution_text = Null()


class PartyOut(serializers.Serializer):
    actor = ReferenceOut()
    role = serializers.CharField()


class DonorOut(serializers.Serializer):
    actor = ReferenceOut()
    amount = Null()
    share = Null()
    role = serializers.CharField()


class RecipientOut(serializers.Serializer):
    def to_representation(self, instance):
        return ReferenceOut().to_representation(instance.actor)


class ItemOut(serializers.Serializer):
    description = serializers.CharField()
    designation = Null()
    category = serializers.CharField()
    quantity = serializers.IntegerField()
    quantity_delivered = Null()
    unit = serializers.CharField()
    valuation = Null()
    uncertain = Null()


class MoneyOut(serializers.Serializer):
    value = serializers.DecimalField(max_digits=20, decimal_places=2)
    currency = serializers.CharField()


class KeptOut(serializers.Serializer):
    id = serializers.UUIDField()
    type = serializers.CharField()
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    contested = Null([])
    identifiers = serializers.JSONField()
    note = Null()


class PledgeOut(KeptOut):
    sources = CitationOut(many=True)
    title = serializers.CharField()
    donors = DonorOut(many=True)
    apportionment = serializers.CharField()
    recipients = RecipientOut(many=True)
    category = serializers.CharField()
    finance_type = serializers.CharField()
    status = serializers.CharField()
    amount = MoneyOut(source="*")
    amount_min = Null()
    amount_max = Null()
    amount_basis = Null()
    items = ItemOut(many=True)
    announced_on = serializers.DateField()
    announced_at = Null()
    effective_from = Null()
    effective_to = Null()
    timing_text = Null()
    purpose = serializers.CharField()
    process = Null()
    supersedes = Null()
    superseded_by = Null()


class TextOut(serializers.Serializer):
    lang = serializers.CharField()
    text = serializers.CharField()
    original = serializers.BooleanField()
    translated_from = Null()
    translation = Null()
    engine = Null()


class StatementOut(KeptOut):
    sources = CitationOut(many=True)
    speaker = ReferenceOut()
    speaker_actor = Null()
    attribution_text = Null()
    position = Null()
    on_behalf_of = ReferenceOut()
    said_on = serializers.DateField()
    mode = serializers.CharField()
    act = serializers.CharField()
    deadline = Null()
    deadline_period = Null()
    texts = TextOut(many=True)
    summary = Null()
    topics = serializers.ListField(child=serializers.CharField())
    tracks = serializers.ListField(child=serializers.CharField())
    round = ReferenceOut()
    meeting = Null()
    channel = serializers.CharField()
    audience = Null([])
    relations = Null([])
    about = Null([])


class MemberOut(serializers.Serializer):
    person = ReferenceOut()
    raw_name = Null()
    role = serializers.CharField()
    position = serializers.CharField()
    attendance = serializers.CharField()
    to = Null()
    note = Null()

    def get_fields(self):
        return super().get_fields() | {"from": Null()}


class DelegationOut(KeptOut):
    sources = CitationOut(many=True)
    round = ReferenceOut()
    meeting = Null()
    represents = ReferenceOut(many=True)
    members = MemberOut(many=True)
    composition_note = Null()


class RoundOut(KeptOut):
    sources = CitationOut(many=True)
    process = ReferenceOut()
    parent = Null()
    number = serializers.IntegerField()
    name = serializers.CharField()
    status = serializers.CharField()
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    timezone = Null()
    formats = serializers.ListField(child=serializers.CharField())
    venue = Null()
    third_parties = PartyOut(many=True)
    tracks = serializers.JSONField()
    outcomes = Null([])
    summary = serializers.CharField()
    delegations = DelegationOut(many=True)


class IdentifierIn(serializers.Serializer):
    scheme = serializers.CharField(max_length=50)
    identifier = serializers.CharField(max_length=200)


class CitationIn(serializers.Serializer):
    source = serializers.UUIDField()
    locator = serializers.CharField(max_length=20_000, required=False)


class DonorIn(serializers.Serializer):
    actor = serializers.UUIDField()
    role = serializers.ChoiceField(["donor", "lead", "channel"], default="donor")


class ItemIn(serializers.Serializer):
    description = serializers.CharField(max_length=20_000)
    category = serializers.CharField(max_length=100, required=False)
    quantity = serializers.IntegerField(min_value=0, max_value=10**15, required=False)
    unit = serializers.CharField(max_length=100, required=False)


class PledgeIn(serializers.Serializer):
    identifiers = IdentifierIn(many=True)
    sources = CitationIn(many=True, allow_empty=False)
    title = serializers.CharField(max_length=500)
    donors = DonorIn(many=True, allow_empty=False)
    apportionment = serializers.ChoiceField(["sole", "stated", "unsplit"], default="sole")
    recipients = serializers.ListField(child=serializers.UUIDField(), max_length=200)
    category = serializers.ChoiceField(["military", "financial", "humanitarian", "infrastructure", "other"])
    finance_type = serializers.ChoiceField(["grant", "loan", "guarantee", "fund", "procurement", "in_kind", "other"])
    status = serializers.ChoiceField(["discussed", "announced", "pledged", "committed", "allocated", "delivered"])
    amount = MoneyOut()
    items = ItemIn(many=True)
    announced_on = serializers.DateField()
    purpose = serializers.CharField()

    @transaction.atomic
    def create(self, data):
        names = (
            "identifiers",
            "title",
            "apportionment",
            "category",
            "finance_type",
            "status",
            "announced_on",
            "purpose",
        )
        pledge = Pledge.objects.create(**{name: data[name] for name in names}, **data["amount"])
        PledgeDonor.objects.bulk_create(
            PledgeDonor(pledge=pledge, actor_id=one["actor"], role=one["role"]) for one in data["donors"]
        )
        PledgeRecipient.objects.bulk_create(PledgeRecipient(pledge=pledge, actor_id=id) for id in data["recipients"])
        PledgeItem.objects.bulk_create(PledgeItem(pledge=pledge, **item) for item in data["items"])
        PledgeSource.objects.bulk_create(
            PledgeSource(pledge=pledge, source_id=one["source"], locator=one.get("locator")) for one in data["sources"]
        )
        return pledge


WHOLE_PLEDGES = Pledge.objects.prefetch_related("sources__source", "donors__actor", "recipients__actor", "items")
WHOLE_STATEMENTS = (
    Statement.objects.defer("search")
    .select_related("speaker", "on_behalf_of", "round")
    .prefetch_related("sources__source", "texts")
)
WHOLE_ROUNDS = Round.objects.select_related("process").prefetch_related(
    "sources__source",
    "third_parties__actor",
    models.Prefetch(
        "delegations", Delegation.objects.select_related("actor").prefetch_related("sources__source", "members__person")
    ),
)


def page(request, query, serializer):
    limit = min(int(request.GET.get("limit", 50)), 500)
    found = list(query[: limit + 1])
    items, next = found[:limit], None
    if len(found) > limit:
        given = request.GET.dict() | {"limit": limit, "cursor": items[-1].id}
        next = f"{request.path}?{urlencode(given)}"
    return Response({"items": serializer(items, many=True).data, "next": next})


@api_view()
def livez(request):
    return Response({"status": "ok"})


@api_view()
def get_pledge(request, id):
    return Response(PledgeOut(get_object_or_404(WHOLE_PLEDGES, id=id)).data)


@api_view(["GET", "POST"])
def pledges(request):
    if request.method == "POST":
        new = PledgeIn(data=request.data)
        new.is_valid(raise_exception=True)
        return Response(PledgeOut(WHOLE_PLEDGES.get(id=new.save().id)).data, status=201)
    query, given = WHOLE_PLEDGES.order_by("id"), request.GET
    if donor := given.get("donor"):
        paying = PledgeDonor.objects.filter(pledge=models.OuterRef("id"), actor__in=donor.split(","))
        query = query.filter(models.Exists(paying))
    if first := given.get("from"):
        query = query.filter(announced_on__gte=first)
    if last := given.get("to"):
        query = query.filter(announced_on__lte=last)
    if cursor := given.get("cursor"):
        query = query.filter(id__gt=cursor)
    return page(request, query, PledgeOut)


@api_view()
def statements(request):
    words = SearchQuery(request.GET["q"], config="english", search_type="websearch")
    found = WHOLE_STATEMENTS.filter(search=words).order_by(SearchRank("search", words).desc(), "-id")
    return page(request, found, StatementOut)


@api_view()
def rounds(request):
    query = WHOLE_ROUNDS.filter(process=request.GET["process"]).order_by("id")
    if first := request.GET.get("from"):
        query = query.filter(ends_on__gte=first)
    return page(request, query, RoundOut)


urlpatterns = [
    path("livez", livez),
    path("v1/pledges/<uuid:id>", get_pledge),
    path("v1/pledges", pledges),
    path("v1/statements", statements),
    path("v1/rounds", rounds),
]
app = get_wsgi_application()
