"""/v1/me"""

import orjson
from flask import Response, g

from api import limits
from api.http import Blueprint, answer
from schemas.me import Me, MeArgs
from schemas.problems import Json, Refused

blp = Blueprint("me", __name__, url_prefix="/v1/me", description="The key that asks.")


@blp.route("")
@blp.doc(security=[{"bearer": []}])
@blp.arguments(MeArgs(), location="query")
@blp.response(200, Me)
def get_me(args: Json) -> Response:
    """Show the key that asks

    Its name, its provider, its scopes and what is left of its quota. Costs no quota.
    """
    if g.key is None:
        raise Refused(401, "unauthorized", "Send a key to see what it is: Authorization: Bearer <key>.")
    key = {name: g.key[name] for name in ("name", "provider", "scopes", "expires_at")}
    return answer(orjson.dumps(key | {"remaining": limits.remaining()}, option=orjson.OPT_UTC_Z))
