"""TLS with a server of another make, `openssl s_server`, and what it may do in mid-session."""

import asyncio
import queue
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.utils import accept_key

from telephony.engine.channel import TlsChannel, client_context
from telephony.engine.clock import monotonic_ns
from telephony.engine.realtime_socket import RealtimeSocket, SocketSettings
from telephony.realtime import RealtimeSession
from telephony.voice import SessionClosed, VoiceEvent
from tests.support.certificates import Authority
from tests.support.child import end
from tests.support.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.peers

VERSIONS = {"-tls1_3": "TLSv1.3", "-tls1_2": "TLSv1.2"}


class OpenSslServer:
    """The server, driven by its keyboard commands."""

    def __init__(self, directory: Path, version: str) -> None:
        authority = Authority(directory)
        certificate, key = authority.sign()
        files = ["-cert", str(certificate), "-key", str(key)]
        self.process = subprocess.Popen(
            ["openssl", "s_server", "-accept", "127.0.0.1:0", *files, "-crlf", version],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.lines: queue.Queue[bytes] = queue.Queue()
        self.reader = threading.Thread(target=self.read_lines, daemon=True)
        self.reader.start()
        self.address = ("127.0.0.1", int(self.until(b"ACCEPT").rpartition(b":")[2]))
        self.context = client_context()
        self.context.load_verify_locations(authority.certificate)

    def read_lines(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.strip())

    def until(self, beginning: bytes) -> bytes:
        """Wait for a line of the server's that begins so; give the rest of it."""
        while not (line := self.lines.get(timeout=PATIENCE_SECONDS)).startswith(beginning):
            pass
        return line.removeprefix(beginning)

    def type(self, text: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text + b"\n")
        self.process.stdin.flush()

    def accept_websocket(self) -> None:
        """Answer a WebSocket's request by hand."""
        key = self.until(b"Sec-WebSocket-Key: ").decode()
        self.type(
            b"HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\n"
            b"Sec-WebSocket-Accept: " + accept_key(key).encode() + b"\n"
        )

    def close(self) -> None:
        self.process.kill()
        end(self.process)
        self.reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


class Line:
    """A channel to such a server, over a socket that waits."""

    def __init__(self, server: OpenSslServer) -> None:
        self.channel = TlsChannel(server.context, "127.0.0.1")
        self.connection = socket.create_connection(server.address, PATIENCE_SECONDS)
        received = b""
        while not self.channel.shake_hands(received):
            self.connection.sendall(self.channel.take_answer())
            received = self.connection.recv(self.channel.receive_octets)
        self.connection.sendall(self.channel.take_answer())

    def read_once(self) -> bytes:
        """Read some, and answer for TLS itself."""
        plain, is_end = self.channel.unseal(self.connection.recv(self.channel.receive_octets))
        assert not is_end
        self.connection.sendall(self.channel.take_answer())
        return plain

    def read(self) -> bytes:
        """Read until the server says something."""
        while not (plain := self.read_once()):
            pass
        return plain

    def write(self, octets: bytes) -> None:
        self.connection.sendall(self.channel.seal(octets))


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[OpenSslServer]:
    server = OpenSslServer(tmp_path, request.param)
    yield server
    server.close()


@pytest.fixture
def line(server: OpenSslServer) -> Iterator[Line]:
    """Give a line on which both ends have spoken."""
    line = Line(server)
    line.write(b"from us\n")
    server.until(b"from us")
    server.type(b"from them")
    assert line.read() == b"from them\r\n"
    yield line
    line.connection.close()


@pytest.mark.parametrize("server", VERSIONS, ids=VERSIONS.values(), indirect=True)
def test_both_ends_speak(server: OpenSslServer, line: Line) -> None:
    for number in range(3):
        line.write(b"us %d\n" % number)
        assert server.until(b"us") == b" %d" % number
        server.type(b"them %d" % number)
        assert line.read() == b"them %d\r\n" % number


@pytest.mark.parametrize("command", [b"k", b"K"], ids=["new keys", "new keys, and ours as well"])
@pytest.mark.parametrize("server", ["-tls1_3"], indirect=True)
def test_a_key_update_changes_nothing_for_us(
    server: OpenSslServer, line: Line, command: bytes
) -> None:
    for number in range(3):
        server.type(command)
        assert line.read_once() == b""
        server.type(b"them %d" % number)
        assert line.read() == b"them %d\r\n" % number
        line.write(b"us %d\n" % number)
        server.until(b"us %d" % number)


@pytest.mark.parametrize("server", ["-tls1_2"], indirect=True)
def test_a_server_that_insists_on_a_new_handshake_is_lost_with_its_reason(
    server: OpenSslServer,
) -> None:
    """We refuse it (RFC 5246 section 7.2.2, no_renegotiation): a write would wait for it."""
    told: list[VoiceEvent] = []
    over = asyncio.Event()

    def tell(event: VoiceEvent) -> None:
        told.append(event)
        over.set()

    async def story() -> None:
        url = f"wss://127.0.0.1:{server.address[1]}/"
        session = RealtimeSession(lambda: "token")
        settings = SocketSettings(connect_seconds=PATIENCE_SECONDS, tls=server.context)
        line = RealtimeSocket(url, {}, session, tell, monotonic_ns, settings)
        await asyncio.gather(line.connect(), asyncio.to_thread(server.accept_websocket))
        server.type(b"r")
        await asyncio.wait_for(over.wait(), PATIENCE_SECONDS)

    asyncio.run(story())
    assert told == [
        SessionClosed(False, 1006, "the connection broke: TLS: SSLV3_ALERT_HANDSHAKE_FAILURE")
    ]
