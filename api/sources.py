"""/v1/sources"""

from api.http import collection
from schemas.sources import SourceArgs, SourceBody

blp = collection(SourceBody, SourceArgs)
