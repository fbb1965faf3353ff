"""The capture reader of the tests, on captures written here octet by octet."""

import struct
from pathlib import Path

import pytest

from tests.support.pcap import CaptureError, Datagram, read_datagrams, read_frames, write_pcap

SECOND = 1_000_000_000
V4 = bytes.fromhex("4500002000000000401100007f0000017f000002") + bytes.fromhex(
    "13881770000c0000 61626364"
)
"""127.0.0.1:5000 -> 127.0.0.2:6000, "abcd"."""
V6 = (
    bytes.fromhex("60000000 0014 00 40")
    + bytes(15) + b"\x01" + bytes(15) + b"\x02"
    + bytes.fromhex("11000104 00000000")
    + bytes.fromhex("13881770000c0000 61626364")
)  # fmt: skip
"""The same from ::1 to ::2, behind a hop-by-hop header."""
WANT_V4 = (("127.0.0.1", 5000), ("127.0.0.2", 6000), b"abcd")
WANT_V6 = (("::1", 5000), ("::2", 6000), b"abcd")
MACS = bytes(12)


def classic(frame: bytes, link_type: int, *, order: str = "<", magic: int = 0xA1B2C3D4) -> bytes:
    """Write a pcap of one frame at 3.000005 s, or 3.000000005 s with the nanosecond magic."""
    header = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link_type)
    return header + struct.pack(order + "4I", 3, 5, len(frame), len(frame)) + frame


def block(order: str, kind: int, body: bytes) -> bytes:
    """Write one pcapng block."""
    body += bytes(-len(body) % 4)
    total = len(body) + 12
    return struct.pack(order + "2I", kind, total) + body + struct.pack(order + "I", total)


def section(order: str) -> bytes:
    """Write a section header."""
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order: str, link_type: int, *options: tuple[int, bytes], snap: int = 0) -> bytes:
    """Write an interface description with options."""
    body = struct.pack(order + "HHI", link_type, 0, snap)
    for code, value in options:
        body += struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)
    return block(order, 1, body)


def enhanced(order: str, ticks: int, frame: bytes, number: int = 0) -> bytes:
    """Write an enhanced packet."""
    fields = (number, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
    return block(order, 6, struct.pack(order + "5I", *fields) + frame)


def datagrams(tmp_path: Path, capture: bytes) -> list[Datagram]:
    """Read a capture from a file."""
    path = tmp_path / "capture"
    path.write_bytes(capture)
    return list(read_datagrams(path))


LINKS = {
    "ethernet, IPv4": (1, MACS + b"\x08\x00" + V4, WANT_V4),
    "ethernet, padded": (1, MACS + b"\x08\x00" + V4 + bytes(14), WANT_V4),
    "ethernet, IPv6": (1, MACS + b"\x86\xdd" + V6, WANT_V6),
    "ethernet, two VLAN tags": (
        1,
        MACS + bytes.fromhex("88a80001 81000002 0800") + V4,
        WANT_V4,
    ),
    "linux cooked": (113, bytes(14) + b"\x08\x00" + V4, WANT_V4),
    "linux cooked, v2": (276, b"\x86\xdd" + bytes(18) + V6, WANT_V6),
    "raw": (101, V4, WANT_V4),
    "raw IPv4": (228, V4, WANT_V4),
    "raw IPv6": (229, V6, WANT_V6),
    "null": (0, struct.pack("<I", 2) + V4, WANT_V4),
    "loop": (108, struct.pack(">I", 24) + V6, WANT_V6),
}


@pytest.mark.parametrize(("link_type", "frame", "want"), LINKS.values(), ids=LINKS.keys())
def test_link_types(tmp_path: Path, link_type: int, frame: bytes, want: tuple[object, ...]) -> None:
    assert datagrams(tmp_path, classic(frame, link_type)) == [(3 * SECOND + 5000, *want)]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("magic", "fraction_ns"), [(0xA1B2C3D4, 5000), (0xA1B23C4D, 5)])
def test_classic_captures(tmp_path: Path, order: str, magic: int, fraction_ns: int) -> None:
    capture = classic(V4, 101, order=order, magic=magic)
    assert datagrams(tmp_path, capture) == [(3 * SECOND + fraction_ns, *WANT_V4)]


