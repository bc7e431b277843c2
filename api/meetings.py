"""/v1/meetings"""

from api.http import collection
from schemas.meetings import MeetingArgs, MeetingBody

blp = collection(MeetingBody, MeetingArgs)
