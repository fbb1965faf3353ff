"""Where the caller hears the agent, as far as the agent's turns need to know."""

from typing import Protocol

__all__ = ["Listener"]


class Listener(Protocol):
    """The caller's ear: an RTP port, or what stands for one where the provider has the audio."""

    @property
    def is_silent(self) -> bool:
        """Whether nothing is being played to the caller, nor waits to be."""
        ...

    @property
    def is_drained(self) -> bool:
        """Whether nothing more is to come, either."""
        ...

    def play(self, pcmu: bytes) -> None:
        """Play audio of our own, 8,000 Hz, mono, or see to something in its place."""
        ...
