"""Wire rows of RTP, RTCP, telephone-event and INFO digits, each used both ways.

The octets are written out by hand from the figures of RFC 3550 sections 5.1, 5.3.1 and 6.4 to 6.7,
and RFC 4733 section 2.3.
"""

import pytest

from telephony.rtp import (
    ApplicationDefined,
    Goodbye,
    HeaderExtension,
    InfoDigit,
    OtherRtcp,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    RtpPacket,
    SenderReport,
    SourceDescription,
    TelephoneEvent,
    build_rtcp,
    build_rtp,
    build_telephone_event,
    parse_info_digit,
    parse_rtcp,
    parse_rtp,
    parse_telephone_event,
)
from telephony.units import RtpTimestamp

RTP: list[tuple[RtpPacket, str]] = [
    (
        RtpPacket(0, True, 1, RtpTimestamp(160), 0x11223344, b"\xff\x7f"),
        "80 80 0001 000000a0 11223344 ff7f",
    ),
    (
        RtpPacket(101, False, 0xFFFF, RtpTimestamp(0xFFFFFFFF), 0xFFFFFFFF, b"\x05\x8a\x03\x20"),
        "80 65 ffff ffffffff ffffffff 058a0320",
    ),
    (
        RtpPacket(8, False, 2, RtpTimestamp(3), 4, b"\xd5", csrcs=(5, 0xFFFFFFFE)),
        "82 08 0002 00000003 00000004 00000005 fffffffe d5",
    ),
    (
        RtpPacket(
            111, True, 2, RtpTimestamp(3), 4, b"", (5,), HeaderExtension(0xBEDE, b"\x10\x7f\0\0")
        ),
        "91 ef 0002 00000003 00000004 00000005 bede0001 107f0000",
    ),
    (
        RtpPacket(0, False, 2, RtpTimestamp(3), 4, b"a", (), HeaderExtension(0x1000, b"")),
        "90 00 0002 00000003 00000004 10000000 61",
    ),
]


@pytest.mark.parametrize(("packet", "wire"), RTP)
def test_rtp(packet: RtpPacket, wire: str) -> None:
    assert parse_rtp(bytes.fromhex(wire)) == packet
    assert build_rtp(packet) == bytes.fromhex(wire)


SDES = SourceDescription.of_cname(0x0A, "abc")
SDES_WIRE = "81ca0003 0000000a 01036162 63000000"
RTCP: list[tuple[tuple[RtcpPacket, ...], str]] = [
    ((ReceiverReport(0x0A), SDES), "80c90001 0000000a" + SDES_WIRE),
    (
        (
            SenderReport(
                0x0A,
                0xE0000001_80000000,
                RtpTimestamp(0x10),
                2,
                320,
                (ReportBlock(0x0B, 0x40, -1, 0x0001FFFF, 9, 0x00018000, 0x00028000),),
            ),
            SDES,
        ),
        "81c8000c 0000000a e0000001 80000000 00000010 00000002 00000140"
        "0000000b 40ffffff 0001ffff 00000009 00018000 00028000" + SDES_WIRE,
    ),
    (
        (ReceiverReport(0x0A, (ReportBlock(0x0B, 255, 0x7FFFFF, 1, 2, 3, 4),)), SDES),
        "81c90007 0000000a 0000000b ff7fffff 00000001 00000002 00000003 00000004" + SDES_WIRE,
    ),
    (
        (ReceiverReport(0x0A), SourceDescription(((0x0A, ((1, b"ab"), (6, b"t"))), (0x0B, ())))),
        "80c90001 0000000a 82ca0005 0000000a 01026162 06017400 0000000b 00000000",
    ),
    (
        (ReceiverReport(0x0A), SDES, Goodbye((0x0A, 0x0B), b"hung up")),
        "80c90001 0000000a" + SDES_WIRE + "82cb0004 0000000a 0000000b 0768756e 67207570",
    ),
    (
        (ReceiverReport(0x0A), SDES, Goodbye(())),
        "80c90001 0000000a" + SDES_WIRE + "80cb0000",
    ),
    (
        (ReceiverReport(0x0A), SDES, ApplicationDefined(3, 0x0A, b"PoC1", b"\1\2\3\4")),
        "80c90001 0000000a" + SDES_WIRE + "83cc0003 0000000a 506f4331 01020304",
    ),
    (
        (ReceiverReport(0x0A), SDES, OtherRtcp(207, 0, b"\0\0\0\x0a")),
        "80c90001 0000000a" + SDES_WIRE + "80cf0001 0000000a",
    ),
]


@pytest.mark.parametrize(("packets", "wire"), RTCP)
def test_rtcp(packets: tuple[RtcpPacket, ...], wire: str) -> None:
    assert parse_rtcp(bytes.fromhex(wire)) == packets
    assert build_rtcp(packets) == bytes.fromhex(wire)


EVENTS = [
    (TelephoneEvent(0, False, 10, 160), "000a00a0"),
    (TelephoneEvent(11, True, 63, 0xFFFF), "0bbfffff"),
    (TelephoneEvent(255, True, 0, 0), "ff800000"),
]


@pytest.mark.parametrize(("event", "wire"), EVENTS)
def test_telephone_event(event: TelephoneEvent, wire: str) -> None:
    assert parse_telephone_event(bytes.fromhex(wire)) == (event,)
    assert build_telephone_event(event) == bytes.fromhex(wire)


INFO = [
    (InfoDigit("5", 160), b"Signal=5\r\nDuration=160\r\n"),
    (InfoDigit("*", None), b"Signal=*\r\n"),
]


@pytest.mark.parametrize(("digit", "body"), INFO)
def test_dtmf_relay(digit: InfoDigit, body: bytes) -> None:
    assert parse_info_digit("application/dtmf-relay", body) == digit
