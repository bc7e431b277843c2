"""/v1/transactions"""

from api.http import collection
from schemas.transactions import TransactionArgs, TransactionBody

blp = collection(TransactionBody, TransactionArgs)
