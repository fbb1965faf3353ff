"""A hosted call inside the engine: it has no sockets of RTP, and a fault ends it all the same."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from telephony.call import (
    AttachHosted,
    Call,
    CallEvent,
    CallSettings,
    CallState,
    EventLog,
    HostedActRequested,
    HostedLeg,
    Prompts,
    ReceiveHosted,
)
from telephony.engine.engine_call import EngineCall
from telephony.engine.incoming import MAX_HEADERS_TOLD, describe_hosted
from telephony.units import Nanoseconds
from telephony.voice import SessionGranted, VoiceFormat
from tests.support.hosted_bench import PLAN

NOW = Nanoseconds(0)


def test_a_fault_of_ours_hangs_up_by_way_of_the_provider() -> None:
    rows: list[CallEvent] = []
    released: list[EngineCall] = []

    async def story() -> None:
        def nothing(*_: object) -> Any:
            return SimpleNamespace(tell=nothing, close=nothing)

        host = SimpleNamespace(
            send_event=rows.append,
            drain_sip=nothing,
            make_voice=nothing,
            released=released.append,
        )

        def ask(asked: HostedActRequested, now_ns: Nanoseconds) -> None:
            engine_call.call.note(asked, now_ns)

        leg = HostedLeg("rtc_1", ask)
        engine_call = EngineCall(leg, None, cast(Any, host))
        call = Call(
            EventLog("h1", NOW, 0.0),
            leg,
            CallSettings(),
            Prompts(apology=b"", filler=b""),
            engine_call.append,
            state=CallState.RECEIVED,
            now_ns=NOW,
        )
        engine_call.take(call)
        engine_call.change(lambda one: one.handle_command(AttachHosted(plan=PLAN), NOW))
        granted = SessionGranted(VoiceFormat.PCMU, VoiceFormat.PCMU)
        engine_call.change(lambda one: one.handle_voice_event(granted, NOW))
        engine_call.fail(RuntimeError("ours"))
        assert released == [engine_call]

    asyncio.run(story())
    assert [row.type for row in rows[-2:]] == ["hosted_act.requested", "call.ended"]
    assert rows[-2].payload == HostedActRequested(act="hang_up")


def test_a_caller_cannot_make_a_row_of_any_length() -> None:
    told = ReceiveHosted(
        hosted_id="rtc_1",
        server="provider",
        number="+1555",
        caller="200",
        caller_name="Ann",
        headers=(("X-Many", "1"),) * 1_000,
    )
    incoming = describe_hosted(told, HostedLeg.capabilities)
    assert (incoming.number, incoming.to, incoming.caller_name) == ("+1555", "+1555", "Ann")
    assert len(incoming.headers) == MAX_HEADERS_TOLD
    assert incoming.capabilities == ("blind_transfer",)
