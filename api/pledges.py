"""/v1/pledges"""

from api.http import collection
from schemas.pledges import PledgeArgs, PledgeBody

blp = collection(PledgeBody, PledgeArgs)
