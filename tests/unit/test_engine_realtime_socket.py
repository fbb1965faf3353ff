"""A session over a real loopback WebSocket: what goes, what comes, and every way that it ends."""

import asyncio
import base64
import json
import ssl
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from itertools import count, pairwise

import pytest
from websockets.frames import Close as WebSocketClose
from websockets.frames import Frame, Opcode

from telephony.engine.channel import client_context
from telephony.engine.clock import monotonic_ns
from telephony.engine.keepalive import KeepaliveSettings
from telephony.engine.realtime_socket import FAR_OFF_NS, GIVES_WAY, RealtimeSocket, SocketSettings
from telephony.engine.uplink_writer import UplinkLimits
from telephony.engine.websocket_handshake import HandshakeRefusedError
from telephony.errors import LocalError, TransportError
from telephony.realtime import RealtimeSession
from telephony.units import Nanoseconds
from telephony.voice import (
    AudioReceived,
    CancelResponse,
    Close,
    CommitAudio,
    Configure,
    Respond,
    SessionClosed,
    SessionGranted,
    SessionOpened,
    SessionSettings,
    SpeechStarted,
    TruncateItem,
    VoiceCommand,
    VoiceEvent,
    VoiceFormat,
)
from tests.support.certificates import Authority
from tests.support.wake_floor import WakeFloor
from tests.support.websocket_peer import WebSocketPeer

OPENED = {"type": "session.created", "session": {"id": "s1"}}
GRANTED = {"type": "session.updated", "session": {"input_audio_format": "g711_ulaw"}}
SPEECH = {"type": "input_audio_buffer.speech_started", "item_id": "u1", "audio_start_ms": 5}
AUDIO = bytes(160)


def delta(size: int = 160) -> dict[str, object]:
    return {
        "type": "response.output_audio.delta",
        "response_id": "r1",
        "item_id": "i1",
        "content_index": 0,
        "delta": base64.b64encode(bytes(size)).decode(),
    }


class Line:
    """A socket under test, its peer, and the events it told."""

    def __init__(self, settings: SocketSettings, peer: WebSocketPeer) -> None:
        ids = count(1)
        self.peer = peer
        self.session = RealtimeSession(lambda: str(next(ids)))
        self.told: list[VoiceEvent] = []
        self.on_event: Callable[[VoiceEvent], None] = self.told.append
        self.clock: Callable[[], Nanoseconds] = monotonic_ns
        self.socket = RealtimeSocket(
            self.peer.url,
            {"Authorization": "Bearer sk-secret"},
            self.session,
            self.tell,
            lambda: self.clock(),
            settings,
        )

    def tell(self, event: VoiceEvent) -> None:
        self.on_event(event)

    async def open(self, first: bytes = b"") -> None:
        await asyncio.gather(self.socket.connect(), self.peer.accept(first))

    async def granted(self) -> None:
        """Open, ask for G.711, and have it granted."""
        await self.open()
        self.socket.command(Configure(SessionSettings()))
        await self.peer.read(1)
        await self.peer.send(OPENED, GRANTED)
        await self.until(lambda: len(self.told) == 2)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Let the loop run until something is so."""
        for _ in range(5000):
            if is_so():
                return
            await asyncio.sleep(0.001)
        raise AssertionError(f"it did not come to be; told so far: {self.told}")

    async def closed(self) -> SessionClosed:
        """Wait for the end and give it; nothing may follow it."""
        await self.until(lambda: any(isinstance(event, SessionClosed) for event in self.told))
        last = self.told[-1]
        assert isinstance(last, SessionClosed)
        return last

    def write(self) -> int:
        return self.socket.write_audio(self.session.append_message(AUDIO), len(AUDIO))

    def stall(self) -> None:
        while not self.socket.waiting_audio_messages:
            self.write()


Story = Callable[[Line], Coroutine[None, None, None]]


class Run:
    """Lets a story happen, with TLS or without."""

    def __init__(self, trusting: ssl.SSLContext | None, server: ssl.SSLContext | None) -> None:
        self._trusting = trusting
        self._server = server

    def __call__(
        self,
        story: Story,
        settings: SocketSettings | None = None,
        receive_buffer: int = 65_536,
    ) -> None:
        async def told() -> None:
            wanted = replace(settings or SocketSettings(connect_seconds=2.0), tls=self._trusting)
            line = Line(wanted, WebSocketPeer(receive_buffer, self._server))
            try:
                await story(line)
            finally:
                line.peer.close()

        asyncio.run(asyncio.wait_for(told(), 30.0))


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Give what happens with TLS."""
    authority = Authority(tmp_path_factory.mktemp("authority"))
    trusting = client_context()
    trusting.load_verify_locations(authority.certificate)
    return Run(trusting, authority.server())


