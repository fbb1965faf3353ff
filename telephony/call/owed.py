"""What the agent owes the caller: words asked for that have not begun, or not ended."""

from telephony.voice import Respond

__all__ = ["OwedWords"]


class OwedWords:
    """What another session would have to be asked for, should this one be lost now.

    Attributes:
        is_caller_speaking: Whether he is; what he says will be answered, whatever was owed before.
        is_begun: Whether a response is under way that has brought words.
    """

    __slots__ = ("_asked", "_response_id", "_was_asked", "is_begun", "is_caller_speaking")

    def __init__(self) -> None:
        """Owe nothing."""
        self.is_caller_speaking = False
        self.is_begun = False
        self._asked: Respond | None = None
        self._response_id: str | None = None
        self._was_asked = Respond()

    @property
    def is_nothing(self) -> bool:
        """Whether nobody is to speak."""
        return self._asked is None and self._response_id is None and not self.is_caller_speaking

    def handle_asked(self, respond: Respond) -> None:
        """Learn that words were asked for."""
        self._asked = respond

    def handle_speech_started(self) -> None:
        """Learn that the caller speaks: he interrupts what is under way, too."""
        self.stop()
        self.is_caller_speaking = True

    def handle_speech_stopped(self) -> None:
        """Learn that the caller has spoken: that is to be answered."""
        self.is_caller_speaking = False
        self._asked = Respond()

    def handle_started(self, response_id: str) -> None:
        """Learn that a response is under way: the one asked for, or one of the server's own."""
        self._was_asked, self._asked = self._asked or Respond(), None
        self._response_id, self.is_begun = response_id, False

    def handle_words(self) -> None:
        """Learn that words came of the response under way."""
        self.is_begun = self._response_id is not None

    def handle_tool_called(self) -> None:
        """Learn that a tool was called: its result asks for words."""
        self._response_id, self.is_begun = None, False

    def handle_finished(self, response_id: str, *, has_failed: bool) -> None:
        """Learn that a response is over; one that failed is owed still."""
        if response_id != self._response_id:
            return
        if has_failed and self._asked is None:
            self._asked = self._was_asked
        self._response_id, self.is_begun = None, False

    def handle_stopped(self, response_id: str | None) -> None:
        """Learn that a response was stopped on purpose; None stands for the one under way."""
        if response_id in (None, self._response_id):
            self._response_id, self.is_begun = None, False

    def take_over(self) -> Respond | None:
        """Give what is owed, for another session to be asked; then it owes that.

        Words that have begun are to go on, not to begin again.
        """
        owed = self._asked
        if owed is None and self._response_id is not None:
            owed = Respond() if self.is_begun else self._was_asked
        self._asked, self._response_id, self.is_begun = owed, None, False
        self.is_caller_speaking = False  # the next session hears for itself whether he is
        return owed

    def stop(self) -> None:
        """Owe nothing any more."""
        self._asked = self._response_id = None
        self.is_begun = False
