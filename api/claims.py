"""/v1/claims"""

from api.http import collection
from schemas.claims import ClaimArgs, ClaimBody

blp = collection(ClaimBody, ClaimArgs)
