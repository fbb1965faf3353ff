"""RTP packets: what is read, what is refused, what the sender writes."""

import pytest

from telephony.errors import LocalError, RemoteError
from telephony.rtp import (
    HeaderExtension,
    RtpPacket,
    RtpSender,
    RtpSyntaxError,
    build_rtp,
    parse_rtp,
)
from telephony.units import RtpTimestamp

HEADER = bytes.fromhex("1234 0000000a deadbeef")
PLAIN = RtpPacket(8, False, 0x1234, RtpTimestamp(10), 0xDEADBEEF, b"xyz")


def packet(first: int, second: int = 8, rest: bytes = b"xyz") -> bytes:
    """Put the first two octets before a fixed rest of header."""
    return bytes([first, second]) + HEADER + rest


def test_a_plain_packet() -> None:
    assert parse_rtp(packet(0x80)) == PLAIN


def test_a_packet_may_be_empty() -> None:
    assert parse_rtp(packet(0x80, rest=b"")).payload == b""


def test_the_marker_is_not_part_of_the_payload_type() -> None:
    parsed = parse_rtp(packet(0x80, 0x80 | 101))
    assert (parsed.marker, parsed.payload_type) == (True, 101)


def test_csrcs_extension_and_padding_are_taken_off() -> None:
    rest = bytes.fromhex("00000001 00000002 bede0001 10aa0000") + b"xyz" + b"\0\0\3"
    assert parse_rtp(packet(0xB2, rest=rest)) == PLAIN._replace(
        csrcs=(1, 2), extension=HeaderExtension(0xBEDE, b"\x10\xaa\0\0")
    )


def test_padding_may_be_all_there_is() -> None:
    assert parse_rtp(packet(0xA0, rest=b"\0\0\0\4")).payload == b""


REFUSED = {
    "empty": b"",
    "a header cut short": packet(0x80, rest=b"")[:11],
    "version 1": packet(0x40),
    "version 3": packet(0xC0),
    "CSRCs beyond the end": packet(0x81),
    "no room for the extension header": packet(0x90),
    "an extension beyond the end": packet(0x90, rest=bytes.fromhex("bede0002 00000000")),
    "padding of zero": packet(0xA0, rest=b"xyz\0"),
    "padding over the payload": packet(0xA0, rest=b"xyz\5"),
    "padding over the CSRC list": packet(0xA1, rest=b"\0\0\0\1"),
}


@pytest.mark.parametrize("datagram", REFUSED.values(), ids=REFUSED.keys())
def test_what_does_not_fit_its_length_is_refused(datagram: bytes) -> None:
    with pytest.raises(RtpSyntaxError) as raised:
        parse_rtp(datagram)
    assert isinstance(raised.value, RemoteError)


def test_build_refuses_what_the_fields_cannot_say() -> None:
    for fault in (
        PLAIN._replace(csrcs=(1,) * 16),
        PLAIN._replace(csrcs=(1 << 32,)),
        PLAIN._replace(sequence=1 << 16),
        PLAIN._replace(extension=HeaderExtension(0xBEDE, b"abc")),
    ):
        with pytest.raises(LocalError):
            build_rtp(fault)


def test_what_is_built_is_read_back() -> None:
    full = PLAIN._replace(
        marker=True, csrcs=(1, 2), extension=HeaderExtension(0xBEDE, b"\x10\xaa\0\0")
    )
    assert parse_rtp(build_rtp(full)) == full
    assert parse_rtp(build_rtp(PLAIN)) == PLAIN


def sender() -> RtpSender:
    """Make a sender just before both of its numbers wrap."""
    timestamp = RtpTimestamp(0xFFFFFFFF - 100)
    return RtpSender(ssrc=7, payload_type=0, sequence=0xFFFF, timestamp=timestamp)


def test_the_sender_moves_on_and_wraps() -> None:
    stream = sender()
    first = parse_rtp(stream.packet(b"a" * 160, 160, marker=True))
    second = parse_rtp(stream.packet(b"b" * 160, 160))
    assert first == RtpPacket(0, True, 0xFFFF, RtpTimestamp(0xFFFFFF9B), 7, b"a" * 160)
    assert second == RtpPacket(0, False, 0, RtpTimestamp(59), 7, b"b" * 160)
    assert (stream.packets, stream.octets) == (2, 320)


def test_time_passes_without_a_packet() -> None:
    stream = sender()
    stream.advance(320)
    assert (stream.sequence, stream.timestamp, stream.packets) == (0xFFFF, 219, 0)


def test_an_event_packet_takes_a_sequence_number_and_leaves_the_clock() -> None:
    stream = sender()
    start = stream.timestamp
    first = parse_rtp(stream.event_packet(b"1234", 101, start, marker=True))
    second = parse_rtp(stream.event_packet(b"1234", 101, start))
    assert first == RtpPacket(101, True, 0xFFFF, start, 7, b"1234")
    assert second == RtpPacket(101, False, 0, start, 7, b"1234")
    assert (stream.timestamp, stream.packets, stream.octets) == (start, 2, 8)
