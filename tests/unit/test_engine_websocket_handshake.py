"""Opening a WebSocket: what goes wrong is named, with whose fault, and never with the key."""

import asyncio
import socket
import sys
import traceback

import pytest

from telephony.engine.websocket_handshake import (
    HandshakeRefusedError,
    client_protocol,
    open_websocket,
)
from telephony.errors import ConfigurationError, TransportError
from tests.support.websocket_peer import WebSocketPeer

KEY = "sk-secret-0123"
HEADERS = {"Authorization": f"Bearer {KEY}"}


async def opened(peer: WebSocketPeer, serving: "asyncio.Task[None]") -> list[bytes]:
    """Open a connection to the peer; give the first messages."""
    protocol = client_protocol(peer.url, max_message_octets=1000)
    try:
        connection, frames = await open_websocket(protocol, HEADERS, timeout_s=2.0)
        with connection:
            return [bytes(frame.data) for frame in frames]
    finally:
        await serving


def test_the_request_carries_the_headers_and_offers_no_compression() -> None:
    async def story() -> None:
        peer = WebSocketPeer()
        assert await opened(peer, asyncio.create_task(peer.accept(b"first"))) == [b"first"]
        assert peer.request is not None
        assert peer.request.path == "/v1/realtime"
        assert peer.request.headers["Authorization"] == f"Bearer {KEY}"
        assert "Sec-WebSocket-Extensions" not in peer.request.headers
        peer.close()

    asyncio.run(story())


def answered_with(raw: bytes) -> TransportError:
    """Let the server answer with these octets; give the error, which must not name the key."""

    async def story() -> TransportError:
        peer = WebSocketPeer()

        async def serve() -> None:
            await peer.answer(raw)
            peer.close()

        with pytest.raises(TransportError) as caught:
            await opened(peer, asyncio.create_task(serve()))
        return caught.value

    error = asyncio.run(story())
    assert KEY not in "".join(traceback.format_exception(error))
    return error


@pytest.mark.parametrize("status", [401, 403, 404, 500, 302])
def test_a_refusal_gives_its_status_and_not_its_body(status: int) -> None:
    body = b"Incorrect API key provided: " + KEY.encode()
    error = answered_with(
        b"HTTP/1.1 %d No\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)
    )
    assert isinstance(error, HandshakeRefusedError)
    assert error.status == status


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"\x00\xff" * 5000,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: bm9uc2Vuc2U=\r\n\r\n",
        b"HTTP/1.1 101",
        b"",
    ],
    ids=["another protocol", "noise", "a wrong accept", "half a line", "nothing"],
)
def test_a_garbage_answer_is_no_websocket(raw: bytes) -> None:
    error = answered_with(raw)
    assert not isinstance(error, HandshakeRefusedError)
    assert "does not speak WebSocket" in str(error)


def test_a_server_that_does_not_answer_is_given_up_in_time() -> None:
    async def story() -> None:
        peer = WebSocketPeer()
        protocol = client_protocol(peer.url, max_message_octets=1000)
        with pytest.raises(TransportError, match=r"did not answer within 0\.05 s"):
            await open_websocket(protocol, {}, timeout_s=0.05)
        peer.close()

    asyncio.run(story())


@pytest.mark.skipif(sys.platform != "linux", reason="Linux lets a full listener's clients wait")
def test_a_server_too_busy_to_accept_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        with socket.create_connection(address):
            protocol = client_protocol(f"ws://127.0.0.1:{address[1]}/", max_message_octets=1000)
            with pytest.raises(TransportError, match="did not answer"):
                asyncio.run(open_websocket(protocol, {}, timeout_s=0.05))


def test_a_server_that_is_absent_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    protocol = client_protocol(f"ws://127.0.0.1:{port}/", max_message_octets=1000)
    with pytest.raises(TransportError, match=rf"127\.0\.0\.1:{port}: Connection refused"):
        asyncio.run(open_websocket(protocol, {}, timeout_s=2.0))


def test_a_host_without_an_address_is_a_transport_error() -> None:
    protocol = client_protocol("ws://no-such-host.invalid/", max_message_octets=1000)
    with pytest.raises(TransportError, match=r"no-such-host\.invalid:80"):
        asyncio.run(open_websocket(protocol, {}, timeout_s=5.0))


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "wss://127.0.0.1/", "nonsense", "ws://"])
def test_a_url_we_cannot_use_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigurationError, match="ws://"):
        client_protocol(url, max_message_octets=1000)


def test_a_header_that_would_split_the_request_is_refused_without_showing_it() -> None:
    protocol = client_protocol("ws://127.0.0.1:1/", max_message_octets=1000)
    with pytest.raises(ConfigurationError) as caught:
        asyncio.run(open_websocket(protocol, {"Authorization": f"{KEY}\r\nX: 1"}, timeout_s=1.0))
    assert KEY not in str(caught.value)
