"""What the provider of a hosted call plays to the caller, as far as it tells.

No audio passes through us: whether the agent is being heard is known by what is said of responses
(`ResponseStarted`, `ResponseFinished`) and of their playout (`PlayoutReported`) alone. A report may
be missing; who waits for the agent's words to end sets a limit to that.
"""

from telephony.voice import PlayoutReported

__all__ = ["HostedPlayout"]


class HostedPlayout:
    """The playout of one session, in the provider's words."""

    __slots__ = ("_active_id", "_playing")

    def __init__(self) -> None:
        """Know of nothing that is said."""
        self._active_id: str | None = None
        self._playing: set[str] = set()

    @property
    def is_active(self) -> bool:
        """Whether the model is at work on a response."""
        return self._active_id is not None

    @property
    def is_silent(self) -> bool:
        """Whether the caller is played nothing, as far as we were told."""
        return not self._playing

    def begin(self, response_id: str) -> None:
        """Learn that the model began a response."""
        self._active_id = response_id

    def finish(self, response_id: str) -> None:
        """Learn that the model sent the last of a response; the caller may still be hearing it."""
        if response_id == self._active_id:
            self._active_id = None

    def report(self, told: PlayoutReported) -> None:
        """Learn what became of a response's audio; one report may stand for all that played."""
        if told.state == "started":
            self._playing.add(told.response_id)
        elif told.state == "stopped" and told.response_id in self._playing:
            self._playing.remove(told.response_id)
        else:
            self._playing.clear()
