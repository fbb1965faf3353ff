"""Opens a WebSocket as a client: dial, secure, ask, read the answer (RFC 6455 section 4.1)."""

import asyncio
import errno
import logging
import os
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.exceptions import InvalidURI
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import WebSocketURI, parse_uri

from telephony.engine.channel import Channel, PlainChannel, TlsChannel, client_context
from telephony.engine.tls_errors import explain_tls
from telephony.errors import ConfigurationError, TransportError

__all__ = ["HandshakeRefusedError", "OpenWebSocket", "client_protocol", "open_websocket"]

SWITCHING_PROTOCOLS = 101
MAX_RETRY_AFTER_SECONDS = 86_400
"""A day: longer than any call, whatever a server says."""
MAX_DIGITS = 9
HEAD_END = b"\r\n\r\n"
"""RFC 9112 section 2.1: behind it an answer has its body, or a connection its first frame."""

SILENT = logging.Logger("telephony.websocket", level=logging.CRITICAL)
"""The protocol would log headers and payloads where DEBUG is on: the key and the caller's words."""


class HandshakeRefusedError(TransportError):
    """The server answered the handshake with another status than 101.

    Attributes:
        status: The HTTP status: 401 and 403 a wrong key, 404 a wrong path, model or call.
        retry_after_seconds: How long the server asks us to stay away, where it says so.
    """

    def __init__(
        self, message: str, *, status: int, retry_after_seconds: float | None = None
    ) -> None:
        """Say who refused and with which status, never with its body: it may repeat the key."""
        super().__init__(message)
        self.status = status
        self.retry_after_seconds = retry_after_seconds


def client_protocol(url: str, *, max_message_octets: int) -> ClientProtocol:
    """Give the protocol of one connection, without compression: base64 audio gains nothing.

    Args:
        url: `ws://host[:port]/path[?query]`, or `wss://` for TLS.
        max_message_octets: A longer message from the server fails the connection (1009).

    Raises:
        ConfigurationError: It is no WebSocket URL.
    """
    try:
        uri = parse_uri(url)
    except (InvalidURI, ValueError):
        raise ConfigurationError("the realtime url is not a ws:// or wss:// URL") from None
    return ClientProtocol(uri, max_size=max_message_octets, logger=SILENT)


class OpenWebSocket(NamedTuple):
    """A connection that has shaken hands."""

    connection: socket.socket
    channel: Channel
    received: bytes
    """Of frames: what came right behind the server's answer."""
    is_ended: bool
    """Whether the server will say no more."""


async def open_websocket(
    protocol: ClientProtocol,
    headers: Mapping[str, str],
    *,
    timeout_s: float,
    tls: ssl.SSLContext | None = None,
) -> OpenWebSocket:
    """Connect and shake hands.

    Args:
        protocol: Of `client_protocol`, not used before.
        headers: Sent with the request; secrets in them appear in no message of ours.
        timeout_s: For all of it, name look-up and TLS included.
        tls: Whom to trust where the URL asks for TLS; None makes a `client_context` for it.

    Raises:
        ConfigurationError: A header or the host cannot be used.
        HandshakeRefusedError: The server answered, and not with 101.
        TlsError: The server is not trusted, or speaks no TLS that we do.
        TransportError: It could not be reached, did not answer in time, or does not speak
            WebSocket.
    """
    where = f"{protocol.uri.host}:{protocol.uri.port}"
    request = protocol.connect()
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise ConfigurationError(f"the header {name} has a character that HTTP does not allow")
        request.headers[name] = value
    protocol.send_request(request)
    secure = tls_channel(protocol.uri, tls) if protocol.uri.secure else None
    try:
        async with asyncio.timeout(timeout_s):
            connection = await dial(protocol.uri)
            try:
                if secure is not None:
                    await shake_tls_hands(connection, secure, where)
                channel = secure or PlainChannel()
                return await shake_hands(connection, channel, protocol, where)
            except BaseException:
                connection.close()
                raise
    except TimeoutError:
        raise TransportError(f"{where} did not answer within {timeout_s:g} s") from None
    except ssl.SSLError as error:
        raise explain_tls(error, where) from None
    except OSError as error:
        # A system's error is named in its words; a name's look-up has codes below 0 and its own.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror
        raise TransportError(f"cannot connect to {where}: {reason}") from None


