"""Carries out what the transitions of a call's table ask for."""

from collections.abc import Callable
from dataclasses import dataclass

from telephony.call.call_media import CallMedia
from telephony.call.call_voice import CallVoice
from telephony.call.ending import CallEnding
from telephony.call.last_words import LastWords
from telephony.call.leg import Capability, FarEnded, Leg, LegTransferEnded
from telephony.call.outbox import CallOutbox
from telephony.call.outputs import Released
from telephony.call.settings import CallSettings
from telephony.call.state import Action, CallInput
from telephony.call.timers import CallTimer, CallTimers
from telephony.call.transfer import CallTransfer

__all__ = ["CallActions", "CallParts"]


@dataclass(frozen=True, slots=True)
class CallParts:
    """What one call consists of."""

    leg: Leg
    settings: CallSettings
    outbox: CallOutbox
    timers: CallTimers
    voice: CallVoice
    media: CallMedia
    last_words: LastWords
    ending: CallEnding
    transfer: CallTransfer


class CallActions:
    """The actions of one call, but `ANSWER`, whose outcome is the call's to take.

    Each says which input it is itself the cause of, None for most.
    """

    def __init__(self, parts: CallParts) -> None:
        """Act on these parts."""
        self._parts = parts
        self._carriers: dict[Action, Callable[[], CallInput | None]] = {
            Action.RING: self._ring,
            Action.OPEN_VOICE: self.open_voice,
            Action.REFUSE: parts.ending.refuse,
            Action.APOLOGIZE: parts.last_words.apologize,
            Action.BEGIN: self._begin,
            Action.WAIT_FOR_WORDS: self._wait_for_words,
            Action.REFER: self._refer,
            Action.RETURN_TO_AGENT: self._return_to_agent,
            Action.HANG_UP: self._hang_up,
            Action.END: self._end,
        }

    def carry_out(self, action: Action) -> CallInput | None:
        """Carry out one action, and give the input that follows from it."""
        return self._carriers[action]()

    def _ring(self) -> None:
        self._parts.leg.ring(self._parts.outbox.now_ns)

    def open_voice(self) -> CallInput | None:
        """Open the plan's session; a call without a plan is ready as it is."""
        parts = self._parts
        parts.timers.disarm(CallTimer.ROUTING)
        return None if parts.voice.open(parts.leg.voice_format) else CallInput.VOICE_READY

    def _begin(self) -> None:
        if self._parts.voice.conversation is not None:
            self._parts.voice.conversation.turn.begin(self._parts.outbox.now_ns)

    def _wait_for_words(self) -> None:
        parts = self._parts
        parts.last_words.wait(parts.outbox.now_ns)
        if parts.voice.conversation is not None:
            parts.voice.conversation.turn.stop()
        parts.media.leave()

    def check_words(self, *, is_leaving: bool) -> CallInput | None:
        """Give what follows once nothing is left to be said, where that was waited for.

        Args:
            is_leaving: Whether the call is about to end, and not on its way elsewhere: then a
                caller who was apologized to is sent where the plan says, if it says so.
        """
        parts, voice = self._parts, self._parts.voice
        if not parts.last_words.take_out(is_agent_speaking=voice.is_speaking):
            return None
        plan = voice.plan
        if is_leaving and parts.last_words.has_apologized and plan and plan.on_failure:
            parts.transfer.ask(plan.on_failure)
            voice.plan = plan.model_copy(update={"on_failure": None})
            return CallInput.TRANSFER
        return CallInput.WORDS_SENT

    def _refer(self) -> CallInput | None:
        parts = self._parts
        ended = parts.transfer.start(parts.outbox.note, parts.outbox.now_ns)
        if Capability.TRANSFER_OUTCOME not in parts.leg.capabilities:
            parts.timers.arm(CallTimer.REFER, parts.outbox.now_ns + parts.settings.refer_ns)
        return None if ended is None else self.end_transfer(ended)

    def end_transfer(self, ended: LegTransferEnded) -> CallInput:
        """Note what came of the transfer, and give what follows from that."""
        parts = self._parts
        parts.timers.disarm(CallTimer.REFER)
        parts.outbox.note(parts.transfer.end(ended))
        if not ended.is_over_for_us:
            return CallInput.TRANSFER_FAILED
        parts.ending.ended = FarEnded("local", f"transferred: {ended.outcome}", ended.status)
        return CallInput.TRANSFER_CONNECTED

    def _return_to_agent(self) -> CallInput | None:
        parts = self._parts
        parts.media.stay()
        if parts.voice.is_lost:
            is_owed_an_apology = parts.voice.plan and not parts.last_words.has_apologized
            return CallInput.VOICE_LOST if is_owed_an_apology else CallInput.HANG_UP
        parts.ending.ended = None  # a goodbye that came with the transfer is off
        return None

    def _hang_up(self) -> None:
        self._parts.leg.hang_up(self._parts.outbox.now_ns)

    def _end(self) -> None:
        parts = self._parts
        parts.timers.clear()
        cancelled = parts.transfer.cancel()
        if cancelled is not None:
            parts.outbox.note(cancelled)
        parts.ending.note()
        parts.voice.close()
        parts.outbox.put(Released())
