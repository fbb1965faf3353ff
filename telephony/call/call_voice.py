"""The agent's half of a call over its whole life: from its plan to the end of its session."""

from collections.abc import Callable

from telephony.call.agent_commands import AddWords, InterruptAgent
from telephony.call.commands import GiveToolResult, VoicePlan
from telephony.call.conversation import Conversation, Outlets
from telephony.call.events import AgentConfigured, DigitPressed, KeysCollected
from telephony.call.keys import KeyCollector
from telephony.call.outbox import CallOutbox
from telephony.call.outputs import CloseVoice, OpenVoice, TellVoice
from telephony.call.prompts import Prompts
from telephony.call.settings import CallSettings
from telephony.call.timers import CallTimer, CallTimers
from telephony.units import Nanoseconds
from telephony.voice import VoiceCommand, VoiceFormat

__all__ = ["CallVoice"]


class CallVoice:
    """One call's agent: its plan, its conversation, and the keys that are collected for it.

    Args:
        outbox: Takes rows, and requests of the driver.
        timers: Of the call.
        settings: Waiting times.
        prompts: Audio of our own.
        append: Takes the caller's audio in the session's format.

    Attributes:
        plan: What the agent is to be; None for a call without one.
        conversation: What was opened; None before that, and where there is no agent.
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
        self.conversation: Conversation | None = None
        self._outbox = outbox
        self._timers = timers
        self._settings = settings
        self._prompts = prompts
        self._outlets = Outlets(note=outbox.note, tell=self._tell, append=append)
        self._keys = KeyCollector()
        self._sessions = 0

    @property
    def is_lost(self) -> bool:
        """Whether nobody is there to talk to the caller."""
        return self.conversation is None or self.conversation.is_closed

    @property
    def is_speaking(self) -> bool:
        """Whether words of the agent are on their way, or may still come."""
        return self.conversation is not None and self.conversation.is_speaking

    def open(self, leg_format: VoiceFormat) -> bool:
        """Open the plan's session; tell whether there is a plan."""
        if self.plan is None:
            return False
        now_ns, settings = self._outbox.now_ns, self._settings
        epoch, self._sessions = self._sessions, self._sessions + 1
        self.conversation = Conversation(self.plan, self._outlets, self._prompts, epoch, now_ns)
        self._timers.arm(CallTimer.GRANT, now_ns + settings.grant_ns)
        self._timers.arm(CallTimer.GRANT_LIMIT, now_ns + settings.grant_limit_ns)
        self._outbox.put(OpenVoice(self.plan, epoch))
        self._outbox.note(AgentConfigured(agent=self.plan.agent))
        self.conversation.configure(self.plan, leg_format)
        return True

    def _tell(self, command: VoiceCommand) -> None:
        self._outbox.put(TellVoice(command))

    def stop_waiting(self) -> None:
        """Wait for the session no more: it was granted, or lost."""
        self._timers.disarm(CallTimer.GRANT, CallTimer.GRANT_LIMIT)

    def configure(self, plan: VoicePlan) -> bool:
        """Become another agent in mid-call; tell whether there was one."""
        conversation = self.conversation
        if conversation is None:
            return False
        self.plan = plan
        conversation.configure(plan, conversation.leg_format)
        self._outbox.note(AgentConfigured(agent=plan.agent))
        return True

    def give_tool_result(self, result: GiveToolResult) -> bool:
        """Answer the session's call of a tool; tell whether there is a session."""
        if self.conversation is None:
            return False
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
            self.conversation.handle_timer(now_ns)

    def next_deadline(self) -> Nanoseconds | None:
        """Say when `handle_timer` wants to be called."""
        deadlines = [self._keys.next_deadline()]
        if self.conversation is not None:
            deadlines.append(self.conversation.next_deadline())
        return min((one for one in deadlines if one is not None), default=None)

    def take_fault(self) -> str | None:
        """Close a session of which nothing more is to be expected, and say why, once."""
        conversation = self.conversation
        if conversation is None or conversation.is_closed or conversation.turn.fault is None:
            return None
        code, verb = conversation.turn.fault
        self._outbox.trouble(code, "model", f"the voice session {verb}")
        self.close()
        return f"it {verb}"

    def close(self) -> None:
        """Close the session, if there is one and it is open."""
        if self.conversation is not None and not self.conversation.is_closed:
            self.conversation.give_up()
            self._outbox.put(CloseVoice())
