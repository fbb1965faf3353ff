"""What the app knows of one call: its event log so far, and who talks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from telephony.agent import AnyAgent
from telephony.app.conductor import Conductor
from telephony.app.way import Way
from telephony.call import CallAnswered, CallEnded, CallEvent, PlayoutAdvanced, WordsAdded

__all__ = ["CallRecord"]

EVENTS_KEPT = 5_000
"""Rows kept of one call: an hour of lively talk."""
PASSING = (PlayoutAdvanced, WordsAdded)
"""What the next row of its kind, or the whole text, says again: ten a second, and kept by nobody
but the journal."""
NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


@dataclass(slots=True)
class CallRecord:
    """One call.

    Attributes:
        call_id: Of the call.
        events: Its first rows.
        last: Its newest row.
        agent: Who talks; None before the answer.
        variables: Facts for the model.
        transfer_tool_call_id: The function call that waits for a transfer.
        is_over: Whether it has ended.
        conductor: Who conducts it; None leaves it to the one for agents of ours.
        way: How it reached us; None is our own SIP.
    """

    call_id: str
    events: list[CallEvent] = field(default_factory=list[CallEvent])
    last: CallEvent | None = None
    agent: AnyAgent | None = None
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    transfer_tool_call_id: str | None = None
    is_over: bool = False
    conductor: Conductor | None = None
    way: Way | None = None

    def take(self, event: CallEvent) -> None:
        """Take the next row."""
        self.last = event
        if len(self.events) < EVENTS_KEPT and not isinstance(event.payload, PASSING):
            self.events.append(event)
        if isinstance(event.payload, CallEnded):
            self.is_over = True

    def lost_row(self, last: CallEvent, wall: float) -> CallEvent:
        """Make the last row of a call whose engine is gone.

        Args:
            last: The row before it.
            wall: Now, in Unix seconds.
        """
        t_ns = last.t_ns + max(0, round((wall - last.wall) * NS_PER_S))
        answered = (one.t_ns for one in self.events if isinstance(one.payload, CallAnswered))
        duration_ms = (t_ns - next(answered, t_ns)) // NS_PER_MS
        return CallEvent(
            call_id=self.call_id,
            seq=last.seq + 1,
            t_ns=t_ns,
            wall=wall,
            payload=CallEnded(by="failure", cause="the engine died", duration_ms=duration_ms),
        )
