"""What a call has to say, in order: rows of its log, and requests of its driver."""

from collections import deque

from telephony.call.events import CallEvent, CallEventBody, TroubleNoted
from telephony.call.log import EventLog
from telephony.call.outputs import CallOutput
from telephony.units import Nanoseconds

__all__ = ["CallOutbox"]


class CallOutbox:
    """The way out of one call, which all its parts share.

    Args:
        log: The call's event log.
        now_ns: The time.

    Attributes:
        now_ns: The time of the change under way, by which rows are stamped.
    """

    __slots__ = ("_waiting", "log", "now_ns")

    def __init__(self, log: EventLog, now_ns: Nanoseconds) -> None:
        """Have nothing to say."""
        self.log = log
        self.now_ns = now_ns
        self._waiting: deque[CallOutput | CallEvent] = deque()

    def note(self, payload: CallEventBody) -> None:
        """Write a row of the event log."""
        self._waiting.append(self.log.row(payload, self.now_ns))

    def trouble(self, code: str, fault: str, text: str) -> None:
        """Write a row that says what went wrong, and whose fault it is."""
        self.note(TroubleNoted.model_validate({"code": code, "fault": fault, "text": text}))

    def put(self, output: CallOutput) -> None:
        """Ask something of the driver."""
        self._waiting.append(output)

    def poll(self) -> CallOutput | CallEvent | None:
        """Give the next thing to do or to tell, None when there is nothing left."""
        return self._waiting.popleft() if self._waiting else None
