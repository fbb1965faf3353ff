"""A leg whose signalling and audio are a provider's: it is steered by requests of the app's.

The call was accepted before we join it, so that an answer is nothing more to do. What it wants of
the provider goes out as a `HostedActRequested`; a transfer has no other outcome than that the
provider took it over (`handed_off`) or refused it.
"""

from collections.abc import Callable

from telephony.call.commands import HostedActDone
from telephony.call.events import HostedActRequested
from telephony.call.leg import (
    Capability,
    FarEnded,
    LegConfirmed,
    LegEvent,
    LegMediaAgreed,
    LegTransferEnded,
    MediaDescribed,
)
from telephony.errors import LocalError
from telephony.units import Nanoseconds
from telephony.voice import VoiceFormat

__all__ = ["SUCCESS", "HostedLeg"]

SUCCESS = range(200, 300)
"""HTTP statuses (RFC 9110 section 15.3)."""
NOT_FOUND = 404
"""What a provider answers about a call that is over."""
GONE = FarEnded("remote", "the caller has gone", None)


class HostedLeg:
    """One far end that a provider holds.

    Args:
        hosted_id: The provider's name of the call.
        ask: Takes what is wanted of the provider, as a row of the call's log.

    Attributes:
        is_accepted: Whether the provider has been told to take the call.
    """

    capabilities = frozenset({Capability.BLIND_TRANSFER})
    voice_format = VoiceFormat.PCMU
    port = None

    def __init__(
        self, hosted_id: str, ask: Callable[[HostedActRequested, Nanoseconds], None]
    ) -> None:
        """Have a call that the app is deciding on."""
        self.hosted_id = hosted_id
        self._ask = ask
        self.is_accepted = False
        self._is_referring = False
        self._is_over = False
        self._is_gone = False

    @property
    def media_description(self) -> MediaDescribed:
        """Nothing is agreed on with us."""
        return MediaDescribed(codec="", ptime_ms=0, remote=self.hosted_id)

    def ring(self, now_ns: Nanoseconds) -> None:
        """Do nothing: the provider rings until the call is accepted or rejected."""

    def answer(self, now_ns: Nanoseconds) -> list[LegEvent]:
        """Take the call, which the provider has accepted already."""
        del now_ns
        return [LegMediaAgreed(), LegConfirmed()]

    def refuse(self, status: int, reason: str | None, now_ns: Nanoseconds) -> None:
        """Hang up a call that was accepted meanwhile; of any other, the app refuses it itself."""
        del status, reason
        if self.is_accepted:
            self.hang_up(now_ns)

    def redirect(self, contact: str, now_ns: Nanoseconds) -> None:
        """Do nothing: it was the app that sent the caller elsewhere, before any acceptance."""

    def hang_up(self, now_ns: Nanoseconds) -> None:
        """Have the provider end the call; not one that is over, or somebody else's now."""
        if not self._is_over:
            self._is_over = True
            self._ask(HostedActRequested(act="hang_up"), now_ns)

    def transfer(self, target: str, now_ns: Nanoseconds) -> None:
        """Have the provider send the caller to `target`."""
        self._is_referring = True
        self._ask(HostedActRequested(act="refer", target=target), now_ns)

    def report_transfer(self, status: int, now_ns: Nanoseconds) -> None:
        """Refuse: a provider asks for no transfers.

        Raises:
            LocalError: Always.
        """
        del status, now_ns
        raise LocalError("the far end asked for no transfer")

    def handle_act_done(self, done: HostedActDone) -> list[LegEvent]:
        """Learn what the provider made of what was asked for."""
        if done.act != "refer" or not self._is_referring:
            return []
        self._is_referring = False
        if done.status in SUCCESS:
            self._is_over = True
            return [LegTransferEnded("handed_off", done.status)]
        if self._is_gone or done.status == NOT_FOUND:
            self._is_over = True
            return [GONE]
        return [LegTransferEnded("failed", done.status)]

    def handle_gone(self) -> list[LegEvent]:
        """Learn that the provider has ended the session, as it does when its call is over.

        Where a transfer is under way that may well be the cause: its outcome is waited for.
        """
        if self._is_referring:
            self._is_gone = True
            return []
        self._is_over = True
        return [GONE]
