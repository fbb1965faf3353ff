"""Reads UDP datagrams out of capture files: classic pcap and pcapng.

Source: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng. Both byte orders, micro- and nanosecond
stamps; Ethernet (with VLAN tags), Linux cooked v1 and v2, raw IP, null and loop link types; IPv4
and IPv6 with their extension headers. Fragments and packets cut short by the snap length are left
out, as is all that is not UDP.
"""

import struct
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

__all__ = ["CaptureError", "Datagram", "Frame", "read_datagrams", "read_frames", "write_pcap"]

NS_PER_SECOND = 1_000_000_000
PCAP_MAGICS = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
"""Magic -> byte order, nanoseconds per unit of the stamp's fraction."""
SECTION_HEADER = b"\n\r\r\n"
"""The same in both byte orders; the blocks 1, 3 and 6 are interface, simple and enhanced packet."""
OPTION_TSRESOL = 9
OPTION_TSOFFSET = 14
LINK_NULL = 0
LINK_RAW = {12, 14, 101, 228, 229}
LINK_LOOP = 108
LINK_COOKED_2 = 276
ETHERTYPE_OFFSETS = {1: 12, 113: 14, LINK_COOKED_2: 0}
"""Link type (Ethernet, Linux cooked v1 and v2) -> where its EtherType stands."""
ETHERTYPE_IP = {0x0800, 0x86DD}
ETHERTYPE_VLAN = {0x8100, 0x88A8, 0x9100}
UDP = 17
IPV6_EXTENSIONS = {0, 43, 60, 135}


class CaptureError(ValueError):
    """The file is not a capture, or is broken in a place that cannot be skipped."""


class Frame(NamedTuple):
    """One captured frame."""

    time_ns: int
    link_type: int
    octets: bytes
    original_octets: int


class Datagram(NamedTuple):
    """One UDP datagram."""

    time_ns: int
    source: tuple[str, int]
    destination: tuple[str, int]
    payload: bytes


class _Interface(NamedTuple):
    """What a pcapng interface block says of the packets on it."""

    link_type: int
    snap_octets: int
    units_per_second: int
    offset_seconds: int


def read_datagrams(path: Path) -> Iterator[Datagram]:
    """Yield every whole UDP datagram of a capture file, in file order."""
    for frame in read_frames(path.read_bytes()):
        packet = _network_packet(frame.link_type, frame.octets)
        if packet is not None and (datagram := _udp(frame.time_ns, packet)) is not None:
            yield datagram


def read_frames(capture: bytes) -> Iterator[Frame]:
    """Yield every frame of a capture; a last record that is cut short ends it.

    Raises:
        CaptureError: The octets are not a capture.
    """
    if capture[:4] in PCAP_MAGICS:
        return _classic_frames(capture)
    if capture[:4] == SECTION_HEADER:
        return _next_generation_frames(capture)
    raise CaptureError(f"no capture: starts with {capture[:4].hex()}")


def _classic_frames(capture: bytes) -> Iterator[Frame]:
    order, scale = PCAP_MAGICS[capture[:4]]
    if len(capture) < 24:
        raise CaptureError("pcap header cut short")
    link_type = struct.unpack_from(order + "I", capture, 20)[0] & 0x0FFFFFFF
    at = 24
    while at + 16 <= len(capture):
        seconds, fraction, octets, original = struct.unpack_from(order + "4I", capture, at)
        at += 16
        if at + octets > len(capture):
            return
        time_ns = seconds * NS_PER_SECOND + fraction * scale
        yield Frame(time_ns, link_type, capture[at : at + octets], original)
        at += octets


