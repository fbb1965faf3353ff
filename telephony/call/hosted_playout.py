"""What the provider of a hosted call plays to the caller, as far as it tells.

No audio passes through us: whether the agent is being heard is known by what is said of responses
(`ResponseStarted`, `AgentTranscribed`, `ResponseFinished`) and of their playout (`PlayoutReported`)
alone. A report may be missing; who waits for the agent's words to end sets a limit to that.
"""

from telephony.voice import PlayoutReported

__all__ = ["HostedPlayout"]


class HostedPlayout:
    """The playout of one session, in the provider's words."""

    __slots__ = ("_active_id", "_awaited", "_is_reported", "_playing")

    def __init__(self) -> None:
        """Know of nothing that is said."""
        self._active_id: str | None = None
        self._is_reported = False
        self._awaited: str | None = None
        self._playing: set[str] = set()

    @property
    def is_active(self) -> bool:
        """Whether the model is at work on a response."""
        return self._active_id is not None

    @property
    def is_silent(self) -> bool:
        """Whether the caller is played nothing, as far as we were told."""
        return not self._playing

    @property
    def is_speaking(self) -> bool:
        """Whether words are on their way to the caller, or may still come."""
        return self.is_active or self._awaited is not None or not self.is_silent

    def begin(self, response_id: str) -> None:
        """Learn that the model began a response."""
        self._active_id, self._is_reported = response_id, False

    def expect(self, response_id: str) -> None:
        """Learn that a response has words: they will be played, once those before them are out."""
        if response_id == self._active_id and not self._is_reported:
            self._awaited = response_id

    def finish(self, response_id: str, *, is_whole: bool) -> None:
        """Learn that the model sent the last of a response; the caller may still be hearing it.

        Args:
            response_id: The response.
            is_whole: Whether it was neither cancelled nor failed: then its words will be played.
        """
        if response_id == self._active_id:
            self._active_id = None
        if response_id == self._awaited and not is_whole:
            self._awaited = None

    def report(self, told: PlayoutReported) -> None:
        """Learn what became of a response's audio; one report may stand for all that played."""
        response_id = told.response_id
        self._is_reported = self._is_reported or response_id == self._active_id
        if response_id in (self._awaited, ""):
            self._awaited = None
        if told.state == "started":
            self._playing.add(response_id)
        elif told.state == "stopped" and response_id in self._playing:
            self._playing.remove(response_id)
        else:
            self._playing.clear()
