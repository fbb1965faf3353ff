"""The voice sessions of one call: which is in charge, which is being opened, what the next is told.

`handover.py` says when there has to be another; here that is carried out. The caller's audio goes
to one session at a time, and what the others still tell is dropped.
"""

from collections.abc import Callable
from functools import partial

from telephony.call.commands import VoicePlan
from telephony.call.continuity import NOTHING, Carried, Continuity
from telephony.call.conversation import Conversation, Outlets
from telephony.call.events import VoiceClosed, VoiceLost, VoiceRenewing, VoiceRestored
from telephony.call.handover import HOPELESS, Handover, HandoverAction, HandoverState
from telephony.call.hosted_conversation import HostedConversation
from telephony.call.outbox import CallOutbox
from telephony.call.outputs import CloseVoice, OpenVoice, TellVoice, UseVoice
from telephony.call.session_troubles import fault_of
from telephony.units import NS_PER_MS, NS_PER_SECOND, Nanoseconds, samples_to_ms_floor
from telephony.voice import (
    SessionClosed,
    SessionGranted,
    VoiceCommand,
    VoiceErrorReceived,
    VoiceEvent,
)

__all__ = ["VoiceSessions"]

AS_LONG_AS_THE_CALL_NS = 1_000 * 3600 * NS_PER_SECOND
"""Of a session that ends with its call: it needs no other."""
EXPIRED = "session_expired"
"""The code of the error with which a server announces that it ends a session for its age."""


