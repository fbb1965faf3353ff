"""RTCP packets, and the compound packets that carry them.

Source: RFC 3550 sections 6.1 and 6.4 to 6.7, appendix A.2; RFC 5506 for what is read: a datagram
that begins with no report. Every field is big-endian.
"""

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from struct import error as StructError  # noqa: N812 - an exception, named like one

from telephony.errors import LocalError
from telephony.rtp.packet import RtpSyntaxError
from telephony.units import NS_PER_SECOND, RtpTimestamp

__all__ = [
    "ApplicationDefined",
    "Goodbye",
    "OtherRtcp",
    "ReceiverReport",
    "ReportBlock",
    "RtcpPacket",
    "SenderReport",
    "SourceDescription",
    "build_rtcp",
    "ntp_timestamp",
    "parse_rtcp",
]

SDES_END = 0
SDES_CNAME = 1
VERSION_2 = 0x80
VERSION_MASK = 0xC0
PADDING = 0x20
COUNT_MASK = 0x1F
MAX_COUNT = 31
"""What the five-bit count can say: report blocks, chunks, sources."""
MAX_COMPOUND = 64
"""Packets in one datagram; a sane one has two to four."""
RTCP_TYPES = range(192, 224)
"""What a packet type may be, so that no RTP looks alike (RFC 5761 section 4)."""
HEADER_OCTETS = 4
WORD_OCTETS = 4
NTP_EPOCH_SECONDS = 2_208_988_800
"""From 1900, where NTP counts from, to 1970."""

_HEADER = Struct("!BBH")
_WORD = Struct("!I")
_SENDER_INFO = Struct("!IQIII")
_REPORT_BLOCK = Struct("!IIIIII")


class RtcpType(IntEnum):
    """The packet types that are read here (RFC 3550 section 12.1)."""

    SENDER_REPORT = 200
    RECEIVER_REPORT = 201
    SOURCE_DESCRIPTION = 202
    GOODBYE = 203
    APPLICATION_DEFINED = 204


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What one receiver says of one source (RFC 3550 section 6.4.1)."""

    ssrc: int
    fraction_lost: int
    """In 256ths, since the previous report."""
    cumulative_lost: int
    """24 bits, signed."""
    highest_sequence: int
    """Extended to 32 bits by the count of cycles."""
    jitter: int
    """In timestamp units."""
    last_sr: int = 0
    """The middle 32 bits of the NTP timestamp in the last sender report; 0 before the first."""
    delay_since_last_sr: int = 0
    """In 65,536ths of a second."""


@dataclass(frozen=True, slots=True)
class SenderReport:
    """SR: what a sender has sent, and what it has received (RFC 3550 section 6.4.1)."""

    ssrc: int
    ntp: int
    """64 bits: seconds since 1900, and their fraction."""
    rtp_timestamp: RtpTimestamp
    """The same instant on the stream's RTP clock."""
    packets: int
    octets: int
    reports: tuple[ReportBlock, ...] = ()
    extension: bytes = b""
    """What a profile adds, in whole words."""


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """RR: what one who sends nothing has received (RFC 3550 section 6.4.2)."""

    ssrc: int
    reports: tuple[ReportBlock, ...] = ()
    extension: bytes = b""
    """What a profile adds, in whole words."""


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """SDES: per source, its items as (type, octets) (RFC 3550 section 6.5)."""

    chunks: tuple[tuple[int, tuple[tuple[int, bytes], ...]], ...]

    @classmethod
    def of_cname(cls, ssrc: int, cname: str) -> "SourceDescription":
        """Describe one source by the one item that every compound packet must hold."""
        return cls(((ssrc, ((SDES_CNAME, cname.encode()),)),))

    def cname(self, ssrc: int) -> bytes | None:
        """Give the canonical name of a source, UTF-8, as sent; None where it is not described."""
        for source, items in self.chunks:
            for kind, text in items:
                if source == ssrc and kind == SDES_CNAME:
                    return text
        return None


@dataclass(frozen=True, slots=True)
class Goodbye:
    """BYE: sources that leave (RFC 3550 section 6.6)."""

    ssrcs: tuple[int, ...]
    reason: bytes = b""
    """UTF-8, as sent, at most 255 octets."""


@dataclass(frozen=True, slots=True)
class ApplicationDefined:
    """APP: passed through (RFC 3550 section 6.7)."""

    subtype: int
    ssrc: int
    name: bytes
    """Four ASCII octets."""
    content: bytes = b""
    """In whole words."""


@dataclass(frozen=True, slots=True)
class OtherRtcp:
    """A packet type that is not read here, such as feedback (205, 206) or XR (207)."""

    packet_type: int
    count: int
    body: bytes
    """Behind the four header octets, in whole words."""


RtcpPacket = (
    SenderReport | ReceiverReport | SourceDescription | Goodbye | ApplicationDefined | OtherRtcp
)


def ntp_timestamp(wall_ns: int) -> int:
    """Turn nanoseconds since 1970 UTC into a 64-bit NTP timestamp (RFC 3550 section 4)."""
    seconds, rest_ns = divmod(wall_ns, NS_PER_SECOND)
    whole = (seconds + NTP_EPOCH_SECONDS) & 0xFFFFFFFF
    return whole << 32 | (rest_ns << 32) // NS_PER_SECOND


