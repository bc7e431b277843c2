"""Documents: what was drafted, exchanged and signed."""

from schemas.base import Schema, SourcedBody, some
from schemas.fields import Edtf, Enum, Prose, Ref, Text, Url, about
from schemas.lists import AnyOf, CommaList, ListArgs, RefsTo
from schemas.statements import Topic

KINDS = Enum("memorandum", "draft", "agreement", "communique", "protocol", "letter", "resolution", "plan", "other",
             required=True, metadata=about("What kind of document it is."))  # fmt: skip
STATUSES = Enum("draft", "exchanged", "signed", "in_force", "rejected", "expired", "unknown", allow_none=True,
                metadata=about("How it stands."))  # fmt: skip


class ProvisionBody(Schema):
    """One thing that the document lays down."""

    topic = Topic(required=True, metadata=about("What it is about."))
    actor = Ref("actor", allow_none=True, metadata=about("Whom it binds or concerns."))
    summary = Prose(allow_none=True, metadata=about("Our own summary."))


class DocumentBody(SourcedBody):
    """A document of the talks, known whole or only by what is said of it."""

    type, collection, label = "document", "documents", "title"

    kind = KINDS
    title = Text(allow_none=True, max=500, metadata=about("Its title, or a description where that is not known."))
    authors = some(Ref("actor"), metadata=about("Who wrote or submitted it."))
    process = Ref("process", allow_none=True, metadata=about("The talks it belongs to."))
    round = Ref("round", allow_none=True, metadata=about("The round it comes from."))
    status = STATUSES
    dated = Edtf(allow_none=True, metadata=about("The day it bears (EDTF)."))
    provisions = some(ProvisionBody, metadata=about("What it lays down."))
    url = Url(allow_none=True, metadata=about("Where it can be read."))


class DocumentArgs(ListArgs):
    of = DocumentBody

    kind = AnyOf(KINDS, metadata=about("Only documents of these kinds."))
    author = RefsTo(metadata=about("Only documents by these actors."))
    process = RefsTo(metadata=about("Only documents of these processes or of one of their rounds."))
    round = RefsTo(metadata=about("Only documents of these rounds."))
    status = AnyOf(STATUSES, metadata=about("Only documents that stand so."))
    topic = CommaList(metadata=about("Only documents with a provision on these topics.", "neutrality"))
