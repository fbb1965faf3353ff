"""What a Realtime server writes while it answers, as WebSocket frames ready for the wire.

The order of the events is that of the Realtime API (GA): created, item, content part, audio and
transcript deltas between, each thing's end, done. Audio is encoded once for all answers.

Source: RFC 6455 section 5.2 (frames of a server are not masked).
"""

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["Answer", "event_frame", "text_frame"]

FINAL_TEXT = b"\x81"
SHORT_LIMIT, MEDIUM_LIMIT = 126, 1 << 16
MEDIUM, LONG = b"\x7e", b"\x7f"


def text_frame(text: bytes) -> bytes:
    """Wrap one message into one unmasked frame."""
    size = len(text)
    if size < SHORT_LIMIT:
        return FINAL_TEXT + size.to_bytes(1) + text
    if size < MEDIUM_LIMIT:
        return FINAL_TEXT + MEDIUM + size.to_bytes(2) + text
    return FINAL_TEXT + LONG + size.to_bytes(8) + text


def event_frame(kind: str, number: int, fields: Mapping[str, Any]) -> bytes:
    """Write one event as a frame.

    Args:
        kind: Its type.
        number: Makes its id.
        fields: The rest of it.
    """
    event = {"type": kind, "event_id": f"event_{number}", **fields}
    return text_frame(json.dumps(event, separators=(",", ":")).encode())


class Answer:
    """One response with one spoken item.

    Args:
        name: Makes the ids; unique within the session.
    """

    def __init__(self, name: str) -> None:
        """Begin nothing yet."""
        self._response_id = f"resp_{name}"
        self._item_id = f"item_{name}"
        self._events = 0
        self._words: list[str] = []
        self._place = {
            "response_id": self._response_id,
            "item_id": self._item_id,
            "output_index": 0,
            "content_index": 0,
        }
        self._delta_head = (
            f'{{"type":"response.output_audio.delta","event_id":"event_{name}",'
            f'"response_id":"{self._response_id}","item_id":"{self._item_id}",'
            '"output_index":0,"content_index":0,"delta":"'
        ).encode()

    def _event(self, kind: str, fields: Mapping[str, Any]) -> bytes:
        self._events += 1
        return event_frame(kind, self._events, fields)

    def _item(self, status: str) -> dict[str, Any]:
        content: list[dict[str, str]] = []
        if status == "completed":
            content = [{"type": "output_audio", "transcript": " ".join(self._words)}]
        return {
            "id": self._item_id,
            "object": "realtime.item",
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": content,
        }

    def _response(self, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
        response = {"object": "realtime.response", "id": self._response_id, "status": status}
        return {"response": {**response, "output": output}}

    def begin(self) -> bytes:
        """Give the frames up to the first audio."""
        placed = {"response_id": self._response_id, "output_index": 0}
        return b"".join(
            (
                self._event("response.created", self._response("in_progress", [])),
                self._event(
                    "response.output_item.added", {**placed, "item": self._item("in_progress")}
                ),
                self._event("conversation.item.added", {"item": self._item("in_progress")}),
                self._event(
                    "response.content_part.added",
                    {**self._place, "part": {"type": "audio", "transcript": ""}},
                ),
            )
        )

    def audio(self, encoded: bytes) -> bytes:
        """Give the frame of some audio, which is base64 already."""
        return text_frame(self._delta_head + encoded + b'"}')

    def word(self, text: str) -> bytes:
        """Give the frame of one more word of the transcript."""
        self._words.append(text)
        return self._event(
            "response.output_audio_transcript.delta", {**self._place, "delta": f"{text} "}
        )

    def end(self) -> bytes:
        """Give the frames after the last audio."""
        item = self._item("completed")
        transcript = " ".join(self._words)
        placed = {"response_id": self._response_id, "output_index": 0}
        part = {"type": "audio", "transcript": transcript}
        return b"".join(
            (
                self._event("response.output_audio.done", self._place),
                self._event(
                    "response.output_audio_transcript.done",
                    {**self._place, "transcript": transcript},
                ),
                self._event("response.content_part.done", {**self._place, "part": part}),
                self._event("response.output_item.done", {**placed, "item": item}),
                self._event("conversation.item.done", {"item": item}),
                self._event("response.done", self._response("completed", [item])),
                self._event("rate_limits.updated", {"rate_limits": []}),
            )
        )