def _next_generation_frames(capture: bytes) -> Iterator[Frame]:
    order = "<"
    interfaces: list[_Interface] = []
    at = 0
    while at + 12 <= len(capture):
        if capture[at : at + 4] == SECTION_HEADER:
            order = "<" if capture[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
        kind, total = struct.unpack_from(order + "2I", capture, at)
        if total < 12 or total % 4:
            raise CaptureError(f"pcapng block of {total} octets at {at}")
        if at + total > len(capture):
            return
        try:
            frame = _block(order, kind, capture[at + 8 : at + total - 4], interfaces)
        except struct.error as short:
            raise CaptureError(f"pcapng block at {at} cut short: {short}") from short
        if frame is not None:
            yield frame
        at += total


def _block(order: str, kind: int, body: bytes, interfaces: list[_Interface]) -> Frame | None:
    """Read one block: note an interface, give the frame of a packet."""
    match kind:
        case 1:
            interfaces.append(_interface(order, body))
        case 3 if interfaces:
            original: int = struct.unpack_from(order + "I", body)[0]
            snap = interfaces[0].snap_octets or original
            octets = body[4 : 4 + min(original, snap)]
            return Frame(0, interfaces[0].link_type, octets, original)
        case 6:
            return _enhanced_packet(order, body, interfaces)
        case _:
            pass
    return None


def _interface(order: str, body: bytes) -> _Interface:
    link_type, _, snap = struct.unpack_from(order + "HHI", body)
    units, offset, at = 1_000_000, 0, 8
    while at + 4 <= len(body):
        code, octets = struct.unpack_from(order + "HH", body, at)
        value = body[at + 4 : at + 4 + octets]
        if code == OPTION_TSRESOL and octets == 1:
            units = 2 ** (value[0] & 0x7F) if value[0] & 0x80 else 10 ** value[0]
        elif code == OPTION_TSOFFSET and octets == 8:
            offset = struct.unpack(order + "q", value)[0]
        at += 4 + octets + -octets % 4
    return _Interface(link_type, snap, units, offset)


def _enhanced_packet(order: str, body: bytes, interfaces: list[_Interface]) -> Frame:
    fields: tuple[int, ...] = struct.unpack_from(order + "5I", body)
    number, high, low, octets, original = fields
    if number >= len(interfaces):
        raise CaptureError(f"packet of interface {number}, which no block describes")
    interface = interfaces[number]
    ticks = high << 32 | low
    time_ns = ticks * NS_PER_SECOND // interface.units_per_second
    time_ns += interface.offset_seconds * NS_PER_SECOND
    return Frame(time_ns, interface.link_type, body[20 : 20 + octets], original)


def _network_packet(link_type: int, frame: bytes) -> bytes | None:
    """Strip the link layer; None where what it carries is not IP."""
    if link_type in LINK_RAW:
        return frame
    if link_type in (LINK_NULL, LINK_LOOP):
        return frame[4:]
    kind_at = ETHERTYPE_OFFSETS.get(link_type, len(frame))
    while len(frame) >= kind_at + 2:
        kind = int.from_bytes(frame[kind_at : kind_at + 2], "big")
        if kind in ETHERTYPE_IP:
            return frame[20 if link_type == LINK_COOKED_2 else kind_at + 2 :]
        if kind not in ETHERTYPE_VLAN:
            return None
        kind_at += 4
    return None


def _udp(time_ns: int, packet: bytes) -> Datagram | None:
    """Read a UDP datagram out of an IP packet; None for all else."""
    try:
        transport = _ipv4(packet) if packet[0] >> 4 == 4 else _ipv6(packet)
        if transport is None:
            return None
        source, destination, segment = transport
        source_port, destination_port, octets = struct.unpack_from("!3H", segment)
    except (IndexError, struct.error):
        return None
    if not 8 <= octets <= len(segment):
        return None
    return Datagram(
        time_ns, (source, source_port), (destination, destination_port), segment[8:octets]
    )


def _ipv4(packet: bytes) -> tuple[str, str, bytes] | None:
    header = (packet[0] & 0x0F) * 4
    total, _, fragment = struct.unpack_from("!3H", packet, 2)
    if packet[9] != UDP or fragment & 0x3FFF or not 20 <= header <= total <= len(packet):
        return None
    return str(ip_address(packet[12:16])), str(ip_address(packet[16:20])), packet[header:total]


def _ipv6(packet: bytes) -> tuple[str, str, bytes] | None:
    if packet[0] >> 4 != 6 or len(packet) < 40:
        return None
    end = 40 + int.from_bytes(packet[4:6], "big")
    following, at = packet[6], 40
    while following in IPV6_EXTENSIONS:
        following, at = packet[at], at + 8 + packet[at + 1] * 8
    if following != UDP or end > len(packet):
        return None
    return str(ip_address(packet[8:24])), str(ip_address(packet[24:40])), packet[at:end]


def write_pcap(path: Path, datagrams: Iterable[Datagram]) -> None:
    """Write datagrams as a classic pcap of raw IP, nanosecond stamps, checksums left zero."""
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 0x40000, 101)]
    for datagram in datagrams:
        packet = _ip_packet(datagram)
        seconds, rest_ns = divmod(datagram.time_ns, NS_PER_SECOND)
        out += [struct.pack("<4I", seconds, rest_ns, len(packet), len(packet)), packet]
    path.write_bytes(b"".join(out))


def _ip_packet(datagram: Datagram) -> bytes:
    """Wrap a datagram in UDP and IPv4 or IPv6."""
    octets = 8 + len(datagram.payload)
    ports = datagram.source[1], datagram.destination[1]
    segment = struct.pack("!4H", *ports, octets, 0) + datagram.payload
    source = ip_address(datagram.source[0])
    addresses = source.packed + ip_address(datagram.destination[0]).packed
    if source.version == 4:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + octets, 0, 0, 64, UDP, 0)
    else:
        head = struct.pack("!IHBB", 6 << 28, octets, UDP, 64)
    return head + addresses + segment
