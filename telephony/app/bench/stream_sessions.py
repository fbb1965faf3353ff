"""Very many sessions in one process of the engine's making: its media clock, its sockets.

Run as `python -m telephony.app.bench.stream_sessions`; it takes commands until standard input
closes. Each session appends 20 ms of audio on the media clock's ticks and hears what comes.
"""

import asyncio
import gc
import secrets
import sys
from collections import Counter
from functools import partial

from pydantic import BaseModel

from telephony.app.bench.command_pipe import answer_commands, say
from telephony.app.bench.measured_client import AUDIO
from telephony.app.bench.messages import Command, Done, Opened, OpenSessions, Sample, Samples
from telephony.app.bench.sampling import Counts, look_at
from telephony.app.bench.stream_server import FRAME_MS
from telephony.engine.__main__ import SWITCH_INTERVAL_S
from telephony.engine.clock import monotonic_ns
from telephony.engine.descriptors import allow_descriptors
from telephony.engine.media_clock import MediaClock
from telephony.engine.realtime_socket import RealtimeSocket, SocketSettings
from telephony.engine.slot_timer import make_slot_timer
from telephony.errors import TelephonyError
from telephony.realtime import RealtimeSession
from telephony.units import NS_PER_MS, Nanoseconds
from telephony.voice import (
    AudioReceived,
    Configure,
    SessionClosed,
    SessionGranted,
    SessionSettings,
    VoiceEvent,
)

__all__ = ["StreamSession", "StreamSessions", "main"]

GRANT_SECONDS = 10.0
AT_ONCE = 20
"""Sessions that are opened side by side."""
WHY_KEPT = 5


def _token() -> str:
    return secrets.token_hex(8)


class StreamSession:
    """One session: a leg of the media clock that always speaks.

    Attributes:
        appended: Messages written so far.
        dropped: Messages dropped to make room.
        heard: Deltas so far.
        is_over: Whether it ended.
    """

    def __init__(self, url: str, settings: SocketSettings) -> None:
        """Open nothing yet."""
        self.appended = self.dropped = self.heard = 0
        self.is_over = False
        self._session = RealtimeSession(_token)
        self._socket = RealtimeSocket(url, {}, self._session, self._note, monotonic_ns, settings)
        self._granted = asyncio.Event()

    async def open(self) -> None:
        """Connect, and wait for the grant.

        Raises:
            TelephonyError: The server cannot be reached.
            TimeoutError: It grants nothing.
        """
        await self._socket.connect()
        self._socket.command(Configure(SessionSettings()))
        async with asyncio.timeout(GRANT_SECONDS):
            await self._granted.wait()

    def _note(self, event: VoiceEvent) -> None:
        if isinstance(event, AudioReceived):
            self.heard += 1
        elif isinstance(event, SessionGranted):
            self._granted.set()
        elif isinstance(event, SessionClosed):
            self.is_over = True

    def tick(self, now_ns: Nanoseconds) -> None:
        """Append 20 ms."""
        del now_ns
        message = self._session.append_message(AUDIO)
        self.dropped += self._socket.write_audio(message, len(AUDIO))
        self.appended += 1

    def skip(self, packets: int) -> None:
        """Append nothing for a time that has passed: the report misses it."""

    async def close(self) -> None:
        """End the session."""
        await self._socket.close()

    @property
    def backlog_ms(self) -> float:
        """Audio that the server has not acknowledged."""
        return self._socket.uplink_backlog_ms


class StreamSessions:
    """All sessions."""

    def __init__(self) -> None:
        """Begin without any."""
        self._sessions: list[StreamSession] = []
        self._clock = MediaClock(lambda _now_ns: None)
        self._backlog_ms = 0.0

    async def carry_out(self, command: Command) -> BaseModel:
        """Do what the benchmark asks."""
        match command:
            case OpenSessions():
                return await self._open(command)
            case Sample():
                return await self._sample(command)
            case _:
                raise ValueError(f"sessions have no command {command.do!r}")

    async def _open(self, command: OpenSessions) -> Opened:
        failures: Counter[str] = Counter()
        self._clock.start(partial(make_slot_timer, asyncio.get_running_loop()))
        settings = SocketSettings(next_slot=self._clock.next_slot)
        for first in range(0, command.sessions, AT_ONCE):
            opening = [
                StreamSession(command.url, settings)
                for _ in range(first, min(first + AT_ONCE, command.sessions))
            ]
            for session, failure in zip(
                opening,
                await asyncio.gather(*(one.open() for one in opening), return_exceptions=True),
                strict=True,
            ):
                if failure is None:
                    self._sessions.append(session)
                    self._clock.add(session, FRAME_MS)
                elif isinstance(failure, TelephonyError | TimeoutError):
                    failures[str(failure) or "no grant"] += 1
                else:
                    raise failure
        why = tuple(f"{what} ({count})" for what, count in failures.most_common(WHY_KEPT))
        return Opened(up=len(self._sessions), why=why)

    async def close(self) -> None:
        """End all sessions."""
        self._clock.stop()
        await asyncio.gather(*(session.close() for session in self._sessions))

    def _look(self) -> Counts:
        self._backlog_ms = max(
            [self._backlog_ms, *(session.backlog_ms for session in self._sessions)]
        )
        return (
            sum(session.appended - session.dropped for session in self._sessions),
            sum(session.heard for session in self._sessions),
        )

    async def _sample(self, command: Sample) -> Samples:
        dropped = sum(session.dropped for session in self._sessions)
        self._backlog_ms = 0.0
        self._clock.take_worst_late_ns()
        looks = await look_at(self._look, command)
        return Samples(
            up=tuple(up for up, _ in looks),
            down=tuple(down for _, down in looks),
            backlog_ms=self._backlog_ms,
            dropped=sum(session.dropped for session in self._sessions) - dropped,
            late_ms=self._clock.take_worst_late_ns() / NS_PER_MS,
            lost=sum(session.is_over for session in self._sessions),
        )


async def _run() -> None:
    sessions = StreamSessions()
    gc.freeze()
    gc.disable()
    say(Done())
    await answer_commands(sessions.carry_out)
    await sessions.close()


def main() -> None:
    """Hold sessions until standard input closes."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    allow_descriptors()
    asyncio.run(_run())


if __name__ == "__main__":
    main()
