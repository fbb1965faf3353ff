"""How a call reached us, and with that what carries out a decision about it."""

from collections.abc import Callable
from typing import Protocol

from telephony.call import AnswerCall, CallCommandBody, RedirectCall, RejectCall, VoicePlan

__all__ = ["SipWay", "Way"]


class Way(Protocol):
    """The way of one call."""

    @property
    def realtime(self) -> str | None:
        """The server that its sessions are on; None leaves that to the agent."""
        ...

    def answer(self, plan: VoicePlan) -> None:
        """Take the call, with this session."""
        ...

    def reject(self, status: int, reason: str | None = None) -> None:
        """Refuse the call with a SIP status."""
        ...

    def redirect(self, to: str) -> None:
        """Send the caller elsewhere."""
        ...


class SipWay:
    """A call over our own SIP: the engine does it all.

    Args:
        command: Hands a command for this call to the engine.
    """

    realtime = None

    def __init__(self, command: Callable[[CallCommandBody], None]) -> None:
        """Decide nothing yet."""
        self._command = command

    def answer(self, plan: VoicePlan) -> None:
        """Answer, with 200."""
        self._command(AnswerCall(plan=plan))

    def reject(self, status: int, reason: str | None = None) -> None:
        """Refuse, with the status."""
        self._command(RejectCall(status=status, reason=reason))

    def redirect(self, to: str) -> None:
        """Send elsewhere, with 302."""
        self._command(RedirectCall(contact=to))