@pytest.mark.parametrize("order", "<>")
def test_next_generation_captures(tmp_path: Path, order: str) -> None:
    capture = (
        section(order)
        + interface(order, 101)
        + interface(order, 101, (2, b"eth0"), (9, b"\x09"), (14, struct.pack(order + "q", 100)))
        + interface(order, 101, (9, b"\x8a"))
        + block(order, 5, bytes(12))
        + enhanced(order, 3_000_005, V4)
        + enhanced(order, 3 * SECOND + 5, V6, 1)
        + enhanced(order, 3 * 1024 + 512, V4, 2)
        + block(order, 3, struct.pack(order + "I", len(V4)) + V4)
    )
    assert datagrams(tmp_path, capture) == [
        (3 * SECOND + 5000, *WANT_V4),
        (103 * SECOND + 5, *WANT_V6),
        (3 * SECOND + SECOND // 2, *WANT_V4),
        (0, *WANT_V4),
    ]


def test_a_second_section_starts_anew(tmp_path: Path) -> None:
    capture = (
        section("<") + interface("<", 113) + section(">") + interface(">", 101)
        + enhanced(">", 7, V4)
    )  # fmt: skip
    assert datagrams(tmp_path, capture) == [(7000, *WANT_V4)]


def test_a_simple_packet_is_cut_at_the_snap_length(tmp_path: Path) -> None:
    simple = block("<", 3, struct.pack("<I", len(V4)) + V4[:28])
    (frame,) = read_frames(section("<") + interface("<", 101, snap=28) + simple)
    assert (frame.octets, frame.original_octets) == (V4[:28], len(V4))
    assert datagrams(tmp_path, section("<") + simple) == []


LEFT_OUT = {
    "TCP": V4[:9] + b"\x06" + V4[10:],
    "a first fragment": V4[:6] + b"\x20\x00" + V4[8:],
    "a later fragment": V4[:6] + b"\x00\x10" + V4[8:],
    "cut short": V4[:-1],
    "a header cut short": V4[:12],
    "UDP cut short": V4[:3] + b"\x18" + V4[4:24],
    "a UDP length too long": V4[:24] + b"\x00\x0d" + V4[26:],
    "a UDP length too short": V4[:24] + b"\x00\x07" + V4[26:],
    "neither IPv4 nor IPv6": b"\x50" + V4[1:],
    "IPv6 cut short": V6[:-1],
    "IPv6 header cut short": V6[:30],
    "IPv6 extension cut short": V6[:40],
    "IPv6, TCP": V6[:6] + b"\x06" + V6[7:],
    "empty": b"",
}


@pytest.mark.parametrize("packet", LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_what_is_no_whole_datagram_is_left_out(tmp_path: Path, packet: bytes) -> None:
    assert datagrams(tmp_path, classic(packet, 101)) == []


def test_frames_that_carry_no_ip_are_left_out(tmp_path: Path) -> None:
    assert datagrams(tmp_path, classic(MACS + b"\x08\x06" + V4, 1)) == []
    assert datagrams(tmp_path, classic(MACS, 1)) == []
    assert datagrams(tmp_path, classic(V4, 105)) == []


def test_a_record_cut_short_ends_the_capture() -> None:
    capture = classic(V4, 101)
    assert list(read_frames(capture[:-1])) == []
    assert list(read_frames(capture[:30])) == []
    ng = section("<") + interface("<", 101) + enhanced("<", 1, V4)
    assert list(read_frames(ng[:-1])) == []


BROKEN = {
    "nothing": b"",
    "text": b"INVITE sip:",
    "a header cut short": classic(V4, 101)[:20],
    "a block of 8 octets": section("<") + struct.pack("<3I", 5, 8, 8),
    "an unknown interface": section("<") + enhanced("<", 1, V4),
    "an interface cut short": section("<") + block("<", 1, b"\0\0\0\0"),
}


@pytest.mark.parametrize("capture", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_capture_is_refused(capture: bytes) -> None:
    with pytest.raises(CaptureError):
        list(read_frames(capture))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    want = [
        Datagram(3 * SECOND + 5, ("127.0.0.1", 5000), ("127.0.0.2", 6000), b"abcd"),
        Datagram(4 * SECOND, ("::1", 1), ("2001:db8::2", 65535), b""),
    ]
    write_pcap(tmp_path / "capture", want)
    assert list(read_datagrams(tmp_path / "capture")) == want
