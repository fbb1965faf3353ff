"""What every part of a scripted session shares: its ids, its outgoing events, its log."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

Event = dict[str, Any]

SAMPLES_PER_MS = 8
"""Audio is counted in samples at 8,000 Hz throughout, whatever the session's format."""


class Log(Protocol):
    """Takes one row of the log: session, call (once known), what happened, and its fields."""

    def __call__(self, session: int, call: int | None, kind: str, /, **fields: object) -> None:
        """Write the row with the time of now."""
        ...


class ErrorAnswer(Exception):  # noqa: N818 - an answer of the protocol, not a failure here
    """The client asked for what cannot be; it gets an `error` event with this code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Wire:
    """The way out of one session.

    Args:
        session: The session's number.
        send_text: Sends one text frame.
        close: Breaks the connection off.
        write_log: Takes the rows of the log.
    """

    def __init__(
        self,
        session: int,
        send_text: Callable[[str], Awaitable[None]],
        close: Callable[[], Awaitable[None]],
        write_log: Log,
    ) -> None:
        self.session = session
        self.call: int | None = None
        self.send_text = send_text
        self.close = close
        self._write_log = write_log
        self._ids = 0

    def new_id(self, kind: str) -> str:
        """Give an id that no other object of any session has."""
        self._ids += 1
        return f"{kind}_{self.session}_{self._ids}"

    async def send(self, kind: str, **fields: object) -> None:
        """Send one event."""
        event = {"type": kind, "event_id": self.new_id("event"), **fields}
        await self.send_text(json.dumps(event))

    def log(self, kind: str, **fields: object) -> None:
        """Write one row of the log."""
        self._write_log(self.session, self.call, kind, **fields)
