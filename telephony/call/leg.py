"""What a call needs of a leg, whichever way the far end is reached."""

from dataclasses import dataclass
from enum import Enum
from typing import Literal, Protocol

from telephony.media import RtpPort
from telephony.units import Nanoseconds
from telephony.voice import VoiceFormat

__all__ = [
    "Capability",
    "FarEnded",
    "Leg",
    "LegConfirmed",
    "LegEvent",
    "LegHeld",
    "LegKeyPressed",
    "LegMediaAgreed",
    "LegProgressed",
    "LegPtimeChanged",
    "LegResumed",
    "LegTransferEnded",
    "LegTransferProgressed",
    "LegTransferRequested",
    "MediaDescribed",
]


class Capability(Enum):
    """What a way can do beyond talking, tools and handoff; never pretended."""

    PLAY = "play"
    DIGITS_OUT = "digits_out"
    HOLD = "hold"
    BLIND_TRANSFER = "blind_transfer"
    TRANSFER_OUTCOME = "transfer_outcome"
    PLAYOUT_TRUTH = "playout_truth"
    TURN_SETTINGS = "turn_settings"
    """How the caller's turns are told from silence is the agent's to say."""


@dataclass(frozen=True, slots=True)
class MediaDescribed:
    """An agreement in a person's words."""

    codec: str
    ptime_ms: int
    remote: str
    """host:port."""


@dataclass(frozen=True, slots=True)
class LegMediaAgreed:
    """Both sides agreed on audio: `leg.port` is there, where the audio is ours, and may tick."""


@dataclass(frozen=True, slots=True)
class LegPtimeChanged:
    """A new agreement has another packet length: the port must tick with it."""


@dataclass(frozen=True, slots=True)
class LegConfirmed:
    """The far end is there for good: its ACK came, or it answered our call."""


@dataclass(frozen=True, slots=True)
class LegProgressed:
    """The far end of a call that we place rings."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class LegHeld:
    """The far end hears us no more; our audio waits."""


@dataclass(frozen=True, slots=True)
class LegResumed:
    """The far end hears us again."""


@dataclass(frozen=True, slots=True)
class LegKeyPressed:
    """A key that came with the signalling, not with the media."""

    digit: str


@dataclass(frozen=True, slots=True)
class LegTransferProgressed:
    """News of the far end's call to the target."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class LegTransferEnded:
    """What came of a transfer."""

    outcome: str
    """A value of `TransferOutcome`."""
    status: int | None

    @property
    def is_over_for_us(self) -> bool:
        """Whether the far end has the target, or is on its way, so that we leave."""
        return self.outcome in {"connected", "handed_off"}


@dataclass(frozen=True, slots=True)
class LegTransferRequested:
    """The far end asks us to call someone else in its place."""

    target: str


@dataclass(frozen=True, slots=True)
class FarEnded:
    """The leg is over; nothing follows."""

    by: Literal["local", "remote", "failure"]
    cause: str
    status: int | None


LegEvent = (
    LegMediaAgreed
    | LegPtimeChanged
    | LegConfirmed
    | LegProgressed
    | LegHeld
    | LegResumed
    | LegKeyPressed
    | LegTransferProgressed
    | LegTransferEnded
    | LegTransferRequested
    | FarEnded
)


class Leg(Protocol):
    """One far end of a call."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this way can do."""
        ...

    @property
    def voice_format(self) -> VoiceFormat:
        """The session format that will follow this leg, as far as is known before the answer."""
        ...

    @property
    def media_description(self) -> MediaDescribed:
        """What was agreed on, for the log; only once `port` is there."""
        ...

    @property
    def port(self) -> RtpPort | None:
        """The media, once it is agreed; never where it is a provider's."""
        ...

    def ring(self, now_ns: Nanoseconds) -> None:
        """Tell the caller that we have the call."""
        ...

    def answer(self, now_ns: Nanoseconds) -> list[LegEvent]:
        """Take the call."""
        ...

    def refuse(self, status: int, reason: str | None, now_ns: Nanoseconds) -> None:
        """Refuse the call."""
        ...

    def redirect(self, contact: str, now_ns: Nanoseconds) -> None:
        """Send the caller elsewhere before any answer."""
        ...

    def hang_up(self, now_ns: Nanoseconds) -> None:
        """End the leg, whatever its state."""
        ...

    def transfer(self, target: str, now_ns: Nanoseconds) -> None:
        """Ask the far end to call `target` instead of us."""
        ...

    def report_transfer(self, status: int, now_ns: Nanoseconds) -> None:
        """Tell the far end, which asked for a transfer, how our call to its target goes."""
        ...
