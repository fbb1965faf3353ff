"""Status lines and their fragments."""

import pytest

from telephony.sip.errors import SipSyntaxError
from telephony.sip.status import (
    MAX_STATUS,
    MIN_STATUS,
    REASON_PHRASES,
    StatusLine,
    parse_sipfrag,
    parse_status_line,
    reason_phrase,
)


def test_every_status_has_a_phrase() -> None:
    assert reason_phrase(486) == "Busy Here"
    assert reason_phrase(499) == "Request Failure"
    assert reason_phrase(299) == "OK"
    assert reason_phrase(799) == "Unknown"
    assert all(MIN_STATUS <= status <= MAX_STATUS for status in REASON_PHRASES)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("SIP/2.0 200 OK", StatusLine("SIP/2.0", 200, "OK")),
        ("SIP/2.0 100 ", StatusLine("SIP/2.0", 100, "")),
        ("sip/2.0 603 Отказ", StatusLine("sip/2.0", 603, "Отказ")),
    ],
)
def test_a_status_line(text: str, line: StatusLine) -> None:
    assert parse_status_line(text) == line


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0 200",
        "SIP/2.0  200 OK",
        "SIP/2.0 099 x",
        "SIP/2.0 700 x",
        "SIP/2.0 4294967301 x",
        "SIP/2 200 OK",
        "HTTP/1.1 200 OK",
        "SIP/2.0 200 a\r\nb",
    ],
)
def test_what_is_no_status_line_is_refused(text: str) -> None:
    with pytest.raises(SipSyntaxError):
        parse_status_line(text)


@pytest.mark.parametrize(
    "body",
    [
        b"SIP/2.0 180 Ringing",
        b"SIP/2.0 180 Ringing\r\n",
        b"SIP/2.0 180 Ringing\n",
        b"\r\nSIP/2.0 180 Ringing\r\nContact: <sip:a@b>\r\n\r\n",
    ],
)
def test_a_sipfrag_reports_a_status(body: bytes) -> None:
    assert parse_sipfrag(body) == ("SIP/2.0", 180, "Ringing")


@pytest.mark.parametrize("body", [b"", b"\r\n", b"From: <sip:a@b>\r\n", b"\xff\xfe"])
def test_a_sipfrag_without_a_status_is_refused(body: bytes) -> None:
    with pytest.raises(SipSyntaxError):
        parse_sipfrag(body)
