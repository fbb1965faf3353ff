"""Keys in SIP INFO bodies."""

import pytest

from telephony.rtp import InfoDigit, InfoDigitError, parse_info_digit

RELAY = "application/dtmf-relay"
PLAIN = "application/dtmf"
READ = [
    (RELAY, b"Signal=5\r\nDuration=160\r\n", InfoDigit("5", 160)),
    (RELAY, b"Signal= 5\nDuration= 160", InfoDigit("5", 160)),
    ("Application/DTMF-Relay ; charset=x", b"signal=#\r\n", InfoDigit("#", None)),
    (RELAY, b"Duration=90\r\nSignal=11\r\n", InfoDigit("#", 90)),
    (RELAY, b"Signal=10\r\nDuration=A\r\n", InfoDigit("*", None)),
    (RELAY, b"Signal=d\r\n\r\n", InfoDigit("D", None)),
    (RELAY, b"Signal=7\r\nVolume=3\r\n", InfoDigit("7", None)),
    (PLAIN, b"9", InfoDigit("9", None)),
    (PLAIN, b" *\r\n", InfoDigit("*", None)),
    (PLAIN, b"12", InfoDigit("A", None)),
    (PLAIN, b"Signal=3\r\n", InfoDigit("3", None)),
]


@pytest.mark.parametrize(("content_type", "body", "digit"), READ)
def test_bodies_that_gateways_send(content_type: str, body: bytes, digit: InfoDigit) -> None:
    assert parse_info_digit(content_type, body) == digit


REFUSED = [
    ("text/plain", b"5", 415),
    (RELAY, b"5", 400),
    (RELAY, b"Signal=16\r\n", 400),
    (RELAY, b"Signal=E\r\n", 400),
    (RELAY, b"", 400),
    (PLAIN, b"", 400),
    (PLAIN, b"\xff", 400),
    (PLAIN, b"123", 400),
    (PLAIN, b"5" * 257, 400),
]


@pytest.mark.parametrize(("content_type", "body", "status"), REFUSED)
def test_bodies_without_a_key(content_type: str, body: bytes, status: int) -> None:
    with pytest.raises(InfoDigitError) as raised:
        parse_info_digit(content_type, body)
    assert raised.value.sip_status == status
