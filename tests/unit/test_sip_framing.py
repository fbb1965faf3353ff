"""Streams cut into messages (RFC 3261 section 18.3, RFC 5626 section 3.5.1)."""

import pytest

from telephony.sip.errors import SipSyntaxError
from telephony.sip.framing import KeepAlive, StreamFramer, is_keep_alive
from telephony.sip.message import MAX_BODY_OCTETS, MAX_HEADER_OCTETS

ONE = b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h\r\nContent-Length: 2\r\n\r\nab"
TWO = b"SIP/2.0 200 OK\r\nl :\r\n 0003\r\nX: y\r\n\r\n\r\n\r"
PING, PONG = KeepAlive.PING, KeepAlive.PONG


def feed_all(data: bytes, step: int) -> list[bytes | KeepAlive]:
    framer = StreamFramer()
    pieces: list[bytes | KeepAlive] = []
    for start in range(0, len(data), step):
        pieces += framer.feed(data[start : start + step])
    return pieces


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, 10_000])
def test_messages_come_out_whole_however_they_are_cut(step: int) -> None:
    assert feed_all(ONE + TWO + ONE, step) == [ONE, TWO, ONE]


def test_a_double_crlf_on_their_connection_is_a_ping() -> None:
    framer = StreamFramer()
    assert list(framer.feed(b"\r\n\r\n")) == [PING]
    assert list(framer.feed(ONE + b"\r\n\r\n\r\n\r\n" + ONE + b"\r\n" + TWO + b"\r\n")) == [
        ONE,
        PING,
        PING,
        ONE,
        TWO,
    ]
    assert list(framer.feed(b"\r\n")) == [PING]


def test_a_single_crlf_on_our_connection_is_a_pong() -> None:
    framer = StreamFramer(is_opened_by_us=True)
    assert list(framer.feed(b"\r\n")) == [PONG]
    assert list(framer.feed(b"\r\n")) == [PONG]
    assert list(framer.feed(ONE + b"\r\n" + TWO)) == [ONE, PONG, TWO]


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_ping_in_pieces_is_one_ping(step: int) -> None:
    assert feed_all(b"\r\n\r\n" * 2 + ONE + b"\r\n\r\n", step) == [PING, PING, ONE, PING]


def test_nothing_comes_of_nothing() -> None:
    assert list(StreamFramer().feed(b"")) == []


def fault_of(data: bytes) -> SipSyntaxError:
    framer = StreamFramer()
    with pytest.raises(SipSyntaxError) as caught:
        list(framer.feed(data))
    with pytest.raises(SipSyntaxError):
        list(framer.feed(ONE))
    return caught.value


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Content-Length: 2", b"X: 2"),
        (b"Content-Length: 2", b"Content-Length: -2"),
        (b"Content-Length: 2", b"Content-Length: 2 2"),
        (b"Content-Length: 2", b"Content-Length:"),
        (b"Content-Length: 2", b"Content-Length: 2\r\nL: 2"),
        (b"Content-Length: 2", b"Content-Length: 2\r\n 2"),
        (b"Content-Length: 2", b"Content-Length: " + b"9" * 5000),
    ],
)
def test_lost_framing_is_told_with_what_can_be_answered(old: bytes, new: bytes) -> None:
    error = fault_of(ONE.replace(old, new))
    assert error.sip_status == 400
    assert error.partial is not None
    assert error.partial.method == "OPTIONS"


@pytest.mark.parametrize("digits", [b"0" * 50 + b"2", b"\r\n\t2 ", b" 2\r\n "])
def test_a_length_may_be_written_in_odd_ways(digits: bytes) -> None:
    odd = ONE.replace(b" 2", digits)
    assert feed_all(odd + ONE, 5) == [odd, ONE]


def test_a_bad_header_field_does_not_lose_the_framing() -> None:
    bad = ONE.replace(b"\r\nVia", b"\r\nno colon\r\nVia")
    assert feed_all(bad + ONE, 5) == [bad, ONE]


def test_messages_before_the_fault_come_out_first() -> None:
    pieces = StreamFramer().feed(ONE + b"x\r\n\r\n")
    assert next(pieces) == ONE
    with pytest.raises(SipSyntaxError):
        next(pieces)


def test_a_body_over_the_limit_is_refused() -> None:
    error = fault_of(ONE.replace(b"h: 2", b"h: %d" % (MAX_BODY_OCTETS + 1)))
    assert error.sip_status == 513


def test_a_body_at_the_limit_is_taken() -> None:
    whole = ONE.replace(
        b"h: 2\r\n\r\nab", b"h: %d\r\n\r\n" % MAX_BODY_OCTETS + b"x" * MAX_BODY_OCTETS
    )
    assert feed_all(whole, 65_536) == [whole]


def test_a_header_section_over_the_limit_is_refused() -> None:
    error = fault_of(b"OPTIONS sip:a@b SIP/2.0\r\nX: " + b"x" * MAX_HEADER_OCTETS)
    assert error.sip_status == 513
    assert error.partial is None


def test_a_header_section_at_the_limit_is_taken() -> None:
    start = b"OPTIONS sip:a@b SIP/2.0\r\nl: 0\r\nX: "
    whole = start + b"x" * (MAX_HEADER_OCTETS - len(start)) + b"\r\n\r\n"
    assert feed_all(whole, 1000) == [whole]


def test_datagrams_that_only_keep_a_binding_open() -> None:
    assert all(is_keep_alive(datagram) for datagram in (b"", b"\r\n", b"\r\n\r\n", b"\x00" * 4))
    assert not is_keep_alive(ONE)
