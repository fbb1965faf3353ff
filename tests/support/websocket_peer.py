"""A WebSocket server for one connection, driven by hand: it reads only when it is told to."""

import asyncio
import json
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress

from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

RECEIVE_OCTETS = 4096


class WebSocketPeer:
    """Listens on loopback; `accept` shakes hands, and nothing else is read or written by itself.

    Args:
        receive_buffer: Octets for SO_RCVBUF: how much a client can write while nobody reads.
        tls: Makes it speak TLS, with this certificate.
    """

    def __init__(self, receive_buffer: int = 65_536, tls: ssl.SSLContext | None = None) -> None:
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self._listener.setblocking(False)
        self._connection: socket.socket | None = None
        self._protocol = ServerProtocol(max_size=None)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = None if tls is None else tls.wrap_bio(self._incoming, self._outgoing, True)
        self.request: Request | None = None
        self.frames: list[Frame] = []

    @property
    def url(self) -> str:
        scheme = "ws" if self.tls is None else "wss"
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}/v1/realtime"

    @property
    def connection(self) -> socket.socket:
        assert self._connection is not None
        return self._connection

    async def take_connection(self) -> None:
        """Accept the connection, with TLS where that is spoken, and no more."""
        loop = asyncio.get_running_loop()
        self._connection, _ = await loop.sock_accept(self._listener)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while self.tls is not None:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._send_records()
                self._incoming.write(await self._receive_some())
            except ssl.SSLError:
                await self._send_records()
                raise
            else:
                await self._send_records()
                return

    async def accept(self, first: bytes = b"") -> None:
        """Shake hands, and send a first text message in the same write as the answer."""
        await self.take_connection()
        while self.request is None:
            await self._receive(keep=False)
        self._protocol.send_response(self._protocol.accept(self.request))
        if first:
            self._protocol.send_text(first)
        await self._flush()

    async def answer(self, raw: bytes) -> None:
        """Answer the request with these octets, whatever they are."""
        await self.take_connection()
        await self._receive_some()
        await self.send_raw(raw)

    async def read(self, count: int) -> list[bytes]:
        """Read until there are `count` text messages; give those."""
        found: list[bytes] = []
        while len(found) < count:
            while self.frames and len(found) < count:
                frame = self.frames.pop(0)
                if frame.opcode is Opcode.TEXT:
                    found.append(bytes(frame.data))
            if len(found) < count:
                await self._receive()
        return found

    async def read_frame(self, opcode: Opcode) -> Frame:
        """Read until a frame of this kind came."""
        while True:
            for frame in self.frames:
                if frame.opcode is opcode:
                    await self._flush()
                    return frame
            await self._receive()

    async def send(self, *events: Mapping[str, object]) -> None:
        """Send events as text messages, in one write."""
        for event in events:
            self._protocol.send_text(json.dumps(event).encode())
        await self._flush()

    async def send_fragments(self, *fragments: bytes) -> None:
        """Send one text message in several frames, a ping between the first two."""
        self._protocol.send_text(fragments[0], fin=False)
        self._protocol.send_ping(b"between")
        for fragment in fragments[1:-1]:
            self._protocol.send_continuation(fragment, fin=False)
        self._protocol.send_continuation(fragments[-1], fin=True)
        await self._flush()

    async def send_close(self, code: int, reason: str) -> None:
        self._protocol.send_close(code, reason)
        await self._flush()

    async def send_raw(self, octets: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.connection, self.seal(octets))

    def seal(self, octets: bytes) -> bytes:
        """Give what says these octets on the wire."""
        if self.tls is None:
            return octets
        self.tls.write(octets)
        return self._outgoing.read()

    async def send_close_notify(self) -> None:
        """Say in TLS that no more will come; the connection stays."""
        assert self.tls is not None
        with suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        await self._send_records()

    async def _send_records(self) -> None:
        await asyncio.get_running_loop().sock_sendall(self.connection, self._outgoing.read())

    async def _receive_some(self) -> bytes:
        received = await asyncio.get_running_loop().sock_recv(self.connection, RECEIVE_OCTETS)
        assert received, "the client hung up"
        return received

    async def finish(self) -> None:
        """Answer the client's close frame, and hang up."""
        frame = await self.read_frame(Opcode.CLOSE)
        assert Close.parse(frame.data).code == 1000
        await self._flush()
        self.connection.close()

    def reset(self) -> None:
        """End the connection with RST."""
        linger = b"\1\0\0\0\0\0\0\0"
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()

    def close(self) -> None:
        self._listener.close()
        if self._connection is not None:
            self._connection.close()

    async def _receive(self, *, keep: bool = True) -> None:
        received = await self._receive_some()
        if self.tls is not None:
            self._incoming.write(received)
            received = b""
            with suppress(ssl.SSLWantReadError):
                while octets := self.tls.read(RECEIVE_OCTETS):
                    received += octets
        self._protocol.receive_data(received)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self.request = event
            elif isinstance(event, Frame) and keep:
                self.frames.append(event)

    async def _flush(self) -> None:
        if octets := b"".join(self._protocol.data_to_send()):
            await self.send_raw(octets)
