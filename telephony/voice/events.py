"""What a voice model's session tells us."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from telephony.voice.settings import VoiceFormat

__all__ = [
    "AgentTranscribed",
    "AudioFinished",
    "AudioReceived",
    "CallerTranscribed",
    "DigitReceived",
    "IdleTimedOut",
    "ItemCameLate",
    "ItemDeleted",
    "ItemTruncated",
    "ItemUpdated",
    "PlayoutReported",
    "RateLimitUpdated",
    "ResponseFinished",
    "ResponseStarted",
    "ResponseStatus",
    "SessionClosed",
    "SessionGranted",
    "SessionOpened",
    "SpeechStarted",
    "SpeechStopped",
    "ToolCalled",
    "ToolServed",
    "TruncationUnsupported",
    "UnknownEventReceived",
    "VoiceErrorReceived",
    "VoiceEvent",
]


class ResponseStatus(Enum):
    """How a response ended."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    INCOMPLETE = "incomplete"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """The server greeted us; nothing has been granted yet."""

    session_id: str
    expires_at: int | None = None
    """Unix seconds at which the server will end the session, where it says so."""


@dataclass(frozen=True, slots=True)
class SessionGranted:
    """The server answered a `Configure`; its formats win over those asked for."""

    input_format: VoiceFormat
    output_format: VoiceFormat


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The caller began to speak, by the server's detector."""

    item_id: str
    audio_start_ms: int
    """Offset in the audio that was appended, padding included."""


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The caller stopped speaking, by the server's detector."""

    item_id: str
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class ResponseStarted:
    """The model began a response."""

    response_id: str


@dataclass(frozen=True, slots=True)
class ResponseFinished:
    """The model sent the last of a response; the caller may still be listening to it."""

    response_id: str
    status: ResponseStatus
    reason: str = ""
    """Why it was not completed, in the server's words."""
    usage: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class AudioReceived:
    """Some of an item's audio, in the granted output format."""

    response_id: str
    item_id: str
    content_index: int
    audio: bytes


@dataclass(frozen=True, slots=True)
class ItemCameLate:
    """The first audio of an item came after its response had been cut; none of it is told.

    The caller heard nothing of it, so the model's memory of it is to be deleted.
    """

    response_id: str
    item_id: str


@dataclass(frozen=True, slots=True)
class AudioFinished:
    """No more audio will come for this item."""

    response_id: str
    item_id: str
    content_index: int


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """The model wants a function run."""

    response_id: str
    item_id: str
    call_id: str
    name: str
    arguments: str
    """JSON text as the model wrote it; it may be malformed."""


@dataclass(frozen=True, slots=True)
class ToolServed:
    """The provider called a tool of a `ToolServer`; nothing is to be done. Texts are shortened."""

    item_id: str
    server: str
    """Its label."""
    name: str
    arguments: str
    """JSON text as the model wrote it."""
    output: str
    """Empty where the call failed."""


@dataclass(frozen=True, slots=True)
class CallerTranscribed:
    """What the caller said, as text."""

    item_id: str
    text: str
    is_final: bool


@dataclass(frozen=True, slots=True)
class AgentTranscribed:
    """What the model is saying, as text, ahead of what the caller has heard."""

    response_id: str
    item_id: str
    content_index: int
    text: str
    """The next piece; with `is_final`, the whole text of the item."""
    is_final: bool


@dataclass(frozen=True, slots=True)
class ItemTruncated:
    """The server confirmed a `TruncateItem`."""

    item_id: str
    content_index: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class ItemDeleted:
    """The server confirmed a `DeleteItem`."""

    item_id: str


@dataclass(frozen=True, slots=True)
class TruncationUnsupported:
    """The server cannot cut its memory: the model believes that all of an item was heard."""

    item_id: str
    """Empty where the server does not say which."""


@dataclass(frozen=True, slots=True)
class ItemUpdated:
    """A message of the conversation, the caller's or the model's, as the server now holds it."""

    item_id: str
    role: str
    """`user`, `assistant` or `system`."""
    status: str
    """`in_progress`, `completed` or `incomplete`."""
    previous_item_id: str | None
    """The one before it, where the server says so."""
    texts: tuple[str, ...]
    """Of each part that has any, written or spoken: what was meant, not what was heard."""


@dataclass(frozen=True, slots=True)
class IdleTimedOut:
    """The caller said nothing for as long as `idle_timeout_ms` allows; the model asks after him."""

    item_id: str
    audio_start_ms: int
    """Offset of the silence in the audio that was appended."""
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class DigitReceived:
    """A key of the caller's, heard by a provider that has his audio."""

    digit: str
    """`0` to `9`, `*`, `#` or `A` to `D`."""


@dataclass(frozen=True, slots=True)
class PlayoutReported:
    """What became of a response's audio, told by a provider that plays it to the caller."""

    response_id: str
    state: Literal["started", "stopped", "cleared"]
    """`stopped` means that the caller has heard all of it."""


@dataclass(frozen=True, slots=True)
class RateLimitUpdated:
    """What is left of one of the account's limits."""

    name: str
    """`requests` or `tokens`."""
    limit: float | None
    remaining: float | None
    reset_seconds: float | None
    """Until all of it is there again."""


@dataclass(frozen=True, slots=True)
class VoiceErrorReceived:
    """The server, or its bytes, were wrong; the session goes on unless `SessionClosed` follows."""

    code: str
    message: str
    is_harmless: bool = False
    """A race that is expected, such as cancelling a response that has just ended."""


@dataclass(frozen=True, slots=True)
class UnknownEventReceived:
    """An event type this version does not know: counted, never an error."""

    type: str


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """The session is over; nothing follows."""

    is_clean: bool
    code: int
    """WebSocket close code (RFC 6455 section 7.4), 1006 where there was none; below 1000 the HTTP
    status with which the server refused to open it."""
    reason: str
    retry_after_seconds: float | None = None
    """How long a server that refused asks us to stay away, where it says so."""


VoiceEvent = (
    SessionOpened
    | SessionGranted
    | SpeechStarted
    | SpeechStopped
    | ResponseStarted
    | ResponseFinished
    | AudioReceived
    | ItemCameLate
    | AudioFinished
    | ToolCalled
    | ToolServed
    | CallerTranscribed
    | AgentTranscribed
    | ItemTruncated
    | ItemDeleted
    | ItemUpdated
    | TruncationUnsupported
    | IdleTimedOut
    | DigitReceived
    | PlayoutReported
    | RateLimitUpdated
    | VoiceErrorReceived
    | UnknownEventReceived
    | SessionClosed
)
