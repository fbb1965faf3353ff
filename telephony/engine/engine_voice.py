"""The voice half of one call inside the engine: the ways to its sessions, opened and closed."""

from collections import Counter
from collections.abc import Callable
from functools import partial

from telephony.call import VoicePlan
from telephony.engine.voice_link import NO_CLOSE_FRAME, VoiceLink
from telephony.errors import ConfigurationError
from telephony.media import RtpPort
from telephony.voice import SessionClosed, VoiceCommand, VoiceEvent

__all__ = ["EngineVoice", "MakeVoice"]

MakeVoice = Callable[[VoicePlan, Callable[[VoiceEvent], None]], VoiceLink]
"""Opens the way to a voice session, whose events the second argument takes."""


class EngineVoice:
    """The voice sessions of one call: one, but for the moments of a hand-over.

    Args:
        make: Opens one.
        on_event: Takes the sessions' events, each with its session's number in the call.
    """

    def __init__(self, make: MakeVoice, on_event: Callable[[int, VoiceEvent], None]) -> None:
        """Have no session yet."""
        self._make = make
        self._on_event = on_event
        self._links: dict[int, VoiceLink] = {}
        self._used: VoiceLink | None = None
        self._counted: Counter[str] = Counter()

    def open(self, plan: VoicePlan, epoch: int) -> None:
        """Begin to open a session; one that cannot even be tried is told as closed."""
        try:
            self._links[epoch] = self._make(plan, partial(self._take, epoch))
        except ConfigurationError as failed:
            closed = SessionClosed(is_clean=False, code=NO_CLOSE_FRAME, reason=str(failed))
            self._on_event(epoch, closed)

    def _take(self, epoch: int, event: VoiceEvent) -> None:
        if isinstance(event, SessionClosed):
            self._forget(epoch)
        self._on_event(epoch, event)

    def _forget(self, epoch: int) -> None:
        link = self._links.pop(epoch, None)
        if link is None:
            return
        self._counted.update(link.counters())
        if self._used is link:
            self._used = None

    def use(self, epoch: int) -> None:
        """Let the caller's audio go to this session from now on."""
        self._used = self._links.get(epoch)

    def tell(self, command: VoiceCommand, epoch: int) -> None:
        """Hand a command to a session; one that is over takes none."""
        link = self._links.get(epoch)
        if link is not None:
            link.tell(command)

    def append(self, audio: bytes, port: RtpPort | None) -> None:
        """Write the caller's audio, in the session's format, to the session's socket.

        Args:
            audio: The audio.
            port: Where it came from; it learns what the socket had to drop.
        """
        link = self._used
        if link is not None and (dropped := link.append(audio)) and port is not None:
            port.handle_backlog_dropped(dropped, link.waiting_appends)

    def counters(self) -> dict[str, int]:
        """Give what all sessions counted, by name."""
        counted = self._counted.copy()
        for link in self._links.values():
            counted.update(link.counters())
        return dict(counted)

    def close(self, epoch: int) -> None:
        """Close a session, cleanly."""
        link = self._links.get(epoch)
        if link is not None:
            link.close()

    def let_go(self) -> None:
        """Forget the sessions and the call, so that memory is free without a collection."""
        self._links.clear()
        self._used = None
        self._on_event = _ignore


def _ignore(epoch: int, event: VoiceEvent) -> None:
    """Take what a session still tells after the end."""
    del epoch, event
