"""RTP packets: reading what arrives, and heading what leaves.

Source: RFC 3550 sections 5.1 and 5.3.1. One packet each way per call and 20 ms passes here, so the
plain packet (version 2, no padding, no extension, no contributing source) takes a short path with
one unpack and one slice.
"""

from struct import Struct
from struct import error as StructError  # noqa: N812 - an exception, named like one
from typing import NamedTuple

from telephony.errors import LocalError, RemoteError
from telephony.rtp.serial import add_samples
from telephony.units import RtpTimestamp

__all__ = [
    "HeaderExtension",
    "RtpPacket",
    "RtpSender",
    "RtpSyntaxError",
    "build_rtp",
    "parse_rtp",
]

VERSION_2 = 0x80
VERSION_MASK = 0xC0
PADDING = 0x20
EXTENSION = 0x10
CSRC_COUNT_MASK = 0x0F
MARKER = 0x80
PAYLOAD_TYPE_MASK = 0x7F
HEADER_OCTETS = 12
WORD_OCTETS = 4
MAX_CSRCS = 15
"""What the four-bit CSRC count can say."""

_HEADER = Struct("!BBHII")
_pack_header = _HEADER.pack
_unpack_header = _HEADER.unpack_from
_EXTENSION = Struct("!HH")


class RtpSyntaxError(RemoteError):
    """The peer sent octets that are not an RTP or RTCP packet, or not a valid payload of one."""


class HeaderExtension(NamedTuple):
    """The one header extension a packet may have (RFC 3550 section 5.3.1)."""

    profile: int
    """The 16 bits that the profile defines; 0xBEDE for RFC 8285 elements."""
    content: bytes
    """A whole number of 32-bit words."""


class RtpPacket(NamedTuple):
    """One RTP packet (RFC 3550 section 5.1), padding removed."""

    payload_type: int
    """7 bits, as agreed in SDP."""
    marker: bool
    """For audio: the first packet after a silence (RFC 3551 section 4.1)."""
    sequence: int
    """16 bits, wraps."""
    timestamp: RtpTimestamp
    """Sampling instant of the first sample in the payload, 32 bits, wraps."""
    ssrc: int
    """32 bits: the stream this packet belongs to."""
    payload: bytes
    """May be empty."""
    csrcs: tuple[int, ...] = ()
    """Contributing sources that a mixer lists, at most 15."""
    extension: HeaderExtension | None = None


def parse_rtp(datagram: bytes) -> RtpPacket:
    """Read one RTP packet.

    Args:
        datagram: The whole UDP payload, decrypted.

    Raises:
        RtpSyntaxError: The sender is at fault: shorter than 12 octets, a version other than 2, or
            a CSRC list, extension or padding that does not fit in the datagram.
    """
    octets = len(datagram)
    if octets < HEADER_OCTETS:
        raise RtpSyntaxError(f"RTP of {octets} octets, at least 12 wanted (RFC 3550 5.1)")
    first, second, sequence, timestamp, ssrc = _unpack_header(datagram)
    if first == VERSION_2:
        return RtpPacket(
            second & PAYLOAD_TYPE_MASK,
            second >= MARKER,
            sequence,
            timestamp,
            ssrc,
            datagram[HEADER_OCTETS:],
        )
    if first & VERSION_MASK != VERSION_2:
        raise RtpSyntaxError(f"RTP version {first >> 6}, 2 wanted (RFC 3550 5.1)")
    csrcs, start = _parse_csrcs(datagram, first & CSRC_COUNT_MASK)
    extension = None
    if first & EXTENSION:
        extension, start = _parse_extension(datagram, start)
    end = octets - _padding_octets(datagram, start) if first & PADDING else octets
    return RtpPacket(
        second & PAYLOAD_TYPE_MASK,
        second >= MARKER,
        sequence,
        timestamp,
        ssrc,
        datagram[start:end],
        csrcs,
        extension,
    )


def _parse_csrcs(datagram: bytes, count: int) -> tuple[tuple[int, ...], int]:
    """Read the CSRC list; give it and the offset behind it."""
    end = HEADER_OCTETS + WORD_OCTETS * count
    if len(datagram) < end:
        raise RtpSyntaxError(
            f"RTP of {len(datagram)} octets with {count} CSRCs, {end} wanted (RFC 3550 5.1)"
        )
    words = range(HEADER_OCTETS, end, WORD_OCTETS)
    csrcs = tuple(int.from_bytes(datagram[at : at + WORD_OCTETS], "big") for at in words)
    return csrcs, end


def _parse_extension(datagram: bytes, start: int) -> tuple[HeaderExtension, int]:
    """Read the header extension at `start`; give it and the offset behind it."""
    content = start + WORD_OCTETS
    if len(datagram) < content:
        raise RtpSyntaxError("RTP ends inside its extension header (RFC 3550 5.3.1)")
    profile, words = _EXTENSION.unpack_from(datagram, start)
    end = content + WORD_OCTETS * words
    if len(datagram) < end:
        raise RtpSyntaxError(
            f"RTP of {len(datagram)} octets with an extension to {end} (RFC 3550 5.3.1)"
        )
    return HeaderExtension(profile, datagram[content:end]), end


