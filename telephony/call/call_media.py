"""The media of a call: the leg's port, and when the caller's audio goes up to the agent."""

from telephony.call.events import CallAnswered, CallHeld, CallResumed
from telephony.call.gate import GateReason, UplinkGate
from telephony.call.leg import Leg
from telephony.call.outbox import CallOutbox
from telephony.call.outputs import MediaReady

__all__ = ["CallMedia"]


class CallMedia:
    """One call's audio.

    Args:
        leg: The far end.
        outbox: Takes rows, and requests of the driver.
    """

    def __init__(self, leg: Leg, outbox: CallOutbox) -> None:
        """Have no audio yet."""
        self._leg = leg
        self._outbox = outbox
        self._gate = UplinkGate()

    def start(self) -> None:
        """Open the caller's way up, where it is ours: both sides have agreed on audio."""
        if self._leg.port is not None:
            self._leg.port.uplink.start(self._outbox.now_ns)
            self._gate.join(self._leg.port.uplink)

    def tell(self) -> None:
        """Tell that both sides can be heard from now on."""
        audio = self._leg.media_description
        self._outbox.note(
            CallAnswered(codec=audio.codec, ptime_ms=audio.ptime_ms, remote=audio.remote)
        )
        self.pace()

    def pace(self) -> None:
        """Let the port tick, where there is one, by the packet length that is agreed now."""
        if self._leg.port is not None:
            self._outbox.put(MediaReady())

    def hold(self) -> None:
        """Let nothing up: what comes is music."""
        self._gate.shut(GateReason.HELD)
        self._outbox.note(CallHeld())

    def resume(self) -> None:
        """Let the caller's audio up again."""
        self._gate.lift(GateReason.HELD, self._outbox.now_ns)
        self._outbox.note(CallResumed())

    def leave(self) -> None:
        """Let nothing up: the call is on its way elsewhere, or to its end."""
        self._gate.shut(GateReason.LEAVING)

    def stay(self) -> None:
        """Let the caller's audio up again: the call goes on here."""
        self._gate.lift(GateReason.LEAVING, self._outbox.now_ns)

    def play(self, audio: bytes) -> bool:
        """Play audio of the app's; tell whether there is a way to."""
        if self._leg.port is None:
            return False
        self._leg.port.play(audio)
        return True

    def send_digits(self, digits: str) -> bool:
        """Press keys at the far end; tell whether it takes any."""
        if self._leg.port is None or not self._leg.port.takes_digits:
            return False
        self._leg.port.send_digits(digits)
        return True

    def let_go(self) -> None:
        """Drop the way to the agent, so that memory is free without a collection."""
        if self._leg.port is not None:
            self._leg.port.uplink.sink = _discard


def _discard(octets: bytes) -> None:
    """Take audio that comes after the end."""
    del octets
