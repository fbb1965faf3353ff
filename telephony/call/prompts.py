"""Audio of our own, for when a voice session has none."""

from dataclasses import dataclass

__all__ = ["Prompts"]


@dataclass(frozen=True, slots=True)
class Prompts:
    """Audio of our own, for when the session has none: mu-law, 8,000 Hz."""

    apology: bytes
    """Something went wrong."""
    filler: bytes
    """One moment, please."""
