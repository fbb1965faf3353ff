"""The agent's half of a hosted call: its words and its caller's are the provider's to carry.

The provider plays what the model says, hears the caller, and cuts the agent's words and its memory
of them when he speaks up. What is left to us: to notice when words are out, to stop them for a key
or for the app, and to see to it that a caller who waits is not left in silence.
"""

from telephony.call.commands import VoicePlan
from telephony.call.conversation import Conversation, Outlets
from telephony.call.hosted_playout import HostedPlayout
from telephony.call.prompts import Prompts
from telephony.units import Nanoseconds
from telephony.voice import (
    AgentTranscribed,
    CancelResponse,
    ClearPlayout,
    PlayoutReported,
    Respond,
    ResponseFinished,
    ResponseStarted,
    SessionClosed,
    VoiceEvent,
)

__all__ = ["HostedConversation"]

PATIENCE = Respond('Say "One moment, please.", in the caller\'s language, and no more.')
"""Asks a caller for patience while a tool works: no audio of ours can be played to him."""


class HostedConversation(Conversation):
    """One call's session at the provider, whichever socket leads there.

    It is what `AgentTurn` takes for the caller's ear.
    """

    def __init__(
        self,
        plan: VoicePlan,
        outlets: Outlets,
        prompts: Prompts,
        epoch: int,
        opened_ns: Nanoseconds,
    ) -> None:
        """Wait for the session's grant."""
        super().__init__(plan, outlets, prompts, epoch, opened_ns)
        self._playout = HostedPlayout()
        self._owes_sign = False
        self.turn.join(self)

    @property
    def is_silent(self) -> bool:
        """Whether the caller is played nothing."""
        return self._playout.is_silent

    @property
    def is_speaking(self) -> bool:
        """Whether words are on their way to the caller, or may still come."""
        return not self.is_closed and (self._playout.is_active or not self._playout.is_silent)

    @property
    def can_be_rejoined(self) -> bool:
        """Whether the session lives on when its socket is lost, and is wanted."""
        return not self.is_closed

    def play(self, pcmu: bytes) -> None:
        """Note that the caller is owed a sign: the provider plays only what its model says."""
        del pcmu
        self._owes_sign = True

    def handle_voice_event(self, event: VoiceEvent, now_ns: Nanoseconds) -> None:
        """Take one event of the session."""
        match event:
            case ResponseStarted(response_id=response_id):
                self._playout.begin(response_id)
                self.turn.wait(now_ns)
            case ResponseFinished(response_id=response_id):
                self._playout.finish(response_id)
            case AgentTranscribed(response_id=response_id):
                self.turn.handle_words(response_id)
            case PlayoutReported():
                self._playout.report(event)
                if event.state == "started":
                    self.turn.handle_words(event.response_id)
            case _:
                pass
        super().handle_voice_event(event, now_ns)
        if self._owes_sign:  # a response failed: another is asked for in a while
            self._owes_sign = False
            self.turn.wait(now_ns)

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        """Learn that `next_deadline()` has passed."""
        super().handle_timer(now_ns)
        if self._owes_sign:
            self._owes_sign = False
            self._give_sign(now_ns)

    def _give_sign(self, now_ns: Nanoseconds) -> None:
        """Have the model say something to a caller who waits in silence, where it is free to."""
        if self.turn.awaits_tool and not self._playout.is_active:
            self._outlets.tell(PATIENCE)
        elif not self._playout.is_active:
            self.turn.ask_again(now_ns)
        self.turn.handle_words_sent(now_ns)

    def interrupt(
        self,
        audio_start_ms: int | None = None,
        *,
        response_id: str | None = None,
        cancels: bool = True,
    ) -> None:
        """Stop the agent's words; where the caller's speech is the cause, the provider does."""
        if audio_start_ms is not None or not self.is_speaking:
            return
        if cancels:
            self._outlets.tell(CancelResponse(response_id))
        self._outlets.tell(ClearPlayout())

    def detach(self, closed: SessionClosed) -> None:
        """Learn that the way to the session is lost; the session itself goes on."""
        self.troubles.handle_lost(closed)
        self._note_closed(closed)
        self.turn.handle_closed()
        self._playout = HostedPlayout()

    def end(self, closed: SessionClosed) -> None:
        """Learn that the session is over because the call is."""
        self.give_up()
        self._note_closed(closed)

    def attach(self, epoch: int, now_ns: Nanoseconds) -> None:
        """Go another way to the same session, and ask once more for what it is to be."""
        self._epoch, self._opened_ns, self._grant = epoch, now_ns, None
        self.configure(self.plan, self.leg_format)
