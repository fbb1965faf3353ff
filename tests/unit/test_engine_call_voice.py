"""A call inside the engine and its way to the voice session: what was dropped, what cannot open."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from telephony.call import OpenVoice, VoicePlan
from telephony.engine.engine_call import EngineCall
from telephony.errors import ConfigurationError
from telephony.media import Uplink
from telephony.units import NS_PER_MS, Nanoseconds, RtpTimestamp
from telephony.voice import SessionClosed, VoiceEvent
from telephony_codecs import AudioFormat

PLAN = VoicePlan(url="ws://127.0.0.1:1/", agent="reception")


class ScriptedCall:
    """Asks for a voice session once, and notes what comes of it."""

    def __init__(self) -> None:
        self.outputs: deque[object] = deque([OpenVoice(PLAN, 0)])
        self.told: list[VoiceEvent] = []

    def poll_output(self) -> object | None:
        return self.outputs.popleft() if self.outputs else None

    def next_deadline(self) -> None:
        return None

    def handle_voice_event(self, event: VoiceEvent, _now_ns: Nanoseconds) -> None:
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


def opened(make_voice: Callable[..., object], uplink: Uplink) -> tuple[EngineCall, ScriptedCall]:
    """Give a call that has asked for its voice session."""

    async def story() -> tuple[EngineCall, ScriptedCall]:
        leg = SimpleNamespace(port=SimpleNamespace(uplink=uplink))
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
    uplink = Uplink(AudioFormat.PCMU)
    engine_call, _ = opened(lambda *_: BlockedVoice(), uplink)
    uplink.sink = engine_call.append
    for number in range(10):
        arrival = Nanoseconds(number * 20 * NS_PER_MS)
        uplink.handle_audio(bytes(160), RtpTimestamp(number * 160), arrival)
    assert (uplink.span, uplink.appended, uplink.dropped) == (1600, 640, 960)
    assert [row.rtp_timestamp for row in uplink.log.rows()] == [960, 1120, 1280, 1440]


def test_a_voice_session_whose_url_cannot_be_used_is_lost_at_once() -> None:
    def refuse(*_: object) -> object:
        raise ConfigurationError("the realtime url is not a ws:// or wss:// URL")

    engine_call, call = opened(refuse, Uplink(AudioFormat.PCMU))
    [closed] = call.told
    assert isinstance(closed, SessionClosed)
    assert (closed.is_clean, closed.code) == (False, 1006)
    assert "url" in closed.reason
    engine_call.append(bytes(160))
