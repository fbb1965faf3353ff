"""The agent's half of a call over its whole life: from its plan to the end of its last session."""

from collections.abc import Callable

from telephony.call.agent_commands import AddWords, InterruptAgent
from telephony.call.agent_turn import AgentTurn
from telephony.call.commands import GiveToolResult, VoicePlan
from telephony.call.continuity import Continuity
from telephony.call.conversation import Conversation
from telephony.call.events import AgentConfigured, DigitPressed, KeysCollected
from telephony.call.keys import KeyCollector
from telephony.call.outbox import CallOutbox
from telephony.call.progress import Progress
from telephony.call.prompts import Prompts
from telephony.call.settings import CallSettings
from telephony.call.timers import CallTimer, CallTimers
from telephony.call.voice_sessions import VoiceSessions
from telephony.media import RtpPort
from telephony.units import Nanoseconds
from telephony.voice import VoiceCommand, VoiceEvent, VoiceFormat

__all__ = ["CallVoice"]


class CallVoice:
    """One call's agent: its plan, its sessions, and the keys that are collected for it.

    Args:
        outbox: Takes rows, and requests of the driver.
        timers: Of the call.
        settings: Waiting times.
        prompts: Audio of our own.
        append: Takes the caller's audio in the session's format.

    Attributes:
        plan: What the agent is to be; None for a call without one.
    """

    def __init__(
        self,
        outbox: CallOutbox,
        timers: CallTimers,
        settings: CallSettings,
        prompts: Prompts,
        append: Callable[[bytes], None],
    ) -> None:
        """Have no agent."""
        self.plan: VoicePlan | None = None
        self._outbox = outbox
        self._timers = timers
        self._settings = settings
        self._keys = KeyCollector()
        self._lasting = Continuity(AgentTurn(self._tell, prompts.filler), Progress(outbox.note))
        self._sessions = VoiceSessions(outbox, self._lasting, append)

    def _tell(self, command: VoiceCommand) -> None:
        self._sessions.tell(command)

    @property
    def conversation(self) -> Conversation | None:
        """The session in charge; None before it is opened, and where there is no agent."""
        return self._sessions.current

    @property
    def is_lost(self) -> bool:
        """Whether nobody is there to talk to the caller, nor will be."""
        return self._sessions.is_given_up

    @property
    def is_speaking(self) -> bool:
        """Whether words of the agent are on their way, or may still come."""
        return self.conversation is not None and self.conversation.is_speaking

    def open(self, leg_format: VoiceFormat) -> bool:
        """Open the plan's session; tell whether there is a plan."""
        if self.plan is None:
            return False
        now_ns, settings = self._outbox.now_ns, self._settings
        self._timers.arm(CallTimer.GRANT, now_ns + settings.grant_ns)
        self._timers.arm(CallTimer.GRANT_LIMIT, now_ns + settings.grant_limit_ns)
        opened = self._sessions.open(self.plan)
        self._outbox.note(AgentConfigured(agent=self.plan.agent))
        opened.configure(self.plan, leg_format)
        return True

    def join(self, port: RtpPort) -> None:
        """Connect the leg's audio."""
        if self.conversation is not None:
            self.conversation.join(port)

    def handle_event(self, event: VoiceEvent, epoch: int | None, *, may_go_on: bool) -> bool:
        """Take what a session tells.

        Args:
            event: What it tells.
            epoch: Which session; None stands for the one in charge.
            may_go_on: Whether the call has use for another session, should this one be lost.

        Returns:
            Whether it came from the session that is in charge now, and is news.
        """
        return self._sessions.handle_event(epoch, event, may_go_on=may_go_on)

    def stop_waiting(self) -> None:
        """Wait for the session no more: it was granted, or lost."""
        self._timers.disarm(CallTimer.GRANT, CallTimer.GRANT_LIMIT)

    def configure(self, plan: VoicePlan) -> bool:
        """Become another agent in mid-call; tell whether there was one."""
        if self.conversation is None:
            return False
        plan = plan.model_copy(update={"attach_to": self.conversation.plan.attach_to})
        self.plan = plan
        self._sessions.configure(plan)
        self._outbox.note(AgentConfigured(agent=plan.agent))
        return True

    def give_tool_result(self, result: GiveToolResult) -> bool:
        """Answer the session's call of a tool; tell whether there is a session."""
        if self.conversation is None:
            return False
        self._lasting.history.add_output(result.tool_call_id, result.output)
        self.conversation.give_tool_result(result, self._outbox.now_ns)
        return True

    def handle_interrupt(self, asked: InterruptAgent) -> bool:
        """Stop words of the agent; tell whether there is a session."""
        if self.conversation is None:
            return False
        self.conversation.handle_interrupt(asked)
        return True

    def add_words(self, words: AddWords) -> bool:
        """Tell the agent something in writing; tell whether there is a session."""
        if self.conversation is None:
            return False
        self.conversation.add_words(words, self._outbox.now_ns)
        return True

    def handle_digit(self, pressed: DigitPressed, *, is_up: bool) -> None:
        """Take one key; while the call is not up it is only noted."""
        self._outbox.note(pressed)
        if not is_up:
            return
        if self.conversation is not None:
            self.conversation.handle_key()
        self._keys.handle_key(pressed.digit, self._outbox.now_ns)
        self._take_keys(is_up=True)

    def _take_keys(self, *, is_up: bool) -> None:
        keys = self._keys.poll_entry()
        if keys is None:
            return
        self._outbox.note(KeysCollected(keys=keys))
        if self.conversation is not None and is_up:
            self.conversation.handle_keys(keys, self._outbox.now_ns)

    def handle_uplink_blocked(self, *, is_up: bool) -> None:
        """Learn that the server takes the caller's audio no more."""
        if self.conversation is not None and is_up:
            self.conversation.turn.handle_uplink_blocked(self._outbox.now_ns)

    def handle_timer(self, *, is_up: bool) -> None:
        """Learn that `next_deadline()` has passed."""
        now_ns = self._outbox.now_ns
        self._keys.handle_timer(now_ns)
        self._take_keys(is_up=is_up)
        if self.conversation is not None:
            self._lasting.turn.handle_timer(now_ns)
            self._lasting.progress.handle_timer(now_ns)
            self._sessions.handle_timer()

    def next_deadline(self) -> Nanoseconds | None:
        """Say when `handle_timer` wants to be called."""
        deadlines = [self._keys.next_deadline()]
        if self.conversation is not None:
            deadlines += [
                self._lasting.turn.next_deadline(),
                self._lasting.progress.next_deadline(),
                self._sessions.next_deadline(),
            ]
        return min((one for one in deadlines if one is not None), default=None)

    def take_end(self) -> str | None:
        """Say, once, why there will be no session any more.

        A session of which nothing more is to be expected is closed for it.
        """
        conversation, fault = self.conversation, self._lasting.turn.fault
        if conversation is not None and not conversation.is_closed and fault is not None:
            code, verb = fault
            self._outbox.trouble(code, "model", f"the voice session {verb}")
            self.close()
            return f"it {verb}"
        return self._sessions.take_end()

    def take_end_of_call(self) -> bool:
        """Say, once, that the call itself is over, by the end of its provider's session."""
        return self._sessions.take_end_of_call()

    def close(self) -> None:
        """Close every session that is open; there will be no other."""
        self._sessions.close()

    def let_go(self) -> None:
        """Forget the sessions, so that memory is free without a collection."""
        self._sessions.let_go()
