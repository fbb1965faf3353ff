"""A Realtime server over loopback WebSockets that does to each connection what a story says.

A story is a coroutine function of a `Line`: one connection, driven frame by frame and octet by
octet. What a story leaves undone at its end the line does by the book: it reads on, and answers a
close. A connection behind those that the stories are for gets the last of them once more.
"""

import asyncio
import base64
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from tests.support.ports import LOOPBACK

__all__ = ["BadServer", "Line", "Story"]

RECEIVE_BUFFER = 4096
"""Octets of the kernel's and of ours: a server that stops reading is noticed soon."""
SAMPLES_PER_MS = 8
DELTA_MS = 100

Event = dict[str, Any]


class Line:
    """One connection to the server.

    Attributes:
        number: Counts the connections of the server from 0.
        heard: The client's events so far, but for its audio.
        event_id: Stands in every event from now on, where it is set.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        self.number = number
        self.heard: list[Event] = []
        self.event_id: str | None = None
        self._reader, self._writer = reader, writer
        self._protocol = ServerProtocol(max_size=None)
        self._unread: list[Event] = []
        self._granted: Event = {}

    # ---- the handshake ------------------------------------------------------------------------

    async def request(self) -> Request:
        """Read the client's request."""
        while not (events := self._protocol.events_received()):
            self._protocol.receive_data(await self._receive())
        (request,) = events
        assert isinstance(request, Request)
        return request

    async def refuse(self, status: int, *headers: str) -> None:
        """Answer the request with a status and what HTTP wants beside it."""
        await self.request()
        head = [f"HTTP/1.1 {status} Refused", "Content-Length: 0", *headers]
        await self.send_raw("\r\n".join([*head, "", ""]).encode())

    async def accept(self) -> None:
        """Open the WebSocket, and say nothing in it."""
        self._protocol.send_response(self._protocol.accept(await self.request()))
        await self._flush()

    async def greet(self, **changes: Any) -> None:
        """Open the WebSocket, greet, and grant the session as asked but for these changes."""
        await self.accept()
        await self.say({"type": "session.created", "session": {"id": "sess_1"}})
        await self.grant(**changes)

    async def grant(self, **changes: Any) -> None:
        """Grant the session that the client asks for, but for these changes."""
        update = await self.event("session.update")
        self._granted = update["session"]
        await self.say(self.updated(**changes))

    def updated(self, **changes: Any) -> Event:
        """Give the news of the session as it was granted, but for these changes."""
        return {"type": "session.updated", "session": {**self._granted, **changes}}

    # ---- words --------------------------------------------------------------------------------

    async def asked(self) -> Event:
        """Wait for the client to ask for a response."""
        return await self.event("response.create")

    async def speak(
        self, octet: int, response_id: str, item_id: str, *, ms: int = 600, is_done: bool = True
    ) -> None:
        """Say one octet for a while, as a whole response or as one that is still under way."""
        place = {"response_id": response_id, "item_id": item_id}
        item: Event = {"id": item_id, "type": "message", "role": "assistant", "content": []}
        await self.say(
            {"type": "response.created", "response": {"id": response_id}},
            {"type": "response.output_item.added", "response_id": response_id, "item": item},
        )
        for _ in range(ms // DELTA_MS):
            await self.say(self.delta(octet, response_id, item_id))
        if is_done:
            await self.say(
                {"type": "response.output_audio.done", **place},
                {
                    "type": "response.done",
                    "response": {"id": response_id, "status": "completed", "output": [item]},
                },
            )

    @staticmethod
    def delta(octet: int, response_id: str, item_id: str, ms: int = DELTA_MS) -> Event:
        """Give a piece of an item's audio: G.711, one octet over and over."""
        audio = base64.b64encode(bytes([octet]) * (ms * SAMPLES_PER_MS)).decode()
        place = {"response_id": response_id, "item_id": item_id, "content_index": 0}
        return {"type": "response.output_audio.delta", **place, "delta": audio}

    async def say(self, *events: Mapping[str, Any], closing: int | None = None) -> None:
        """Send events, one in a frame, all in one write; a close with this code behind them."""
        for event in events:
            named = event if self.event_id is None else {**event, "event_id": self.event_id}
            self._protocol.send_text(json.dumps(named).encode())
        if closing is not None:
            self._protocol.send_close(closing, "The server had an error")
        await self._flush()

    async def say_octets(self, message: bytes, *, is_binary: bool = False) -> None:
        """Send octets as one message."""
        await self.send_raw(
            Frame(Opcode.BINARY if is_binary else Opcode.TEXT, message).serialize(mask=False)
        )

    async def send_raw(self, octets: bytes) -> None:
        """Send octets past all rules."""
        self._writer.write(octets)
        await self._writer.drain()

    async def send_close(self, code: int, reason: str) -> None:
        """Begin to close the WebSocket."""
        self._protocol.send_close(code, reason)
        await self._flush()

    def hang_up(self) -> None:
        """Say no more, without a close."""
        self._writer.write_eof()

    def reset(self) -> None:
        """End the connection with RST."""
        linger = struct.pack("ii", 1, 0)
        self._writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, linger
        )
        self._writer.transport.abort()

    def stop_reading(self) -> None:
        """Read nothing any more."""
        transport = self._writer.transport
        assert isinstance(transport, asyncio.ReadTransport)
        transport.pause_reading()

    # ---- the client's -------------------------------------------------------------------------

    async def event(self, kind: str) -> Event:
        """Wait for the client's next event of a type."""
        while True:
            while self._unread:
                event = self._unread.pop(0)
                if event["type"] == kind:
                    return event
            await self._hear()

    async def serve(self) -> None:
        """Read on until the client is gone; answer its pings and its close."""
        while True:
            await self._hear()

    async def awaits_close(self) -> None:
        """Read on until the client begins to close, and leave it at that."""
        while self._protocol.close_rcvd is None:
            await self._take(await self._receive())

    async def _hear(self) -> None:
        await self._take(await self._receive())
        await self._flush()

    async def _take(self, received: bytes) -> None:
        self._protocol.receive_data(received)
        for frame in self._protocol.events_received():
            if isinstance(frame, Frame) and frame.opcode is Opcode.TEXT:
                event = json.loads(bytes(frame.data))
                if event["type"] != "input_audio_buffer.append":
                    self.heard.append(event)
                    self._unread.append(event)

    async def _receive(self) -> bytes:
        received = await self._reader.read(65_536)
        if not received:
            raise ConnectionResetError("the client has hung up")
        return received

    async def _flush(self) -> None:
        octets = self._protocol.data_to_send()
        if message := b"".join(octets):
            self._writer.write(message)
        if b"" in octets and self._writer.can_write_eof():
            self._writer.write_eof()
        await self._writer.drain()


