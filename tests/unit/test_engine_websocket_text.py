"""Frames made by hand are read by an independent protocol; each has a mask of its own."""

import os

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, SERVER, Protocol

from telephony.engine.websocket_text import BLOCK_OCTETS, TextFrames


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 1_300, 65_535, 65_536, 70_001])
def test_a_server_reads_what_was_framed(length: int) -> None:
    message = (b"0123456789" * (length // 10 + 1))[:length]
    server = Protocol(SERVER, state=OPEN, max_size=None)
    server.receive_data(TextFrames().frame(message))
    (received,) = server.events_received()
    assert isinstance(received, Frame)
    assert (received.opcode, received.fin, bytes(received.data)) == (Opcode.TEXT, True, message)


def test_each_frame_has_the_next_mask_of_a_block_drawn_at_once() -> None:
    drawn: list[bytes] = []

    def draw(octets: int) -> bytes:
        drawn.append(os.urandom(octets))
        return drawn[-1]

    frames = TextFrames(draw)
    count = BLOCK_OCTETS // 4 + 3
    masks = [frames.frame(b"")[2:] for _ in range(count)]
    assert b"".join(masks) == b"".join(drawn)[: count * 4]
    assert [len(block) for block in drawn] == [BLOCK_OCTETS] * 2