def parse_rtcp(datagram: bytes) -> tuple[RtcpPacket, ...]:
    """Read one datagram: a compound packet, or a reduced-size one (RFC 5506 section 3.1).

    What we send always is compound, but peers send less without having agreed on it: baresip opens
    the way through a NAT with a lone APP.

    Args:
        datagram: The whole UDP payload, decrypted. Up to three octets behind it are let be.

    Raises:
        RtpSyntaxError: The sender is at fault (RFC 3550 A.2): a version other than 2, a first
            packet of no RTCP type (RFC 5761 section 4), lengths that do not add up, padding before
            the last packet, or a packet whose count does not fit in its length.
    """
    packets: list[RtcpPacket] = []
    offset, octets = 0, len(datagram)
    if octets < HEADER_OCTETS:
        raise RtpSyntaxError(f"RTCP of {octets} octets, at least 4 wanted (RFC 3550 6.4)")
    # X-Lite's softphones leave two octets behind the last packet: less than a header is let be.
    while octets - offset >= HEADER_OCTETS:
        if len(packets) == MAX_COMPOUND:
            raise RtpSyntaxError(f"more than {MAX_COMPOUND} RTCP packets in one datagram")
        first, packet_type, words = _HEADER.unpack_from(datagram, offset)
        end = offset + HEADER_OCTETS + WORD_OCTETS * words
        if first & VERSION_MASK != VERSION_2:
            raise RtpSyntaxError(f"RTCP version {first >> 6}, 2 wanted (RFC 3550 A.2)")
        if packet_type not in RTCP_TYPES:
            raise RtpSyntaxError(f"RTCP type {packet_type}, 192 to 223 wanted (RFC 5761 4)")
        if end > octets:
            raise RtpSyntaxError(f"RTCP packet to octet {end} of {octets} (RFC 3550 A.2)")
        body = datagram[offset + HEADER_OCTETS : end]
        if first & PADDING:
            body = _without_padding(body, is_last=end == octets)
        packets.append(_parse_packet(packet_type, first & COUNT_MASK, body))
        offset = end
    return tuple(packets)


def _without_padding(body: bytes, *, is_last: bool) -> bytes:
    """Cut the padding off, which only the last packet may have (RFC 3550 section 6.4.1)."""
    padding = body[-1] if body else 0
    if not is_last or padding == 0 or padding % WORD_OCTETS or padding > len(body):
        raise RtpSyntaxError(f"RTCP padding of {padding} octets in {len(body)} (RFC 3550 A.2)")
    return body[:-padding]


def _parse_packet(packet_type: int, count: int, body: bytes) -> RtcpPacket:
    """Read one packet behind its header."""
    match packet_type:
        case RtcpType.SENDER_REPORT:
            return _parse_sender_report(count, body)
        case RtcpType.RECEIVER_REPORT:
            _want(body, WORD_OCTETS, "RR")
            reports, extension = _parse_reports(count, body[WORD_OCTETS:])
            return ReceiverReport(_word(body, 0), reports, extension)
        case RtcpType.SOURCE_DESCRIPTION:
            return _parse_source_description(count, body)
        case RtcpType.GOODBYE:
            return _parse_goodbye(count, body)
        case RtcpType.APPLICATION_DEFINED:
            _want(body, 2 * WORD_OCTETS, "APP")
            return ApplicationDefined(count, _word(body, 0), body[4:8], body[8:])
        case _:
            return OtherRtcp(packet_type, count, body)


def _want(body: bytes, octets: int, name: str) -> None:
    """Raise unless the body has this many octets."""
    if len(body) < octets:
        raise RtpSyntaxError(f"{name} body of {len(body)} octets, {octets} wanted (RFC 3550 6)")


def _word(body: bytes, offset: int) -> int:
    """Read 32 bits."""
    return int.from_bytes(body[offset : offset + WORD_OCTETS], "big")


def _parse_sender_report(count: int, body: bytes) -> SenderReport:
    """Read SR: the sender's part, then the blocks."""
    _want(body, _SENDER_INFO.size, "SR")
    ssrc, ntp, timestamp, packets, octets = _SENDER_INFO.unpack_from(body)
    reports, extension = _parse_reports(count, body[_SENDER_INFO.size :])
    return SenderReport(ssrc, ntp, timestamp, packets, octets, reports, extension)


def _parse_reports(count: int, body: bytes) -> tuple[tuple[ReportBlock, ...], bytes]:
    """Read `count` report blocks; give them and the profile's extension behind them."""
    end = count * _REPORT_BLOCK.size
    _want(body, end, "report blocks'")
    reports: list[ReportBlock] = []
    for ssrc, loss, highest, jitter, last_sr, delay in _REPORT_BLOCK.iter_unpack(body[:end]):
        lost = ((loss & 0xFFFFFF) ^ 0x800000) - 0x800000  # 24 bits, signed
        reports.append(ReportBlock(ssrc, loss >> 24, lost, highest, jitter, last_sr, delay))
    return tuple(reports), body[end:]


