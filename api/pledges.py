"""/v1/pledges: the collection, what it adds up to, and the ladder of its statuses."""

import orjson
from flask import Response

from api.http import answer, collection
from db.summary import summarize
from schemas.lists import Args
from schemas.pledges import PledgeArgs, PledgeBody, PledgeLadder, ladder
from schemas.problems import Json
from schemas.summary import Summary, SummaryArgs

blp = collection(PledgeBody, PledgeArgs)


@blp.route("/summary", methods=["GET"])
@blp.arguments(SummaryArgs(), location="query")
@blp.response(200, Summary)
def summarize_pledges(args: Json) -> Response:
    """Add up pledges

    All filters of the list narrow what is added up. Every pledge is counted once in the grand total. Where it is not
    stated who of several donors pays how much, or where there are several recipients, it is *shared*: it stands whole
    in each of their groups, apart from what is theirs alone, and is never divided. Pledges that were only discussed,
    were cancelled or expired are left out unless `status` names them, superseded ones always. Money that cannot be
    converted is null and listed with the reason, never 0.
    """
    return answer(orjson.dumps(summarize(args)))


@blp.route("/ladder", methods=["GET"])
@blp.arguments(Args(), location="query")
@blp.response(200, PledgeLadder)
def get_pledge_ladder(args: Json) -> Response:
    """Get the ladder of statuses

    From what is only discussed to what was paid out or handed over, with the transaction types of IATI and the flow
    status of FTS that each stands for.
    """
    return answer(orjson.dumps(ladder()))
