"""What a server says in the Realtime protocol (GA), to read and, for a server, to write.

Only the events that one side or the other acts on have a model; any other type is read as
`UnknownServerEvent`. Fields that some server leaves out have defaults, so that it is not refused.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter
from pydantic_core import from_json

from telephony.realtime.dialects import rename
from telephony.realtime.wire import (
    ContentPart,
    ErrorDetail,
    Id,
    Item,
    MalformedEventError,
    ResponseObject,
    TypedWireModel,
    WireModel,
    parse_tagged,
)

__all__ = [
    "AudioDelta",
    "AudioDone",
    "AudioTranscriptDelta",
    "AudioTranscriptDone",
    "ContentPartAdded",
    "ContentPartDone",
    "DigitEvent",
    "ErrorEvent",
    "FunctionCallArgumentsDelta",
    "FunctionCallArgumentsDone",
    "InputAudioBufferCleared",
    "InputAudioBufferCommitted",
    "InputTranscriptionCompleted",
    "InputTranscriptionDelta",
    "InputTranscriptionFailed",
    "ItemAdded",
    "ItemDeletedEvent",
    "ItemDone",
    "ItemEventBase",
    "ItemRetrieved",
    "ItemTruncatedEvent",
    "OutputBufferEvent",
    "OutputItemAdded",
    "OutputItemDone",
    "OutputTextDelta",
    "OutputTextDone",
    "RateLimitsUpdated",
    "ResponseCreated",
    "ResponseDone",
    "ServerEvent",
    "SessionCreated",
    "SessionUpdated",
    "SpeechStartedEvent",
    "SpeechStoppedEvent",
    "TimeoutTriggered",
    "ToolServerEvent",
    "UnknownServerEvent",
    "parse_server_event",
]


MAX_MS = 2**53
"""What a float holds exactly; a session's audio is shorter by far."""
Milliseconds = Annotated[int, Field(ge=-MAX_MS, le=MAX_MS)]
"""An offset; some servers take more padding off than there was audio."""


class ServerEventBase(TypedWireModel):
    """Every server event carries an id; it is not unique on every server."""

    event_id: str | None = None


class UnknownServerEvent(ServerEventBase):
    """An event of a type that has no model here."""

    type: str


class ErrorEvent(ServerEventBase):
    """Something was refused; the connection stays open."""

    type: Literal["error"] = "error"
    error: ErrorDetail


class SessionCreated(ServerEventBase):
    """The server's greeting, with its defaults."""

    type: Literal["session.created"] = "session.created"
    session: dict[str, Any]


class SessionUpdated(ServerEventBase):
    """The whole session after a `session.update`."""

    type: Literal["session.updated"] = "session.updated"
    session: dict[str, Any]


class ItemEventBase(ServerEventBase):
    """An event that carries an item of the conversation."""

    previous_item_id: Id | None = None
    item: Item


class ItemAdded(ItemEventBase):
    """An item joined the conversation; its content may still be on its way."""

    type: Literal["conversation.item.added"] = "conversation.item.added"


class ItemDone(ItemEventBase):
    """An item of the conversation is complete."""

    type: Literal["conversation.item.done"] = "conversation.item.done"


class ItemRetrieved(ItemEventBase):
    """The answer to `conversation.item.retrieve`."""

    type: Literal["conversation.item.retrieved"] = "conversation.item.retrieved"


class ItemDeletedEvent(ServerEventBase):
    """The answer to `conversation.item.delete`."""

    type: Literal["conversation.item.deleted"] = "conversation.item.deleted"
    item_id: Id


class ItemTruncatedEvent(ServerEventBase):
    """The answer to `conversation.item.truncate`."""

    type: Literal["conversation.item.truncated"] = "conversation.item.truncated"
    item_id: Id
    content_index: int = 0
    audio_end_ms: Milliseconds = 0


class InputTranscriptionDelta(ServerEventBase):
    """Some more of what the caller said."""

    type: Literal["conversation.item.input_audio_transcription.delta"] = (
        "conversation.item.input_audio_transcription.delta"
    )
    item_id: Id
    content_index: int | None = None
    delta: str | None = None


class InputTranscriptionCompleted(ServerEventBase):
    """All of what the caller said."""

    type: Literal["conversation.item.input_audio_transcription.completed"] = (
        "conversation.item.input_audio_transcription.completed"
    )
    item_id: Id
    content_index: int | None = None
    transcript: str = ""
    status: str | None = None
    """One server says `in_progress` here for a transcript that will still change."""


