"""The port itself: what a voice model's session looks like to the media and the call."""

from dataclasses import dataclass
from typing import Protocol

from telephony.units import Nanoseconds
from telephony.voice.commands import VoiceCommand
from telephony.voice.events import VoiceEvent

__all__ = ["Message", "VoiceSession"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message for the server, ready for its WebSocket frame."""

    text: bytes
    """UTF-8."""
    after_audio: bool = False
    """True keeps its place behind audio not yet written; False may overtake that audio."""


class VoiceSession(Protocol):
    """A session without its socket; the driver moves bytes and time between the two.

    After each call but `append_message`, drain `poll_output()` to None, then re-arm one timer.
    """

    def append_message(self, audio: bytes) -> bytes:
        """Give the message that appends the caller's audio, in the granted input format.

        The hot path: it changes no state and queues nothing. Write it at once.
        """
        ...

    def handle_command(self, command: VoiceCommand, now_ns: Nanoseconds) -> None:
        """Take one command from our side."""
        ...

    def handle_message(self, text: bytes, now_ns: Nanoseconds) -> None:
        """Take one message from the server, as it stood in its frame."""
        ...

    def handle_closed(self, code: int, reason: str, now_ns: Nanoseconds) -> None:
        """Learn that the connection has ended; `SessionClosed` is the last event."""
        ...

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        """Learn that `next_deadline()` has passed."""
        ...

    def poll_output(self) -> Message | VoiceEvent | None:
        """Give the next message to send or event to act on, None when there is nothing left."""
        ...

    def next_deadline(self) -> Nanoseconds | None:
        """Say when `handle_timer` wants to be called."""
        ...