class VoiceSessions:
    """The sessions of one call.

    Args:
        outbox: Takes rows, and requests of the driver.
        lasting: What outlives a session.
        append: Takes the caller's audio in the format of the session in charge.

    Attributes:
        current: The one in charge, or the last that was; None before the first.
        handover: When there has to be another.
    """

    def __init__(
        self, outbox: CallOutbox, lasting: Continuity, append: Callable[[bytes], None]
    ) -> None:
        """Have none."""
        self.current: Conversation | None = None
        self.handover = Handover()
        self._outbox = outbox
        self._lasting = lasting
        self._append = append
        self._opening: Conversation | None = None
        self._opened = 0
        self._lost_ns: Nanoseconds | None = None
        self._reason = self._why_no_other = ""
        self._end: str | None = None
        self._is_end_of_call = False

    # ---- what the call wants ------------------------------------------------------------------

    def open(self, plan: VoicePlan) -> Conversation:
        """Open the first."""
        self.current = self._open(plan)
        if self.current.lives_on:
            self.handover.expect_way(self._outbox.now_ns)
        self._outbox.put(UseVoice(self.current.epoch))
        return self.current

    def _open(self, plan: VoicePlan) -> Conversation:
        epoch, self._opened = self._opened, self._opened + 1
        outlets = Outlets(self._outbox.note, partial(self._tell, epoch), self._append)
        kind = Conversation if plan.attach_to is None else HostedConversation
        opened = kind(plan, outlets, self._lasting, epoch, self._outbox.now_ns)
        self._outbox.put(OpenVoice(plan, epoch))
        return opened

    def _tell(self, epoch: int, command: VoiceCommand) -> None:
        self._outbox.put(TellVoice(command, epoch))

    def tell(self, command: VoiceCommand) -> None:
        """Tell the session in charge."""
        if self.current is not None and not self.current.is_closed:
            self._tell(self.current.epoch, command)
        elif isinstance(self.current, HostedConversation):
            self.current.hold(command)

    def configure(self, plan: VoicePlan) -> None:
        """Make all that are open another agent's."""
        for one in (self.current, self._opening):
            if one is not None:
                one.configure(plan, one.leg_format)

    def close(self) -> None:
        """Close all that are open; there will be no other."""
        self.handover.stop()
        for one in (self.current, self._opening):
            if one is not None:
                self._close(one)
        self._opening = None
        self._lasting.turn.handle_closed()

    def _close(self, one: Conversation) -> None:
        if not one.is_closed:
            one.give_up()
            self._outbox.put(CloseVoice(one.epoch))

    def let_go(self) -> None:
        """Forget them all."""
        self.current = self._opening = None

    @property
    def is_given_up(self) -> bool:
        """Whether nobody is there to talk to the caller, nor will be."""
        return self.current is None or self.handover.state is HandoverState.GIVEN_UP

    def take_end(self) -> str | None:
        """Say why there will be no session any more, once."""
        end, self._end = self._end, None
        return end

    def take_end_of_call(self) -> bool:
        """Say, once, that the call is over: its provider has ended the session."""
        is_end, self._is_end_of_call = self._is_end_of_call, False
        return is_end

    # ---- what the sessions tell ---------------------------------------------------------------

    def handle_event(self, epoch: int | None, event: VoiceEvent, *, may_go_on: bool) -> bool:
        """Take what a session tells.

        Args:
            epoch: Whose event it is; None stands for the session in charge.
            event: The event.
            may_go_on: Whether the call has use for another session.

        Returns:
            Whether it came from the session that is in charge now, and is news.
        """
        current, opening = self.current, self._opening
        if current is None:
            return False
        if epoch is None or epoch == current.epoch:
            return self._handle_current(current, event, may_go_on=may_go_on)
        if opening is not None and epoch == opening.epoch:
            if isinstance(event, SessionGranted) and not may_go_on:
                return False  # the goodbye is the old one's to say to its end
            self._handle_opening(opening, event)
            return self.current is opening
        if isinstance(event, SessionClosed):
            self._note_closed(epoch, event)
        return False

    def _note_closed(self, epoch: int, event: SessionClosed) -> None:
        row = VoiceClosed(epoch=epoch, is_clean=event.is_clean, reason=event.reason)
        self._outbox.note(row)

    def _handle_current(self, current: Conversation, event: VoiceEvent, *, may_go_on: bool) -> bool:
        was_closed, was_granted = current.is_closed, current.is_granted
        current.handle_voice_event(event, self._outbox.now_ns)
        if was_closed:
            return False
        match event:
            case SessionGranted() if not was_granted:
                self._handle_granted(current)
                self._lasting.turn.handle_granted(self._outbox.now_ns)
            case SessionClosed() if current.is_end_of_call(event):
                self._end_call()
            case SessionClosed(code=code) if current.lives_on and code in HOPELESS:
                self._end = event.reason
                self.handover.stop()
            case SessionClosed(reason=reason, code=code):
                self._lose(current, reason or f"closed with {code}", may_go_on=may_go_on)
            case VoiceErrorReceived(code=code, message=message) if code == EXPIRED:
                self._close(current)
                self._lose(current, message or code, may_go_on=may_go_on)
            case _:
                pass
        return True

    def _end_call(self) -> None:
        """Look for no other way to a session that has ended with its call."""
        self._is_end_of_call = True
        self.handover.stop()
        self._lasting.turn.handle_closed()

    def _handle_granted(self, granted: Conversation) -> None:
        now_ns, life_ns = self._outbox.now_ns, None
        if granted.lives_on:
            life_ns = AS_LONG_AS_THE_CALL_NS
        elif granted.expires_at is not None:
            life_s = granted.expires_at - self._outbox.log.wall(now_ns)
            life_ns = round(life_s * NS_PER_SECOND)
        self._do(self.handover.handle_granted(life_ns, now_ns))

    def _lose(self, current: Conversation, reason: str, *, may_go_on: bool) -> None:
        now_ns = self._outbox.now_ns
        self._reason, self._lost_ns, self._why_no_other = reason, now_ns, ""
        current.leave()
        if not may_go_on:
            self.handover.stop()
            return
        actions = self.handover.handle_ended(now_ns)
        if self.handover.state is HandoverState.LOST:
            self._outbox.note(VoiceLost(epoch=current.epoch, reason=reason))
            if self._lasting.ring is not None:
                self._lasting.ring.hold()
        self._do(actions)

    def _handle_opening(self, opening: Conversation, event: VoiceEvent) -> None:
        match event:
            case SessionGranted():
                opening.handle_voice_event(event, self._outbox.now_ns)
                self._handle_granted(opening)
            case SessionClosed(code=code, reason=reason, retry_after_seconds=seconds):
                opening.give_up()
                self._opening = None
                self._note_closed(opening.epoch, event)
                if opening.is_end_of_call(event):
                    self._end_call()
                    return
                self._why_no_other = reason or f"closed with {code}"
                self._outbox.trouble("voice.not_restored", fault_of(event), self._why_no_other)
                retry_ns = None if seconds is None else round(seconds * NS_PER_SECOND)
                self._do(self.handover.handle_failed(code, retry_ns, self._outbox.now_ns))
            case _:
                opening.handle_voice_event(event, self._outbox.now_ns)

    # ---- what the hand-over wants -------------------------------------------------------------

    def handle_timer(self) -> None:
        """Learn that `next_deadline()` has passed."""
        if isinstance(self.current, HostedConversation):
            self.current.handle_timer(self._outbox.now_ns)
        is_quiet = self._lasting.turn.is_quiet
        self._do(self.handover.handle_timer(self._outbox.now_ns, is_quiet=is_quiet))

    def next_deadline(self) -> Nanoseconds | None:
        """Say when `handle_timer` wants to be called."""
        return self.handover.next_deadline()

    def _do(self, actions: tuple[HandoverAction, ...]) -> None:
        for action in actions:
            match action:
                case HandoverAction.OPEN:
                    self._open_another()
                case HandoverAction.FILL if self.current is not None and self.current.lives_on:
                    self._lasting.turn.handle_closed()
                case HandoverAction.FILL:
                    self._lasting.turn.handle_lost(self._outbox.now_ns)
                case HandoverAction.SWITCH:
                    self._switch()
                case _:
                    why = self._why_no_other
                    no_other = f"; no other was to be had: {why}" if why else ""
                    self._end = f"{self._reason}{no_other}"
                    self._lasting.turn.handle_closed()
        if self._opening is not None and not self.handover.is_trying:
            self._close(self._opening)
            self._opening = None

    def _open_another(self) -> None:
        assert self.current is not None
        assert self._opening is None
        plan = self.current.plan
        opening = self._opening = self._open(plan)
        if self.handover.state is HandoverState.RENEWING:
            self._outbox.note(VoiceRenewing(epoch=opening.epoch))
        opening.configure(plan, opening.leg_format)

    def _switch(self) -> None:
        """Put the session that was granted in charge, and tell it what was before."""
        before, granted, lasting = self.current, self._opening, self._lasting
        assert before is not None
        assert granted is not None
        if not before.is_closed:
            self._close(before)
            before.leave()
        self.current, self._opening = granted, None
        self._outbox.put(UseVoice(granted.epoch))
        carried = NOTHING if granted.lives_on else lasting.carry()
        granted.take_over(carried)
        now_ns, lost_ns, self._lost_ns = self._outbox.now_ns, self._lost_ns, None
        self._note_restored(granted.epoch, carried, 0 if lost_ns is None else now_ns - lost_ns)
        if granted.lives_on:
            lasting.turn.handle_granted(now_ns)
        else:
            lasting.turn.handle_switched(now_ns, hears_turn=carried.hears_turn)

    def _note_restored(self, epoch: int, carried: Carried, after_ns: int) -> None:
        port, ring = self._lasting.port, self._lasting.ring
        audio_ms = lost_ms = 0
        if port is not None and ring is not None:
            rate_hz = port.audio_format.rate_hz
            audio_ms = samples_to_ms_floor(port.audio_format.samples(len(carried.audio)), rate_hz)
            lost_ms = samples_to_ms_floor(ring.take_lost(), rate_hz)
        self._outbox.note(
            VoiceRestored(
                epoch=epoch,
                items=len(carried.items),
                estimated=carried.estimated,
                audio_ms=audio_ms,
                audio_lost_ms=lost_ms,
                after_ms=after_ns // NS_PER_MS,
            )
        )
