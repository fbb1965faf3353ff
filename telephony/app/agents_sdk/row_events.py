"""What the engine tells of a call, as the SDK's model events.

The SDK has no word for most of a call: keys, transfers, speech that starts, the milliseconds of a
cut. Every row that has none is told as `other`, with the row as its data.
"""

from collections.abc import Iterator
from typing import Any

from agents.realtime import model_events
from agents.realtime.model import RealtimePlaybackTracker
from agents.realtime.model_events import (
    RealtimeModelAudioDoneEvent,
    RealtimeModelAudioInterruptedEvent,
    RealtimeModelConnectionStatusEvent,
    RealtimeModelErrorEvent,
    RealtimeModelEvent,
    RealtimeModelExceptionEvent,
    RealtimeModelInputAudioTimeoutTriggeredEvent,
    RealtimeModelInputAudioTranscriptionCompletedEvent,
    RealtimeModelItemDeletedEvent,
    RealtimeModelItemUpdatedEvent,
    RealtimeModelOtherEvent,
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
from telephony.call import (
    AudioEnded,
    CallEnded,
    CallerIdled,
    CallerSpeechStarted,
    CallEventBody,
    ItemDeletedFromMemory,
    ItemNoted,
    ItemTruncatedAt,
    PlayoutAdvanced,
    ResponseBegan,
    ResponseEnded,
    SpeechTranscribed,
    ToolRequested,
    TroubleNoted,
    VoiceGranted,
    WordsAdded,
)
from telephony.errors import TransportError
from telephony.voice import ToolCalled, heard_part

__all__ = ["RowEvents"]

TEXTS_KEPT = 64
"""Items of the agent's that may still be cut: those that wait to be heard."""

END_OF_STREAM: Any = getattr(model_events, "RealtimeModelEndOfStreamEvent", None)
"""How the SDK's session learns that nothing follows; 0.21 has no word for it."""


class RowEvents:
    """Turns the rows of one call into events, in their order.

    Args:
        tracker: Is told what the caller was sent, to the millisecond of the ledger.
    """

    def __init__(self, tracker: RealtimePlaybackTracker) -> None:
        """Begin before the first row."""
        self._tracker = tracker
        self._spoken: set[str] = set()
        """The caller's items that are speech; the others were written."""
        self._texts: dict[str, str] = {}
        """What the agent meant to say in the items that may still be cut."""
        self._cuts: dict[str, ItemTruncatedAt] = {}
        self._tracked: tuple[str, int] = ("", 0)
        self._tracked_ms = 0

    def of(self, row: CallEventBody) -> Iterator[RealtimeModelEvent]:
        """Give the events of the next row."""
        match row:
            case PlayoutAdvanced():
                self._advance(row.item_id, row.content_index, row.sent_ms)
            case ResponseBegan():
                yield RealtimeModelTurnStartedEvent(response_id=row.response_id)
            case ResponseEnded():
                yield from _ended(row)
            case WordsAdded():
                yield RealtimeModelTranscriptDeltaEvent(row.item_id, row.text, row.response_id)
            case AudioEnded():
                yield RealtimeModelAudioDoneEvent(row.item_id, row.content_index)
            case ItemTruncatedAt() | ItemDeletedFromMemory():
                yield from self._cut(row)
            case ItemNoted() | SpeechTranscribed() | CallerSpeechStarted():
                yield from self._item(row)
            case ToolRequested():
                called = ToolCalled("", row.item_id, row.tool_call_id, row.name, row.arguments)
                yield RealtimeModelItemUpdatedEvent(called_item(called))
                yield tool_call(called)
            case _:
                yield from _of_call(row)

    def _advance(self, item_id: str, content_index: int, sent_ms: int) -> None:
        """Tell the tracker how far the caller is: it adds up what it is told of one part."""
        part = (item_id, content_index)
        if part != self._tracked:
            self._tracked, self._tracked_ms = part, 0
        if sent_ms > self._tracked_ms:
            self._tracker.on_play_ms(item_id, content_index, sent_ms - self._tracked_ms)
            self._tracked_ms = sent_ms

    def _cut(self, row: ItemTruncatedAt | ItemDeletedFromMemory) -> Iterator[RealtimeModelEvent]:
        """Tell that an item is heard no further; the row says how far it was."""
        if isinstance(row, ItemTruncatedAt):
            self._advance(row.item_id, row.content_index, row.audio_end_ms)
            self._cuts[row.item_id] = row
            yield RealtimeModelOtherEvent(row)
            yield RealtimeModelAudioInterruptedEvent(row.item_id, row.content_index)
            if row.item_id in self._texts:
                texts = (self._texts[row.item_id],)
                yield from self._message(row.item_id, "assistant", "incomplete", texts)
        else:
            yield RealtimeModelOtherEvent(row)
            yield RealtimeModelAudioInterruptedEvent(row.item_id, 0)
            yield RealtimeModelItemDeletedEvent(row.item_id)
        self._tracker.on_interrupted()
        self._tracked = ("", 0)

    def _item(
        self, row: ItemNoted | SpeechTranscribed | CallerSpeechStarted
    ) -> Iterator[RealtimeModelEvent]:
        match row:
            case CallerSpeechStarted(item_id=item_id):
                self._spoken.add(item_id)
                yield RealtimeModelOtherEvent(row)
            case SpeechTranscribed(role="caller", item_id=item_id, text=text):
                yield RealtimeModelInputAudioTranscriptionCompletedEvent(item_id, text)
            case SpeechTranscribed():
                status = "incomplete" if row.is_cut else "completed"
                yield from self._message(row.item_id, "assistant", status, (row.text,))
            case ItemNoted():
                yield from self._message(
                    row.item_id, row.role, row.status, row.texts, row.previous_item_id
                )

    def _message(
        self,
        item_id: str,
        role: str,
        status: str,
        texts: tuple[str, ...],
        previous_item_id: str | None = None,
    ) -> Iterator[RealtimeModelEvent]:
        """Give an item of the history, without its audio; one that was cut, as it was heard."""
        if role == "assistant":
            status, texts = self._heard(item_id, status, texts)
            content = [{"type": "audio", "transcript": text} for text in texts or (None,)]
        elif item_id in self._spoken:
            content = [{"type": "input_audio", "transcript": text} for text in texts or (None,)]
        else:
            content = [{"type": "input_text", "text": text} for text in texts]
        item = message_item(
            {"id": item_id, "role": role, "status": status, "content": content},
            previous_item_id=previous_item_id,
        )
        if item is not None:
            yield RealtimeModelItemUpdatedEvent(item)

    def _heard(
        self, item_id: str, status: str, texts: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        """Give the status and the texts of an agent's item, cut to the words that were heard."""
        cut = self._cuts.get(item_id)
        if cut is not None and texts:
            text = heard_part(" ".join(texts), cut.sent_samples, cut.received_samples)
            return "incomplete", (text,)
        if texts:
            self._texts[item_id] = " ".join(texts)
            if len(self._texts) > TEXTS_KEPT:
                del self._texts[next(iter(self._texts))]
        return status, texts


def _ended(row: ResponseEnded) -> Iterator[RealtimeModelEvent]:
    if row.usage:
        yield usage_event(row.usage)
    if row.status not in {"completed", "cancelled"}:
        yield RealtimeModelOtherEvent(row)
    yield RealtimeModelTurnEndedEvent(response_id=row.response_id)


def _of_call(row: CallEventBody) -> Iterator[RealtimeModelEvent]:
    """Tell of the call itself; only its end, by a fault, is an exception to the SDK's session."""
    match row:
        case VoiceGranted():
            yield RealtimeModelConnectionStatusEvent("connected")
            yield RealtimeModelOtherEvent(row)
        case CallerIdled():
            yield RealtimeModelInputAudioTimeoutTriggeredEvent(
                "", row.audio_start_ms, row.audio_end_ms
            )
        case TroubleNoted():
            yield RealtimeModelErrorEvent(error_object(row.code, row.text, kind=row.fault))
        case CallEnded():
            yield RealtimeModelOtherEvent(row)
            yield RealtimeModelConnectionStatusEvent("disconnected")
            if row.by == "failure":
                yield RealtimeModelExceptionEvent(TransportError(row.cause), context="call ended")
            if END_OF_STREAM is not None:
                yield END_OF_STREAM()
        case _:
            yield RealtimeModelOtherEvent(row)
