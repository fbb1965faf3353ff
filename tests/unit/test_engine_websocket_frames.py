"""What a server sends is taken apart as websockets' protocol would by itself, however it is cut."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from telephony.engine.websocket_frames import FrameReader

LIMIT = 70_000
SHORT, LONG, LONGEST = b"short", b"l" * 200, b"x" * 65_536
CLOSE = Frame(Opcode.CLOSE, Close(1000, "over").serialize())
PING = Frame(Opcode.PING, b"there?")


def octets_of(*frames: Frame, mask: bool = False) -> bytes:
    return b"".join(frame.serialize(mask=mask) for frame in frames)


def text(message: bytes, *, fin: bool = True) -> Frame:
    return Frame(Opcode.TEXT, message, fin=fin)


def more(message: bytes, *, fin: bool = True) -> Frame:
    return Frame(Opcode.CONT, message, fin=fin)


def client() -> ClientProtocol:
    """The protocol of a connection that stands."""
    return ClientProtocol(parse_uri("ws://h"), state=State.OPEN, max_size=LIMIT)


def outcome(protocol: ClientProtocol) -> tuple[object, ...]:
    """What a protocol holds of its connection, and how much it has to say."""
    said = [len(chunk) for chunk in protocol.data_to_send()]
    return protocol.state, protocol.close_rcvd, protocol.close_sent, said


def read(*parts: bytes) -> tuple[list[bytes], tuple[object, ...]]:
    """Read octets as they come; give the messages and what has become of the connection."""
    protocol = client()
    reader = FrameReader(protocol, LIMIT)
    messages = [message for part in parts for message in reader.read(part)]
    return messages, outcome(protocol)


def read_by_protocol(octets: bytes) -> tuple[list[bytes], tuple[object, ...]]:
    """The same by websockets alone."""
    protocol = client()
    protocol.receive_data(octets)
    messages: list[bytes] = []
    fragments = b""
    for event in protocol.events_received():
        assert isinstance(event, Frame)
        if event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            fragments += event.data
            if event.fin:
                messages.append(fragments)
                fragments = b""
    return messages, outcome(protocol)


@pytest.mark.parametrize("message", [b"", SHORT, b"m" * 125, b"m" * 126, LONG, LONGEST])
def test_a_message_is_read_whatever_its_length_whole_or_in_parts(message: bytes) -> None:
    octets = octets_of(text(message))
    assert read(octets)[0] == [message]
    assert read(octets[:1], octets[1:])[0] == [message]
    assert read(octets[:3], octets[3:4], octets[4:9], octets[9:])[0] == [message]
    assert read(octets, octets + octets[:50], octets[50:])[0] == [message] * 3


def test_whole_text_frames_never_reach_the_protocol() -> None:
    class Untouched(ClientProtocol):
        def receive_data(self, data: bytes | bytearray) -> None:
            raise AssertionError(bytes(data[:20]))

    reader = FrameReader(Untouched(parse_uri("ws://h"), state=State.OPEN), LIMIT)
    assert reader.read(octets_of(text(SHORT), text(LONG))) == [SHORT, LONG]


STREAMS = {
    "binary": [text(SHORT), Frame(Opcode.BINARY, LONG), text(SHORT)],
    "fragments": [text(b"a", fin=False), more(b"b", fin=False), more(b"c"), text(SHORT)],
    "empty fragments": [text(b"", fin=False), more(b""), text(SHORT)],
    "ping": [text(SHORT), PING, text(LONG), Frame(Opcode.PONG, b"")],
    "ping among fragments": [text(b"a", fin=False), PING, more(b"c")],
    "close, and more": [text(SHORT), CLOSE, text(LONG)],
    "text among fragments": [text(b"a", fin=False), text(SHORT), text(LONG)],
    "continuation of nothing": [more(SHORT), text(SHORT)],
    "close among fragments": [text(b"a", fin=False), CLOSE, text(SHORT)],
    "too long": [text(SHORT), text(bytes(LIMIT + 1)), text(SHORT)],
    "too long in fragments": [text(LONGEST, fin=False), more(LONGEST), text(SHORT)],
    "close of one octet": [Frame(Opcode.CLOSE, b"x"), text(SHORT)],
    "close with no UTF-8": [Frame(Opcode.CLOSE, b"\x03\xe8\xff"), text(SHORT)],
}
UNFRAMED = {
    "reserved bit": b"\xc1\x05" + SHORT + octets_of(text(SHORT)),
    "long ping": b"\x89\x7e\x00\xc8" + LONG + octets_of(text(SHORT)),
    "mask": octets_of(text(SHORT), mask=True) + octets_of(text(SHORT)),
    "opcode of nobody": b"\x83\x00" + octets_of(text(SHORT)),
    "length without end": b"\x81\x7f" + b"\xff" * 8 + octets_of(text(SHORT)),
    "a length that needs no 64 bits": b"\x81\x7f" + (5).to_bytes(8) + SHORT,
}
ALL = {name: octets_of(*frames) for name, frames in STREAMS.items()} | UNFRAMED


@pytest.mark.parametrize("octets", ALL.values(), ids=ALL.keys())
def test_anything_else_is_read_as_the_protocol_reads_it(octets: bytes) -> None:
    wanted = read_by_protocol(octets)
    head, step = octets[:40], max(1, len(octets) // 50)
    assert read(octets) == wanted
    assert read(*(bytes([octet]) for octet in head), octets[40:]) == wanted
    assert read(*(octets[at : at + step] for at in range(0, len(octets), step))) == wanted


@given(
    st.lists(
        st.one_of(
            st.sampled_from([octets_of(text(SHORT)), octets_of(text(LONG))]),
            st.sampled_from([ALL["fragments"], ALL["ping"], ALL["binary"]]),
            st.sampled_from(list(ALL.values())),
            st.binary(max_size=12),
        ),
        max_size=6,
    ).map(b"".join),
    st.lists(st.integers(0, 400), max_size=8),
)
@example(b"\x00\xfe", [])
@example(b"\x83\x7e", [])
def test_any_octets_are_read_as_the_protocol_reads_them(octets: bytes, cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(octets)]
    parts = [octets[start:stop] for start, stop in pairwise(bounds)]
    assert read(*parts) == read_by_protocol(octets)
