"""Sources: where a value is said."""

from schemas.base import Body
from schemas.fields import Edtf, Enum, Language, Pattern, Ref, Text, Timestamp, Url, about
from schemas.lists import AnyOf, Languages, ListArgs, RefsTo

KINDS = Enum("news", "official", "primary", "dataset", "social", "other", required=True,
             metadata=about("What kind of source it is."))  # fmt: skip


class SourceBody(Body):
    """Where something is said: an article, an official page, a dataset."""

    type, collection, label = "source", "sources", "title"

    kind = KINDS
    url = Url(allow_none=True, metadata=about("Where it can be read."))
    title = Text(allow_none=True, metadata=about("Its title."))
    publisher = Ref("actor", allow_none=True, metadata=about("Who published it."))
    published_on = Edtf(allow_none=True, metadata=about("When it was published."))
    accessed_at = Timestamp(allow_none=True, metadata=about("When it was read."))
    language = Language(allow_none=True, metadata=about("BCP 47 language in which it was read."))
    translated_from = Language(allow_none=True, metadata=about("BCP 47 language of the original."))
    translation = Enum("human", "machine", "machine_post_edited", allow_none=True, metadata=about("Who translated it."))
    engine = Text(allow_none=True, metadata=about("The translation engine.", "Yandex Translate"))
    archive_url = Url(allow_none=True, metadata=about("A copy in an archive."))
    content_sha256 = Pattern("[0-9a-f]{64}", "Not a SHA-256 in hexadecimal.", "0" * 64, allow_none=True,
                             metadata=about("SHA-256 of what was read, in hexadecimal."))  # fmt: skip
    licence = Text(allow_none=True, metadata=about("Under which it may be used.", "CC-BY-4.0"))


class SourceArgs(ListArgs):
    of = SourceBody

    kind = AnyOf(KINDS, metadata=about("Only sources of these kinds."))
    publisher = RefsTo(metadata=about("Only what these actors published."))
    language = Languages(metadata=about("Only sources read in these languages (BCP 47).", "uk,en"))
    url = Text(metadata=about("Only the source at this address.", "https://example.org/article"))