class InputTranscriptionFailed(ServerEventBase):
    """What the caller said could not be transcribed; the conversation goes on."""

    type: Literal["conversation.item.input_audio_transcription.failed"] = (
        "conversation.item.input_audio_transcription.failed"
    )
    item_id: Id
    error: ErrorDetail = ErrorDetail()


class SpeechStartedEvent(ServerEventBase):
    """The caller began to speak."""

    type: Literal["input_audio_buffer.speech_started"] = "input_audio_buffer.speech_started"
    item_id: Id = ""
    audio_start_ms: Milliseconds
    """Offset in all audio that was appended, the prefix padding taken off."""


class SpeechStoppedEvent(ServerEventBase):
    """The caller stopped speaking."""

    type: Literal["input_audio_buffer.speech_stopped"] = "input_audio_buffer.speech_stopped"
    item_id: Id = ""
    audio_end_ms: Milliseconds = 0


class InputAudioBufferCommitted(ServerEventBase):
    """The caller's audio became an item."""

    type: Literal["input_audio_buffer.committed"] = "input_audio_buffer.committed"
    previous_item_id: Id | None = None
    item_id: Id = ""


class InputAudioBufferCleared(ServerEventBase):
    """The answer to `input_audio_buffer.clear`."""

    type: Literal["input_audio_buffer.cleared"] = "input_audio_buffer.cleared"


class TimeoutTriggered(ServerEventBase):
    """The caller said nothing for the session's `idle_timeout_ms`; a response follows."""

    type: Literal["input_audio_buffer.timeout_triggered"] = "input_audio_buffer.timeout_triggered"
    item_id: Id = ""
    audio_start_ms: Milliseconds = 0
    audio_end_ms: Milliseconds = 0


class DigitEvent(ServerEventBase):
    """The caller pressed a key, where the provider has the caller's audio."""

    type: Literal["input_audio_buffer.dtmf_event_received"] = (
        "input_audio_buffer.dtmf_event_received"
    )
    event: Annotated[str, Field(pattern=r"^[0-9*#A-D]$")]
    received_at: float | None = None
    """Unix seconds."""


class OutputBufferEvent(ServerEventBase):
    """What became of a response's audio, where the provider plays it to the caller."""

    type: Literal[
        "output_audio_buffer.started", "output_audio_buffer.stopped", "output_audio_buffer.cleared"
    ]
    response_id: Id = ""

    @property
    def state(self) -> Literal["started", "stopped", "cleared"]:
        """The last word of the type."""
        match self.type:
            case "output_audio_buffer.started":
                return "started"
            case "output_audio_buffer.stopped":
                return "stopped"
            case "output_audio_buffer.cleared":
                return "cleared"


class ResponseCreated(ServerEventBase):
    """A response began."""

    type: Literal["response.created"] = "response.created"
    response: ResponseObject


class ResponseDone(ServerEventBase):
    """A response ended, however it did."""

    type: Literal["response.done"] = "response.done"
    response: ResponseObject


class OutputItemAdded(ServerEventBase):
    """A response began an item."""

    type: Literal["response.output_item.added"] = "response.output_item.added"
    response_id: Id = ""
    output_index: int = 0
    item: Item


class OutputItemDone(ServerEventBase):
    """A response completed an item, or left it `incomplete`."""

    type: Literal["response.output_item.done"] = "response.output_item.done"
    response_id: Id = ""
    output_index: int = 0
    item: Item


class ContentEventBase(ServerEventBase):
    """An event about one content part of an item."""

    response_id: Id = ""
    item_id: Id = ""
    output_index: int = 0
    content_index: int = 0


class ContentPartAdded(ContentEventBase):
    """An item began a content part."""

    type: Literal["response.content_part.added"] = "response.content_part.added"
    part: ContentPart


class ContentPartDone(ContentEventBase):
    """A content part is complete."""

    type: Literal["response.content_part.done"] = "response.content_part.done"
    part: ContentPart


class AudioDelta(ContentEventBase):
    """Some audio of an item. Our own client reads it with `audio_messages` first."""

    type: Literal["response.output_audio.delta"] = "response.output_audio.delta"
    delta: str
    """Base64 of audio in the session's output format."""


class AudioDone(ContentEventBase):
    """No more audio will come for this content part."""

    type: Literal["response.output_audio.done"] = "response.output_audio.done"


