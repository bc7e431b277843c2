"""/v1/search"""

import orjson
from flask import Response

from api.http import Blueprint, one_page, resume
from db import lists
from schemas.problems import Json
from schemas.search import SearchArgs, SearchPage

blp = Blueprint("search", __name__, url_prefix="/v1/search", description="Search across all types of records.")


@blp.route("")
@blp.arguments(SearchArgs(), location="query")
@blp.response(200, SearchPage)
def search_records(args: Json) -> Response:
    """Search all records

    Best match first, whatever its type: full text in all languages, and names by any spelling. `facets` says how many
    of each type there are, for `types=` to narrow down. Each hit names its record; read it there.
    """
    page = lists.search(resume("search", args))
    return one_page("search", args, page, {"facets": orjson.Fragment(page.facets)})
