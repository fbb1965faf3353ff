"""The voice half of one call inside the engine: the way to its session, opened and closed."""

from collections.abc import Callable

from telephony.call import VoicePlan
from telephony.engine.voice_link import NO_CLOSE_FRAME, VoiceLink
from telephony.errors import ConfigurationError
from telephony.media import RtpPort
from telephony.voice import SessionClosed, VoiceCommand, VoiceEvent

__all__ = ["EngineVoice", "MakeVoice"]

MakeVoice = Callable[[VoicePlan, Callable[[VoiceEvent], None]], VoiceLink]
"""Opens the way to a voice session, whose events the second argument takes."""


class EngineVoice:
    """The voice session of one call, once there is one.

    Args:
        make: Opens one.
        on_event: Takes the session's events.
    """

    def __init__(self, make: MakeVoice, on_event: Callable[[VoiceEvent], None]) -> None:
        """Have no session yet."""
        self._make = make
        self._on_event = on_event
        self._link: VoiceLink | None = None

    def open(self, plan: VoicePlan) -> None:
        """Begin to open a session; one that cannot even be tried is told as closed."""
        self._link = None
        try:
            self._link = self._make(plan, self._on_event)
        except ConfigurationError as failed:
            self._on_event(SessionClosed(is_clean=False, code=NO_CLOSE_FRAME, reason=str(failed)))

    def tell(self, command: VoiceCommand) -> None:
        """Hand a command to the session."""
        if self._link is not None:
            self._link.tell(command)

    def append(self, audio: bytes, port: RtpPort | None) -> None:
        """Write the caller's audio, in the session's format, to the session's socket.

        Args:
            audio: The audio.
            port: Where it came from; it learns what the socket had to drop.
        """
        link = self._link
        if link is not None and (dropped := link.append(audio)) and port is not None:
            port.handle_backlog_dropped(dropped, link.waiting_appends)

    def counters(self) -> dict[str, int]:
        """Give what the session counted, by name."""
        return {} if self._link is None else self._link.counters()

    def close(self) -> None:
        """Close the session, cleanly."""
        if self._link is not None:
            self._link.close()

    def let_go(self) -> None:
        """Forget the session and the call, so that memory is free without a collection."""
        self._link = None
        self._on_event = _ignore


def _ignore(event: VoiceEvent) -> None:
    """Take what a session still tells after the end."""
    del event
