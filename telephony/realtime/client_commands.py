"""Each command of the `voice` port that is one client event, as that event."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import to_json

from telephony.errors import LocalError
from telephony.realtime.audio_messages import append_message
from telephony.realtime.client_events import (
    InputAudioBufferClear,
    InputAudioBufferCommit,
    ItemCreate,
    ItemDelete,
    ItemTruncate,
    OutputAudioBufferClear,
    SessionUpdate,
    parse_client_event,
)
from telephony.realtime.session_config import SessionConfig
from telephony.realtime.wire import ContentPart, Item, MalformedEventError, WireModel
from telephony.voice import (
    AddText,
    ClearAudio,
    ClearPlayout,
    CommitAudio,
    DeleteItem,
    Message,
    ToolResult,
    TruncateItem,
)

__all__ = [
    "CUT_ID",
    "HARMLESS_IDS",
    "BadClientEventError",
    "PlainCommand",
    "append_messages",
    "client_event",
    "raw_message",
    "session_update",
]

PlainCommand = (
    CommitAudio | ClearAudio | ClearPlayout | AddText | TruncateItem | DeleteItem | ToolResult
)

CUT_ID = "cut_"
"""How the ids of events begin that cut the model's memory."""
HARMLESS_IDS = ("cancel_", CUT_ID)
"""How the ids of events begin whose refusal is a race that is expected."""


PIECE_OCTETS = 48_000
"""Of audio that was kept, in one message: 1 s of PCM16, 6 s of G.711."""


class BadClientEventError(LocalError):
    """Somebody on our side wants to send what no server would take; nothing was sent."""


def raw_message(event: Mapping[str, Any]) -> bytes:
    """Give the message for an event that was written by hand: checked, and sent as it is.

    Raises:
        BadClientEventError: It is no event of this protocol; the message names the field and none
            of its words.
    """
    try:
        message = to_json(event)
        parse_client_event(message)
    except MalformedEventError as wrong:
        raise BadClientEventError(str(wrong)) from None
    except ValueError:
        raise BadClientEventError("the event cannot be written as JSON") from None
    return message


def client_event(command: PlainCommand, token: str) -> WireModel:
    """Give the event for a command; its id says what kind it is, for the error that names it."""
    match command:
        case CommitAudio():
            return InputAudioBufferCommit(event_id=f"commit_{token}")
        case ClearAudio():
            return InputAudioBufferClear(event_id=f"clear_{token}")
        case ClearPlayout():
            return OutputAudioBufferClear(event_id=f"cancel_{token}")
        case AddText(text=text, role=role, pictures=pictures):
            parts = [ContentPart(type="input_text", text=text)]
            parts += [
                ContentPart(type="input_image", image_url=picture.url, detail=picture.detail)
                for picture in pictures
            ]
            item = Item(type="message", role=role, content=parts)
            return ItemCreate(event_id=f"item_{token}", item=item)
        case ToolResult(call_id=call_id, output=output):
            item = Item(type="function_call_output", call_id=call_id, output=output)
            return ItemCreate(event_id=f"item_{token}", item=item)
        case TruncateItem(item_id=item_id, content_index=content_index, audio_end_ms=end_ms):
            return ItemTruncate(
                event_id=f"{CUT_ID}{token}",
                item_id=item_id,
                content_index=content_index,
                audio_end_ms=end_ms,
            )
        case _:
            return ItemDelete(event_id=f"{CUT_ID}{token}", item_id=command.item_id)


def append_messages(audio: bytes) -> Iterator[Message]:
    """Give the messages that append audio which was kept; they go out in order with events."""
    for start in range(0, len(audio), PIECE_OCTETS):
        yield Message(append_message(audio[start : start + PIECE_OCTETS]))


def session_update(session: SessionConfig, token: str) -> SessionUpdate:
    """Give the event that asks for a session."""
    return SessionUpdate(event_id=f"update_{token}", session=session)
