"""/v1/delegations"""

from api.http import collection
from schemas.delegations import DelegationArgs, DelegationBody

blp = collection(DelegationBody, DelegationArgs)
