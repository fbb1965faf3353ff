"""What lies between a WebSocket's octets and the octets of its TCP connection: nothing, or TLS.

A channel has no socket. So a frame is encrypted only when it is about to be written, in the media
tick, and no transport keeps buffers of its own: asyncio's TLS holds 275 KiB per connection.

Octets that were sealed are part of a sequence (RFC 8446 section 5.3): they must be written, all of
them and in that order.
"""

import ssl
from contextlib import suppress
from typing import Protocol

__all__ = ["Channel", "PlainChannel", "TlsChannel", "client_context"]

RECORD_OCTETS = 16_384
"""The most that one TLS record carries (RFC 8446 section 5.1). Nothing larger goes into TLS's
buffers at once, as these never shrink."""
PLAIN_OCTETS = 65_536
"""About a second of 24 kHz audio in base64."""


class Channel(Protocol):
    """One connection's way from plain octets to what is on the wire, and back."""

    @property
    def receive_octets(self) -> int:
        """How much to read from the socket at once."""
        ...

    def seal(self, octets: bytes) -> bytes:
        """Give what must be written to say `octets`.

        Raises:
            OSError: The channel is broken.
        """
        ...

    def unseal(self, received: bytes) -> tuple[bytes, bool]:
        """Take what was read, empty at the connection's end; then write `take_answer()`.

        Returns:
            What it said, perhaps nothing yet; and whether the peer will say no more.

        Raises:
            OSError: The channel is broken.
        """
        ...

    def take_answer(self) -> bytes:
        """Give what the channel itself has to say to the peer, usually nothing."""
        ...

    def goodbye(self) -> bytes:
        """Give the last that is to be written; after it nothing may be sealed."""
        ...


class PlainChannel:
    """TCP as it is."""

    receive_octets = PLAIN_OCTETS

    def seal(self, octets: bytes) -> bytes:
        """Give the octets themselves."""
        return octets

    def unseal(self, received: bytes) -> tuple[bytes, bool]:
        """Give the octets themselves; none are the end."""
        return received, not received

    def take_answer(self) -> bytes:
        """Give nothing."""
        return b""

    def goodbye(self) -> bytes:
        """Give nothing."""
        return b""


class TlsChannel:
    """TLS as a client (RFC 8446; RFC 5246 where the server knows no newer)."""

    receive_octets = RECORD_OCTETS

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        """Say nothing yet; `shake_hands` begins.

        Args:
            context: Whom to trust; of `client_context`.
            host: The name or address that the certificate must be for; a name goes out as SNI.

        Raises:
            ValueError: No certificate can be for such a host.
        """
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    def shake_hands(self, received: bytes) -> bool:
        """Take what was read, nothing at first; then write `take_answer()`, after an error too.

        Returns:
            Whether the channel stands: the certificate was good, and frames may be sealed.

        Raises:
            ssl.SSLError: The server is not trusted, or speaks no TLS that we do.
        """
        self._incoming.write(received)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def seal(self, octets: bytes) -> bytes:
        """Encrypt, in records of at most 16 KiB."""
        if len(octets) <= RECORD_OCTETS:
            self._tls.write(octets)
            return self._outgoing.read()
        parts = [octets[at : at + RECORD_OCTETS] for at in range(0, len(octets), RECORD_OCTETS)]
        return b"".join(map(self.seal, parts))

    def unseal(self, received: bytes) -> tuple[bytes, bool]:
        """Decrypt the records that are whole.

        The end is the peer's close_notify, or the connection's: one without the other is no
        different here, as a WebSocket says goodbye in a frame of its own.
        """
        self._incoming.write(received)
        plain: list[bytes] = []
        try:
            while self._incoming.pending:
                octets = self._tls.read(RECORD_OCTETS)
                if not octets:
                    return b"".join(plain), True
                plain.append(octets)
        except ssl.SSLWantReadError:
            pass  # the rest of a record, or a message of TLS itself, such as a session ticket
        return b"".join(plain), not received

    def take_answer(self) -> bytes:
        """Give messages of TLS itself, such as the handshake's, alerts and a KeyUpdate."""
        return self._outgoing.read()

    def goodbye(self) -> bytes:
        """Give our close_notify (RFC 8446 section 6.1)."""
        # The peer's own has not come and is not waited for, or the channel is broken.
        with suppress(ssl.SSLError):
            self._tls.unwrap()
        return self._outgoing.read()


def client_context() -> ssl.SSLContext:
    """Give what all channels of a process share; it takes some 15 ms, so make it at the start.

    The system's authorities are trusted, or those that SSL_CERT_FILE and SSL_CERT_DIR name;
    certificate and host name are verified. TLS 1.2 is the oldest (RFC 8996). A server that asks
    for a new handshake of TLS 1.2 is refused: a write would have to wait for it.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    return context
