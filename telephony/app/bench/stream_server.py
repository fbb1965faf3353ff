"""The server of `bench realtime`: it plays a script at a few clients, or streams to very many.

Run as `python -m telephony.app.bench.stream_server`; it prints `{"url": ...}` and takes commands
until standard input closes. A script is one answer with so many audio deltas in bursts; a stream is
20 ms of audio to every client, every 20 ms.
"""

import asyncio
import gc
import json
from base64 import b64encode
from typing import Any

from pydantic import BaseModel

from telephony.app.bench.command_pipe import answer_commands, say
from telephony.app.bench.messages import Command, Done, Sample, Samples, SetScript, StreamDeltas
from telephony.app.bench.model_answer import Answer, event_frame
from telephony.app.bench.sampling import look_at
from telephony.app.bench.server_connection import ServerConnection
from telephony.app.bench.sound import agent_audio
from telephony.engine.descriptors import allow_descriptors
from telephony_codecs import AudioFormat

__all__ = ["FRAME_MS", "StreamServer", "main"]

LOOPBACK = "127.0.0.1"
BACKLOG = 512
SCRIPT_MS = 100
"""Of a script's delta: 0.8 kB of G.711."""
FRAME_MS = 20
SLOTS = 4
"""Turns in which a stream's clients are served, so that its load is even."""
SLOT_S = FRAME_MS / SLOTS / 1000
WAITING_LIMIT_OCTETS = 1 << 20
"""Of a client that reads nothing: beyond it the client is cut off."""
APPEND = b'"input_audio_buffer.append"'
TYPE_WINDOW = 64
MS_PER_SECOND = 1000


def _encoded(milliseconds: int) -> bytes:
    return b64encode(agent_audio(AudioFormat.PCMU, milliseconds, 1)[0])


class StreamConnection(ServerConnection):
    """One client."""

    def __init__(self, server: "StreamServer", number: int) -> None:
        """Wait for the connection."""
        super().__init__()
        self._server = server
        self._number = number
        self._answers = 0
        self._speaking: asyncio.Task[None] | None = None
        self.streamed = b""
        """The frame that a stream repeats; empty before the client's stream has begun."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        del exc
        self._server.forget(self)
        if self._speaking is not None:
            self._speaking.cancel()

    def handle_open(self) -> None:
        """Begin as every server does."""
        self._server.connections.append(self)
        self.write(event_frame("session.created", 0, {"session": self._describe({})}))

    def _describe(self, asked: dict[str, Any]) -> dict[str, Any]:
        named = {"type": "realtime", "object": "realtime.session", "id": f"sess_{self._number}"}
        return {**named, **asked}

    def handle_text(self, text: bytes) -> None:
        """Count an append, grant what is asked for, answer."""
        if APPEND in text[:TYPE_WINDOW]:
            self._server.appends += 1
            return
        message: dict[str, Any] = json.loads(text)
        match message.get("type"):
            case "session.update":
                session = self._describe(message["session"])
                self.write(event_frame("session.updated", 1, {"session": session}))
            case "response.create":
                self._speaking = asyncio.get_running_loop().create_task(self._speak())
            case _:
                pass

    def _next_answer(self) -> Answer:
        self._answers += 1
        return Answer(f"{self._number}_{self._answers}")

    async def _speak(self) -> None:
        script, answer = self._server.script, self._next_answer()
        frame = answer.audio(self._server.scripted_audio)
        self.write(answer.begin())
        for _ in range(script.deltas // script.burst):
            await asyncio.sleep(script.gap_ms / MS_PER_SECOND)
            self.write(frame * script.burst)
        await asyncio.sleep(script.gap_ms / MS_PER_SECOND)
        self.write(answer.word("word") + answer.end())

    def begin_stream(self, audio: bytes) -> None:
        """Begin an answer that has no end."""
        answer = self._next_answer()
        self.write(answer.begin())
        self.streamed = answer.audio(audio)


class StreamServer:
    """All clients.

    Attributes:
        connections: Those that are up.
        script: What an answer is made of.
        scripted_audio: Of a script's delta, base64.
        appends: Read so far.
        deltas: Streamed so far.
    """

    def __init__(self) -> None:
        """Start without a client."""
        self.connections: list[StreamConnection] = []
        self.script = SetScript(deltas=1, burst=1, gap_ms=0.0)
        self.scripted_audio = _encoded(SCRIPT_MS)
        self.appends = self.deltas = 0
        self._numbers = self._lost = 0
        self._late_s = self._due_s = 0.0
        self._slot = 0

    def connect(self) -> StreamConnection:
        """Make what serves a new client."""
        self._numbers += 1
        return StreamConnection(self, self._numbers)

    def forget(self, connection: StreamConnection) -> None:
        """Learn that a client is gone; streamed to, it should not be."""
        if connection in self.connections:
            self.connections.remove(connection)
            self._lost += bool(connection.streamed)

    async def carry_out(self, command: Command) -> BaseModel:
        """Do what the benchmark asks."""
        match command:
            case SetScript():
                self.script = command
                return Done()
            case StreamDeltas():
                self._begin_stream()
                return Done()
            case Sample():
                looks = await look_at(lambda: (self.appends, self.deltas), command)
                return Samples(
                    up=tuple(up for up, _ in looks),
                    down=tuple(down for _, down in looks),
                    late_ms=self._late_s * MS_PER_SECOND,
                    lost=self._lost,
                )
            case _:
                raise ValueError(f"a stream's server has no command {command.do!r}")

    def _begin_stream(self) -> None:
        audio = _encoded(FRAME_MS)
        for connection in self.connections:
            connection.begin_stream(audio)
        self._due_s = asyncio.get_running_loop().time()
        self._stream()

    def _stream(self) -> None:
        """Serve one slot's clients; a slot that is late is served all the same."""
        loop = asyncio.get_running_loop()
        self._late_s = max(self._late_s, loop.time() - self._due_s)
        for connection in self.connections[self._slot :: SLOTS]:
            connection.write(connection.streamed)
            self.deltas += 1
            if connection.waiting_octets > WAITING_LIMIT_OCTETS:
                connection.abort()
        self._slot = (self._slot + 1) % SLOTS
        self._due_s += SLOT_S
        loop.call_at(self._due_s, self._stream)


class Started(BaseModel):
    """Where the server listens."""

    url: str


async def _serve() -> None:
    allow_descriptors()
    loop = asyncio.get_running_loop()
    stream = StreamServer()
    server = await loop.create_server(stream.connect, LOOPBACK, 0, backlog=BACKLOG)
    gc.freeze()
    gc.disable()
    port = server.sockets[0].getsockname()[1]
    say(Started(url=f"ws://{LOOPBACK}:{port}/v1/realtime"))
    await answer_commands(stream.carry_out)
    server.close()


def main() -> None:
    """Serve until standard input closes."""
    asyncio.run(_serve())


if __name__ == "__main__":
    main()
