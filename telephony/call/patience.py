"""Keeps a caller who waits from silence: when to say "one moment" while others work."""

from telephony.units import NS_PER_MS, NS_PER_SECOND, Nanoseconds

__all__ = ["FILLER_AGAIN_NS", "Patience"]

FILLER_AFTER_NS = 2 * NS_PER_SECOND
"""Silence of a tool that works or a model that thinks, before a word of patience, unless the agent
says otherwise."""
FILLER_AT_LOSS_NS = 500 * NS_PER_MS
"""The same when the voice session was lost: nothing else is to be heard for a while."""
FILLER_AGAIN_NS = 2_500 * NS_PER_MS
"""Silence after any words, the filler's own included, while the caller still waits."""
MAX_FILLERS = 6
"""In a row, while no tool works: a model that is silent for that long is lost."""


class Patience:
    """What one caller waits for, and since when in silence.

    After each change, re-arm one timer by `next_deadline()`; when it passes, `take_due` says
    whether a filler is to be played now.

    Attributes:
        filler_after_ns: Silence before the first word of patience.
        is_exhausted: The model has said nothing for so long that it never will. A tool may take
            longer: its own time limit bounds it.
    """

    __slots__ = (
        "_due_ns",
        "_fillers",
        "_is_waiting",
        "_tools",
        "filler_after_ns",
        "is_exhausted",
    )

    def __init__(self) -> None:
        """Wait for nothing."""
        self.filler_after_ns = FILLER_AFTER_NS
        self.is_exhausted = False
        self._tools: set[str] = set()
        self._is_waiting = False
        self._due_ns: Nanoseconds | None = None
        self._fillers = 0

    def wait(self, now_ns: Nanoseconds) -> None:
        """Wait for the model's words; a wait under way goes on."""
        if not self._is_waiting:
            self._is_waiting = True
            self._fillers = 0
            self._due_ns = Nanoseconds(now_ns + self.filler_after_ns)

    def hurry(self, now_ns: Nanoseconds, *, is_caller_speaking: bool = False) -> None:
        """Wait for another session: its words, if any are owed, come late as it is.

        A caller who is speaking is not talked into so soon.
        """
        self._is_waiting = True
        self._fillers = 0
        after_ns = FILLER_AFTER_NS if is_caller_speaking else FILLER_AT_LOSS_NS
        self._due_ns = Nanoseconds(now_ns + after_ns)

    def begin_anew(self) -> None:
        """Count the words of patience from here on: it is another session that is waited for."""
        self._fillers = 0

    @property
    def is_waiting(self) -> bool:
        """Whether the caller waits for words."""
        return self._is_waiting

    @property
    def awaits_tool(self) -> bool:
        """Whether a tool is at work."""
        return bool(self._tools)

    def wait_for_tool(self, tool_call_id: str, now_ns: Nanoseconds) -> None:
        """Wait for a tool, beside whatever else."""
        self._tools.add(tool_call_id)
        self.wait(now_ns)

    def handle_tool_result(self, tool_call_id: str) -> None:
        """Learn that a tool has answered; the model's words are still to come."""
        self._tools.discard(tool_call_id)

    def handle_model(self) -> None:
        """Learn that the model did its part; a tool may still be at work."""
        if not self._tools:
            self.stop()

    def handle_words_sent(self, now_ns: Nanoseconds) -> None:
        """Learn that all queued audio has gone out: from here on the caller hears nothing."""
        if self._is_waiting:
            self._due_ns = Nanoseconds(now_ns + FILLER_AGAIN_NS)

    def stop(self) -> None:
        """Let silence be: it is the caller's turn, or somebody else's."""
        self._is_waiting = False
        self._due_ns = None

    def take_due(self, now_ns: Nanoseconds, *, is_silent: bool) -> bool:
        """Say whether to ask for patience now; where words go out, `handle_words_sent` re-arms."""
        if self._due_ns is None or now_ns < self._due_ns:
            return False
        self._due_ns = None
        if not is_silent:
            return False
        if self._fillers >= MAX_FILLERS and not self._tools:
            self.is_exhausted = True
            return False
        self._fillers += 1
        return True

    def next_deadline(self) -> Nanoseconds | None:
        """Say when `take_due` wants to be asked."""
        return self._due_ns
