"""/v1/actors"""

from api.http import collection
from schemas.actors import ActorArgs, ActorBody

blp = collection(ActorBody, ActorArgs)
