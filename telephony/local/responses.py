"""One response: its events in the order that real sessions were recorded in, and their pace.

    response.created
    for the words:     output_item.added, conversation.item.added, content_part.added,
                       then for each phrase a transcript delta and its audio deltas,
                       output_audio.done, output_audio_transcript.done, content_part.done,
                       conversation.item.done, output_item.done
    for the call:      output_item.added, conversation.item.added, function_call_arguments.delta,
                       function_call_arguments.done, conversation.item.done, output_item.done
    response.done

The words are sent faster than they are spoken and can be cut short at any delta: then the events
that close the message follow at once with the status `incomplete`, and the call is never made.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any, Literal

from telephony.local.dialog import FunctionCall
from telephony.local.items import ConversationItems, Entry, Part
from telephony.local.outbox import Outbox
from telephony.local.playout import CallerPlayout
from telephony.local.speaker import AudioChunk, SpokenPhrase
from telephony.realtime import ContentPart, Item, ResponseObject, events
from telephony.units import Nanoseconds, samples_to_ns
from telephony_codecs import AudioFormat

__all__ = ["CancelReason", "Plan", "Response"]

PACE = 5
"""Times real time: the client is well ahead of its caller, and a cancelled response stays short."""

CancelReason = Literal["turn_detected", "client_cancelled"]

USAGE: dict[str, Any] = {
    "total_tokens": 0,
    "input_tokens": 0,
    "output_tokens": 0,
    "input_token_details": {"text_tokens": 0, "audio_tokens": 0, "cached_tokens": 0},
    "output_token_details": {"text_tokens": 0, "audio_tokens": 0},
}
"""A rule dialog uses no tokens."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a response shall hold."""

    phrases: tuple[SpokenPhrase, ...]
    call: FunctionCall | None
    audio_format: AudioFormat | None
    """What the words are spoken in; None writes them as text."""
    metadata: dict[str, str] | None = None


