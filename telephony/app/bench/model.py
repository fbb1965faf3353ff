"""The benchmark's model server: a real WebSocket on loopback that speaks for many calls cheaply.

Run as `python -m telephony.app.bench.model`; it prints `{"url": ...}` and takes commands until
standard input closes. It stands in for a hosted model under load: see `model_session`.
"""

import asyncio
import gc
import time
from base64 import b64encode
from collections.abc import Sequence
from functools import cache

from pydantic import BaseModel

from telephony.app.bench.command_pipe import answer_commands, say
from telephony.app.bench.messages import (
    Command,
    Done,
    MarkersHeard,
    ModelCounts,
    Quiet,
    ReportMarkers,
    ReportModel,
)
from telephony.app.bench.model_session import (
    BURST_SECONDS,
    DELTA_MS,
    DELTAS_PER_BURST,
    ModelSession,
)
from telephony.app.bench.server_connection import ServerConnection
from telephony.app.bench.sound import agent_audio
from telephony_codecs import AudioFormat

__all__ = ["ModelServer", "main"]

LOOPBACK = "127.0.0.1"
BACKLOG = 512
MS_PER_SECOND = 1000


@cache
def encoded_voice(audio_format: AudioFormat) -> Sequence[bytes]:
    """Give the deltas of one burst, base64."""
    return [b64encode(chunk) for chunk in agent_audio(audio_format, DELTA_MS, DELTAS_PER_BURST)]


class ModelConnection(ServerConnection):
    """One client's WebSocket."""

    def __init__(self, server: "ModelServer") -> None:
        """Wait for the connection."""
        super().__init__()
        self._server = server
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = 0.0
        self.session = ModelSession(server.next_number(), encoded_voice, time.monotonic_ns)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be one of the server's clients."""
        super().connection_made(transport)
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        del exc
        self._server.connections.discard(self)
        self.stop_speaking()

    def handle_open(self) -> None:
        """Greet the client."""
        self.write(self.session.greet())

    def handle_text(self, text: bytes) -> None:
        """Answer a message, and begin to speak once that is asked for."""
        self.write(self.session.handle_text(text))
        if self.session.speaks and self._timer is None and not self._server.is_quiet:
            self._due_s = asyncio.get_running_loop().time()
            self._speak()

    def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        self._server.note_late(loop.time() - self._due_s)
        self.write(self.session.burst())
        self._server.deltas += DELTAS_PER_BURST
        self._due_s += BURST_SECONDS
        self._timer = loop.call_at(self._due_s, self._speak)

    def stop_speaking(self) -> None:
        """Send no more bursts."""
        if self._timer is not None:
            self._timer.cancel()


class ModelServer:
    """All clients, and what they are told together.

    Attributes:
        connections: Those that are up.
        is_quiet: Whether bursts have ended for good.
        deltas: Audio deltas sent since the last report.
    """

    def __init__(self) -> None:
        """Start without a client."""
        self.connections: set[ModelConnection] = set()
        self.is_quiet = False
        self.deltas = 0
        self._numbers = 0
        self._late_s = 0.0

    def next_number(self) -> int:
        """Number a new client."""
        self._numbers += 1
        return self._numbers

    def note_late(self, seconds: float) -> None:
        """Learn how late a burst left."""
        self._late_s = max(self._late_s, seconds)

    def carry_out(self, command: Command) -> BaseModel:
        """Do what the benchmark asks."""
        match command:
            case Quiet():
                self.is_quiet = True
                for connection in self.connections:
                    connection.stop_speaking()
                    connection.write(connection.session.be_quiet())
                return Done()
            case ReportMarkers():
                sessions = [connection.session for connection in self.connections]
                found = [
                    (one.call, at_ns)
                    for one in sessions
                    if one.call is not None
                    for at_ns in one.markers_ns
                ]
                return MarkersHeard(markers=tuple(found))
            case ReportModel():
                return self._counts()
            case _:
                raise ValueError(f"a model has no command {command.do!r}")

    def _counts(self) -> ModelCounts:
        appended_ms = sum(one.session.take_appended_ms() for one in self.connections)
        counts = ModelCounts(
            sessions=len(self.connections),
            appended_ms=appended_ms,
            deltas=self.deltas,
            answers_late_ms=self._late_s * MS_PER_SECOND,
        )
        self.deltas, self._late_s = 0, 0.0
        return counts


class Started(BaseModel):
    """Where the server listens."""

    url: str


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    model = ModelServer()
    server = await loop.create_server(lambda: ModelConnection(model), LOOPBACK, 0, backlog=BACKLOG)
    for audio_format in (AudioFormat.PCMU, AudioFormat.PCMA, AudioFormat.PCM24K):
        encoded_voice(audio_format)

    async def carry_out(command: Command) -> BaseModel:
        return model.carry_out(command)

    gc.freeze()
    gc.disable()
    port = server.sockets[0].getsockname()[1]
    say(Started(url=f"ws://{LOOPBACK}:{port}/v1/realtime"))
    await answer_commands(carry_out)
    server.close()


def main() -> None:
    """Serve until standard input closes."""
    asyncio.run(_serve())


if __name__ == "__main__":
    main()
