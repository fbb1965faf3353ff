"""A call inside the engine and its way to the voice session: what was dropped, what cannot open."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from telephony.call import (
    CallEnded,
    CallEvent,
    EventLog,
    HangUp,
    MediaReady,
    OpenVoice,
    Released,
    TroubleNoted,
    UseVoice,
    VoicePlan,
)
from telephony.engine.engine_call import EngineCall
from telephony.errors import ConfigurationError
from telephony.media import RtpPort, RtpPortSettings, Uplink, UplinkBlocked
from telephony.units import NS_PER_MS, Nanoseconds, RtpTimestamp
from telephony.voice import SessionClosed, VoiceEvent
from telephony_codecs import AudioFormat
from tests.support.media import agreement, port

PLAN = VoicePlan(url="ws://127.0.0.1:1/", agent="reception")


class ScriptedCall:
    """Asks for a voice session once, and notes what comes of it."""

    def __init__(self) -> None:
        self.outputs: deque[object] = deque([OpenVoice(PLAN, 0), UseVoice(0)])
        self.told: list[VoiceEvent] = []

    def poll_output(self) -> object | None:
        return self.outputs.popleft() if self.outputs else None

    def next_deadline(self) -> None:
        return None

    def handle_leg_events(self, asked: list[object], _now_ns: Nanoseconds) -> None:
        self.outputs += asked

    def handle_voice_event(self, event: VoiceEvent, _now_ns: Nanoseconds, _epoch: int) -> None:
        self.told.append(event)


class BlockedVoice:
    """A voice session whose server reads nothing: four appends wait at most."""

    def __init__(self) -> None:
        self.waiting_appends = 0

    def append(self, _audio: bytes) -> int:
        if self.waiting_appends == 4:
            return 1
        self.waiting_appends += 1
        return 0


def opened(make_voice: Callable[..., object], leg_port: RtpPort) -> tuple[EngineCall, ScriptedCall]:
    """Give a call that has asked for its voice session."""

    async def story() -> tuple[EngineCall, ScriptedCall]:
        leg = SimpleNamespace(port=leg_port)
        host = SimpleNamespace(make_voice=make_voice, drain_sip=lambda: None)
        call, engine_call = (
            ScriptedCall(),
            EngineCall(cast(Any, leg), cast(Any, None), cast(Any, host)),
        )
        engine_call.take(cast(Any, call))
        engine_call.drain()
        return engine_call, call

    return asyncio.run(story())


def test_appends_that_the_socket_dropped_leave_the_legs_uplink() -> None:
    leg_port = port()
    uplink = leg_port.uplink
    engine_call, _ = opened(lambda *_: BlockedVoice(), leg_port)
    uplink.sink = engine_call.append
    for number in range(10):
        arrival = Nanoseconds(number * 20 * NS_PER_MS)
        uplink.handle_audio(bytes(160), RtpTimestamp(number * 160), arrival)
    assert (uplink.span, uplink.appended, uplink.dropped) == (1600, 640, 960)
    assert [row.rtp_timestamp for row in uplink.log.rows()] == [960, 1120, 1280, 1440]
    assert leg_port.events == [UplinkBlocked()] * 6


def test_a_voice_session_whose_url_cannot_be_used_is_lost_at_once() -> None:
    def refuse(*_: object) -> object:
        raise ConfigurationError("the realtime url is not a ws:// or wss:// URL")

    engine_call, call = opened(refuse, port())
    [closed] = call.told
    assert isinstance(closed, SessionClosed)
    assert (closed.is_clean, closed.code) == (False, 1006)
    assert "url" in closed.reason
    engine_call.append(bytes(160))


class FailingCall(ScriptedCall):
    """A call that cannot even be hung up; its log goes on counting."""

    call_id = "e1-1"
    now_ns = Nanoseconds(0)

    def __init__(self, outputs: list[object], *, takes_hang_up: bool) -> None:
        super().__init__()
        self.log = EventLog(self.call_id, self.now_ns, 0.0)
        self.outputs = deque(
            self.log.row(one, self.now_ns) if isinstance(one, TroubleNoted | CallEnded) else one
            for one in outputs
        )
        self._takes_hang_up = takes_hang_up

    def handle_command(self, _body: object, _now_ns: Nanoseconds) -> None:
        if not self._takes_hang_up:
            raise RuntimeError("no way to hang up")

    def let_go(self) -> None:
        pass


class FailingHost:
    """An engine whose link refuses one type of row, and whose SIP may be broken."""

    def __init__(self, refused: str) -> None:
        self._refused: str | None = refused
        self.told: list[tuple[str, str]] = []
        self.steps: list[str] = []

    def send_event(self, event: CallEvent) -> None:
        if event.type == self._refused:
            self._refused = None
            raise RuntimeError(f"no {event.type} passes")
        self.told.append((event.type, getattr(event.payload, "cause", "")))

    def released(self, _call: object) -> None:
        self.steps.append("released")

    def hang_up(self, _now_ns: Nanoseconds) -> None:
        self.steps.append("hang up")
        raise RuntimeError("no BYE passes")

    def drain_sip(self) -> None:
        pass

    def make_voice(self, *_: object) -> None:
        raise NotImplementedError


TROUBLE = TroubleNoted(code="x", fault="ours", text="x")
ENDED = CallEnded(by="remote", cause="BYE")
FAILED = ("call.ended", "internal fault")


@pytest.mark.parametrize(
    ("outputs", "refused", "takes_hang_up", "told", "steps"),
    [
        ([TROUBLE], "trouble", False, [FAILED], ["released", "hang up"]),
        ([ENDED, Released()], "call.ended", True, [FAILED], ["released"]),
        ([TROUBLE, ENDED, Released()], "trouble", True, [("call.ended", "BYE")], ["released"]),
    ],
)
def test_the_app_hears_of_the_end_once_whatever_fails(
    outputs: list[object],
    refused: str,
    takes_hang_up: bool,
    told: list[tuple[str, str]],
    steps: list[str],
) -> None:
    async def story() -> FailingHost:
        host = FailingHost(refused)
        leg = SimpleNamespace(port=None, hang_up=host.hang_up)
        call = EngineCall(cast(Any, leg), cast(Any, None), cast(Any, host))
        call.take(cast(Any, FailingCall(outputs, takes_hang_up=takes_hang_up)))
        call.drain()
        return host

    host = asyncio.run(story())
    assert host.told == told
    assert host.steps == steps


def test_a_command_that_we_cannot_handle_ends_its_own_call_and_nothing_else() -> None:
    async def story() -> FailingHost:
        host = FailingHost("no type")
        leg = SimpleNamespace(port=None, hang_up=host.hang_up)
        call = EngineCall(cast(Any, leg), cast(Any, None), cast(Any, host))
        call.take(cast(Any, FailingCall([], takes_hang_up=False)))
        call.command(HangUp())
        return host

    host = asyncio.run(story())
    assert host.told == [FAILED]
    assert host.steps == ["released", "hang up"]


class Nothing:
    """Does nothing, whatever with."""

    def __call__(self, *_: object) -> None:
        pass


class Tap:
    """Notes what a tap is told."""

    def __init__(self) -> None:
        self.agreements: list[RtpPortSettings] = []
        self.heard: list[bytes] = []

    def started(self, settings: RtpPortSettings, now_ns: Nanoseconds) -> None:
        del now_ns
        self.agreements.append(settings)

    def sent(self, packet: bytes, now_ns: Nanoseconds) -> None:
        raise NotImplementedError

    def received(self, octets: bytes, now_ns: Nanoseconds) -> None:
        del now_ns
        self.heard.append(octets)


def test_a_tap_learns_of_each_agreement_and_hears_each_packet_once() -> None:
    first, longer, other_law = (
        agreement(),
        agreement(ptime_ms=30),
        agreement(AudioFormat.PCMA, ptime_ms=30),
    )

    async def story() -> None:
        tap, agent = Tap(), list[bytes]()
        uplink = Uplink(AudioFormat.PCMU)
        uplink.sink = agent.append
        port = SimpleNamespace(uplink=uplink, settings=first)
        call = ScriptedCall()
        call.outputs = deque([MediaReady()])

        def renegotiate(settings: RtpPortSettings, _now_ns: Nanoseconds) -> list[object]:
            port.settings = settings
            return [MediaReady()] if settings is longer else []

        leg = SimpleNamespace(port=port, handle_sip_event=renegotiate)
        nothing = Nothing()
        host = SimpleNamespace(
            drain_sip=nothing, read_media=nothing, media_ready=nothing, make_voice=nothing
        )
        engine_call = EngineCall(cast(Any, leg), cast(Any, nothing), cast(Any, host), tap)
        engine_call.take(cast(Any, call))
        engine_call.drain()
        for settings in (longer, other_law, other_law):
            engine_call.handle_sip(cast(Any, settings))
        uplink.sink(b"once")
        assert tap.agreements == [first, longer, other_law]
        assert tap.heard == agent == [b"once"]

    asyncio.run(story())
