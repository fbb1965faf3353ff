"""What we tell a voice model's session, besides the caller's audio."""

from dataclasses import dataclass
from typing import Literal

from telephony.voice.history import PastItem
from telephony.voice.settings import SessionSettings

__all__ = [
    "AddText",
    "AppendAudio",
    "CancelResponse",
    "ClearAudio",
    "ClearPlayout",
    "Close",
    "CommitAudio",
    "Configure",
    "DeleteItem",
    "Picture",
    "Respond",
    "Restore",
    "ToolResult",
    "TruncateItem",
    "VoiceCommand",
]


@dataclass(frozen=True, slots=True)
class Configure:
    """Ask for these settings; `SessionGranted` says what came of it."""

    settings: SessionSettings


@dataclass(frozen=True, slots=True)
class Restore:
    """Tell a session what was said before it: each as an item of its conversation, in order."""

    items: tuple[PastItem, ...]
    after: str | None = None
    """The item that they follow, `root` for the beginning; None puts them at the end."""


@dataclass(frozen=True, slots=True)
class AppendAudio:
    """Give a session what the caller said before it, in the granted input format.

    It keeps its place behind the commands before it, ahead of live audio, and none is dropped.
    """

    audio: bytes


@dataclass(frozen=True, slots=True)
class CommitAudio:
    """End the caller's turn by hand (`turns = "ours"`). Stays in order with the audio before it."""


@dataclass(frozen=True, slots=True)
class ClearAudio:
    """Forget appended audio that is not committed. Stays in order with the audio before it."""


@dataclass(frozen=True, slots=True)
class ClearPlayout:
    """Drop what the provider has yet to play to the caller; behind a `CancelResponse`.

    It does nothing where the playout is ours (`SessionSettings.owns_audio`).
    """


@dataclass(frozen=True, slots=True)
class Picture:
    """An image for the model to look at."""

    url: str
    """A `data:` URL that holds it, as PNG or JPEG."""
    detail: Literal["auto", "low", "high"] = "auto"


@dataclass(frozen=True, slots=True)
class AddText:
    """Add a text item to the conversation, such as `[keys 12#]`; it alone draws no answer."""

    text: str
    role: Literal["user", "system"] = "user"
    pictures: tuple[Picture, ...] = ()
    """Shown with the text."""

    def __post_init__(self) -> None:
        """Refuse what is no text: it would reach the model as nothing at all.

        Raises:
            TypeError: The text is no `str`.
        """
        # A user without a type checker may pass anything.
        if not isinstance(self.text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"the text is {type(self.text).__name__}, wanted str")


@dataclass(frozen=True, slots=True)
class Respond:
    """Ask for a response; held back while one is under way, and several asked for become one."""

    instructions: str | None = None
    """For this response only; None uses the session's."""


@dataclass(frozen=True, slots=True)
class CancelResponse:
    """Stop the response under way; harmless when there is none."""

    response_id: str | None = None


@dataclass(frozen=True, slots=True)
class TruncateItem:
    """Cut the model's memory of an item to what the caller was sent."""

    item_id: str
    content_index: int
    audio_end_ms: int
    """Milliseconds of this item's audio that left our socket, floored; at least 0."""


@dataclass(frozen=True, slots=True)
class DeleteItem:
    """Remove an item of which the caller was sent nothing."""

    item_id: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """Hand back what a tool said."""

    call_id: str
    output: str
    respond: bool = True
    """Whether the model shall speak on it: the same as a `Respond` after it."""


@dataclass(frozen=True, slots=True)
class Close:
    """End the session cleanly, within 2 s."""


VoiceCommand = (
    Configure
    | Restore
    | AppendAudio
    | CommitAudio
    | ClearAudio
    | ClearPlayout
    | AddText
    | Respond
    | CancelResponse
    | TruncateItem
    | DeleteItem
    | ToolResult
    | Close
)
