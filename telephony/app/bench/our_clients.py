"""Our client's side of `bench realtime`: a session on its socket, and a bare socket as the floor.

Run as `python -m telephony.app.bench.our_clients`; it takes commands until standard input closes.
"""

import asyncio
import secrets
import socket

from pydantic import BaseModel

from telephony.app.bench.measured_client import (
    AUDIO,
    BURST,
    MeasuredClient,
    MeasuredClients,
    serve_clients,
)
from telephony.app.bench.messages import Command, Cost, MeasureOwnAppend
from telephony.app.bench.own_append import OwnAppend
from telephony.engine.clock import monotonic_ns
from telephony.engine.realtime_socket import RealtimeSocket
from telephony.engine.tcp_options import tune
from telephony.engine.uplink_writer import UplinkLimits
from telephony.engine.websocket_handshake import client_protocol, open_websocket
from telephony.engine.websocket_text import TextFrames
from telephony.errors import TransportError
from telephony.realtime import MAX_MESSAGE_OCTETS, RealtimeSession, append_message
from telephony.voice import (
    AudioReceived,
    Configure,
    Respond,
    ResponseFinished,
    SessionClosed,
    SessionGranted,
    SessionSettings,
    VoiceEvent,
)

__all__ = ["BareClient", "OurClient", "OurClients", "main"]

CONNECT_SECONDS = 10.0
READ_OCTETS = 262_144
RESPONSE_CREATE = b'{"type":"response.create"}'
FIRST, LAST = b'"response.output_audio.delta"', b'"response.done"'


def _token() -> str:
    return secrets.token_hex(8)


class OurClient(MeasuredClient):
    """`RealtimeSession` and `RealtimeSocket`, as the engine has them for each call."""

    def __init__(self) -> None:
        """Begin without a connection."""
        super().__init__()
        self._session = RealtimeSession(_token)
        self._socket: RealtimeSocket | None = None
        self._granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._is_free = asyncio.Event()
        self._is_free.set()

    async def connect(self, url: str) -> None:
        """Connect, and wait for the grant."""
        self._socket = RealtimeSocket(url, {}, self._session, self._note, monotonic_ns)
        await self._socket.connect()
        self._socket.command(Configure(SessionSettings()))
        async with asyncio.timeout(CONNECT_SECONDS):
            await self._granted

    def _note(self, event: VoiceEvent) -> None:
        match event:
            case AudioReceived():
                self.meter.note()
            case ResponseFinished():
                self._is_free.set()
            case SessionGranted():
                self._granted.set_result(None)
            case SessionClosed(is_clean=False, reason=reason):
                raise TransportError(f"the server is gone: {reason}")
            case _:
                pass

    async def ask(self) -> None:
        """Ask for a response."""
        await self._is_free.wait()
        self._is_free.clear()
        assert self._socket is not None
        self._socket.command(Respond())

    async def append_burst(self) -> None:
        """Append, as the media clock does."""
        assert self._socket is not None
        session, write_audio = self._session, self._socket.write_audio
        for _ in range(BURST):
            write_audio(session.append_message(AUDIO), len(AUDIO))

    async def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            await self._socket.close()


class BareClient(MeasuredClient):
    """A socket in the event loop that reads and writes the same octets and looks at none."""

    def __init__(self) -> None:
        """Begin without a connection."""
        super().__init__()
        self._connection: socket.socket | None = None
        self._frame = TextFrames().frame
        self._append = self._frame(append_message(AUDIO))
        self._is_free = asyncio.Event()
        self._is_free.set()

    async def connect(self, url: str) -> None:
        """Shake hands, and read from then on."""
        protocol = client_protocol(url, max_message_octets=MAX_MESSAGE_OCTETS)
        opened = await open_websocket(protocol, {}, timeout_s=CONNECT_SECONDS, tls=None)
        self._connection, limits = opened.connection, UplinkLimits()
        tune(
            self._connection,
            limits.tcp,
            send_buffer=limits.send_buffer,
            notsent=limits.notsent_octets,
        )
        asyncio.get_running_loop().add_reader(self._connection, self._read)

    def _read(self) -> None:
        """Take octets: the first delta is noted, and for all others the end of the answer."""
        assert self._connection is not None
        received = self._connection.recv(READ_OCTETS)
        if not received:
            raise TransportError("the server is gone")
        if self.meter.is_waiting and FIRST in received:
            self.meter.note()
        if LAST in received:
            self.meter.note_rest()
            self._is_free.set()

    async def ask(self) -> None:
        """Ask for a response."""
        await self._is_free.wait()
        self._is_free.clear()
        assert self._connection is not None
        self._connection.send(self._frame(RESPONSE_CREATE))

    async def append_burst(self) -> None:
        """Write a frame that was made before."""
        assert self._connection is not None
        send, frame = self._connection.send, self._append
        for _ in range(BURST):
            send(frame)

    async def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            asyncio.get_running_loop().remove_reader(self._connection)
            self._connection.close()


class OurClients(MeasuredClients):
    """Both, and what an append costs before the socket."""

    def __init__(self) -> None:
        """Connect none."""
        super().__init__({"ours": OurClient(), "floor": BareClient()})
        self._own_append = OwnAppend()

    async def carry_out(self, command: Command) -> BaseModel:
        """Do what the benchmark asks."""
        if isinstance(command, MeasureOwnAppend):
            return Cost(us=self._own_append.us(command.bursts))
        return await super().carry_out(command)

    async def close(self) -> None:
        """Hang up."""
        self._own_append.close()
        await super().close()


def main() -> None:
    """Measure as told until standard input closes."""
    asyncio.run(serve_clients(OurClients))


if __name__ == "__main__":
    main()
