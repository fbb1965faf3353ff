"""A session of ours against the scripted model: a plain turn, and each way a model misbehaves."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from telephony.engine.clock import monotonic_ns
from telephony.engine.realtime_socket import RealtimeSocket, SocketSettings
from telephony.engine.uplink_writer import UplinkLimits
from telephony.engine.websocket_handshake import HandshakeRefusedError
from telephony.errors import TransportError
from telephony.realtime import RealtimeSession
from telephony.voice import (
    AddText,
    AudioReceived,
    CancelResponse,
    Configure,
    ItemTruncated,
    Respond,
    ResponseFinished,
    ResponseStatus,
    SessionClosed,
    SessionGranted,
    SessionSettings,
    TruncateItem,
    VoiceErrorReceived,
    VoiceEvent,
    VoiceFormat,
)
from tests.support.model_server import ScriptedModel
from tests.support.patience import PATIENCE_SECONDS
from tests.support.position_code import FRAME_SAMPLES, coded, locate


class Line:
    """A session with the scripted model."""

    def __init__(self, url: str, settings: SocketSettings | None = None) -> None:
        ids = count(1)
        self.told: list[VoiceEvent] = []
        self.news = asyncio.Event()
        self.session = RealtimeSession(lambda: str(next(ids)))
        self.socket = RealtimeSocket(url, {}, self.session, self.tell, monotonic_ns, settings)

    def tell(self, event: VoiceEvent) -> None:
        self.told.append(event)
        self.news.set()

    async def open(self) -> None:
        await self.socket.connect()
        self.socket.command(Configure(SessionSettings(instructions="Answer.")))
        assert await self.told_one(SessionGranted) == SessionGranted(
            VoiceFormat.PCMU, VoiceFormat.PCMU
        )

    async def told_one(self, kind: type[VoiceEvent], number: int = 1) -> VoiceEvent:
        """Wait for the first event of a kind, or for a later one."""
        while len(found := self.of(kind)) < number:
            self.news.clear()
            await self.news.wait()
        return found[number - 1]

    def of(self, kind: type[VoiceEvent]) -> list[VoiceEvent]:
        return [event for event in self.told if isinstance(event, kind)]

    def audio(self) -> bytes:
        return b"".join(event.audio for event in self.told if isinstance(event, AudioReceived))


def run(
    script: str,
    log: Path,
    story: Callable[[Line], Coroutine[None, None, None]],
    settings: SocketSettings | None = None,
) -> None:
    with ExitStack() as stack:
        model = stack.enter_context(ScriptedModel(script, log / "model.jsonl"))

        async def told() -> None:
            line = Line(model.url, settings)
            try:
                await story(line)
            finally:
                await line.socket.close()

        asyncio.run(asyncio.wait_for(told(), PATIENCE_SECONDS))


def test_a_response_is_heard_whole_and_the_close_is_clean(tmp_path: Path) -> None:
    async def story(line: Line) -> None:
        await line.open()
        line.socket.command(AddText("[keys 1#]"))
        line.socket.command(Respond())
        done = await line.told_one(ResponseFinished)
        assert isinstance(done, ResponseFinished)
        assert done.status is ResponseStatus.COMPLETED
        audio = line.audio()
        found = locate(audio[:FRAME_SAMPLES])
        assert found is not None
        assert audio == coded(found.item, 0, len(audio))
        await line.socket.close()
        closed = line.told[-1]
        assert isinstance(closed, SessionClosed)
        assert closed.is_clean

    run("short", tmp_path, story)


def test_an_interruption_of_ours_silences_the_response_and_truncates(tmp_path: Path) -> None:
    async def story(line: Line) -> None:
        await line.open()
        line.socket.command(Respond())
        first = await line.told_one(AudioReceived)
        assert isinstance(first, AudioReceived)
        line.socket.command(CancelResponse())
        line.socket.command(TruncateItem(first.item_id, first.content_index, 10))
        heard = len(line.of(AudioReceived))
        done = await line.told_one(ResponseFinished)
        assert await line.told_one(ItemTruncated) == ItemTruncated(first.item_id, 0, 10)
        assert isinstance(done, ResponseFinished)
        assert done.status is ResponseStatus.CANCELLED
        assert len(line.of(AudioReceived)) == heard

    run("plain", tmp_path, story)


def test_two_wishes_at_once_are_two_responses_one_after_the_other(tmp_path: Path) -> None:
    async def story(line: Line) -> None:
        await line.open()
        line.socket.command(Respond())
        line.socket.command(Respond())
        await line.told_one(ResponseFinished, 2)
        assert line.of(VoiceErrorReceived) == []

    run("short", tmp_path, story)


@pytest.mark.parametrize(
    ("script", "counted"),
    [("broken-json", "malformed"), ("unknown-events", "unknown"), ("bad-base64", "bad_audio")],
)
def test_nonsense_in_the_middle_of_a_response_is_counted_and_the_rest_heard(
    script: str, counted: str, tmp_path: Path
) -> None:
    async def story(line: Line) -> None:
        await line.open()
        line.socket.command(Respond())
        await line.told_one(ResponseFinished)
        assert line.socket.counters()[counted] >= 1
        assert len(line.audio()) > 8000
        kinds = Counter(type(event).__name__ for event in line.told)
        assert kinds["SessionClosed"] == 0

    run(script, tmp_path, story)


def test_a_model_that_closes_in_the_middle_ends_the_session_once(tmp_path: Path) -> None:
    async def story(line: Line) -> None:
        await line.open()
        line.socket.command(Respond())
        closed = await line.told_one(SessionClosed)
        assert isinstance(closed, SessionClosed)
        assert (closed.is_clean, closed.code) == (False, 1006)
        assert line.told[-1] is closed

    run("closes", tmp_path, story)


def test_a_model_that_refuses_the_key_is_told_apart(tmp_path: Path) -> None:
    async def story(line: Line) -> None:
        with pytest.raises(HandshakeRefusedError) as caught:
            await line.socket.connect()
        assert caught.value.status == 401

    run("refuses-key", tmp_path, story)


def test_an_absent_model_is_a_transport_error(tmp_path: Path) -> None:
    async def story(line: Line) -> None:
        with pytest.raises(TransportError):
            await line.socket.connect()

    run("absent", tmp_path, story)


def test_a_model_that_stops_reading_is_dead_and_what_waited_was_bounded(tmp_path: Path) -> None:
    async def story(line: Line) -> None:
        await line.open()
        line.socket.command(Respond())
        await line.told_one(AudioReceived)
        message = line.session.append_message(bytes(160))
        worst_ms = 0.0
        while not line.of(SessionClosed):
            for _ in range(500):
                line.socket.write_audio(message, 160)
            worst_ms = max(worst_ms, line.socket.uplink_backlog_ms)
            await asyncio.sleep(0.005)
        closed = line.told[-1]
        assert isinstance(closed, SessionClosed)
        assert (closed.is_clean, closed.reason) == (False, "the server took nothing for 500 ms")
        assert line.socket.counters()["dropped_audio_messages"] > 100
        assert worst_ms <= 1000 + 2 * 20  # the newest message stays, and one is begun

    run("stops-reading", tmp_path, story, SocketSettings(uplink=UplinkLimits(dead_after_ms=500)))
