"""RTCP: compound packets are held to RFC 3550 A.2, both when read and when written."""

import pytest

from telephony.errors import LocalError
from telephony.rtp import (
    ApplicationDefined,
    Goodbye,
    OtherRtcp,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    RtpSyntaxError,
    SenderReport,
    SourceDescription,
    build_rtcp,
    ntp_timestamp,
    parse_rtcp,
)
from telephony.units import RtpTimestamp

BLOCK = ReportBlock(0xB, 64, -2, 0x1FFFF, 30, 0x11112222, 0x10000)
RR = ReceiverReport(0xA, (BLOCK,))
SDES = SourceDescription.of_cname(0xA, "leg@host")
EMPTY_RR = bytes.fromhex("80c90001 0000000a")


def read(tail: str, head: bytes = EMPTY_RR) -> tuple[RtcpPacket, ...]:
    """Read a compound packet of an empty report and one other packet, given in hexadecimal."""
    return parse_rtcp(head + bytes.fromhex(tail))


ROUND_TRIPS: list[tuple[RtcpPacket, ...]] = [
    (RR, SDES),
    (ReceiverReport(0xA, (), b"profile!"), SDES),
    (SenderReport(0xA, 1 << 63, RtpTimestamp(0xFFFFFFFF), 7, 1120, (BLOCK, BLOCK)), SDES),
    (RR, SDES, Goodbye((0xA,))),
    (RR, SDES, Goodbye((0xA, 0xB), b"bye")),
    (RR, SDES, ApplicationDefined(5, 0xA, b"TEST", b"12345678")),
    (RR, SDES, OtherRtcp(207, 3, b"\0" * 8)),
    (RR, SourceDescription(((0xA, ((1, b"x"), (2, b""))), (0xB, ()), (0xC, ((1, b"abcd"),))))),
]


@pytest.mark.parametrize("packets", ROUND_TRIPS)
def test_what_is_built_is_read_back(packets: tuple[RtcpPacket, ...]) -> None:
    assert parse_rtcp(build_rtcp(packets)) == packets


def test_octets_too_few_for_a_packet_are_let_be_behind_the_last() -> None:
    assert parse_rtcp(EMPTY_RR + b"\0\0") == (ReceiverReport(0xA),)


def test_padding_of_the_last_packet_is_taken_off() -> None:
    assert read("a0cc0003 0000000a 54455354 00000004")[1] == ApplicationDefined(0, 10, b"TEST")


def test_a_lone_packet_that_is_no_report_is_read() -> None:
    """RFC 5506; the octets are those that baresip 1.0 sends ahead of its RTP."""
    ping = bytes.fromhex("80cc0003 f7377115 50494e47 504f4e47")
    assert parse_rtcp(ping) == (ApplicationDefined(0, 0xF7377115, b"PING", b"PONG"),)
    assert parse_rtcp(bytes.fromhex("81cb0001 0000000a")) == (Goodbye((0xA,)),)


REFUSED = {
    "nothing": b"",
    "a header cut short": EMPTY_RR[:3],
    "version 1": b"\x40" + EMPTY_RR[1:],
    "a first packet of no RTCP type": bytes.fromhex("80bf0001 0000000a"),
    "a later packet of no RTCP type": EMPTY_RR + bytes.fromhex("80e00001 0000000a"),
    "a length beyond the end": EMPTY_RR[:-1],
    "RR without its SSRC": bytes.fromhex("80c90000"),
    "SR without its sender part": bytes.fromhex("80c80001 0000000a"),
    "fewer blocks than counted": bytes.fromhex("81c90001 0000000a"),
    "padding before the last packet": bytes.fromhex("a0c90002 0000000a 00000004") + EMPTY_RR,
    "padding of zero": bytes.fromhex("a0c90002 0000000a 00000000"),
    "padding of half a word": bytes.fromhex("a0c90002 0000000a 00000002"),
    "padding over the packet": bytes.fromhex("a0c90002 0000000a 0000000c"),
    "padding of an empty packet": EMPTY_RR + bytes.fromhex("a0cb0000"),
    "SDES without its SSRC": EMPTY_RR + bytes.fromhex("81ca0000"),
    "SDES without its end": EMPTY_RR + bytes.fromhex("81ca0002 0000000a 01026161"),
    "SDES item without its length": EMPTY_RR + bytes.fromhex("81ca0002 0000000a 01016101"),
    "SDES item beyond the end": EMPTY_RR + bytes.fromhex("81ca0002 0000000a 01036161"),
    "BYE without its sources": EMPTY_RR + bytes.fromhex("81cb0000"),
    "BYE reason beyond the end": EMPTY_RR + bytes.fromhex("81cb0002 0000000a 04616263"),
    "APP without its name": EMPTY_RR + bytes.fromhex("80cc0001 0000000a"),
    "more packets than any peer sends": EMPTY_RR * 65,
}


@pytest.mark.parametrize("datagram", REFUSED.values(), ids=REFUSED.keys())
def test_what_breaks_the_rules_is_refused(datagram: bytes) -> None:
    with pytest.raises(RtpSyntaxError):
        parse_rtcp(datagram)


def test_the_loss_is_signed() -> None:
    for lost in (-0x800000, -1, 0, 0x7FFFFF):
        block = ReportBlock(1, 255, lost, 2, 3)
        (report, _) = parse_rtcp(build_rtcp((ReceiverReport(0xA, (block,)), SDES)))
        assert report == ReceiverReport(0xA, (block,))


def test_the_canonical_name_is_found_by_source() -> None:
    description = SourceDescription(((1, ((2, b"name"), (1, b"one"))), (3, ())))
    assert (description.cname(1), description.cname(3), description.cname(4)) == (
        b"one",
        None,
        None,
    )


OURS_AT_FAULT: dict[str, tuple[RtcpPacket, ...]] = {
    "nothing": (),
    "no report first": (SDES, RR),
    "no canonical name": (RR,),
    "a name too long": (RR, SourceDescription.of_cname(1, "x" * 256)),
    "a number out of range": (ReceiverReport(1 << 32), SDES),
    "a reason too long": (RR, SDES, Goodbye((1,), b"x" * 256)),
    "a short APP name": (RR, SDES, ApplicationDefined(0, 1, b"abc")),
    "APP of half a word": (RR, SDES, ApplicationDefined(0, 1, b"abcd", b"xx")),
    "32 blocks": (ReceiverReport(0xA, (BLOCK,) * 32), SDES),
}


@pytest.mark.parametrize("packets", OURS_AT_FAULT.values(), ids=OURS_AT_FAULT.keys())
def test_nothing_wrong_is_built(packets: tuple[RtcpPacket, ...]) -> None:
    with pytest.raises(LocalError):
        build_rtcp(packets)


def test_ntp_counts_from_1900_in_fractions_of_two_to_the_32() -> None:
    assert ntp_timestamp(0) == 2_208_988_800 << 32
    assert ntp_timestamp(1_500_000_000) == 2_208_988_801 << 32 | 1 << 31
    assert ntp_timestamp(2_085_978_496 * 1_000_000_000) == 0  # 2036, where the era ends
