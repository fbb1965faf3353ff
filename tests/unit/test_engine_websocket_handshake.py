"""Opening a WebSocket: what goes wrong is named, with whose fault, and never with the key."""

import asyncio
import socket
import ssl
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress

import pytest
from websockets.http11 import Request
from websockets.server import ServerProtocol

from telephony.engine.channel import PlainChannel, client_context
from telephony.engine.tls_errors import TlsError, TlsProblem
from telephony.engine.websocket_frames import FrameReader
from telephony.engine.websocket_handshake import (
    HandshakeRefusedError,
    client_protocol,
    open_websocket,
    shake_hands,
)
from telephony.errors import ConfigurationError, TransportError
from tests.support.certificates import Authority
from tests.support.websocket_peer import WebSocketPeer

KEY = "sk-secret-0123"
HEADERS = {"Authorization": f"Bearer {KEY}"}


async def opened(peer: WebSocketPeer, serving: "asyncio.Task[None]") -> list[bytes]:
    """Open a connection to the peer; give the first messages."""
    protocol = client_protocol(peer.url, max_message_octets=1000)
    try:
        opened = await open_websocket(protocol, HEADERS, timeout_s=30.0)
        with opened.connection:
            return FrameReader(protocol, 1000).read(opened.received)
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


@pytest.mark.parametrize("behind", [-100, *range(-5, 10), 100])
def test_a_message_behind_the_answer_is_whole_wherever_the_octets_are_cut(behind: int) -> None:
    async def story() -> list[bytes]:
        protocol, server = client_protocol("ws://h", max_message_octets=1000), ServerProtocol()
        request = protocol.connect()
        protocol.send_request(request)
        server.send_response(server.accept(Request(request.path, request.headers)))
        [answer] = server.data_to_send()
        server.send_text(b"first")
        [frame] = server.data_to_send()

        class Narrow(PlainChannel):
            receive_octets = len(answer) + behind

        near, far = socket.socketpair()
        near.setblocking(False)
        with near, far:
            far.sendall(answer + frame)
            far.shutdown(socket.SHUT_WR)
            opened = await shake_hands(near, Narrow(), protocol, "h")
            reader = FrameReader(protocol, 1000)
            return [*reader.read(opened.received), *reader.read(near.recv(1000))]

    assert asyncio.run(story()) == [b"first"]


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


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        (b"", None),
        (b"Retry-After: 7\r\n", 7.0),
        (b"retry-after:  0 \r\n", 0.0),
        (b"Retry-After: 99999999999999999999\r\n", 86_400.0),
        (b"Retry-After: -1\r\n", None),
        (b"Retry-After: 1.5\r\n", None),
        (b"Retry-After: \xb2\r\n", None),
        (b"Retry-After: Sun, 22 Nov 2026 22:00:00 GMT\r\n", None),
        (b"Retry-After: 1\r\nRetry-After: 2\r\n", None),
    ],
)
def test_a_refusal_says_how_long_to_stay_away(field: bytes, seconds: float | None) -> None:
    error = answered_with(b"HTTP/1.1 429 Too Many Requests\r\n%bContent-Length: 0\r\n\r\n" % field)
    assert isinstance(error, HandshakeRefusedError)
    assert (error.status, error.retry_after_seconds) == (429, seconds)


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
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        protocol = client_protocol(f"ws://127.0.0.1:{port}/", max_message_octets=1000)
        with pytest.raises(TransportError, match=rf"127\.0\.0\.1:{port}: Connection refused"):
            asyncio.run(open_websocket(protocol, {}, timeout_s=30.0))


def test_a_host_without_an_address_is_a_transport_error() -> None:
    protocol = client_protocol("ws://no-such-host.invalid/", max_message_octets=1000)
    with pytest.raises(TransportError, match=r"no-such-host\.invalid:80"):
        asyncio.run(open_websocket(protocol, {}, timeout_s=30.0))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "nonsense", "ws://", "wss://h:port/", "ws://[::1"]
)
def test_a_url_we_cannot_use_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigurationError, match="ws://"):
        client_protocol(url, max_message_octets=1000)


def test_a_header_that_would_split_the_request_is_refused_without_showing_it() -> None:
    protocol = client_protocol("ws://127.0.0.1:1/", max_message_octets=1000)
    with pytest.raises(ConfigurationError) as caught:
        asyncio.run(open_websocket(protocol, {"Authorization": f"{KEY}\r\nX: 1"}, timeout_s=30.0))
    assert KEY not in str(caught.value)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def trusting(authority: Authority) -> ssl.SSLContext:
    context = client_context()
    context.load_verify_locations(authority.certificate)
    return context


def refused(
    server: ssl.SSLContext, tls: ssl.SSLContext | None, host: str = "127.0.0.1"
) -> tuple[TlsError, BaseException | None]:
    """Fail to open a connection; give why, and what the server made of it."""

    async def story() -> tuple[TlsError, BaseException | None]:
        peer = WebSocketPeer(tls=server)
        url = peer.url.replace("127.0.0.1", host)
        serving = asyncio.create_task(peer.accept())
        protocol = client_protocol(url, max_message_octets=1000)
        with pytest.raises(TlsError) as caught:
            await open_websocket(protocol, HEADERS, timeout_s=30.0, tls=tls)
        assert KEY not in "".join(traceback.format_exception(caught.value))
        [seen] = await asyncio.gather(serving, return_exceptions=True)
        peer.close()
        return caught.value, seen

    return asyncio.run(story())


