"""What checks every answer of the tests finds the faults it is there for."""

import json

import pytest

from tests.openapi.validation import validate

PATH = "/v1/people?limit=1"


def spoil(response, **changes):
    """The answer, with other properties in its first item."""
    body = response.json
    body["items"][0] |= changes
    response.set_data(json.dumps(body))


SPOILT = {
    "an undocumented property": lambda answer: spoil(answer, shoe_size=43),
    "a wrong type": lambda answer: spoil(answer, version="1"),
    "a wrong format": lambda answer: spoil(answer, id="1"),
    "no request id": lambda answer: answer.headers.remove("X-Request-Id"),
    "a required header missing": lambda answer: answer.headers.remove("RateLimit"),
    "an undocumented status": lambda answer: setattr(answer, "status_code", 207),
    "another content type": lambda answer: answer.headers.set("Content-Type", "text/html"),
}


@pytest.mark.parametrize("fault", SPOILT)
def test_fault_is_found(sample_client, fault):
    answer = sample_client.get(PATH)
    validate(answer)
    SPOILT[fault](answer)
    with pytest.raises(AssertionError):
        validate(answer)


def test_undocumented_operation_is_found(sample_client):
    answer = sample_client.get("/v1/people?limit=1")
    answer.request.path = "/v1/nobody"
    with pytest.raises(AssertionError, match="not documented"):
        validate(answer)
