"""What a session has to tell: messages for its client and lines for the log, in order."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from telephony.realtime import events, write_event

__all__ = ["LogLine", "Message", "Outbox"]


@dataclass(frozen=True, slots=True)
class Message:
    """One text frame for the client."""

    text: bytes
    """UTF-8 JSON."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """Something the operator should be able to read."""

    event: str
    fields: dict[str, Any] = field(default_factory=dict[str, Any])
    is_warning: bool = False


class Outbox:
    """Collects a session's output and mints its ids: all of one session's start with its token."""

    def __init__(self, token: str) -> None:
        """Begin empty.

        Args:
            token: Tells this session's ids from all others'; letters and digits.
        """
        self._token = token
        self._minted = 0
        self._output: deque[Message | LogLine] = deque()

    def mint(self, kind: str) -> str:
        """Make an id that this session has not used, such as `item_4f2a0007`."""
        self._minted += 1
        return f"{kind}_{self._token}{self._minted:04d}"

    def send(self, event: events.ServerEvent) -> None:
        """Queue an event for the client under an id of its own."""
        numbered = event.model_copy(update={"event_id": self.mint("event")})
        self._output.append(Message(write_event(numbered)))

    def send_text(self, text: bytes) -> None:
        """Queue a message that is written already, its event id included."""
        self._output.append(Message(text))

    def log(self, event: str, *, is_warning: bool = False, **fields: Any) -> None:
        """Queue a line for the log; never with a caller's words in it."""
        self._output.append(LogLine(event, fields, is_warning=is_warning))

    def poll(self) -> Message | LogLine | None:
        """Give what comes next, None when there is nothing left."""
        return self._output.popleft() if self._output else None
