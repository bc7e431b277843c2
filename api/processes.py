"""/v1/processes"""

from api.http import collection
from schemas.processes import ProcessArgs, ProcessBody

blp = collection(ProcessBody, ProcessArgs)
