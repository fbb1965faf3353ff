"""The agent's half of a hosted call: its words and its caller's are the provider's to carry.

The provider plays what the model says, hears the caller, and cuts the agent's words and its memory
of them when he speaks up. What is left to us: to notice when words are out, to stop them for a key
or for the app, and to see to it that a caller who waits is not left in silence.

The session lives at the provider for as long as its call does. So the end of a socket is the end of
the call, where the provider says goodbye or knows of no such call; otherwise another socket leads
to the same session. Nothing is restored there; only what was to be said meanwhile waits.
"""

from telephony.call.commands import VoicePlan
from telephony.call.continuity import Carried, Continuity
from telephony.call.conversation import Conversation, Outlets
from telephony.call.events import ItemTruncatedAt
from telephony.call.hosted_playout import HostedPlayout
from telephony.units import Nanoseconds
from telephony.voice import (
    AgentTranscribed,
    CancelResponse,
    ClearPlayout,
    Configure,
    ItemTruncated,
    PlayoutReported,
    Respond,
    ResponseFinished,
    ResponseStarted,
    ResponseStatus,
    SessionClosed,
    VoiceCommand,
    VoiceEvent,
)

__all__ = ["HostedConversation"]

SAMPLES_PER_MS = 8
PATIENCE = Respond('Say "One moment, please.", in the caller\'s language, and no more.')
"""Asks a caller for patience while a tool works: no audio of ours can be played to him."""
MAX_HELD = 64
"""Commands that wait for another way to the session."""
NO_SUCH_CALL = 404
"""Of the handshake."""
GOODBYES = frozenset({1000, 1005})
"""RFC 6455 section 7.4.1: the provider has done with the session, as it does when a call ends."""


class HostedConversation(Conversation):
    """One way to a call's session at the provider. `AgentTurn` takes it for the caller's ear."""

    def __init__(
        self,
        plan: VoicePlan,
        outlets: Outlets,
        lasting: Continuity,
        epoch: int,
        opened_ns: Nanoseconds,
    ) -> None:
        """Wait for the session's grant."""
        super().__init__(plan, outlets, lasting, epoch, opened_ns)
        self._playout = HostedPlayout()
        self._owes_sign = False
        self.turn.join(self)

    # ---- the caller's ear ---------------------------------------------------------------------

    @property
    def is_silent(self) -> bool:
        """Whether the caller is played nothing."""
        return self._playout.is_silent

    @property
    def is_drained(self) -> bool:
        """Whether nothing more is to come, either."""
        return not self._playout.is_speaking

    @property
    def is_speaking(self) -> bool:
        """Whether words are on their way to the caller, or may still come."""
        return not self.is_closed and self._playout.is_speaking

    def play(self, pcmu: bytes) -> None:
        """Note that the caller is owed a sign: the provider plays only what its model says."""
        del pcmu
        self._owes_sign = True

    # ---- what the session tells ---------------------------------------------------------------

    def handle_voice_event(self, event: VoiceEvent, now_ns: Nanoseconds) -> None:
        """Take one event of the session."""
        if not self.is_closed:
            self._follow(event, now_ns)
        super().handle_voice_event(event, now_ns)
        if self._owes_sign:  # a response failed: another is asked for in a while
            self._owes_sign = False
            self.turn.wait(now_ns)

    def _follow(self, event: VoiceEvent, now_ns: Nanoseconds) -> None:
        match event:
            case ResponseStarted(response_id=response_id):
                self._playout.begin(response_id)
                self.turn.handle_response_started(response_id, now_ns)
            case ResponseFinished(response_id=response_id, status=status):
                is_whole = status in (ResponseStatus.COMPLETED, ResponseStatus.INCOMPLETE)
                self._playout.finish(response_id, is_whole=is_whole)
            case AgentTranscribed(response_id=response_id):
                self._playout.expect(response_id)
                self.turn.handle_words(response_id)
            case PlayoutReported():
                self._playout.report(event)
                if event.state == "started":
                    self.turn.handle_words(event.response_id)
            case ItemTruncated():
                self._outlets.note(_row_of_cut(event))
            case _:
                pass

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        """Have the model say something to a caller who waits in silence, where it is free to."""
        if not self._owes_sign:
            return
        self._owes_sign = False
        if not self._playout.is_active:
            if self.turn.awaits_tool:
                self._tell(PATIENCE)
            else:
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
            self._tell(CancelResponse(response_id))
        self._tell(ClearPlayout())

    # ---- the way to the session ---------------------------------------------------------------

    @property
    def lives_on(self) -> bool:
        """Whether the session itself outlives the way to it: it is to be joined again."""
        return True

    def is_end_of_call(self, closed: SessionClosed) -> bool:
        """Say whether the session has ended because its call has."""
        return closed.code == NO_SUCH_CALL or (closed.is_clean and closed.code in GOODBYES)

    def _handle_closed(self, event: SessionClosed) -> None:
        if self.is_end_of_call(event):
            self.give_up()
            self._note_closed(event)
        else:
            super()._handle_closed(event)

    def _tell(self, command: VoiceCommand) -> None:
        if self.is_closed:
            self.hold(command)
        else:
            super()._tell(command)

    def hold(self, command: VoiceCommand) -> None:
        """Keep a command until there is another way to the session.

        Its settings are told anew there; what would stop words is out of date by then.
        """
        held = self._lasting.held
        is_of_then = isinstance(command, Configure | CancelResponse | ClearPlayout)
        if not is_of_then and len(held) < MAX_HELD:
            held.append(command)

    def take_over(self, carried: Carried) -> None:
        """Learn that this is the way to the session now, and tell it what has waited."""
        del carried
        held, self._lasting.held = self._lasting.held, []
        for command in held:
            self._tell(command)


def _row_of_cut(cut: ItemTruncated) -> ItemTruncatedAt:
    """Tell that the provider cut an item at what it had played of it."""
    return ItemTruncatedAt(
        item_id=cut.item_id,
        content_index=cut.content_index,
        audio_end_ms=cut.audio_end_ms,
        sent_samples=cut.audio_end_ms * SAMPLES_PER_MS,
        received_samples=0,
        rate_hz=SAMPLES_PER_MS * 1_000,
    )
