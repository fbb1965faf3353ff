"""Rows A1-A4, B1-B7, C1-C4, E7, E8, F5 and N5: the SDK's own Python surface, on our model."""
# ruff: noqa: N802

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

pytest.importorskip("agents", reason="the extra `agents` is not installed")

from agents import UserError
from agents.realtime.model import RealtimeModelConfig, RealtimePlaybackTracker
from agents.realtime.model_events import (
    RealtimeModelAudioEvent,
    RealtimeModelAudioInterruptedEvent,
    RealtimeModelEvent,
    RealtimeModelExceptionEvent,
    RealtimeModelTurnEndedEvent,
    RealtimeModelTurnStartedEvent,
)
from agents.realtime.model_inputs import (
    RealtimeModelSendAudio,
    RealtimeModelSendInterrupt,
    RealtimeModelSendUserInput,
)
from pydantic import TypeAdapter
from websockets.frames import Opcode

from telephony.app.agents_sdk import AttachedRealtimeModel, PhoneRealtimeModel, endpoint
from telephony.app.agents_sdk import listeners as queue
from telephony.app.agents_sdk.listeners import Listeners
from telephony.engine.realtime_socket import SocketSettings
from telephony.errors import LocalError, TransportError
from telephony.realtime import events
from telephony.voice import VoiceFormat
from tests.support.agents_sdk_rig import TELEPHONE, Ear, Sdk
from tests.support.realtime_rig import (
    Rig,
    audio_done,
    delta,
    response_created,
    response_done,
    speech_started,
    types,
)
from tests.support.realtime_rows import Replace, row
from tests.support.websocket_peer import WebSocketPeer

MODEL = "telephony.app.agents_sdk.model"
SECOND = bytes(8_000)
"""Of G.711."""


async def connect_anyhow(self: Any, options: RealtimeModelConfig) -> None:
    """What `connect` would be if it neither kept others out nor took anything back."""
    await self._connect(options)


def default_settings(transport: object) -> SocketSettings:
    """Take no notice of what the user asks for."""
    del transport
    return SocketSettings()


def tell_last(self: Listeners, interrupted: Any, *, has_cause: bool) -> None:
    """What `tell_first` would be if an interruption waited for its turn."""
    del has_cause
    self.tell(*interrupted)


async def let_raise(self: Listeners, listener: Any, event: RealtimeModelEvent) -> None:
    """Let one listener's exception be everybody's."""
    del self
    await listener.on_event(event)


def default_url(peer: WebSocketPeer, patch: pytest.MonkeyPatch) -> None:
    """Let a server of ours be the provider's."""
    patch.setattr(endpoint, "DEFAULT_URL", peer.url)


async def refused(sdk: Sdk, **options: Any) -> None:
    """Try to connect where nobody listens."""
    nowhere = WebSocketPeer()
    url = nowhere.url
    nowhere.close()
    with pytest.raises(TransportError):
        await sdk.model.connect(sdk.options(**{**options, "url": url}))


# ---- A: construction ----------------------------------------------------------------------------


@row("A1", Replace(f"{MODEL}.DEFAULT_MODEL", "gpt-realtime"))
async def test_A1_the_default_model_is_the_newest_that_the_sdk_names(rig: Rig) -> None:
    sdk = Sdk(rig)
    assert sdk.model.model == "gpt-realtime-2.1"
    options = cast("RealtimeModelConfig", {"api_key": "k"})
    with pytest.MonkeyPatch.context() as patch:
        default_url(rig.peer, patch)
        await asyncio.gather(sdk.model.connect(options), rig.peer.accept())
    assert rig.request.path.endswith("?model=gpt-realtime-2.1")
    await sdk.close()


@row("A2")
async def test_A2_a_new_model_has_no_socket_no_task_and_nobody_who_listens(rig: Rig) -> None:
    del rig
    before = asyncio.all_tasks()
    model = PhoneRealtimeModel()
    assert asyncio.all_tasks() == before
    with pytest.raises(AssertionError, match="Not connected"):
        await model.send_event(RealtimeModelSendInterrupt())
    await model.close()
    await model.close()


@row("A3")
async def test_A3_the_validator_of_events_is_made_once_and_shared(rig: Rig) -> None:
    before, made = events.SERVER_EVENTS, list[object]()

    def note(adapter: object, *_types: object, **_options: object) -> None:
        made.append(adapter)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TypeAdapter, "__init__", note)
        first, second = Sdk(Rig()), Sdk(rig)
        for sdk in (first, second):
            await sdk.open()
            await sdk.says(response_created())
            assert sdk.ear.of(RealtimeModelTurnStartedEvent)
            await sdk.close()
    assert made == []
    assert events.SERVER_EVENTS is before


