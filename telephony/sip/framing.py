"""Cutting a stream into messages (RFC 3261 section 18.3, RFC 5626 section 3.5.1)."""

from collections.abc import Iterator
from enum import Enum

from telephony.sip.errors import SipSyntaxError
from telephony.sip.message import MAX_HEADER_OCTETS, parse_body_length

__all__ = ["KeepAlive", "StreamFramer", "is_keep_alive"]

_CRLF = b"\r\n"
_HEAD_END = b"\r\n\r\n"


class KeepAlive(Enum):
    """What a peer sends between messages to keep a flow open.

    PING: a double CRLF; answer it with one CRLF at once.
    PONG: a single CRLF, the answer to our own ping. A ping that arrives in two pieces is told as
        a PONG and then a PING.
    """

    PING = "ping"
    PONG = "pong"


def is_keep_alive(datagram: bytes) -> bool:
    """Say whether a datagram holds no message, only CR, LF or NUL octets: nothing answers it."""
    return not datagram.strip(b"\r\n\x00")


class StreamFramer:
    """Cuts one direction of one connection into messages.

    Feed it what arrives and use up what `feed` yields. After it has raised, where the next message
    begins is lost for good: answer what `partial` allows, then close the connection.
    """

    __slots__ = ("_buffer", "_fault", "_scanned", "_seen_crlf", "_wanted")

    def __init__(self) -> None:
        """Begin at the start of a connection."""
        self._buffer = bytearray()
        self._scanned = 0
        self._wanted = 0
        self._seen_crlf = False
        self._fault: SipSyntaxError | None = None

    def feed(self, data: bytes) -> Iterator[bytes | KeepAlive]:
        """Take octets in; yield whole messages, for `parse_message(..., stream=True)`.

        Args:
            data: Octets in the order they arrived, cut anywhere.

        Raises:
            SipSyntaxError: The peer's fault: a header section or body over its limit, or no good
                Content-Length. Raised after the messages before it were yielded.
        """
        self._buffer += data
        return self._cut()

    def _cut(self) -> Iterator[bytes | KeepAlive]:
        while self._fault is None and self._buffer:
            try:
                piece = self._take_keep_alive() or self._take_message()
            except SipSyntaxError as error:
                self._fault = error
                break
            if piece is None:
                return
            yield piece
        if self._fault is not None:
            self._buffer.clear()
            raise self._fault

    def _take_keep_alive(self) -> KeepAlive | None:
        if self._buffer.startswith(_HEAD_END):
            del self._buffer[:4]
            self._seen_crlf = False
            return KeepAlive.PING
        if not self._buffer.startswith(_CRLF):
            return None
        del self._buffer[:2]
        self._seen_crlf = not self._seen_crlf
        return KeepAlive.PONG if self._seen_crlf else KeepAlive.PING

    def _take_message(self) -> bytes | None:
        """Take the message that begins the buffer; None while it is not whole."""
        if not self._wanted and not self._find_end():
            return None
        if len(self._buffer) < self._wanted:
            return None
        message = bytes(self._buffer[: self._wanted])
        del self._buffer[: self._wanted]
        self._scanned = self._wanted = 0
        self._seen_crlf = False
        return message

    def _find_end(self) -> bool:
        """Learn from a whole header section how long the message is."""
        end = self._buffer.find(_HEAD_END, self._scanned, MAX_HEADER_OCTETS + 4)
        if end < 0:
            self._scanned = max(0, len(self._buffer) - 3)
            if len(self._buffer) > MAX_HEADER_OCTETS + 3:
                raise SipSyntaxError("no blank line within 64 KiB", sip_status=513)
            return False
        self._wanted = end + 4 + parse_body_length(bytes(self._buffer[: end + 4]))
        return True
