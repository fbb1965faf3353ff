"""The event log of one call: numbers its rows and stamps them (design: decision 12)."""

from collections import deque

from telephony.call.events import (
    CallEvent,
    CallEventBody,
    ItemDeletedFromMemory,
    ItemTruncatedAt,
    SpeechTranscribed,
)
from telephony.units import Nanoseconds

__all__ = ["EventLog"]

CUT_ITEMS_KEPT = 64
"""A transcript comes within seconds of the cut of its item, if at all."""


class EventLog:
    """Append-only; each row is at once a message to the app.

    Args:
        call_id: Ours, of the whole call.
        started_ns: The time of the first row, on the monotonic clock.
        started_wall: The same instant in Unix seconds.
    """

    __slots__ = ("_cut_items", "_started_ns", "_started_wall", "call_id", "rows_written")

    def __init__(self, call_id: str, started_ns: Nanoseconds, started_wall: float) -> None:
        """Begin with row 0."""
        self.call_id = call_id
        self._started_ns = started_ns
        self._started_wall = started_wall
        self._cut_items: deque[str] = deque(maxlen=CUT_ITEMS_KEPT)
        self.rows_written = 0

    def wall(self, now_ns: Nanoseconds) -> float:
        """Turn a reading of the monotonic clock into Unix seconds."""
        return self._started_wall + (now_ns - self._started_ns) / 1e9

    def row(self, payload: CallEventBody, now_ns: Nanoseconds) -> CallEvent:
        """Make the next row; a transcript that comes after the cut of its item is marked as cut."""
        match payload:
            case ItemTruncatedAt(item_id=item_id) | ItemDeletedFromMemory(item_id=item_id):
                self._cut_items.append(item_id)
            case SpeechTranscribed(item_id=item_id) if item_id in self._cut_items:
                payload = payload.model_copy(update={"is_cut": True})
            case _:
                pass
        t_ns = now_ns - self._started_ns
        row = CallEvent(
            call_id=self.call_id,
            seq=self.rows_written,
            t_ns=t_ns,
            wall=self.wall(now_ns),
            payload=payload,
        )
        self.rows_written += 1
        return row
