"""/v1/people"""

from api.http import collection
from schemas.people import PersonArgs, PersonBody

blp = collection(PersonBody, PersonArgs)
