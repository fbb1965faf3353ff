"""What a leg's media tells the call."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["DigitArrived", "MediaEvent", "MediaStarted", "WordsSent"]


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


MediaEvent = MediaStarted | DigitArrived | WordsSent
