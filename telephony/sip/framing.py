"""Cutting a stream into messages (RFC 3261 section 18.3, RFC 5626 section 3.5.1)."""

from collections.abc import Iterator
from enum import Enum

from telephony.sip.errors import SipSyntaxError
from telephony.sip.message import MAX_HEADER_OCTETS, parse_body_length

__all__ = ["KeepAlive", "StreamFramer", "is_keep_alive"]

_HEAD_END = b"\r\n\r\n"


class KeepAlive(Enum):
    """What a peer sends between messages to keep a connection open.

    PING: a double CRLF on a connection that the peer opened; answer it with one CRLF at once.
    PONG: a single CRLF on a connection that we opened, the answer to a ping of ours.
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

    __slots__ = ("_buffer", "_fault", "_is_half_ping", "_is_opened_by_us", "_scanned", "_wanted")

    def __init__(self, *, is_opened_by_us: bool = False) -> None:
        """Begin at the start of a connection.

        Args:
            is_opened_by_us: Who opens a connection pings, the other side pongs (RFC 5626 4.4.1):
                this decides what a CRLF between messages means.
        """
        self._is_opened_by_us = is_opened_by_us
        self._buffer = bytearray()
        self._scanned = 0
        self._wanted = 0
        self._is_half_ping = False
        self._fault: SipSyntaxError | None = None

    @property
    def is_amid_message(self) -> bool:
        """Whether octets are held that make no whole message yet."""
        return bool(self._buffer)

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
        while self._fault is None:
            try:
                piece = self._take_crlf() or self._take_message()
            except SipSyntaxError as error:
                self._fault = error
                break
            if piece is None:
                return
            yield piece
        self._buffer.clear()
        raise self._fault

    def _take_crlf(self) -> KeepAlive | None:
        """Take CRLFs off the buffer until they make a keep-alive or something else follows."""
        while self._buffer.startswith(b"\r\n"):
            del self._buffer[:2]
            if self._is_opened_by_us:
                return KeepAlive.PONG
            self._is_half_ping = not self._is_half_ping
            if not self._is_half_ping:
                return KeepAlive.PING
        return None

    def _take_message(self) -> bytes | None:
        """Take the message that begins the buffer; None while it is not whole."""
        if not self._wanted and not self._find_end():
            return None
        if len(self._buffer) < self._wanted:
            return None
        message = bytes(self._buffer[: self._wanted])
        del self._buffer[: self._wanted]
        self._scanned = self._wanted = 0
        self._is_half_ping = False
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