@row("A4", Replace(f"{MODEL}.socket_settings", default_settings))
async def test_A4_the_transport_can_be_told_when_to_ping_and_how_long_to_wait(rig: Rig) -> None:
    hasty = Sdk(rig, PhoneRealtimeModel(transport={"handshake_timeout": 0.05}))
    with pytest.raises(TransportError, match=r"within 0\.05 s"):
        await hasty.model.connect(hasty.options())
    eager = Rig()
    sdk = Sdk(
        eager,
        PhoneRealtimeModel(
            transport={"ping_interval": 0.05, "ping_timeout": None, "max_size": 2_000}
        ),
    )
    await sdk.open()
    for _ in range(2):
        await sdk.peer.read_frame(Opcode.PING)
        sdk.peer.frames.clear()
    await sdk.peer.send(delta(bytes(3_000)))
    await sdk.until(lambda: bool(sdk.ear.of(RealtimeModelExceptionEvent)))
    assert sdk.ear.of(RealtimeModelAudioEvent) == []
    eager.peer.close()


# ---- B: connect ---------------------------------------------------------------------------------


@row("B1", Replace(f"{MODEL}.PhoneRealtimeModel.connect", connect_anyhow))
async def test_B1_a_second_connect_is_refused_also_while_the_first_is_under_way(rig: Rig) -> None:
    sdk = Sdk(rig)
    first = asyncio.create_task(sdk.model.connect(sdk.options()))
    await asyncio.sleep(0)
    with pytest.raises(AssertionError, match="Already connected"):
        async with asyncio.timeout(0.5):
            await sdk.model.connect(sdk.options())
    await asyncio.gather(first, rig.peer.accept())
    with pytest.raises(LocalError, match="Already connected"):
        await sdk.model.connect(sdk.options())
    await sdk.close()


@row("B2")
async def test_B2_settings_are_the_initial_ones_or_none(rig: Rig) -> None:
    bare = Sdk(Rig())
    assert "instructions" in (await bare.open())["session"]
    await bare.close()
    sdk = Sdk(rig)
    update = await sdk.open({"instructions": "Be kind.", "voice": "marin"})
    assert update["session"]["instructions"] == "Be kind."
    assert update["session"]["audio"]["output"]["voice"] == "marin"
    await sdk.close()


@row("B3")
async def test_B3_a_tracker_says_what_was_heard_and_without_one_it_is_estimated(rig: Rig) -> None:
    tracker = RealtimePlaybackTracker()
    sdk = Sdk(rig)
    await sdk.open(TELEPHONE, playback_tracker=tracker)
    await sdk.says(response_created(), delta(SECOND))
    tracker.on_play_ms("i1", 0, 250)
    await sdk.says(speech_started())
    cancel, cut = await sdk.sent()
    assert (cancel["type"], cut["item_id"], cut["audio_end_ms"]) == ("response.cancel", "i1", 250)
    await sdk.close()
    other = Sdk(Rig())
    await other.open(TELEPHONE)
    await other.says(response_created(), delta(SECOND), speech_started())
    _, cut = await other.sent()
    assert 0 <= cut.get("audio_end_ms", 0) < 1_000
    await other.close()


@row("B4")
async def test_B4_a_call_has_its_model_already(rig: Rig) -> None:
    sdk = Sdk(rig)
    with pytest.raises(UserError, match="Cannot specify both `call_id` and `model_name` when att"):
        await sdk.model.connect(
            sdk.options(call_id="rtc_1", initial_model_settings={"model_name": "any"})
        )
    await sdk.open()
    await sdk.close()


@row("B5", Replace(f"{MODEL}.PhoneRealtimeModel.connect", connect_anyhow))
async def test_B5_a_model_that_could_not_be_connected_is_not_kept(rig: Rig) -> None:
    sdk = Sdk(rig)
    await refused(sdk, initial_model_settings={"model_name": "other"})
    assert sdk.model.model == "gpt-realtime-2.1"
    await sdk.open({"model_name": "third"})
    assert sdk.model.model == "third"
    await sdk.close()
    assert sdk.model.model == "third"


async def later_key() -> str:
    return "later"