class Response:
    """One response under way."""

    def __init__(
        self,
        plan: Plan,
        conversation: ConversationItems | None,
        outbox: Outbox,
        playout: CallerPlayout | None = None,
    ) -> None:
        """Prepare it; `start` says its first event.

        Args:
            plan: What it shall hold.
            conversation: What its items join; None for a response outside of it.
            outbox: Where its events go.
            playout: Takes its audio where the client does not play it.
        """
        self.response_id = outbox.mint("resp")
        self.is_done = False
        self.has_spoken = False
        self._plan = plan
        self._conversation = conversation
        self._outbox = outbox
        self._playout = playout
        self._output: list[Entry] = []
        self._words: deque[str | AudioChunk] = deque()
        self._due_ns: Nanoseconds | None = None
        self._delta_head = b""

    def start(self, now_ns: Nanoseconds) -> None:
        """Say that it began, and what of it is due at once."""
        created = self._wire_object("in_progress", None)
        self._outbox.send(events.ResponseCreated(response=created))
        if self._plan.phrases:
            self._open_message()
            for phrase in self._plan.phrases:
                self._words.append(phrase.text)
                if self._plan.audio_format is not None:
                    self._words.extend(phrase.chunks)
        self._due_ns = now_ns
        self.handle_timer(now_ns)

    def next_deadline(self) -> Nanoseconds | None:
        """Say when the next of its audio is due."""
        return self._due_ns

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        """Send what is due, and end the response after its last words."""
        while self._due_ns is not None and self._due_ns <= now_ns:
            if self._words:
                self._due_ns = Nanoseconds(self._due_ns + self._send_next(self._due_ns))
            else:
                self._finish()

    def cancel(self, reason: CancelReason) -> None:
        """Stop it at what was sent so far."""
        self._words.clear()
        if self._output:
            self._close_message("incomplete")
        self._end("cancelled", {"type": "cancelled", "reason": reason})

    def _open_message(self) -> None:
        is_audio = self._plan.audio_format is not None
        part = Part("output_audio" if is_audio else "output_text", "")
        if self._plan.audio_format is not None:
            part.rate_hz = self._plan.audio_format.rate_hz
        entry = Entry(
            self._outbox.mint("item"),
            "message",
            role="assistant",
            status="in_progress",
            is_answered=True,
        )
        self._add(entry)
        entry.parts.append(part)
        self._outbox.send(events.ContentPartAdded(part=_part_wire(part), **self._place(entry)))
        # Everything of a delta but its own id and audio stays the same through the message.
        self._delta_head = (
            b'{"type":"response.output_audio.delta","response_id":"%b","item_id":"%b",'
            b'"output_index":0,"content_index":0,"event_id":"'
        ) % (self.response_id.encode(), entry.item_id.encode())

    def _send_next(self, now_ns: Nanoseconds) -> int:
        """Send the next piece of the message; say how long the one after it shall wait, in ns."""
        entry = self._output[0]
        part = entry.parts[0]
        piece = self._words.popleft()
        if isinstance(piece, AudioChunk):
            if self._playout is None:
                event_id = self._outbox.mint("event").encode()
                text = b'%b%b","delta":"%b"}' % (self._delta_head, event_id, piece.base64)
                self._outbox.send_text(text)
            else:
                self._playout.add(self.response_id, entry, piece.samples, now_ns)
            part.samples += piece.samples
            self.has_spoken = True
            return samples_to_ns(piece.samples, part.rate_hz) // PACE
        delta = f" {piece}" if part.text else piece
        part.text = (part.text or "") + delta
        event = events.AudioTranscriptDelta if part.is_audio else events.OutputTextDelta
        self._outbox.send(event(delta=delta, **self._place(entry)))
        return 0

    def _finish(self) -> None:
        if self._output:
            self._close_message("completed")
        if self._plan.call is not None:
            self._send_call(self._plan.call)
        self._end("completed", None)

    def _close_message(self, status: Literal["completed", "incomplete"]) -> None:
        entry = self._output[0]
        part = entry.parts[0]
        entry.status = status
        place = self._place(entry)
        if part.is_audio:
            self._outbox.send(events.AudioDone(**place))
            self._outbox.send(events.AudioTranscriptDone(transcript=part.text or "", **place))
        else:
            self._outbox.send(events.OutputTextDone(text=part.text or "", **place))
        self._outbox.send(events.ContentPartDone(part=_part_wire(part), **place))
        self._done(entry)

    def _send_call(self, call: FunctionCall) -> None:
        entry = Entry(
            self._outbox.mint("item"),
            "function_call",
            status="in_progress",
            call_id=self._outbox.mint("call"),
            name=call.name,
            is_answered=True,
        )
        self._add(entry)
        index = len(self._output) - 1
        entry.arguments = call.arguments
        entry.status = "completed"
        self._outbox.send(
            events.FunctionCallArgumentsDelta(
                response_id=self.response_id,
                item_id=entry.item_id,
                output_index=index,
                call_id=entry.call_id,
                delta=call.arguments,
            )
        )
        self._outbox.send(
            events.FunctionCallArgumentsDone(
                response_id=self.response_id,
                item_id=entry.item_id,
                output_index=index,
                call_id=entry.call_id,
                name=call.name,
                arguments=call.arguments,
            )
        )
        self._done(entry)

    def _add(self, entry: Entry) -> None:
        index = len(self._output)
        self._output.append(entry)
        if self._conversation is not None:
            self._conversation.add(entry)
        item = entry.to_wire()
        added = events.OutputItemAdded(response_id=self.response_id, output_index=index, item=item)
        self._outbox.send(added)
        if self._conversation is not None:
            self._outbox.send(events.ItemAdded(previous_item_id=entry.previous_id, item=item))

    def _done(self, entry: Entry) -> None:
        item = entry.to_wire()
        index = self._output.index(entry)
        if self._conversation is not None:
            self._outbox.send(events.ItemDone(previous_item_id=entry.previous_id, item=item))
        done = events.OutputItemDone(response_id=self.response_id, output_index=index, item=item)
        self._outbox.send(done)

    def _end(self, status: str, details: dict[str, str] | None) -> None:
        self.is_done = True
        self._due_ns = None
        self._outbox.send(events.ResponseDone(response=self._wire_object(status, details)))

    def _place(self, entry: Entry) -> dict[str, Any]:
        """Where an entry's one content part stands."""
        return {
            "response_id": self.response_id,
            "item_id": entry.item_id,
            "output_index": self._output.index(entry),
            "content_index": 0,
        }

    def _wire_object(self, status: str, details: dict[str, str] | None) -> ResponseObject:
        output: list[Item] = [entry.to_wire() for entry in self._output]
        return ResponseObject(
            id=self.response_id,
            object="realtime.response",
            status=status,
            status_details=details,
            output=output,
            usage=USAGE if status != "in_progress" else None,
            metadata=self._plan.metadata,
        )


def _part_wire(part: Part) -> ContentPart:
    """Write a part as the content_part events do: there its type is `audio` or `text`."""
    if part.is_audio:
        return ContentPart(type="audio", transcript=part.text or "")
    return ContentPart(type="text", text=part.text or "")