def tls_channel(uri: WebSocketURI, tls: ssl.SSLContext | None) -> TlsChannel:
    """Give the channel to a URL's host.

    Raises:
        ConfigurationError: No certificate can be for such a host.
    """
    try:
        return TlsChannel(tls or client_context(), uri.host)
    except ValueError:
        raise ConfigurationError(f"no certificate can be for the host {uri.host!r}") from None


def retry_after_seconds(headers: Headers) -> float | None:
    """Read Retry-After (RFC 9110 section 10.2.3) as seconds; its other form, a date, is not used.

    Returns:
        None where there is none that can be read.
    """
    values = [value.strip() for value in headers.get_all("Retry-After")]
    if len(values) != 1 or not (values[0].isascii() and values[0].isdigit()):
        return None
    return float(min(int(values[0][:MAX_DIGITS]), MAX_RETRY_AFTER_SECONDS))


async def dial(uri: WebSocketURI) -> socket.socket:
    """Connect to the first address of a host that accepts.

    Raises:
        OSError: None does; the last one's error.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(uri.host, uri.port, type=socket.SOCK_STREAM)
    last_error = OSError(errno.EADDRNOTAVAIL, "the name has no address")
    for family, kind, protocol, _, address in found:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.setblocking(False)
            await loop.sock_connect(connection, address)
        except OSError as error:
            connection.close()
            last_error = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise last_error


async def shake_tls_hands(connection: socket.socket, channel: TlsChannel, where: str) -> None:
    """Let the channel stand, or tell the server why it does not.

    Raises:
        ssl.SSLError: The server is not trusted, or speaks no TLS that we do.
        TransportError: It hung up.
        OSError: The connection broke.
    """
    loop = asyncio.get_running_loop()
    received = b""
    try:
        while not channel.shake_hands(received):
            await loop.sock_sendall(connection, channel.take_answer())
            received = await loop.sock_recv(connection, channel.receive_octets)
            if not received:
                raise TransportError(f"{where} hung up in the TLS handshake")
    except ssl.SSLError:
        with suppress(OSError):
            await loop.sock_sendall(connection, channel.take_answer())
        raise
    await loop.sock_sendall(connection, channel.take_answer())


async def shake_hands(
    connection: socket.socket, channel: Channel, protocol: ClientProtocol, where: str
) -> OpenWebSocket:
    """Send the request, read until the server has answered it, and give what came behind.

    Raises:
        HandshakeRefusedError: It answered with another status than 101.
        TransportError: It answered with something else than WebSocket, or hung up.
        OSError: The connection broke.
    """
    loop = asyncio.get_running_loop()
    for chunk in protocol.data_to_send():
        await loop.sock_sendall(connection, channel.seal(chunk))
    seen, rest, is_ended = b"", b"", False
    while protocol.state is State.CONNECTING and protocol.handshake_exc is None:
        received = await loop.sock_recv(connection, channel.receive_octets)
        octets, is_ended = channel.unseal(received)
        await loop.sock_sendall(connection, channel.take_answer())
        seen = seen[-len(HEAD_END) + 1 :] + octets
        _, mark, behind = seen.partition(HEAD_END)
        rest = behind if mark else b""
        protocol.receive_data(octets.removesuffix(rest))
        if protocol.state is State.CONNECTING:
            protocol.receive_data(rest)
            if is_ended:
                protocol.receive_eof()
    for event in protocol.events_received():
        if isinstance(event, Response) and event.status_code != SWITCHING_PROTOCOLS:
            raise HandshakeRefusedError(
                f"{where} refused the connection with HTTP status {event.status_code}",
                status=event.status_code,
                retry_after_seconds=retry_after_seconds(event.headers),
            )
    if protocol.handshake_exc is not None:
        raise TransportError(f"{where} does not speak WebSocket")
    return OpenWebSocket(connection, channel, rest, is_ended)