@row("B6")
async def test_B6_the_key_is_text_a_function_a_coroutine_or_the_environments(rig: Rig) -> None:
    keys: list[tuple[dict[str, Any], str]] = [
        ({"api_key": "plain"}, "plain"),
        ({"api_key": lambda: "function"}, "function"),
        ({"api_key": later_key}, "later"),
        ({"api_key": None}, "environment"),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "environment")
        for options, wanted in keys:
            one = Rig()
            sdk = Sdk(one)
            await sdk.open(**options)
            assert one.request.headers["Authorization"] == f"Bearer {wanted}"
            await sdk.close()
        patch.delenv("OPENAI_API_KEY")
        sdk = Sdk(rig)
        with pytest.raises(UserError, match="API key is required but was not provided"):
            await sdk.open(api_key=None)


def fail_to_find() -> str:
    raise KeyError("no such secret")


@row("B7")
async def test_B7_the_key_is_asked_for_first_also_where_headers_are_given(rig: Rig) -> None:
    sdk = Sdk(rig)
    with pytest.raises(KeyError):
        await sdk.model.connect(
            sdk.options(url="no url", headers={"api-key": "h"}, api_key=fail_to_find)
        )
    await sdk.open(headers={"api-key": "h"}, api_key=lambda: "unused")
    assert rig.request.headers["api-key"] == "h"
    assert "Authorization" not in rig.request.headers
    await sdk.close()


# ---- C: listeners -------------------------------------------------------------------------------


@row("C1")
async def test_C1_who_is_added_twice_hears_once_and_who_never_was_can_be_removed(rig: Rig) -> None:
    sdk = Sdk(rig)
    sdk.model.add_listener(sdk.ear)
    sdk.model.remove_listener(Ear())
    await sdk.open()
    await sdk.says(response_created())
    assert len(sdk.ear.of(RealtimeModelTurnStartedEvent)) == 1
    await sdk.close()


