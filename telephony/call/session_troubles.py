"""What goes wrong in a voice session, as rows of the call's log: bounded, each with its fault."""

from collections.abc import Callable
from typing import Literal

from telephony.call.events import CallEventBody, TroubleNoted
from telephony.voice import (
    RateLimitUpdated,
    SessionClosed,
    UnknownEventReceived,
    VoiceErrorReceived,
)

__all__ = ["SessionTroubles", "fault_of"]

REFUSED_STATUSES = frozenset({401, 403, 404})
"""Of the handshake: a wrong key, or a wrong path or model."""
LOW_SHARE = 0.1
"""What is left of a limit when it is worth a row."""
LIMITS_NOTED = 8
"""There are two; a server may make up names."""
ERRORS_NOTED = 20
"""Rows about the session's errors per call; all are counted."""


def fault_of(closed: SessionClosed) -> Literal["model", "configuration"]:
    """Say whose fault the end of a session is."""
    return "configuration" if closed.code in REFUSED_STATUSES else "model"


class SessionTroubles:
    """The troubles of one session.

    Args:
        note: Takes rows for the event log.

    Attributes:
        errors: How many the server sent.
        unknown_events: How many events of types that this version does not know.
    """

    __slots__ = ("_cannot_truncate", "_low_limits", "_note", "errors", "unknown_events")

    def __init__(self, note: Callable[[CallEventBody], None]) -> None:
        """Begin with none."""
        self.errors = 0
        self.unknown_events = 0
        self._cannot_truncate = False
        self._low_limits: set[str] = set()
        self._note = note

    def note(
        self, code: str, text: str, fault: Literal["model", "configuration"] = "model"
    ) -> None:
        """Write a row."""
        self._note(TroubleNoted(code=code, fault=fault, text=text))

    def handle(self, event: VoiceErrorReceived | UnknownEventReceived | RateLimitUpdated) -> None:
        """Take what a session tells of faults, or of what may become one."""
        match event:
            case VoiceErrorReceived():
                self.handle_error(event)
            case UnknownEventReceived(type=kind):
                self.handle_unknown(kind)
            case RateLimitUpdated():
                self.handle_rate_limit(event)

    def handle_error(self, event: VoiceErrorReceived) -> None:
        """Count an error; harmless ones, and those past the limit, get no row."""
        self.errors += 1
        if not event.is_harmless and self.errors <= ERRORS_NOTED:
            self.note(event.code, event.message)

    def handle_unknown(self, kind: str) -> None:
        """Count an event that this version does not know; the first of a session is told."""
        self.unknown_events += 1
        if self.unknown_events == 1:
            self.note("voice.unknown_event", f"the server sent an event of type {kind!r}")

    def handle_truncation_unsupported(self) -> None:
        """Tell, once, that interruptions do not reach the model's memory."""
        if not self._cannot_truncate:
            self._cannot_truncate = True
            self.note(
                "voice.truncate_unsupported",
                "the server cannot cut its memory at what was heard: after an interruption the"
                " model believes that the caller heard all of its words",
            )

    def handle_rate_limit(self, event: RateLimitUpdated) -> None:
        """Tell that one of the account's limits is nearly used up, once for each in a session."""
        limit, remaining = event.limit, event.remaining
        if limit is None or remaining is None or remaining > limit * LOW_SHARE:
            return
        if event.name not in self._low_limits and len(self._low_limits) < LIMITS_NOTED:
            self._low_limits.add(event.name)
            left = f"{remaining:g} of {limit:g} {event.name} are left"
            self.note("voice.rate_limit_low", left, "configuration")

    def handle_lost(self, event: SessionClosed) -> None:
        """Tell that the session has ended by itself, and whose fault that is."""
        why = event.reason or f"closed with {event.code}"
        self.note("voice.lost", why, fault_of(event))
