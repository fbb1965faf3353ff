"""One client's WebSocket at a server of a benchmark, as cheap as a server in Python can have it."""

import asyncio
import logging

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

__all__ = ["ServerConnection"]

MAX_MESSAGE_OCTETS = 1 << 20
SILENT = logging.Logger("telephony.bench.websocket", level=logging.CRITICAL)


class ServerConnection(asyncio.Protocol):
    """Shakes hands and reads; what it hears and says is for others to define."""

    def __init__(self) -> None:
        """Wait for the connection."""
        self._protocol = ServerProtocol(max_size=MAX_MESSAGE_OCTETS, logger=SILENT)
        self._transport: asyncio.Transport | None = None

    def handle_open(self) -> None:
        """Learn that the client's handshake was answered."""
        raise NotImplementedError

    def handle_text(self, text: bytes) -> None:
        """Take one message."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    @property
    def waiting_octets(self) -> int:
        """What the kernel has not taken yet."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def abort(self) -> None:
        """Hang up at once."""
        if self._transport is not None:
            self._transport.abort()

    def write(self, frames: bytes) -> None:
        """Send frames that are made already."""
        if frames and self._transport is not None:
            self._transport.write(frames)

    def data_received(self, data: bytes) -> None:
        """Read what came and answer it."""
        protocol = self._protocol
        protocol.receive_data(data)
        for event in protocol.events_received():
            if isinstance(event, Frame):
                if event.opcode is Opcode.TEXT:
                    self.handle_text(bytes(event.data))
            elif isinstance(event, Request):
                protocol.send_response(protocol.accept(event))
                self._flush()
                self.handle_open()
        self._flush()

    def eof_received(self) -> bool:
        """Let the protocol end the connection."""
        self._protocol.receive_eof()
        self._flush()
        return False

    def _flush(self) -> None:
        assert self._transport is not None
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()
