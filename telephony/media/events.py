"""What a leg's media tells the call."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["DigitArrived", "MediaEvent", "MediaStarted", "UplinkBlocked", "WordsSent"]


@dataclass(frozen=True, slots=True)
class MediaStarted:
    """The first packet of the far end was let in: the caller can be heard."""


@dataclass(frozen=True, slots=True)
class DigitArrived:
    """The far end pressed a key."""

    digit: str
    method: Literal["rtp", "inband"]


@dataclass(frozen=True, slots=True)
class WordsSent:
    """Nothing is left to be said: all queued audio has left our socket, or was flushed."""


@dataclass(frozen=True, slots=True)
class UplinkBlocked:
    """The voice session's server takes no more of the far end's audio, and some was dropped."""


MediaEvent = MediaStarted | DigitArrived | WordsSent | UplinkBlocked