@pytest.fixture(params=["ws", "wss"])
def run(request: pytest.FixtureRequest) -> Run:
    """Give what happens, once without TLS and once with it."""
    return Run(None, None) if request.param == "ws" else request.getfixturevalue("secure")


def types(messages: list[bytes]) -> list[str]:
    return [json.loads(message)["type"].rpartition(".")[2] for message in messages]


def test_a_session_is_opened_granted_and_takes_audio(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.granted()
        assert [type(event) for event in line.told] == [SessionOpened, SessionGranted]
        assert line.peer.request is not None
        assert line.peer.request.headers["Authorization"] == "Bearer sk-secret"
        assert line.write() == 0
        assert await line.peer.read(1) == [line.session.append_message(AUDIO)]
        counters = line.socket.counters()
        assert (counters["audio_messages"], counters["messages"]) == (1, 2)

    run(story)


def test_what_comes_right_behind_the_handshake_is_not_lost(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.open(json.dumps(OPENED).encode())
        assert line.told == [SessionOpened("s1")]

    run(story)


def test_commands_before_the_connection_wait_for_it(run: Run) -> None:
    async def story(line: Line) -> None:
        line.socket.command(Configure(SessionSettings()))
        assert line.write() == 0
        await line.open()
        line.write()
        assert types(await line.peer.read(2)) == ["update", "append"]

    run(story)


def test_a_command_given_from_within_an_event_is_sent(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.open()

        def cut(event: VoiceEvent) -> None:
            line.told.append(event)
            if isinstance(event, SpeechStarted):
                line.socket.command(TruncateItem("i1", 0, 10))

        line.on_event = cut
        await line.peer.send(SPEECH)
        assert types(await line.peer.read(1)) == ["truncate"]

    run(story)


def test_a_message_in_fragments_is_one_message_and_a_ping_is_answered(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.open()
        text = json.dumps(SPEECH).encode()
        await line.peer.send_fragments(text[:5], text[5:9], text[9:])
        await line.until(lambda: bool(line.told))
        assert line.told == [SpeechStarted("u1", 5)]
        assert bytes((await line.peer.read_frame(Opcode.PONG)).data) == b"between"

    run(story)


class SlowEvents:
    """Events that take a fixed time each, on a clock of their own; counted by turn of the loop."""

    def __init__(self, line: Line, event_ns: int) -> None:
        self.now_ns = monotonic_ns()
        self.by_turn = [0]
        self._line = line
        self._event_ns = event_ns
        line.clock = lambda: self.now_ns
        line.on_event = self._take
        asyncio.get_running_loop().call_soon(self._next_turn)

    def _take(self, event: VoiceEvent) -> None:
        self._line.told.append(event)
        self.now_ns = Nanoseconds(self.now_ns + self._event_ns)
        self.by_turn[-1] += 1

    def _next_turn(self) -> None:
        self.by_turn.append(0)
        asyncio.get_running_loop().call_soon(self._next_turn)


def test_a_burst_leaves_room_for_others_and_keeps_its_order(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.open()
        slow = SlowEvents(line, 400_000)
        await line.peer.send(*[delta()] * 30, SPEECH)
        await line.until(lambda: len(line.told) == 31)
        assert max(slow.by_turn) <= 6, "two slices at most: the reader's and the rest of another"
        assert isinstance(line.told[-1], SpeechStarted)
        assert all(isinstance(event, AudioReceived) for event in line.told[:-1])

    run(story)


def test_a_burst_is_read_no_longer_than_until_the_next_slot(run: Run) -> None:
    slots: list[Callable[[], Nanoseconds]] = [lambda: FAR_OFF_NS]

    async def story(line: Line) -> None:
        await line.open()
        slow = SlowEvents(line, 400_000)
        slots[0] = lambda: Nanoseconds(slow.now_ns + 400_000)
        await line.peer.send(*[delta()] * 30)
        await line.until(lambda: len(line.told) == 30)
        assert max(slow.by_turn) <= 2, "one of the reader's and one that was left"

    run(story, SocketSettings(connect_seconds=2.0, next_slot=lambda: slots[0]()))


def test_a_slot_that_is_due_goes_first_but_makes_nobody_deaf(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.open()
        slow = SlowEvents(line, 400_000)
        await line.peer.send(*[delta()] * 30)
        await line.until(lambda: len(line.told) == 30)
        turns = [turn for turn, events in enumerate(slow.by_turn) if events]
        assert max(slow.by_turn) == 1
        assert min(later - earlier for earlier, later in pairwise(turns)) > GIVES_WAY

    run(story, SocketSettings(connect_seconds=2.0, next_slot=lambda: Nanoseconds(0)))


def test_an_event_whose_handling_raises_does_not_hold_up_the_rest(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.open()
        raised: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))

        def fail_once(event: VoiceEvent) -> None:
            line.told.append(event)
            if len(line.told) == 1:
                raise ValueError("a fault of ours")

        line.on_event = fail_once
        await line.peer.send(delta(), delta(), SPEECH)
        await line.until(lambda: len(line.told) == 3)
        assert len(raised) == 1

    run(story)


def test_with_a_stalled_reader_commands_overtake_audio_but_a_commit_does_not(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.granted()
        line.stall()
        line.socket.command(CommitAudio())
        line.write()
        line.socket.command(TruncateItem("i1", 0, 10))
        line.socket.command(Respond())
        written = line.socket.counters()["audio_messages"]
        kinds = types(await line.peer.read(written + 3))
        assert kinds.index("create") == kinds.index("truncate") + 1
        assert kinds.index("create") < kinds.index("commit") == written + 1
        assert kinds[-1] == "append"
        assert line.socket.waiting_audio_messages == 0

    run(story, receive_buffer=4096)


def test_with_a_stalled_reader_one_second_waits_and_drops_are_counted(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.granted()
        line.stall()
        dropped = sum(line.write() for _ in range(200))
        assert dropped > 100
        counters = line.socket.counters()
        assert counters["dropped_audio_messages"] == dropped
        assert counters["dropped_audio_ms"] == pytest.approx(20 * dropped, rel=0.03)
        assert 900 < line.socket.uplink_backlog_ms <= 1020
        kept = counters["audio_messages"] - dropped
        assert len(await line.peer.read(kept)) == kept

    run(story, receive_buffer=4096)


def test_a_reader_that_stops_for_good_ends_the_session(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.granted()
        line.stall()
        ended = await line.closed()
        assert (ended.is_clean, ended.code) == (False, 1006)
        assert ended.reason == "the server took nothing for 150 ms"
        assert line.write() == 0
        line.socket.command(Respond())

    run(story, SocketSettings(uplink=UplinkLimits(dead_after_ms=150)), receive_buffer=4096)


def test_a_close_that_the_server_answers_is_clean(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.open()
        await asyncio.gather(line.socket.close(), line.peer.finish())
        assert line.told == [SessionClosed(is_clean=True, code=1000, reason="")]
        await line.socket.close()

    run(story)


def test_a_close_that_the_server_never_answers_ends_within_two_seconds(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.granted()
        line.stall()
        started = time.monotonic()
        await line.socket.close()
        took_s = time.monotonic() - started
        assert took_s < 2.2 + floor.take().worst_ms / 1000
        ended = line.told[-1]
        assert isinstance(ended, SessionClosed)
        assert not ended.is_clean

    with WakeFloor() as floor:
        run(story, receive_buffer=4096)


def test_a_close_from_within_an_event_comes_after_what_was_told_before_it(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.open()

        def hang_up(event: VoiceEvent) -> None:
            line.told.append(event)
            if isinstance(event, SpeechStarted):
                line.socket.command(Respond())
                line.socket.command(Close())
                line.socket.command(CancelResponse())

        line.on_event = hang_up
        await line.peer.send(SPEECH)
        await line.peer.finish()
        assert (await line.closed()).is_clean

    run(story)


def test_while_closing_what_the_server_says_is_told_and_nothing_but_the_close_is_sent(
    run: Run,
) -> None:
    async def story(line: Line) -> None:
        await line.open()
        response = {"id": "r1", "status": "completed"}
        await line.peer.send({"type": "response.created", "response": response})
        await line.until(lambda: len(line.told) == 1)
        line.socket.command(Respond())
        line.socket.command(Close())
        await line.peer.send({"type": "response.done", "response": response})
        await line.until(lambda: len(line.told) == 2)
        await line.peer.finish()
        assert (await line.closed()).is_clean
        assert [frame.opcode for frame in line.peer.frames] == [Opcode.CLOSE]

    run(story)


def test_a_connection_that_breaks_under_a_write_ends_once(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.open()
        line.peer.reset()
        line.write()
        assert line.told == []
        assert line.write() == 0
        await line.closed()
        await asyncio.sleep(0)
        assert len(line.told) == 1

    run(story)


def test_a_close_before_the_connection_is_open_ends_the_session_at_once(run: Run) -> None:
    async def story(line: Line) -> None:
        connecting = asyncio.create_task(line.socket.connect())
        line.socket.command(Close())
        assert isinstance(line.told[-1], SessionClosed)
        await line.peer.accept()
        await connecting
        assert line.write() == 0
        await line.socket.close()

    run(story)


def test_the_servers_close_is_told_with_its_code_and_reason(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.open()
        await line.peer.send(delta())
        await line.peer.send_close(1001, "maximum duration")
        assert await line.closed() == SessionClosed(
            is_clean=True, code=1001, reason="maximum duration"
        )
        assert isinstance(line.told[0], AudioReceived)

    run(story)


@pytest.mark.parametrize("command", [Respond(), Close()], ids=["an answer", "a close"])
def test_what_a_message_draws_forth_right_before_the_servers_close_is_not_sent(
    run: Run, command: VoiceCommand
) -> None:
    async def story(line: Line) -> None:
        await line.open()

        def answer(event: VoiceEvent) -> None:
            line.told.append(event)
            if isinstance(event, AudioReceived):
                line.socket.command(command)

        line.on_event = answer
        message = Frame(Opcode.TEXT, json.dumps(delta()).encode()).serialize(mask=False)
        close = Frame(Opcode.CLOSE, WebSocketClose(1011, "sorry").serialize())
        await line.peer.send_raw(message + close.serialize(mask=False))
        assert await line.closed() == SessionClosed(is_clean=False, code=1011, reason="sorry")

    run(story)


def test_a_close_whose_answer_finds_nobody_is_told_once(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.open()
        await line.peer.send_close(1001, "bye")
        line.peer.reset()
        assert await line.closed() == SessionClosed(is_clean=True, code=1001, reason="bye")
        await asyncio.sleep(0)
        assert len(line.told) == 1

    run(story)


ENDINGS: dict[str, tuple[Callable[[Line], object], int, str]] = {
    "FIN": (lambda line: line.peer.connection.close(), 1006, "the server hung up"),
    "RST": (lambda line: line.peer.reset(), 1006, "the connection broke: ECONNRESET"),
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS.keys())
def test_a_connection_that_ends_without_a_close_is_told(
    run: Run,
    ending: tuple[Callable[[Line], object], int, str],
) -> None:
    end, code, reason = ending

    async def story(line: Line) -> None:
        await line.open()
        end(line)
        assert await line.closed() == SessionClosed(is_clean=False, code=code, reason=reason)

    run(story)


@pytest.mark.parametrize(
    ("octets", "code", "why"),
    [
        (b"\x83\x00", 1002, "the server broke the WebSocket protocol"),
        (
            b"\x81\x7f" + (9 << 20).to_bytes(8, "big") + b"x",
            1009,
            "the server sent a message longer than 8 MiB",
        ),
    ],
    ids=["an opcode that nobody defined", "a message past the limit"],
)
def test_a_server_that_breaks_websocket_is_told_why(
    run: Run, octets: bytes, code: int, why: str
) -> None:
    async def story(line: Line) -> None:
        await line.open()
        await line.peer.send_raw(octets)
        assert await line.closed() == SessionClosed(is_clean=False, code=code, reason=why)

    run(story)


def test_a_refused_handshake_is_raised_with_its_status_and_nothing_works_after(run: Run) -> None:
    async def story(line: Line) -> None:
        refusal = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
        serving = asyncio.create_task(line.peer.answer(refusal))
        with pytest.raises(HandshakeRefusedError) as caught:
            await line.socket.connect()
        await serving
        assert caught.value.status == 401
        line.socket.command(Respond())
        await line.socket.close()
        assert line.socket.uplink_backlog_ms == 0
        with pytest.raises(LocalError):
            await line.socket.connect()

    run(story)


def test_a_garbage_handshake_is_a_transport_error(run: Run) -> None:
    async def story(line: Line) -> None:
        serving = asyncio.create_task(line.peer.answer(b"what?\r\n\r\n"))
        with pytest.raises(TransportError, match="does not speak WebSocket"):
            await line.socket.connect()
        await serving

    run(story)


def test_a_session_timer_is_kept(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.granted()
        await line.peer.send(SPEECH)
        await line.until(lambda: len(line.told) == 3)
        line.socket.command(Respond())
        await line.peer.send({**SPEECH, "type": "input_audio_buffer.speech_stopped"})
        assert types(await line.peer.read(1)) == ["create"]

    run(story)


def test_a_server_that_knows_only_pcm_is_spoken_to_in_pcm(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.open()
        line.socket.command(Configure(SessionSettings()))
        [first] = await line.peer.read(1)
        refusal = {
            "code": "invalid_value",
            "param": "session.audio.input.format.type",
            "message": "Invalid value: 'audio/pcmu'. Supported values are: 'audio/pcm'.",
            "event_id": json.loads(first)["event_id"],
        }
        await line.peer.send({"type": "error", "error": refusal})
        [second] = await line.peer.read(1)
        await line.peer.send({"type": "session.updated", "session": json.loads(second)["session"]})
        await line.until(lambda: len(line.told) == 2)
        assert line.told[-1] == SessionGranted(VoiceFormat.PCM, VoiceFormat.PCM)
        assert line.socket.counters()["format_fallbacks"] == 1

    run(story)


QUICK = SocketSettings(keepalive=KeepaliveSettings(ping_seconds=0.05, pong_seconds=0.05))


def test_a_server_that_answers_pings_is_alive(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.open()
        for _ in range(3):
            await line.peer.read_frame(Opcode.PING)
            line.peer.frames.clear()
        assert line.told == []

    run(story, QUICK)


def test_a_server_that_speaks_needs_no_pong(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.open()
        for _ in range(20):
            await line.peer.send(delta())
            await asyncio.sleep(0.01)
        assert all(isinstance(event, AudioReceived) for event in line.told)

    run(story, QUICK)


def test_a_server_that_is_gone_is_noticed_while_nothing_is_said(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.open()
        reason = "the server did not answer a ping within 0.05 s"
        assert await line.closed() == SessionClosed(is_clean=False, code=1006, reason=reason)

    run(story, QUICK)


def test_without_pings_silence_is_no_death(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.open()
        await asyncio.sleep(0.05)
        assert line.told == []

    run(story, SocketSettings(keepalive=KeepaliveSettings(ping_seconds=0, pong_seconds=0.01)))


def test_pings_that_nobody_waits_for_go_on_and_end_nothing(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.open()
        await asyncio.sleep(0.05)
        assert line.told == []
        for _ in range(2):
            await line.peer.read_frame(Opcode.PING)
            line.peer.frames.clear()

    run(story, SocketSettings(keepalive=KeepaliveSettings(ping_seconds=0.01, pong_seconds=0)))


def test_a_ping_due_while_the_servers_close_is_being_handled_is_not_sent(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.open()

        def slowly(event: VoiceEvent) -> None:
            line.told.append(event)
            until = time.monotonic_ns() + 3_000_000
            while time.monotonic_ns() < until:
                pass

        line.on_event = slowly
        await line.peer.send(*[delta()] * 30)
        await line.peer.send_close(1000, "bye")
        line.peer.connection.close()
        assert (await line.closed()).is_clean
        assert len(line.told) == 31

    patient = KeepaliveSettings(ping_seconds=0.02, pong_seconds=5)
    run(story, SocketSettings(keepalive=patient))


def test_a_tls_close_notify_without_a_close_frame_is_unclean(secure: Run) -> None:
    async def story(line: Line) -> None:
        await line.open()
        await line.peer.send(SPEECH)
        await line.peer.send_close_notify()
        ended = await line.closed()
        assert ended == SessionClosed(is_clean=False, code=1006, reason="the server hung up")
        assert line.told[0] == SpeechStarted("u1", 5)

    secure(story)


def test_a_forged_record_ends_the_session(secure: Run) -> None:
    async def story(line: Line) -> None:
        await line.open()
        record = bytearray(line.peer.seal(b"anything"))
        record[-1] ^= 1
        await asyncio.get_running_loop().sock_sendall(line.peer.connection, record)
        ended = await line.closed()
        assert (ended.is_clean, ended.code) == (False, 1006)
        assert ended.reason.startswith("the connection broke: TLS: ")

    secure(story)


def test_we_say_goodbye_in_tls_as_well(secure: Run) -> None:
    async def story(line: Line) -> None:
        await line.open()
        await line.peer.send_close(1000, "bye")
        await line.closed()
        await line.peer.read_frame(Opcode.CLOSE)
        assert line.peer.tls is not None
        assert line.peer.tls.read() == b"", "the close_notify behind it"

    secure(story)


def test_a_long_message_crosses_records(run: Run) -> None:
    async def story(line: Line) -> None:
        await line.open()
        instructions = "Answer. " * 20_000
        line.socket.command(Configure(SessionSettings(instructions=instructions)))
        [update] = await line.peer.read(1)
        assert json.loads(update)["session"]["instructions"] == instructions
        await line.peer.send(delta(100_000))
        await line.until(lambda: bool(line.told))
        assert isinstance(line.told[0], AudioReceived)
        assert len(line.told[0].audio) == 100_000

    run(story)