def test_a_server_of_a_trusted_authority_is_spoken_to(authority: Authority) -> None:
    async def story() -> None:
        peer = WebSocketPeer(tls=authority.server())
        protocol = client_protocol(peer.url, max_message_octets=1000)
        opened, _ = await asyncio.gather(
            open_websocket(protocol, HEADERS, timeout_s=30.0, tls=trusting(authority)),
            peer.accept(b"first"),
        )
        assert FrameReader(protocol, 1000).read(opened.received) == [b"first"]
        assert peer.request is not None
        assert peer.request.headers["Authorization"] == f"Bearer {KEY}"
        opened.connection.close()
        peer.close()

    asyncio.run(story())


def test_a_server_of_an_unknown_authority_is_refused_before_it_sees_the_key(
    authority: Authority,
) -> None:
    error, seen = refused(authority.server(), None)
    assert error.problem is TlsProblem.UNKNOWN_AUTHORITY
    assert "SSL_CERT_FILE" in str(error)
    assert isinstance(seen, ssl.SSLError)
    assert seen.reason == "TLSV1_ALERT_UNKNOWN_CA"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_with_anothers_certificate_is_refused(authority: Authority, host: str) -> None:
    server = authority.server("DNS:elsewhere.example,IP:127.0.0.9")
    error, _ = refused(server, trusting(authority), host)
    assert error.problem is TlsProblem.WRONG_HOST
    assert host in str(error)


def test_an_expired_certificate_is_refused(authority: Authority) -> None:
    error, _ = refused(authority.server(days=-1), trusting(authority))
    assert error.problem is TlsProblem.EXPIRED


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_1_1_is_refused(authority: Authority) -> None:
    server = authority.server()
    server.minimum_version = ssl.TLSVersion.TLSv1
    server.maximum_version = ssl.TLSVersion.TLSv1_1
    server.set_ciphers("ALL:@SECLEVEL=0")
    error, seen = refused(server, trusting(authority))
    assert error.problem is TlsProblem.NO_COMMON_VERSION
    assert isinstance(seen, ssl.SSLError)
    assert seen.reason == "UNSUPPORTED_PROTOCOL"


def test_a_server_that_wants_a_certificate_of_ours_refuses_us(authority: Authority) -> None:
    server = authority.server()
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(authority.certificate)
    error, _ = refused(server, trusting(authority))
    assert error.problem is TlsProblem.REFUSED
    assert "CERTIFICATE_REQUIRED" in str(error)


def answered_to_tls(answer: Callable[[WebSocketPeer], object], timeout_s: float) -> TransportError:
    """Let a server that knows no TLS take a TLS connection; give why it failed."""

    async def story() -> TransportError:
        peer = WebSocketPeer()
        protocol = client_protocol(peer.url.replace("ws:", "wss:"), max_message_octets=1000)

        async def serve() -> None:
            await peer.take_connection()
            answer(peer)

        serving = asyncio.create_task(serve())
        with pytest.raises(TransportError) as caught:
            await open_websocket(protocol, HEADERS, timeout_s=timeout_s)
        await serving
        with suppress(OSError):
            peer.close()
        return caught.value

    return asyncio.run(story())


def test_a_server_without_tls_is_named_as_such() -> None:
    error = answered_to_tls(lambda peer: peer.connection.send(b"HTTP/1.1 400 Bad\r\n\r\n"), 2.0)
    assert isinstance(error, TlsError)
    assert error.problem is TlsProblem.NO_TLS


def test_a_server_that_breaks_tls_is_named_as_such() -> None:
    error = answered_to_tls(
        lambda peer: peer.connection.send(b"\x16\x03\x03\x00\x04\x02\x00\x00\x00"), 2.0
    )
    assert isinstance(error, TlsError)
    assert error.problem is TlsProblem.BROKEN


def test_a_server_that_hangs_up_in_the_tls_handshake() -> None:
    error = answered_to_tls(lambda peer: peer.connection.shutdown(socket.SHUT_WR), 2.0)
    assert "hung up in the TLS handshake" in str(error)


def test_a_server_that_resets_in_the_tls_handshake() -> None:
    error = answered_to_tls(lambda peer: peer.reset(), 2.0)
    assert "Connection reset by peer" in str(error)


def test_a_server_that_does_not_answer_in_tls_is_given_up_in_time() -> None:
    error = answered_to_tls(lambda _: None, 0.05)
    assert "did not answer within 0.05 s" in str(error)


def test_a_host_that_no_certificate_can_be_for_is_a_configuration_error() -> None:
    protocol = client_protocol("wss://.example/", max_message_octets=1000)
    with pytest.raises(ConfigurationError, match="certificate"):
        asyncio.run(open_websocket(protocol, {}, timeout_s=30.0))
