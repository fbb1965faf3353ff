"""The agent's turns to speak: when its words are asked for, and what is heard until they come.

The greeting comes as soon as it can be heard, an answer when the caller or a tool gave cause for
one, another try when a response failed. A caller who waits hears a word of patience in time. All
that outlives a session: what one owed, the next is asked for.
"""

from collections.abc import Callable

from telephony.call.commands import VoicePlan
from telephony.call.failures import Failures
from telephony.call.first_words import FirstWords
from telephony.call.listener import Listener
from telephony.call.owed import OwedWords
from telephony.call.patience import FILLER_AGAIN_NS, Patience
from telephony.units import NS_PER_MS, NS_PER_SECOND, Nanoseconds
from telephony.voice import Respond, ResponseFinished, ToolCalled, VoiceCommand

__all__ = ["AgentTurn"]

HEARD_NS = 3 * NS_PER_SECOND
"""For another session to find the caller's words in the audio it was given, before it is asked to
answer without them."""


class AgentTurn:
    """Whose turn it is in one call, and for how long already.

    Args:
        tell: Takes commands for the voice session in charge.
        filler: Asks for patience: mu-law, 8,000 Hz.

    Attributes:
        greeting: What is asked for first.
    """

    def __init__(self, tell: Callable[[VoiceCommand], None], filler: bytes) -> None:
        """Wait for the far end, and for the session."""
        self.greeting = Respond()
        self._tell = tell
        self._filler = filler
        self._listener: Listener | None = None
        self._first_words = FirstWords()
        self._patience = Patience()
        self._failures = Failures()
        self._filler_ns = Nanoseconds(0)  # when another may be played to a caller nobody hears
        self._owed = OwedWords()
        self._is_lost = False
        self._is_leaving = False
        self._unheard_ns: Nanoseconds | None = None

    def configure(self, plan: VoicePlan) -> None:
        """Learn whose turns they are now."""
        self.greeting = Respond(plan.greeting)
        self._patience.filler_after_ns = plan.filler_after_ms * NS_PER_MS

    def join(self, listener: Listener) -> None:
        """Learn where the caller hears us."""
        self._listener = listener

    @property
    def has_greeted(self) -> bool:
        """Whether the greeting was asked for."""
        return self._first_words.is_over

    def begin(self, now_ns: Nanoseconds) -> None:
        """Learn that the far end is there: the greeting may start once it can be heard."""
        self._is_leaving = False
        self._first_words.begin(now_ns)
        self._greet_if_due(now_ns)
        if self._is_lost and not self._patience.is_waiting:
            self._patience.hurry(now_ns)
        elif self._first_words.awaits_grant:
            self._patience.wait(now_ns)

    def handle_media_started(self, now_ns: Nanoseconds) -> None:
        """Learn that the far end sends: what we send now arrives."""
        self._first_words.handle_media_started(now_ns)
        self._greet_if_due(now_ns)

    def handle_granted(self, now_ns: Nanoseconds) -> None:
        """Learn that the session can be asked for words."""
        self._first_words.set_granted(is_granted=True)
        self._greet_if_due(now_ns)

    def handle_closed(self) -> None:
        """Learn that no session can be asked for anything any more."""
        self._unheard_ns = None
        self._first_words.set_granted(is_granted=False)
        self._patience.stop()

    def handle_lost(self, now_ns: Nanoseconds) -> None:
        """Learn that the session is gone, and another on its way: ask the caller for patience."""
        self._is_lost, self._unheard_ns = True, None
        self._first_words.set_granted(is_granted=False)
        if not self._is_leaving:
            self._patience.hurry(now_ns, is_caller_speaking=self._owed.is_caller_speaking)

    def handle_switched(self, now_ns: Nanoseconds, *, hears_turn: bool) -> None:
        """Learn that another session is in charge, and knows what was said: ask for what is owed.

        Args:
            now_ns: The time.
            hears_turn: Whether it is given the caller's last words as audio: it answers those by
                itself.
        """
        self._is_lost = False
        self._patience.begin_anew()
        owed = self._owed.take_over()
        if hears_turn:
            self._unheard_ns = Nanoseconds(now_ns + HEARD_NS)
        if owed is not None:
            if not hears_turn:
                self._tell(owed)
            self._failures.handle_asked(owed)
        elif not self._patience.awaits_tool:
            self._patience.stop()
        self.handle_granted(now_ns)

    @property
    def is_quiet(self) -> bool:
        """Whether nobody speaks and nothing is under way or owed."""
        is_silent = self._listener is not None and self._listener.is_drained
        return is_silent and self._owed.is_nothing and not self._patience.is_waiting

    @property
    def was_cut_off(self) -> bool:
        """Whether words of the agent are under way of which the caller has some already."""
        return self._owed.is_begun

    def _greet_if_due(self, now_ns: Nanoseconds) -> None:
        if self._first_words.take_due(now_ns):
            self.ask(self.greeting, now_ns)

    def ask(self, respond: Respond, now_ns: Nanoseconds) -> None:
        """Ask for words, and wait for them; what no session can be asked for now, the next is."""
        if not self._is_lost:
            self._tell(respond)
        self.expect(respond, now_ns)

    @property
    def awaits_tool(self) -> bool:
        """Whether a tool is at work."""
        return self._patience.awaits_tool

    def wait(self, now_ns: Nanoseconds) -> None:
        """Learn that words are owed to the caller."""
        self._patience.wait(now_ns)

    def expect(self, respond: Respond, now_ns: Nanoseconds) -> None:
        """Wait for words that were asked for by something else."""
        self._owed.handle_asked(respond)
        self._failures.handle_asked(respond)
        self._patience.wait(now_ns)

    def ask_again(self, now_ns: Nanoseconds) -> None:
        """Ask for what failed, if that is due and no tool's result will do so."""
        if self._is_lost:
            return
        again = self._failures.take_due()
        if again is not None and not self._patience.awaits_tool:
            self.ask(again, now_ns)

    def handle_speech_started(self) -> None:
        """Learn that the caller speaks: what comes next is the answer to that."""
        self._unheard_ns = None
        self._owed.handle_speech_started()
        self._patience.stop()
        self._failures.handle_caller()

    def handle_stopped(self, response_id: str | None) -> None:
        """Learn that words were stopped on purpose: they are not to be gone on with."""
        self._owed.handle_stopped(response_id)

    def handle_speech_stopped(self, now_ns: Nanoseconds) -> None:
        """Learn that the caller has spoken: the session answers by itself."""
        self._owed.handle_speech_stopped()
        self._patience.wait(now_ns)

    def handle_response_started(self, response_id: str, now_ns: Nanoseconds) -> None:
        """Learn that words of the agent are under way."""
        self._unheard_ns = None
        self._owed.handle_started(response_id)
        self._patience.wait(now_ns)

    def handle_words(self, response_id: str) -> None:
        """Learn that a response brought words."""
        self._owed.handle_words()
        self._failures.handle_brought(response_id)
        self._patience.handle_model()

    def handle_tool_called(self, event: ToolCalled, now_ns: Nanoseconds) -> None:
        """Learn that a response called a tool."""
        self._owed.handle_tool_called()
        self._failures.handle_brought(event.response_id)
        self._patience.wait_for_tool(event.call_id, now_ns)

    def handle_tool_result(self, tool_call_id: str, now_ns: Nanoseconds, *, responds: bool) -> None:
        """Learn that a tool has answered, and whether the agent shall speak on it."""
        self._patience.handle_tool_result(tool_call_id)
        if responds:
            self.expect(Respond(), now_ns)
        elif not self._is_lost:
            self._patience.handle_model()

    def handle_response_finished(self, event: ResponseFinished) -> bool:
        """Learn how a response ended; tell whether it failed."""
        self._patience.handle_model()
        has_failed = self._failures.handle_finished(event)
        self._owed.handle_finished(event.response_id, has_failed=has_failed)
        if has_failed and self._listener is not None:
            self._listener.play(self._filler)
        return has_failed

    @property
    def fault(self) -> tuple[str, str] | None:
        """Why nothing more is to be expected of a session that is open: a code, and a verb."""
        if self._patience.is_exhausted:
            return "voice.mute", "answers nothing any more"
        if self._failures.are_too_many:
            return "voice.failing", f"failed {self._failures.in_a_row} responses in a row"
        return None

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        """Greet a silent caller, or fill the silence of one who waits."""
        self._greet_if_due(now_ns)
        if self._unheard_ns is not None and now_ns >= self._unheard_ns:
            self._unheard_ns = None
            self.ask(Respond(), now_ns)
        listener = self._listener
        if listener is None:
            return
        if self._patience.take_due(now_ns, is_silent=listener.is_silent):
            listener.play(self._filler)

    def handle_uplink_blocked(self, now_ns: Nanoseconds) -> None:
        """Fill the silence of a caller whose words reach nobody."""
        listener = self._listener
        if listener is None or not listener.is_silent or now_ns < self._filler_ns:
            return
        self._filler_ns = Nanoseconds(now_ns + FILLER_AGAIN_NS)
        listener.play(self._filler)

    def handle_words_sent(self, now_ns: Nanoseconds) -> None:
        """Learn that all queued audio has gone out."""
        self._patience.handle_words_sent(now_ns)

    def stop(self) -> None:
        """Let silence be: the caller is on the way elsewhere."""
        self._is_leaving, self._unheard_ns = True, None
        self._owed.stop()
        self._patience.stop()

    def next_deadline(self) -> Nanoseconds | None:
        """Say when `handle_timer` wants to be called."""
        is_heard = self._listener is not None  # before that a filler waits for him to be there
        deadlines = (
            self._patience.next_deadline() if is_heard else None,
            self._first_words.next_deadline(),
            self._unheard_ns,
        )
        return min((one for one in deadlines if one is not None), default=None)