class AudioTranscriptDelta(ContentEventBase):
    """Some more of what the model says."""

    type: Literal["response.output_audio_transcript.delta"] = (
        "response.output_audio_transcript.delta"
    )
    delta: str


class AudioTranscriptDone(ContentEventBase):
    """All of what the model says in this content part."""

    type: Literal["response.output_audio_transcript.done"] = "response.output_audio_transcript.done"
    transcript: str = ""


class OutputTextDelta(ContentEventBase):
    """Some more of an answer in text, which nobody hears."""

    type: Literal["response.output_text.delta"] = "response.output_text.delta"
    delta: str


class OutputTextDone(ContentEventBase):
    """All of an answer in text."""

    type: Literal["response.output_text.done"] = "response.output_text.done"
    text: str = ""


class FunctionCallArgumentsDelta(ServerEventBase):
    """Some more of a function call's arguments."""

    type: Literal["response.function_call_arguments.delta"] = (
        "response.function_call_arguments.delta"
    )
    response_id: Id = ""
    item_id: Id = ""
    output_index: int = 0
    call_id: Id = ""
    delta: str


class FunctionCallArgumentsDone(ServerEventBase):
    """All of a function call's arguments."""

    type: Literal["response.function_call_arguments.done"] = "response.function_call_arguments.done"
    response_id: Id = ""
    item_id: Id = ""
    output_index: int = 0
    call_id: Id = ""
    name: str | None = None
    arguments: str = ""


class ToolServerEvent(ServerEventBase):
    """How a server of tools fares that the provider calls; its items say what came of it."""

    type: Literal[
        "mcp_list_tools.in_progress",
        "mcp_list_tools.completed",
        "mcp_list_tools.failed",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "response.mcp_call.in_progress",
        "response.mcp_call.completed",
        "response.mcp_call.failed",
    ]
    item_id: Id = ""


class RateLimit(WireModel):
    """One of the account's limits."""

    name: str = ""
    """`requests` or `tokens`."""
    limit: float | None = None
    remaining: float | None = None
    reset_seconds: float | None = None


class RateLimitsUpdated(ServerEventBase):
    """What is left of the account's limits."""

    type: Literal["rate_limits.updated"] = "rate_limits.updated"
    rate_limits: tuple[RateLimit, ...] = ()


KnownServerEvent = (
    ErrorEvent
    | SessionCreated
    | SessionUpdated
    | ItemAdded
    | ItemDone
    | ItemRetrieved
    | ItemDeletedEvent
    | ItemTruncatedEvent
    | InputTranscriptionDelta
    | InputTranscriptionCompleted
    | InputTranscriptionFailed
    | SpeechStartedEvent
    | SpeechStoppedEvent
    | InputAudioBufferCommitted
    | InputAudioBufferCleared
    | TimeoutTriggered
    | DigitEvent
    | OutputBufferEvent
    | ResponseCreated
    | ResponseDone
    | OutputItemAdded
    | OutputItemDone
    | ContentPartAdded
    | ContentPartDone
    | AudioDelta
    | AudioDone
    | AudioTranscriptDelta
    | AudioTranscriptDone
    | OutputTextDelta
    | OutputTextDone
    | FunctionCallArgumentsDelta
    | FunctionCallArgumentsDone
    | ToolServerEvent
    | RateLimitsUpdated
)
ServerEvent = KnownServerEvent | UnknownServerEvent

SERVER_EVENTS: TypeAdapter[KnownServerEvent] = TypeAdapter(
    Annotated[KnownServerEvent, Field(discriminator="type")]
)


def parse_server_event(text: bytes | str) -> ServerEvent:
    """Read one message from a server.

    Args:
        text: The message as it stood in its frame, UTF-8 JSON.

    Returns:
        The event its type names, in the GA dialect or a known older one; an
        `UnknownServerEvent` for any other type.

    Raises:
        MalformedEventError: The server is at fault: no JSON object, no type, or a field that
            its type needs is absent or of another kind.
    """
    try:
        return parse_tagged(SERVER_EVENTS, text)
    except MalformedEventError as error:
        if error.code != "unknown_event_type":
            raise
        unknown = UnknownServerEvent(type=error.event_type)
    if not isinstance(from_json(text)["type"], str):
        raise MalformedEventError("type: not a text", code="invalid_value", param="type")
    renamed = rename(unknown.type, text)
    return unknown if renamed is None else parse_server_event(renamed)
