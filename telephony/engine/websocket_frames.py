"""Takes what a server sends apart into messages: the audio by hand, all else by the protocol.

A delta is one text frame without fragments, and nothing in a protocol's state depends on those
(RFC 6455 sections 5.4 to 5.6). So such a frame, where all of it has been read, is cut out here;
whatever else there is goes to websockets' protocol: frames of which a part is still to come,
fragments, control frames, and all that a server must not send.
"""

from struct import Struct

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode

__all__ = ["FrameReader"]

FINAL_TEXT = 0x81
"""RFC 6455 section 5.2: FIN and the opcode. A frame with another first octet is the protocol's."""
OPCODE = 0x0F
OPCODES = frozenset(Opcode)
MASKED = 0x80
LENGTH_16, LENGTH_64 = 126, 127
"""In place of a length: it follows, in so many bits, big-endian."""
_LENGTH_16, _LENGTH_64 = Struct("!H"), Struct("!Q")
HEAD, HEAD_16, HEAD_64 = 2, 4, 10
"""Octets before the payload of a frame without a mask."""
DATA = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})


class FrameReader:
    """Reads one connection that has shaken hands.

    What waits in it is bounded: here some octets of a frame's head, and in the protocol a message
    as long as that was told to allow.
    """

    def __init__(self, protocol: ClientProtocol, max_message_octets: int) -> None:
        """Begin behind the server's answer, which is all that the protocol has read.

        Args:
            protocol: Of the connection.
            max_message_octets: What it was made with: it refuses any longer message.
        """
        self._protocol = protocol
        self._max_message_octets = max_message_octets
        self._head = b""
        """Of a frame that does not say yet how long it is."""
        self._owed = 0
        """Octets to come of a frame whose beginning the protocol has."""
        self._fragments: list[bytes] = []
        self._is_over = False

    def read(self, received: bytes) -> list[bytes]:
        """Take octets as they come; then send what the protocol has to say.

        Returns:
            The messages that they complete, text or binary, in order.
        """
        octets = self._head + received
        self._head = b""
        messages: list[bytes] = []
        at, end = 0, len(octets)
        if self._owed:
            at = min(self._owed, end)
            self._owed -= at
            messages += self._pass_on(octets[:at])
        while at < end and not self._is_over:
            payload = _payload_at(octets, at)
            if payload is None:
                if _is_refused(octets[at:]):
                    messages += self._pass_on(octets[at:])
                else:
                    self._head = octets[at:]
                break
            start, stop = payload
            if (
                stop <= end
                and octets[at] == FINAL_TEXT
                and octets[at + 1] < MASKED
                and stop - start <= self._max_message_octets
                and not self._fragments
            ):
                messages.append(octets[start:stop])
            else:
                messages += self._pass_on(octets[at:stop])
                self._owed = max(0, stop - end)
            at = stop
        return messages

    def _pass_on(self, octets: bytes) -> list[bytes]:
        """Let the protocol take octets; nothing is read behind a close or what breaks its rules."""
        protocol = self._protocol
        protocol.receive_data(octets)
        self._is_over = protocol.close_rcvd is not None or protocol.parser_exc is not None
        return [
            message
            for event in protocol.events_received()
            if isinstance(event, Frame) and event.opcode in DATA
            if (message := self._join(event)) is not None
        ]

    def _join(self, frame: Frame) -> bytes | None:
        """Give a message whose last fragment this is."""
        self._fragments.append(bytes(frame.data))
        if not frame.fin:
            return None
        message = b"".join(self._fragments)
        self._fragments.clear()
        return message


def _is_refused(head: bytes) -> bool:
    """Tell whether a server must not begin a frame so, however long it will be."""
    return len(head) >= HEAD and (head[0] & OPCODE not in OPCODES or head[1] >= MASKED)


def _payload_at(octets: bytes, at: int) -> tuple[int, int] | None:
    """Say from where to where a frame has its payload; None where its head is not whole.

    A mask, which a server must not use, is counted as payload.
    """
    available = len(octets) - at
    if available < HEAD:
        return None
    length = octets[at + 1] & ~MASKED
    if length < LENGTH_16:
        start = at + HEAD
    elif length == LENGTH_16:
        if available < HEAD_16:
            return None
        start = at + HEAD_16
        (length,) = _LENGTH_16.unpack_from(octets, at + HEAD)
    else:
        if available < HEAD_64:
            return None
        start = at + HEAD_64
        (length,) = _LENGTH_64.unpack_from(octets, at + HEAD)
    return start, start + length
