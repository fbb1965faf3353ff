"""The far end's wish that we call someone else in its place: its REFER, and our reports on it."""

from telephony.call.leg import LegTransferRequested
from telephony.errors import LocalError
from telephony.sip import PeerReferState, PeerTransfer, ReferReceived, SipUri, TelUri
from telephony.units import Nanoseconds

__all__ = ["TransferRequest"]

TRYING = 100
FIRST_REFUSAL = 300


class TransferRequest:
    """What one far end asks for by REFER (RFC 3515).

    Args:
        is_welcome: Whether it may ask at all.
    """

    __slots__ = ("_is_welcome", "_transfer")

    def __init__(self, *, is_welcome: bool) -> None:
        """Begin with nothing asked for."""
        self._is_welcome = is_welcome
        self._transfer: PeerTransfer | None = None

    def handle(self, event: ReferReceived, now_ns: Nanoseconds) -> list[LegTransferRequested]:
        """Pass on whom the far end wants called; its header fields for our INVITE are not taken."""
        target = event.target
        is_plain = isinstance(target, TelUri) or (isinstance(target, SipUri) and not target.headers)
        if not self._is_welcome or not is_plain:
            event.transfer.refuse(now_ns)
            return []
        self._transfer = event.transfer
        return [LegTransferRequested(str(target))]

    def report(self, status: int, now_ns: Nanoseconds) -> None:
        """Answer the REFER by the first report, and send NOTIFYs from then on.

        Args:
            status: 100 to 699; a first one of 300 and above refuses.
            now_ns: The time.

        Raises:
            LocalError: The far end asked for no transfer.
        """
        transfer = self._transfer
        if transfer is None:
            raise LocalError("the far end asked for no transfer")
        if transfer.state is PeerReferState.ASKED:
            if status >= FIRST_REFUSAL:
                transfer.refuse(now_ns, status)
                return
            transfer.accept(now_ns)
            if status == TRYING:
                return
        transfer.report(status, now_ns)
