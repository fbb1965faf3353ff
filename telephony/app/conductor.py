"""Who conducts a call: takes what the engine tells of it, and does what its model asks for."""

from typing import TYPE_CHECKING, Protocol

from telephony.call import CallEventBody

if TYPE_CHECKING:
    from telephony.app.call_record import CallRecord

__all__ = ["Conductor"]


class Conductor(Protocol):
    """Conducts calls from the answer to the end."""

    def handle_row(self, record: "CallRecord", row: CallEventBody) -> None:
        """Take the next row of a call's event log."""
        ...
