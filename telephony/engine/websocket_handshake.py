"""Opens a WebSocket as a client: dial, ask, and read the answer (RFC 6455 section 4.1)."""

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Mapping

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidURI
from websockets.frames import Frame
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import WebSocketURI, parse_uri

from telephony.errors import ConfigurationError, TransportError

__all__ = ["HandshakeRefusedError", "client_protocol", "open_websocket"]

HANDSHAKE_OCTETS = 65_536
"""Read at once; the answer and the server's first messages fit."""
SWITCHING_PROTOCOLS = 101

SILENT = logging.Logger("telephony.websocket", level=logging.CRITICAL)
"""The protocol would log headers and payloads where DEBUG is on: the key and the caller's words."""


class HandshakeRefusedError(TransportError):
    """The server answered the handshake with another status than 101.

    Attributes:
        status: The HTTP status: 401 and 403 a wrong key, 404 a wrong path, model or call.
    """

    def __init__(self, message: str, *, status: int) -> None:
        """Say who refused and with which status, never with its body: it may repeat the key."""
        super().__init__(message)
        self.status = status


def client_protocol(url: str, *, max_message_octets: int) -> ClientProtocol:
    """Give the protocol of one connection, without compression: base64 audio gains nothing.

    Args:
        url: `ws://host[:port]/path[?query]`.
        max_message_octets: A longer message from the server fails the connection (1009).

    Raises:
        ConfigurationError: It is no WebSocket URL, or one with TLS.
    """
    try:
        uri = parse_uri(url)
    except InvalidURI:
        raise ConfigurationError("the realtime url is not a ws:// URL") from None
    if uri.secure:
        raise ConfigurationError("the realtime url asks for TLS (wss://), wanted ws://")
    return ClientProtocol(uri, max_size=max_message_octets, logger=SILENT)


async def open_websocket(
    protocol: ClientProtocol, headers: Mapping[str, str], *, timeout_s: float
) -> tuple[socket.socket, list[Frame]]:
    """Connect and shake hands.

    Args:
        protocol: Of `client_protocol`, not used before.
        headers: Sent with the request; secrets in them appear in no message of ours.
        timeout_s: For all of it, name look-up included.

    Returns:
        The connection, and the frames that came right behind the server's answer.

    Raises:
        ConfigurationError: A header cannot be used.
        HandshakeRefusedError: The server answered, and not with 101.
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
    try:
        async with asyncio.timeout(timeout_s):
            connection = await dial(protocol.uri)
            try:
                return connection, await shake_hands(connection, protocol, where)
            except BaseException:
                connection.close()
                raise
    except TimeoutError:
        raise TransportError(f"{where} did not answer within {timeout_s:g} s") from None
    except OSError as error:
        # A system's error is named in its words; a name's look-up has codes below 0 and its own.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror
        raise TransportError(f"cannot connect to {where}: {reason}") from None


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


async def shake_hands(
    connection: socket.socket, protocol: ClientProtocol, where: str
) -> list[Frame]:
    """Send the request, read until the server has answered it, and give what came behind.

    Raises:
        HandshakeRefusedError: It answered with another status than 101.
        TransportError: It answered with something else than WebSocket, or hung up.
    """
    loop = asyncio.get_running_loop()
    for chunk in protocol.data_to_send():
        await loop.sock_sendall(connection, chunk)
    while protocol.state is State.CONNECTING and protocol.handshake_exc is None:
        received = await loop.sock_recv(connection, HANDSHAKE_OCTETS)
        if received:
            protocol.receive_data(received)
        else:
            protocol.receive_eof()
    events = protocol.events_received()
    for event in events:
        if isinstance(event, Response) and event.status_code != SWITCHING_PROTOCOLS:
            raise HandshakeRefusedError(
                f"{where} refused the connection with HTTP status {event.status_code}",
                status=event.status_code,
            )
    if protocol.handshake_exc is not None:
        raise TransportError(f"{where} does not speak WebSocket")
    return [event for event in events if isinstance(event, Frame)]