Story = Callable[[Line], Awaitable[None]]


class BadServer:
    """Listens on loopback, and tells each connection its story.

    Args:
        stories: Of the first connection, the second and so on; the last is for all others, too.

    Attributes:
        lines: The connections so far.
        faults: What a story itself failed of; the client's hanging up is none.
    """

    def __init__(self, *stories: Story) -> None:
        self.lines: list[Line] = []
        self.faults: list[Exception] = []
        self._stories = stories
        self._telling: set[asyncio.Task[None]] = set()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._listener.bind((LOOPBACK, 0))
        self._server: asyncio.Server | None = None

    @property
    def has_stories(self) -> bool:
        """Whether there is anything to be told."""
        return bool(self._stories)

    @property
    def url(self) -> str:
        """Where it is; before `start` nobody can connect there."""
        return f"ws://{self.host}/v1/realtime"

    @property
    def host(self) -> str:
        """Its address, as host:port."""
        return f"{LOOPBACK}:{self._listener.getsockname()[1]}"

    async def start(self) -> None:
        """Listen from now on."""
        self._server = await asyncio.start_server(
            self._connected, sock=self._listener, limit=RECEIVE_BUFFER
        )

    async def close(self) -> None:
        """End all connections."""
        if self._server is not None:
            self._server.close()
        self._listener.close()
        telling = list(self._telling)
        for task in telling:
            task.cancel()
        await asyncio.gather(*telling, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: streams of Python 3.11 report one of theirs that was cancelled.
        task = asyncio.get_running_loop().create_task(self._tell(reader, writer))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(reader, writer, len(self.lines))
        self.lines.append(line)
        try:
            await self._stories[min(line.number, len(self._stories) - 1)](line)
            await line.serve()
        except OSError:
            pass  # the client has hung up
        except Exception as failed:
            self.faults.append(failed)
        finally:
            writer.close()