def _parse_source_description(count: int, body: bytes) -> SourceDescription:
    """Read SDES: chunks on word boundaries, each ended by one to four null octets."""
    chunks: list[tuple[int, tuple[tuple[int, bytes], ...]]] = []
    at = 0
    for _ in range(count):
        _want(body, at + WORD_OCTETS, "SDES")
        ssrc = _word(body, at)
        at += WORD_OCTETS
        items: list[tuple[int, bytes]] = []
        while True:
            _want(body, at + 1, "SDES")
            if body[at] == SDES_END:
                break
            _want(body, at + 2, "SDES")
            end = at + 2 + body[at + 1]
            _want(body, end, "SDES")
            items.append((body[at], body[at + 2 : end]))
            at = end
        at += WORD_OCTETS - at % WORD_OCTETS
        chunks.append((ssrc, tuple(items)))
    return SourceDescription(tuple(chunks))


def _parse_goodbye(count: int, body: bytes) -> Goodbye:
    """Read BYE: sources, then perhaps a reason with its length."""
    end = WORD_OCTETS * count
    _want(body, end, "BYE")
    ssrcs = tuple(_word(body, at) for at in range(0, end, WORD_OCTETS))
    if len(body) == end:
        return Goodbye(ssrcs)
    _want(body, end + 1 + body[end], "BYE")
    return Goodbye(ssrcs, body[end + 1 : end + 1 + body[end]])


def build_rtcp(packets: tuple[RtcpPacket, ...]) -> bytes:
    """Write one compound packet (RFC 3550 section 6.1).

    Args:
        packets: First SR or RR; a SourceDescription with a CNAME among the rest.

    Raises:
        LocalError: We are at fault: the order above is broken, or a field is out of its range.
    """
    if not packets or not isinstance(packets[0], SenderReport | ReceiverReport):
        raise LocalError("a compound RTCP packet begins with SR or RR (RFC 3550 6.1)")
    described = [packet for packet in packets if isinstance(packet, SourceDescription)]
    if not any(packet.cname(ssrc) for packet in described for ssrc, _ in packet.chunks):
        raise LocalError("a compound RTCP packet holds a CNAME (RFC 3550 6.1)")
    try:
        return b"".join(_build_packet(packet) for packet in packets)
    except (StructError, ValueError) as out_of_range:
        raise LocalError(f"RTCP field out of range: {out_of_range}") from out_of_range


def _build_packet(packet: RtcpPacket) -> bytes:
    """Write one packet with its header."""
    match packet:
        case SenderReport(ssrc, ntp, timestamp, sent, octets, reports, extension):
            body = _SENDER_INFO.pack(ssrc, ntp, timestamp, sent, octets)
            return _framed(
                RtcpType.SENDER_REPORT, len(reports), body + _blocks(reports) + extension
            )
        case ReceiverReport(ssrc, reports, extension):
            body = _WORD.pack(ssrc) + _blocks(reports) + extension
            return _framed(RtcpType.RECEIVER_REPORT, len(reports), body)
        case SourceDescription(chunks):
            body = b"".join(_chunk(ssrc, items) for ssrc, items in chunks)
            return _framed(RtcpType.SOURCE_DESCRIPTION, len(chunks), body)
        case Goodbye(ssrcs, reason):
            body = b"".join(map(_WORD.pack, ssrcs))
            if reason:
                body += bytes([len(reason)]) + reason
                body += bytes(-len(body) % WORD_OCTETS)
            return _framed(RtcpType.GOODBYE, len(ssrcs), body)
        case ApplicationDefined(subtype, ssrc, name, content):
            if len(name) != WORD_OCTETS:
                raise LocalError(f"APP name of {len(name)} octets, 4 wanted (RFC 3550 6.7)")
            return _framed(RtcpType.APPLICATION_DEFINED, subtype, _WORD.pack(ssrc) + name + content)
        case _:
            return _framed(packet.packet_type, packet.count, packet.body)


def _framed(packet_type: int, count: int, body: bytes) -> bytes:
    """Put the header before a body."""
    words, odd = divmod(len(body), WORD_OCTETS)
    if odd or count > MAX_COUNT:
        raise LocalError(f"RTCP type {packet_type}: {len(body)} octets, count {count} (at most 31)")
    return _HEADER.pack(VERSION_2 | count, packet_type, words) + body


def _blocks(reports: tuple[ReportBlock, ...]) -> bytes:
    """Write report blocks."""
    return b"".join(
        _REPORT_BLOCK.pack(
            block.ssrc,
            block.fraction_lost << 24 | block.cumulative_lost & 0xFFFFFF,
            block.highest_sequence,
            block.jitter,
            block.last_sr,
            block.delay_since_last_sr,
        )
        for block in reports
    )


def _chunk(ssrc: int, items: tuple[tuple[int, bytes], ...]) -> bytes:
    """Write one SDES chunk; the null octets that end it reach the next word boundary."""
    body = _WORD.pack(ssrc)
    for kind, text in items:
        body += bytes([kind, len(text)]) + text
    return body + bytes(WORD_OCTETS - len(body) % WORD_OCTETS)
