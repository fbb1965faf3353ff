"""The torture messages of RFC 4475, and that a wrong verdict would show."""

import pytest

from telephony.sip.message import (
    Request,
    Response,
    SipSyntaxError,
    check_request,
    check_response,
    parse_message,
)
from tests.support.sip_corpus import captured_messages, needs_corpus
from tests.tables.rfc4475 import judge, run

MESSAGES = 49

# Two were made with a Content-Length that is no number; one is a fragment without a Via.
BROKEN_CAPTURES = {
    "zeek-invalid-content-length-0001": "Bad Content-Length Header Field",
    "zeek-invalid-content-length-0002": "Bad Content-Length Header Field",
    "zeek-sip-junk-before-request-0001": "Missing Via Header Field",
}


@needs_corpus
def test_every_torture_message_gets_its_verdict() -> None:
    found = run()
    assert len(found) == MESSAGES
    assert [row for row in found if not row.ok] == []
    assert [(row.name, row.figures["answer"]) for row in found if row.differs] == [("wsinv", "481")]


@needs_corpus
@pytest.mark.parametrize(
    ("name", "verdict", "answer"),
    [
        ("wsinv", "reject", "400"),
        ("badinv01", "accept", "process"),
        ("badinv01", "reject", "486"),
        ("badinv01", "reject", "drop"),
        ("bigcode", "reject", "400"),
        ("badvers", "accept", "200"),
        ("wsinv", "accept", "500"),
        ("inv2543", "accept", "481"),
        ("unreason", "accept", "200"),
    ],
)
def test_a_wrong_verdict_shows(name: str, verdict: str, answer: str) -> None:
    assert not judge(name, verdict, answer).ok


@needs_corpus
def test_captured_messages_read_whole_and_come_out_unchanged() -> None:
    for path in captured_messages():
        data = path.read_bytes()
        error = fault_of(data)
        assert (error.reason if error else None) == BROKEN_CAPTURES.get(path.stem), path.name


def fault_of(data: bytes) -> SipSyntaxError | None:
    """Parse, read and rewrite one message."""
    try:
        message = parse_message(data)
    except SipSyntaxError as error:
        return error
    assert message.to_bytes() == data
    if isinstance(message, Request):
        return check_request(message)
    assert isinstance(message, Response)
    return check_response(message)