def _padding_octets(datagram: bytes, start: int) -> int:
    """Give the padding's length, its last octet, which counts itself."""
    padding = datagram[-1]
    if not 0 < padding <= len(datagram) - start:
        raise RtpSyntaxError(
            f"RTP padding of {padding} octets behind {len(datagram) - start} (RFC 3550 5.1)"
        )
    return padding


def build_rtp(packet: RtpPacket) -> bytes:
    """Write one RTP packet, without padding. The hot path is `RtpSender`.

    Raises:
        LocalError: We are at fault: a number is out of its field's range, there are more than 15
            CSRCs, or the extension is not a whole number of 32-bit words.
    """
    csrcs, extension = packet.csrcs, packet.extension
    if len(csrcs) > MAX_CSRCS:
        raise LocalError(f"{len(csrcs)} CSRCs, at most 15 wanted (RFC 3550 5.1)")
    first = VERSION_2 | len(csrcs)
    second = packet.payload_type | (MARKER if packet.marker else 0)
    try:
        rest = Struct(f"!{len(csrcs)}I").pack(*csrcs)
        if extension is not None:
            words, odd = divmod(len(extension.content), WORD_OCTETS)
            if odd:
                raise LocalError(f"extension ends {odd} octets into a word (RFC 3550 5.3.1)")
            first |= EXTENSION
            rest += _EXTENSION.pack(extension.profile, words) + extension.content
        header = _pack_header(first, second, packet.sequence, packet.timestamp, packet.ssrc)
    except StructError as out_of_range:
        raise LocalError(f"RTP header field out of range: {out_of_range}") from out_of_range
    return header + rest + packet.payload


class RtpSender:
    """The state of one stream that we send: it heads each payload and moves on.

    The caller, on its media clock, calls exactly one of `packet`, `event_packet` followed by
    `advance`, or `advance` alone per period, so `timestamp` always is the media clock of the
    period to come. Counters are those of a sender report (RFC 3550 section 6.4.1).

    Attributes:
        ssrc: 32 bits, random, ours.
        payload_type: 7 bits, of the agreed codec; may change during a call.
        sequence: Of the next packet, 16 bits; starts random.
        timestamp: Of the next period's first sample, 32 bits; starts random.
        packets: Packets headed so far, less those taken back.
        octets: Their payload octets, without headers.
    """

    __slots__ = ("octets", "packets", "payload_type", "sequence", "ssrc", "timestamp")

    def __init__(
        self, *, ssrc: int, payload_type: int, sequence: int, timestamp: RtpTimestamp
    ) -> None:
        """Start a stream; the caller draws `ssrc`, `sequence` and `timestamp` at random."""
        self.ssrc = ssrc
        self.payload_type = payload_type
        self.sequence = sequence
        self.timestamp = timestamp
        self.packets = 0
        self.octets = 0

    def packet(self, payload: bytes, samples: int, *, marker: bool = False) -> bytes:
        """Head one payload of the codec and advance.

        Args:
            payload: Encoded audio of this period.
            samples: Its length on the RTP clock: 160 for 20 ms at 8,000 Hz.
            marker: True on the first packet after a silence that was not sent.

        Returns:
            The packet to send.
        """
        sequence = self.sequence
        timestamp = self.timestamp
        self.sequence = (sequence + 1) & 0xFFFF
        self.timestamp = RtpTimestamp((timestamp + samples) & 0xFFFFFFFF)
        self.packets += 1
        self.octets += len(payload)
        second = self.payload_type | MARKER if marker else self.payload_type
        return _pack_header(VERSION_2, second, sequence, timestamp, self.ssrc) + payload

    def event_packet(
        self, payload: bytes, payload_type: int, timestamp: RtpTimestamp, *, marker: bool = False
    ) -> bytes:
        """Head a payload that has its own type and timestamp, such as a digit event's.

        The stream's own timestamp stays; call `advance` for the period that the packet replaces.
        Source: RFC 4733 section 2.2.1 (the timestamp is the event's start, in all its packets).
        """
        sequence = self.sequence
        self.sequence = (sequence + 1) & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        second = payload_type | MARKER if marker else payload_type
        return _pack_header(VERSION_2, second, sequence, timestamp, self.ssrc) + payload

    def take_back(self, packet: bytes) -> None:
        """Count a packet as never sent; the far end will miss its number, as of one lost."""
        self.packets -= 1
        self.octets -= len(packet) - HEADER_OCTETS

    def advance(self, samples: int) -> None:
        """Let media time pass without a packet: suppressed silence, or a period that was missed."""
        self.timestamp = add_samples(self.timestamp, samples)
