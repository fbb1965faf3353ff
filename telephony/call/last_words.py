"""What the caller is still to hear before the call ends or moves on, an apology among it."""

from telephony.call.leg import Capability, Leg
from telephony.call.timers import CallTimer, CallTimers
from telephony.units import Nanoseconds

__all__ = ["LastWords"]


class LastWords:
    """The last words of one call, waited for within bounds.

    Args:
        leg: The far end.
        timers: Of the call.
        apology: Says that something went wrong: mu-law, 8,000 Hz.
        words_ns: How long to wait at most.

    Attributes:
        has_apologized: Whether an apology is among what the caller was or will be sent.
    """

    def __init__(self, leg: Leg, timers: CallTimers, apology: bytes, words_ns: Nanoseconds) -> None:
        """Wait for none."""
        self.has_apologized = False
        self._leg = leg
        self._timers = timers
        self._apology = apology
        self._words_ns = words_ns
        self._owes_apology = False

    def apologize(self) -> None:
        """Say that something went wrong, in place of all else, as soon as it can be heard."""
        if Capability.PLAY not in self._leg.capabilities:
            self.has_apologized = True  # as far as this way allows it: there is none to wait for
            return
        port = self._leg.port
        self._owes_apology = port is None
        if port is not None:
            self.has_apologized = True
            port.playout.flush()
            port.play(self._apology)

    def handle_media(self) -> None:
        """Learn that the caller can be heard now, and hear us."""
        if self._owes_apology:
            self.apologize()

    def wait(self, now_ns: Nanoseconds) -> None:
        """Wait from now on until all words are out."""
        self._timers.arm(CallTimer.WORDS, now_ns + self._words_ns)

    def take_out(self, *, is_agent_speaking: bool) -> bool:
        """Tell, once, that what was waited for is out."""
        if self._owes_apology or not self._timers.is_armed(CallTimer.WORDS):
            return False
        port = self._leg.port
        if is_agent_speaking or (port is not None and port.playout.queued_samples):
            return False
        self._timers.disarm(CallTimer.WORDS)
        return True
