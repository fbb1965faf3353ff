"""Our model under the SDK's interface: what the rows and the comparison leave to be said."""

import asyncio
import json
from base64 import b64decode
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

pytest.importorskip("agents", reason="the extra `agents` is not installed")

from agents.realtime.model_events import (
    RealtimeModelAudioEvent,
    RealtimeModelAudioInterruptedEvent,
    RealtimeModelConnectionStatusEvent,
    RealtimeModelErrorEvent,
    RealtimeModelExceptionEvent,
    RealtimeModelOtherEvent,
)
from agents.realtime.model_inputs import (
    RealtimeModelSendAudio,
    RealtimeModelSendInterrupt,
    RealtimeModelSendRawMessage,
    RealtimeModelSendUserInput,
)

from telephony.app.agents_sdk import NotConnectedError, PhoneRealtimeModel
from telephony.app.agents_sdk import model as module
from telephony.app.agents_sdk.endpoint import socket_settings
from telephony.engine.realtime_socket import SocketSettings
from telephony.errors import ConfigurationError, TransportError
from telephony.realtime import MAX_MESSAGE_OCTETS, BadClientEventError
from tests.support.agents_sdk_rig import TELEPHONE, Sdk
from tests.support.realtime_rig import (
    Rig,
    delta,
    response_created,
    response_done,
    run,
    speech_started,
    types,
)

SECOND = bytes(8_000)
HELLO = RealtimeModelSendUserInput("hello")


def told(story: Callable[[Sdk], Awaitable[None]]) -> None:
    """Tell a story with a session in G.711 that has been granted."""

    async def granted(rig: Rig) -> None:
        sdk = Sdk(rig)
        await sdk.open(TELEPHONE)
        await story(sdk)
        await sdk.close()

    run(granted)


def test_words_are_sent_only_if_they_are_still_wanted_and_no_answer_is_awaited() -> None:
    async def story(sdk: Sdk) -> None:
        assert not await sdk.model.send_event_if(HELLO, lambda: False)
        assert not await sdk.model.send_event_if(RealtimeModelSendAudio(b""), lambda: True)
        assert await sdk.sent() == []
        assert await sdk.model.send_event_if(HELLO, lambda: True)
        assert types(await sdk.sent()) == ["conversation.item.create", "response.create"]
        assert not await sdk.model.send_event_if(HELLO, lambda: True)
        await sdk.says(response_created())
        assert await sdk.model.send_event_if(HELLO, lambda: True), "the answer has begun"

    told(story)


@pytest.mark.parametrize(
    "fields",
    [
        {"playback_only": True, "force_response_cancel": True},
        {"playback_only": True, "cancel_response_only": True},
        {"cancel_response_only": True},
    ],
)
def test_an_interruption_that_contradicts_itself_is_refused(fields: dict[str, Any]) -> None:
    async def story(sdk: Sdk) -> None:
        with pytest.raises(ValueError, match=r"playback_only|response_id"):
            await sdk.model.send_event(RealtimeModelSendInterrupt(**fields))
        assert await sdk.sent() == []

    told(story)


def test_a_cancel_alone_leaves_what_plays() -> None:
    async def story(sdk: Sdk) -> None:
        await sdk.says(response_created(), delta(SECOND))
        event = RealtimeModelSendInterrupt(response_id="r1", cancel_response_only=True)
        await sdk.model.send_event(event)
        (cancel,) = await sdk.sent()
        assert (cancel["type"], cancel["response_id"]) == ("response.cancel", "r1")
        assert sdk.ear.of(RealtimeModelAudioInterruptedEvent) == []

    told(story)


def test_a_stop_of_what_plays_alone_cancels_nothing_and_silences_the_rest() -> None:
    async def story(sdk: Sdk) -> None:
        await sdk.says(response_created(), delta(SECOND))
        event = RealtimeModelSendInterrupt(response_id="r1", playback_only=True)
        await sdk.model.send_event(event)
        assert "response.cancel" not in types(await sdk.sent())
        await sdk.says(delta(SECOND, "i2"), response_done())
        assert [e.item_id for e in sdk.ear.of(RealtimeModelAudioEvent)] == ["i1"]
        await sdk.says(response_created("r2"), delta(SECOND, "i3", "r2"))
        assert [e.item_id for e in sdk.ear.of(RealtimeModelAudioEvent)] == ["i1", "i3"]

    told(story)


