"""/v1/documents"""

from api.http import collection
from schemas.documents import DocumentArgs, DocumentBody

blp = collection(DocumentBody, DocumentArgs)
