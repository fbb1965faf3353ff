"""What a client says in the Realtime protocol (GA), to write and, for a server, to read."""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from telephony.realtime.session_config import SessionConfig
from telephony.realtime.wire import Item, TypedWireModel, WireModel, parse_tagged

__all__ = [
    "ClientEvent",
    "InputAudioBufferAppend",
    "InputAudioBufferClear",
    "InputAudioBufferCommit",
    "ItemCreate",
    "ItemDelete",
    "ItemRetrieve",
    "ItemTruncate",
    "OutputAudioBufferClear",
    "ResponseCancel",
    "ResponseCreate",
    "ResponseParameters",
    "SessionUpdate",
    "parse_client_event",
]


class ClientEventBase(TypedWireModel):
    """Every client event may carry an id, which the server repeats in an error about it."""

    event_id: str | None = None


class SessionUpdate(ClientEventBase):
    """Ask for settings; answered by `session.updated` with the whole session."""

    type: Literal["session.update"] = "session.update"
    session: SessionConfig


class InputAudioBufferAppend(ClientEventBase):
    """Hand over some of the caller's audio. Our own client writes it with `audio_messages`."""

    type: Literal["input_audio_buffer.append"] = "input_audio_buffer.append"
    audio: str
    """Base64 of audio in the session's input format."""


class InputAudioBufferCommit(ClientEventBase):
    """End the caller's turn: what was appended becomes an item."""

    type: Literal["input_audio_buffer.commit"] = "input_audio_buffer.commit"


class InputAudioBufferClear(ClientEventBase):
    """Forget what was appended and not committed."""

    type: Literal["input_audio_buffer.clear"] = "input_audio_buffer.clear"


class OutputAudioBufferClear(ClientEventBase):
    """Drop what is left to be played, where the server plays it; first cancel the response."""

    type: Literal["output_audio_buffer.clear"] = "output_audio_buffer.clear"


class ItemCreate(ClientEventBase):
    """Add an item to the conversation."""

    type: Literal["conversation.item.create"] = "conversation.item.create"
    previous_item_id: str | None = None
    """Where it goes: not set means the end, "root" the start."""
    item: Item


class ItemRetrieve(ClientEventBase):
    """Ask for an item as the server holds it."""

    type: Literal["conversation.item.retrieve"] = "conversation.item.retrieve"
    item_id: str


class ItemTruncate(ClientEventBase):
    """Cut an assistant's audio item to what was heard."""

    type: Literal["conversation.item.truncate"] = "conversation.item.truncate"
    item_id: str
    content_index: int
    audio_end_ms: int


class ItemDelete(ClientEventBase):
    """Remove an item from the conversation."""

    type: Literal["conversation.item.delete"] = "conversation.item.delete"
    item_id: str


class ResponseParameters(WireModel):
    """What shall differ from the session in one response."""

    instructions: str | None = None
    conversation: str | None = None
    """`none` for a response outside the conversation; not set means within."""
    metadata: dict[str, str] | None = None
    output_modalities: list[str] | None = None
    tool_choice: str | dict[str, Any] | None = None


class ResponseCreate(ClientEventBase):
    """Ask for a response; refused while one is under way."""

    type: Literal["response.create"] = "response.create"
    response: ResponseParameters | None = None


class ResponseCancel(ClientEventBase):
    """Stop a response: the one named, or the one under way."""

    type: Literal["response.cancel"] = "response.cancel"
    response_id: str | None = None


ClientEvent = (
    SessionUpdate
    | InputAudioBufferAppend
    | InputAudioBufferCommit
    | InputAudioBufferClear
    | OutputAudioBufferClear
    | ItemCreate
    | ItemRetrieve
    | ItemTruncate
    | ItemDelete
    | ResponseCreate
    | ResponseCancel
)

CLIENT_EVENTS: TypeAdapter[ClientEvent] = TypeAdapter(
    Annotated[ClientEvent, Field(discriminator="type")]
)


def parse_client_event(text: bytes | str) -> ClientEvent:
    """Read one message from a client, as a server does.

    Args:
        text: The message as it stood in its frame, UTF-8 JSON.

    Raises:
        MalformedEventError: The client is at fault; `code` and `param` are what an `error` event
            answers, and `wire.event_id_of(text)` is the message's own id.
    """
    return parse_tagged(CLIENT_EVENTS, text)