def test_an_item_that_begins_too_late_is_taken_from_the_memory() -> None:
    async def story(sdk: Sdk) -> None:
        await sdk.says(response_created(), delta(SECOND), speech_started())
        await sdk.sent()
        await sdk.says(delta(SECOND, "i2"))
        (deletion,) = await sdk.sent()
        assert (deletion["type"], deletion["item_id"]) == ("conversation.item.delete", "i2")

    told(story)


def test_a_recording_handed_over_at_once_waits_for_the_server_and_loses_nothing() -> None:
    """Two minutes of it: more than may ever wait."""
    recording = bytes(range(250)) * 4 * 960

    async def story(sdk: Sdk) -> None:
        sending = asyncio.create_task(
            sdk.model.send_event(RealtimeModelSendAudio(recording, commit=True))
        )
        live = asyncio.create_task(sdk.model.send_event(RealtimeModelSendAudio(b"live")))
        await asyncio.sleep(0.05)
        assert not sending.done(), "nobody reads yet"
        *appends, commit, last = [json.loads(one) for one in await sdk.peer.read(12)]
        assert b"".join(b64decode(one["audio"]) for one in appends) == recording
        assert commit["type"] == "input_audio_buffer.commit"
        assert b64decode(last["audio"]) == b"live"
        await asyncio.gather(sending, live)

    told(story)


def test_a_raw_message_is_sent_as_it_is_and_a_wrong_one_refused_to_its_sender() -> None:
    async def story(sdk: Sdk) -> None:
        send = sdk.model.send_event
        told_so = {"response": {"instructions": "Say goodbye.", "metadata": {"a": "b"}}}
        raw: Any = {"type": "response.create", "other_data": told_so}
        await send(RealtimeModelSendRawMessage(raw))
        (sent,) = await sdk.sent()
        assert sent["response"] == told_so["response"]
        with pytest.raises(BadClientEventError):
            await send(RealtimeModelSendRawMessage({"type": "conversation.item.delete"}))
        assert await sdk.sent() == []

    told(story)


def test_what_is_no_object_is_told_as_it_is_and_as_an_error() -> None:
    async def story(sdk: Sdk) -> None:
        await sdk.peer.send(cast("Any", [1, 2]))
        await sdk.until(lambda: bool(sdk.ear.of(RealtimeModelErrorEvent)))
        (event,) = sdk.ear.of(RealtimeModelErrorEvent)
        assert event.error.type == "client_error"

    told(story)


def test_what_the_sdk_has_no_word_for_is_told_with_our_event() -> None:
    async def story(sdk: Sdk) -> None:
        await sdk.says({"type": "response.brand_new"})
        (event,) = sdk.ear.of(RealtimeModelOtherEvent)
        assert event.data.type == "response.brand_new"

    told(story)


def test_an_sdk_without_a_word_for_the_end_hears_of_it_as_an_exception(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "END_OF_STREAM", None)

    async def story(rig: Rig) -> None:
        sdk = Sdk(rig)
        await sdk.open()
        await sdk.peer.send_close(1000, "bye")
        await sdk.until(lambda: bool(sdk.ear.of(RealtimeModelConnectionStatusEvent)))
        (event,) = sdk.ear.of(RealtimeModelExceptionEvent)
        assert str(event.exception) == "the server ended the session: 1000 bye"
        assert isinstance(event.exception, TransportError)

    run(story)


def test_a_model_closed_while_it_connects_has_no_session() -> None:
    async def story(rig: Rig) -> None:
        sdk = Sdk(rig)
        connecting = asyncio.create_task(sdk.model.connect(sdk.options()))
        await asyncio.sleep(0)
        await sdk.model.close()
        await rig.peer.accept()
        with pytest.raises(NotConnectedError):
            await connecting
        with pytest.raises(NotConnectedError):
            await sdk.model.send_event(HELLO)

    run(story)


def test_a_dialect_that_nobody_knows_is_refused_and_settings_of_ours_are_taken() -> None:
    with pytest.raises(ConfigurationError, match="dialect"):
        PhoneRealtimeModel(dialect="esperanto")
    ours = SocketSettings(connect_seconds=3)
    assert socket_settings(ours) is ours


def test_no_message_is_taken_without_a_bound() -> None:
    assert socket_settings({"max_size": None}).max_message_octets == MAX_MESSAGE_OCTETS
    assert socket_settings({"max_size": 1 << 40}).max_message_octets == MAX_MESSAGE_OCTETS
    assert socket_settings({"max_size": 1000}).max_message_octets == 1000
    assert socket_settings({"ping_interval": None}).keepalive.ping_seconds == 0
