"""Listeners hear in order, past each other's faults, and never without a bound."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import pytest

pytest.importorskip("agents", reason="the extra `agents` is not installed")

from agents.realtime.model_events import (
    RealtimeModelAudioEvent,
    RealtimeModelAudioInterruptedEvent,
    RealtimeModelEvent,
    RealtimeModelExceptionEvent,
    RealtimeModelItemDeletedEvent,
    RealtimeModelRawServerEvent,
    RealtimeModelTurnStartedEvent,
)

from telephony.app.agents_sdk.listeners import MAX_WAITING, Listeners
from tests.support.agents_sdk_rig import Ear

RAW = RealtimeModelRawServerEvent({"type": "speech"})
TURN = RealtimeModelTurnStartedEvent(response_id="r1")


def audio(item_id: str = "i1") -> RealtimeModelAudioEvent:
    return RealtimeModelAudioEvent(b"", "r1", item_id, 0)


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


async def soon() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def test_an_interruption_goes_ahead_with_its_cause_and_takes_its_audio_with_it() -> None:
    async def story() -> None:
        listeners, ear = Listeners(), Ear()
        listeners.add(ear)
        listeners.tell(TURN, audio(), audio("i2"), RAW)
        cut = RealtimeModelAudioInterruptedEvent("i1", 0)
        listeners.tell_first([cut], has_cause=True)
        await soon()
        assert ear.told == [RAW, cut, TURN, audio("i2")]
        listeners.tell(RAW)
        listeners.tell_first([cut], has_cause=False)
        await soon()
        assert ear.told[-2:] == [cut, RAW]

    run(story())


def test_a_failure_is_logged_by_its_place_and_without_a_word_of_the_event(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(event: RealtimeModelEvent) -> None:
        if not isinstance(event, RealtimeModelExceptionEvent):
            raise ValueError("the caller's secret")

    async def story() -> None:
        listeners, ear = Listeners(), Ear(first=fail)
        listeners.add(ear)
        listeners.tell(RealtimeModelItemDeletedEvent("secret"))
        await soon()
        assert [event.type for event in ear.told] == ["exception"]
        assert listeners.failures == 1

    with caplog.at_level(logging.WARNING, "telephony.agents"):
        run(story())
    (line,) = caplog.messages
    assert "Ear failed at " in line
    assert line.endswith("on item_deleted: ValueError")
    assert "secret" not in line


def test_who_fails_on_an_exception_too_is_left_in_peace() -> None:
    async def fail(_event: RealtimeModelEvent) -> None:
        raise ValueError

    async def story() -> None:
        listeners = Listeners()
        listeners.add(Ear(first=fail))
        listeners.tell(TURN)
        await soon()
        assert listeners.failures == 2

    run(story())


def test_who_is_too_far_behind_loses_audio_and_copies_before_news() -> None:
    async def story() -> None:
        listeners, ear = Listeners(), Ear()
        listeners.add(ear)
        listeners.tell(TURN, *[audio()] * (MAX_WAITING - 1))
        assert listeners.dropped == 0
        listeners.tell(RAW, TURN)
        assert listeners.dropped == MAX_WAITING
        listeners.tell(*[TURN] * (MAX_WAITING - 1))
        assert listeners.dropped == MAX_WAITING + MAX_WAITING // 2 + 1
        await soon()
        assert ear.told == [TURN] * (MAX_WAITING // 2)

    run(story())


def test_nobody_is_told_anything_after_the_end_also_when_a_listener_ends_it() -> None:
    async def story() -> None:
        listeners = Listeners()

        async def end(_event: RealtimeModelEvent) -> None:
            await listeners.stop()

        ear = Ear(first=end)
        listeners.add(ear)
        listeners.tell(TURN, TURN, TURN)
        await soon()
        assert ear.told == [TURN]
        waits = asyncio.Event()

        async def wait(_event: RealtimeModelEvent) -> None:
            await waits.wait()

        ear.first = wait
        listeners.tell(TURN, TURN)
        await soon()
        await listeners.stop()
        assert ear.told == [TURN]

    run(story())
