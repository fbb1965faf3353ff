"""Tells how the words of one session go on, where its plan asks for that (`progress_rows`)."""

from collections.abc import Callable
from dataclasses import dataclass

from telephony.call.events import CallEventBody
from telephony.call.progress_rows import (
    AudioEnded,
    ItemNoted,
    PlayoutAdvanced,
    ResponseBegan,
    WordsAdded,
)
from telephony.media import ItemAudio, ItemKey, RtpPort
from telephony.units import NS_PER_MS, Nanoseconds, samples_to_ms_floor
from telephony.voice import (
    AgentTranscribed,
    AudioFinished,
    ItemUpdated,
    ResponseFinished,
    ResponseStarted,
    VoiceEvent,
)

__all__ = ["Progress"]

WORDS_EVERY_NS = 100 * NS_PER_MS
"""A model writes a word at a time; whoever reads along needs no row for each."""
PLAYOUT_EVERY_NS = 200 * NS_PER_MS
MAX_PARTS = 64
"""Parts whose text may be under way at once; a response has one or two."""


@dataclass(slots=True)
class _Words:
    """The text of one part of an item."""

    response_id: str
    told: int = 0
    """Characters that rows told of."""
    waiting: str = ""
    last_ns: Nanoseconds | None = None
    """Of the last row."""


class Progress:
    """What of one session's words was told so far.

    Args:
        note: Writes a row.

    Attributes:
        is_on: Whether anything is told.
    """

    def __init__(self, note: Callable[[CallEventBody], None]) -> None:
        """Tell nothing yet."""
        self.is_on = False
        self._note = note
        self._port: RtpPort | None = None
        self._words: dict[tuple[str, int], _Words] = {}
        self._items: dict[ItemKey, ItemAudio] = {}
        self._told_ms: dict[ItemKey, int] = {}
        self._due_ns: Nanoseconds | None = None

    def join(self, port: RtpPort) -> None:
        """Learn where the caller hears the agent."""
        self._port = port

    def handle(self, event: VoiceEvent, now_ns: Nanoseconds) -> None:
        """Take an event of the session, before what it means is written."""
        if not self.is_on:
            return
        match event:
            case ResponseStarted(response_id=response_id):
                self._note(ResponseBegan(response_id=response_id))
            case AgentTranscribed():
                self._handle_words(event, now_ns)
            case AudioFinished(response_id=response_id, item_id=item_id, content_index=index):
                self._note(
                    AudioEnded(response_id=response_id, item_id=item_id, content_index=index)
                )
            case ResponseFinished(response_id=response_id):
                self._handle_response_finished(response_id, now_ns)
            case ItemUpdated():
                self._note(
                    ItemNoted(
                        item_id=event.item_id,
                        role=event.role,
                        status=event.status,
                        previous_item_id=event.previous_item_id,
                        texts=event.texts,
                    )
                )
            case _:
                pass

    def _handle_words(self, event: AgentTranscribed, now_ns: Nanoseconds) -> None:
        """Tell the first words at once and the next together; nothing waits beyond the last."""
        part = (event.item_id, event.content_index)
        words = self._words.setdefault(part, _Words(event.response_id))
        if event.is_final:
            words.waiting = event.text[words.told :]
            self._tell_words(part, now_ns)
            del self._words[part]
            return
        words.waiting += event.text
        if words.last_ns is None or now_ns >= words.last_ns + WORDS_EVERY_NS:
            self._tell_words(part, now_ns)
        if len(self._words) > MAX_PARTS:
            del self._words[next(iter(self._words))]

    def _tell_words(self, part: tuple[str, int], now_ns: Nanoseconds) -> None:
        words, (item_id, index) = self._words[part], part
        text, words.waiting = words.waiting, ""
        words.told += len(text)
        words.last_ns = now_ns
        if text:
            self._note(
                WordsAdded(
                    response_id=words.response_id, item_id=item_id, content_index=index, text=text
                )
            )

    def _handle_response_finished(self, response_id: str, now_ns: Nanoseconds) -> None:
        """Tell what is left of a response that ended without its last word."""
        ended = [part for part, words in self._words.items() if words.response_id == response_id]
        for part in ended:
            self._tell_words(part, now_ns)
            del self._words[part]

    def handle_audio(self, now_ns: Nanoseconds) -> None:
        """Learn that audio was queued: from here on the playout is looked at now and then."""
        if not self.is_on:
            return
        self._see_items()
        if self._due_ns is None:
            self._due_ns = Nanoseconds(now_ns + PLAYOUT_EVERY_NS)

    def _see_items(self) -> None:
        if self._port is not None:
            self._items.update((item.key, item) for item in self._port.playout.items)

    def tell_playout(self) -> None:
        """Tell what the caller was sent since the last time; behind a flush, what is final."""
        port = self._port
        if not self.is_on or port is None:
            return
        self._see_items()
        for key, item in self._items.items():
            sent = min(item.sent_samples, item.received_samples)
            sent_ms = samples_to_ms_floor(sent, port.audio_format.rate_hz)
            if sent_ms > self._told_ms.get(key, 0):
                self._told_ms[key] = sent_ms
                self._note(
                    PlayoutAdvanced(
                        item_id=key.item_id, content_index=key.content_index, sent_ms=sent_ms
                    )
                )
        self._items = {item.key: item for item in port.playout.items}
        self._told_ms = {key: self._told_ms.get(key, 0) for key in self._items}

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        """Learn that `next_deadline()` has passed."""
        if self._due_ns is None or now_ns < self._due_ns:
            return
        self.tell_playout()
        self._due_ns = Nanoseconds(now_ns + PLAYOUT_EVERY_NS) if self._items else None

    def next_deadline(self) -> Nanoseconds | None:
        """Say when `handle_timer` wants to be called."""
        return self._due_ns