@row("C2")
async def test_C2_listeners_hear_in_turn_and_one_may_leave_meanwhile(rig: Rig) -> None:
    sdk, order = Sdk(rig), list[tuple[str, str]]()

    def noting(name: str) -> Callable[[RealtimeModelEvent], Awaitable[None]]:
        async def note(event: RealtimeModelEvent) -> None:
            await asyncio.sleep(0)
            order.append((name, event.type))

        return note

    sdk.ear.first = noting("first")
    leaver, second = Ear(), Ear(first=noting("second"))

    async def leave(_event: RealtimeModelEvent) -> None:
        sdk.model.remove_listener(leaver)

    leaver.first = leave
    sdk.model.add_listener(leaver)
    sdk.model.add_listener(second)
    await sdk.open()
    await sdk.says(response_created(), response_done())
    await sdk.until(lambda: ("second", "turn_ended") in order)
    assert len(leaver.told) == 1
    assert [name for name, _ in order] == ["first", "second"] * (len(order) // 2)
    assert [kind for name, kind in order if name == "first"] == [
        kind for name, kind in order if name == "second"
    ]
    await sdk.close()


@row("C3", Replace(f"{queue.__name__}.Listeners._tell_one", let_raise))
async def test_C3_a_raising_listener_keeps_no_other_from_hearing(rig: Rig) -> None:
    """He alone is told of it, as an exception: the SDK's session ends its iterator by that."""
    sdk = Sdk(rig)

    async def fail(event: RealtimeModelEvent) -> None:
        if event.type == "turn_started":
            raise ValueError("a bug of the user's")

    sdk.ear.first = fail
    other = Ear()
    sdk.model.add_listener(other)
    await sdk.open()
    await sdk.peer.send(response_created(), response_done())
    await sdk.until(lambda: bool(other.of(RealtimeModelTurnEndedEvent)))
    assert other.of(RealtimeModelTurnStartedEvent)
    assert other.of(RealtimeModelExceptionEvent) == []
    (told,) = sdk.ear.of(RealtimeModelExceptionEvent)
    assert str(told.exception) == "a bug of the user's"
    await sdk.close()


@row("C4", Replace(f"{queue.__name__}.Listeners.tell_first", tell_last))
async def test_C4_a_slow_listener_delays_no_reading_and_hears_of_an_interruption_first(
    rig: Rig,
) -> None:
    sdk, may_go_on = Sdk(rig), asyncio.Event()

    async def be_slow(event: RealtimeModelEvent) -> None:
        if event.type == "audio":
            await may_go_on.wait()

    sdk.ear.first = be_slow
    await sdk.open(TELEPHONE)
    await sdk.peer.send(response_created(), *[delta(bytes(160))] * 50)
    await sdk.until(lambda: bool(sdk.ear.of(RealtimeModelTurnStartedEvent)))
    await sdk.peer.send(speech_started())
    cancel, cut = map(json.loads, await sdk.peer.read(2))
    assert (cancel["type"], cut["item_id"]) == ("response.cancel", "i1"), "read and acted on"
    may_go_on.set()
    await sdk.until(lambda: bool(sdk.ear.of(RealtimeModelAudioInterruptedEvent)))
    assert len(sdk.ear.of(RealtimeModelAudioEvent)) <= 1, "what was cut is not told any more"
    await sdk.close()


# ---- E: send_event ------------------------------------------------------------------------------


@row("E7")
async def test_E7_what_is_no_event_raises(rig: Rig) -> None:
    sdk = Sdk(rig)
    await sdk.open()
    with pytest.raises(TypeError, match="no event to send: int"):
        await sdk.model.send_event(cast("Any", 7))
    await sdk.close()


@row("E8", Replace(f"{MODEL}.NotConnectedError", AssertionError))
async def test_E8_without_a_session_every_send_raises_an_error_of_ours(rig: Rig) -> None:
    sdk = Sdk(rig)
    hello = RealtimeModelSendUserInput("hello")
    with pytest.raises(LocalError, match="Not connected"):
        await sdk.model.send_event(hello)
    await sdk.open()
    await rig.peer.send_close(1000, "")
    await sdk.until(lambda: "connection_status" in sdk.ear.names())
    with pytest.raises(LocalError, match="Not connected"):
        await sdk.model.send_event_if(hello, lambda: True)


# ---- F, N ---------------------------------------------------------------------------------------


@row(
    "F5",
    Replace("telephony.app.agents_sdk.line.SDK_FORMATS", dict.fromkeys(VoiceFormat, "pcm16")),
)
async def test_F5_a_tracker_counts_octets_of_the_granted_format_and_items_queue_behind_it(
    rig: Rig,
) -> None:
    tracker = RealtimePlaybackTracker()
    sdk = Sdk(rig)
    await sdk.open(TELEPHONE, playback_tracker=tracker)
    await sdk.says(response_created())
    for item in ("i1", "i2", "i3"):
        await sdk.says(delta(SECOND, item), audio_done(item))
    tracker.on_play_bytes("i1", 0, SECOND)
    tracker.on_play_bytes("i2", 0, bytes(800))
    tracker.on_play_bytes("i2", 0, bytes(800))
    await sdk.model.send_event(RealtimeModelSendInterrupt())
    cancel, cut, deletion = await sdk.sent()
    assert cancel["type"] == "response.cancel"
    assert (cut["item_id"], cut["audio_end_ms"]) == ("i2", 200)
    assert types([deletion]) == ["conversation.item.delete"]
    assert deletion["item_id"] == "i3"
    assert tracker.get_state()["current_item_id"] is None
    await sdk.until(lambda: len(sdk.ear.of(RealtimeModelAudioInterruptedEvent)) >= 2)
    heard_of = sdk.ear.of(RealtimeModelAudioInterruptedEvent)
    assert [event.item_id for event in heard_of] == ["i2", "i3"]
    await sdk.close()


@row("N5")
async def test_N5_a_model_for_calls_at_the_provider_needs_to_know_which(rig: Rig) -> None:
    sdk = Sdk(rig, AttachedRealtimeModel())
    with pytest.raises(UserError, match="needs `call_id`"):
        await sdk.model.connect(sdk.options())
    options = cast("RealtimeModelConfig", {"api_key": "k", "call_id": "rtc/1&a=b"})
    with pytest.MonkeyPatch.context() as patch:
        default_url(rig.peer, patch)
        await asyncio.gather(sdk.model.connect(options), rig.peer.accept())
    assert rig.request.path.endswith("?call_id=rtc%2F1%26a%3Db")
    (message,) = await rig.peer.read(1)
    session = json.loads(message)["session"]
    assert "model" not in session
    assert "output" not in session["audio"], "neither voice nor format"
    with pytest.raises(LocalError, match="the provider's"):
        await sdk.model.send_event(RealtimeModelSendAudio(b""))
    await sdk.model.send_event(RealtimeModelSendInterrupt())
    assert types(await sdk.sent()) == ["output_audio_buffer.clear"]
    await sdk.close()
