"""/v1/rounds"""

from api.http import collection
from schemas.rounds import RoundArgs, RoundBody

blp = collection(RoundBody, RoundArgs)
