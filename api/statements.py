"""/v1/statements"""

from api.http import collection
from schemas.statements import StatementArgs, StatementBody

blp = collection(StatementBody, StatementArgs)
