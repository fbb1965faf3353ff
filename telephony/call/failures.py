"""What becomes of responses that fail: each is asked for again, until too many have in a row."""

from telephony.voice import Respond, ResponseFinished, ResponseStatus

__all__ = ["MAX_FAILURES", "Failures"]

MAX_FAILURES = 3
"""In a row: a model that brings nothing so often will not, and the caller has waited enough."""


class Failures:
    """The failed responses of one session, in a row.

    A response has failed that ended so, or ended incomplete before it brought anything.

    Attributes:
        in_a_row: How many have failed since the last one that did not.
    """

    __slots__ = ("_asked", "_brought_id", "_is_due", "in_a_row")

    def __init__(self) -> None:
        """Begin with none."""
        self.in_a_row = 0
        self._asked = Respond()
        self._is_due = False
        self._brought_id = ""

    @property
    def are_too_many(self) -> bool:
        """Whether no other response is worth asking for."""
        return self.in_a_row >= MAX_FAILURES

    def handle_asked(self, respond: Respond) -> None:
        """Learn what is asked for: it is what a failure will have asked for again."""
        self._asked, self._is_due = respond, False

    def handle_caller(self) -> None:
        """Learn that the caller speaks: what comes next is the answer to that."""
        self.handle_asked(Respond())

    def handle_brought(self, response_id: str) -> None:
        """Learn that a response brought words, or a call of a tool."""
        self._brought_id = response_id

    def handle_finished(self, event: ResponseFinished) -> bool:
        """Learn how a response ended; tell whether it failed."""
        status = event.status
        is_empty = event.response_id != self._brought_id
        if status is ResponseStatus.FAILED or (status is ResponseStatus.INCOMPLETE and is_empty):
            self.in_a_row += 1
            self._is_due = not self.are_too_many
            return True
        if status is not ResponseStatus.CANCELLED:
            self.in_a_row = 0
            self.handle_asked(Respond())
        return False

    def take_due(self) -> Respond | None:
        """Give what is to be asked for again, once."""
        is_due, self._is_due = self._is_due, False
        return self._asked if is_due else None
