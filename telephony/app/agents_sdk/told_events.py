"""What a session tells, as the SDK's model events: those that need nothing but themselves."""

from collections.abc import Iterator, Mapping
from typing import Any

from agents.realtime.model_events import (
    RealtimeModelAudioDoneEvent,
    RealtimeModelAudioEvent,
    RealtimeModelErrorEvent,
    RealtimeModelEvent,
    RealtimeModelInputAudioTimeoutTriggeredEvent,
    RealtimeModelInputAudioTranscriptionCompletedEvent,
    RealtimeModelItemDeletedEvent,
    RealtimeModelItemUpdatedEvent,
    RealtimeModelOtherEvent,
    RealtimeModelOutputTextDeltaEvent,
    RealtimeModelTranscriptDeltaEvent,
    RealtimeModelTurnEndedEvent,
    RealtimeModelTurnStartedEvent,
)

from telephony.app.agents_sdk.sdk_items import (
    called_item,
    error_object,
    message_item,
    tool_call,
    usage_event,
)
from telephony.voice import (
    AgentTranscribed,
    AudioFinished,
    AudioReceived,
    CallerTranscribed,
    IdleTimedOut,
    ItemDeleted,
    ItemUpdated,
    ResponseFinished,
    ResponseStarted,
    ResponseStatus,
    ToolCalled,
    VoiceErrorReceived,
    VoiceEvent,
)

__all__ = ["model_events", "written_text"]

TEXT_DELTAS = frozenset({"response.output_text.delta", "response.text.delta"})
AS_PLANNED = frozenset({ResponseStatus.COMPLETED, ResponseStatus.CANCELLED})


def model_events(event: VoiceEvent, message: Mapping[str, Any]) -> Iterator[RealtimeModelEvent]:
    """Turn an event of a session into the SDK's.

    The SDK has no word for keys, rate limits, failed responses and a few more: these are told as
    `other`, with our event as its data.

    Args:
        event: Of the voice port.
        message: The server's message that it came with: items keep what only that has.
    """
    match event:
        case AudioReceived() | AudioFinished() | AgentTranscribed() | CallerTranscribed():
            yield from _said(event)
        case ResponseStarted():
            yield RealtimeModelTurnStartedEvent(response_id=event.response_id)
        case ResponseFinished():
            yield from _finished(event)
        case ToolCalled():
            yield RealtimeModelItemUpdatedEvent(called_item(event))
            yield tool_call(event)
        case ItemUpdated():
            yield from _updated(event, message)
        case ItemDeleted():
            yield RealtimeModelItemDeletedEvent(event.item_id)
        case IdleTimedOut():
            yield RealtimeModelInputAudioTimeoutTriggeredEvent(
                event.item_id, event.audio_start_ms, event.audio_end_ms
            )
        case VoiceErrorReceived(is_harmless=False):
            yield RealtimeModelErrorEvent(_error(event, message))
        case _:
            yield RealtimeModelOtherEvent(event)


def _said(
    event: AudioReceived | AudioFinished | AgentTranscribed | CallerTranscribed,
) -> Iterator[RealtimeModelEvent]:
    """Turn what is said; the model's words were all told piece by piece when they are final."""
    match event:
        case AudioReceived():
            yield RealtimeModelAudioEvent(
                event.audio, event.response_id, event.item_id, event.content_index
            )
        case AudioFinished():
            yield RealtimeModelAudioDoneEvent(event.item_id, event.content_index)
        case AgentTranscribed():
            if not event.is_final:
                yield RealtimeModelTranscriptDeltaEvent(
                    event.item_id, event.text, event.response_id
                )
        case CallerTranscribed(is_final=True):
            yield RealtimeModelInputAudioTranscriptionCompletedEvent(event.item_id, event.text)
        case CallerTranscribed():
            yield RealtimeModelOtherEvent(event)


def _updated(event: ItemUpdated, message: Mapping[str, Any]) -> Iterator[RealtimeModelEvent]:
    item = message_item(
        message.get("item") or {}, previous_item_id=event.previous_item_id, status=event.status
    )
    if item is not None:
        yield RealtimeModelItemUpdatedEvent(item)


def _finished(event: ResponseFinished) -> Iterator[RealtimeModelEvent]:
    if event.usage:
        yield usage_event(event.usage)
    if event.status not in AS_PLANNED:
        yield RealtimeModelOtherEvent(event)
    yield RealtimeModelTurnEndedEvent(response_id=event.response_id)


def _error(event: VoiceErrorReceived, message: Mapping[str, Any]) -> object:
    if message.get("type") != "error":
        return error_object(event.code, event.message)
    said = message["error"]
    kind, event_id = said.get("type"), said.get("event_id")
    return error_object(event.code, event.message, kind=str(kind), event_id=event_id)


def written_text(message: Mapping[str, Any]) -> Iterator[RealtimeModelEvent]:
    """Give the piece of a written answer that a message holds: nobody hears it on a phone."""
    match message:
        case {"type": str(kind), "item_id": str(item_id), "delta": str(delta), **rest}:
            if kind in TEXT_DELTAS:
                response_id = str(rest.get("response_id", ""))
                yield RealtimeModelOutputTextDeltaEvent(item_id, delta, response_id)
        case _:
            pass
