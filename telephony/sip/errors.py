"""The one error that parsing SIP may raise."""

from typing import TYPE_CHECKING

from telephony.errors import RemoteError

if TYPE_CHECKING:
    from telephony.sip.message import Request

__all__ = ["SipSyntaxError", "clip"]

SHOWN_CHARACTERS = 60
"""How much of a bad value an error message shows: enough to find it, too little to flood a log."""


class SipSyntaxError(RemoteError):
    """The peer sent something that is not SIP.

    Attributes:
        sip_status: The status that answers it: 400, 505 or 513.
        reason: A reason phrase for that answer, free of anything the peer wrote.
        partial: What of a refused request allows an answer: its top Via can be read and its
            From, To, Call-ID and CSeq, where present, can be copied. None for a response, and
            where even that much is missing: drop it then.
    """

    def __init__(self, message: str, *, sip_status: int = 400, reason: str = "Bad Request") -> None:
        """Say what was seen and what was wanted; `reason` is what the peer is told."""
        super().__init__(message, sip_status=sip_status)
        self.reason = reason
        self.partial: Request | None = None


def clip(text: str) -> str:
    """Quote a value for an error message: printable, one line, at most 60 characters of it."""
    if len(text) <= SHOWN_CHARACTERS:
        return ascii(text)
    return f"{text[:SHOWN_CHARACTERS]!a}... ({len(text)} characters)"
