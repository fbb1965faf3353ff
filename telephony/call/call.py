"""One call: a leg, at most one voice session, and what joins them.

Sans-I/O: the driver hands in what the leg, the session, the media and the app say, and after each
change drains `poll_output()` and re-arms one timer by `next_deadline()`. The states are those of
`state.py`; this class carries out their actions and keeps what they need.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from telephony.call.commands import (
    AnswerCall,
    CallCommandBody,
    ConfigureAgent,
    GiveToolResult,
    HangUp,
    PlayAudio,
    RedirectCall,
    RejectCall,
    ReportTransfer,
    RingCall,
    SendDigits,
    StartTransfer,
    VoicePlan,
)
from telephony.call.conversation import Conversation, Outlets
from telephony.call.events import (
    AgentConfigured,
    CallAnswered,
    CallEnded,
    CallEvent,
    CallEventBody,
    CallHeld,
    CallProgressed,
    CallResumed,
    DigitPressed,
    KeysCollected,
    PlayoutFinished,
    TransferProgressed,
    TransferRequested,
    TroubleNoted,
)
from telephony.call.gate import GateReason, UplinkGate
from telephony.call.keys import KeyCollector
from telephony.call.leg import (
    FarEnded,
    Leg,
    LegConfirmed,
    LegEvent,
    LegHeld,
    LegKeyPressed,
    LegMediaAgreed,
    LegProgressed,
    LegPtimeChanged,
    LegResumed,
    LegTransferEnded,
    LegTransferProgressed,
    LegTransferRequested,
)
from telephony.call.log import EventLog
from telephony.call.outputs import (
    CallOutput,
    CloseVoice,
    MediaReady,
    OpenVoice,
    Released,
    TellVoice,
)
from telephony.call.prompts import Prompts
from telephony.call.state import Action, CallInput, CallState, advance
from telephony.call.timers import CallTimer, CallTimers
from telephony.call.transfer import CallTransfer
from telephony.errors import LocalError, TelephonyError
from telephony.media import DigitArrived, MediaEvent, MediaStarted, WordsSent
from telephony.units import NS_PER_MS, NS_PER_SECOND, Nanoseconds
from telephony.voice import SessionClosed, SessionGranted, VoiceCommand, VoiceEvent

__all__ = ["Call", "CallSettings"]

MOVED_TEMPORARILY = 302
TEMPORARILY_UNAVAILABLE = 480


@dataclass(frozen=True, slots=True)
class CallSettings:
    """How long a call waits for whom."""

    routing_ns: Nanoseconds = Nanoseconds(10 * NS_PER_SECOND)
    """For the app to decide on a call that came in."""
    grant_ns: Nanoseconds = Nanoseconds(3 * NS_PER_SECOND)
    """For the voice session, before the caller is answered without it."""
    grant_limit_ns: Nanoseconds = Nanoseconds(10 * NS_PER_SECOND)
    """For the voice session, before it counts as lost."""
    words_ns: Nanoseconds = Nanoseconds(15 * NS_PER_SECOND)
    """For queued words to go out before a hang-up or a transfer."""
    max_duration_ns: Nanoseconds = Nanoseconds(4 * 3600 * NS_PER_SECOND)
    """Of a whole call."""


class Call:
    """One call.

    Args:
        log: Its event log.
        leg: The far end.
        settings: Waiting times.
        prompts: Audio of our own.
        append: Takes the caller's audio in the session's format: the way to the session's socket.
        state: RECEIVED for a call that came in, DIALLING for one that we place.
        now_ns: The time.
    """

    def __init__(
        self,
        log: EventLog,
        leg: Leg,
        settings: CallSettings,
        prompts: Prompts,
        append: Callable[[bytes], None],
        *,
        state: CallState,
        now_ns: Nanoseconds,
    ) -> None:
        """Be ready for the first event."""
        self.log = log
        self.leg = leg
        self.state = state
        self.conversation: Conversation | None = None
        self._settings = settings
        self._prompts = prompts
        self._append = append
        self._outputs: deque[CallOutput | CallEvent] = deque()
        self._timers = CallTimers()
        self._gate = UplinkGate()
        self._keys = KeyCollector()
        self._now_ns = now_ns
        self._answered_ns: Nanoseconds | None = None
        self._sessions = 0
        self._plan: VoicePlan | None = None
        self._transfer = CallTransfer(leg)
        self._refusal: RejectCall | RedirectCall = RejectCall(status=TEMPORARILY_UNAVAILABLE)
        self._ended: FarEnded | None = None
        self._has_apologized = False
        self._owes_apology = False
        if state is CallState.RECEIVED:
            self._arm(CallTimer.ROUTING, settings.routing_ns)

    # ---- the driver's side --------------------------------------------------------------------

    @property
    def call_id(self) -> str:
        """Ours, of the whole call."""
        return self.log.call_id

    @property
    def now_ns(self) -> Nanoseconds:
        """The time of the last change."""
        return self._now_ns

    @property
    def is_over(self) -> bool:
        """Whether the call has ended."""
        return self.state is CallState.ENDED

    def poll_output(self) -> CallOutput | CallEvent | None:
        """Give the next thing to do or to tell the app, None when there is nothing left."""
        return self._outputs.popleft() if self._outputs else None

    def next_deadline(self) -> Nanoseconds | None:
        """Say when `handle_timer` wants to be called."""
        if self.is_over:
            return None
        turn = None if self.conversation is None else self.conversation.turn
        parts = (self._timers, self._keys, turn)
        deadlines = [part.next_deadline() for part in parts if part is not None]
        return min((one for one in deadlines if one is not None), default=None)

    def note(self, payload: CallEventBody, now_ns: Nanoseconds) -> None:
        """Write a row of the event log."""
        self._outputs.append(self.log.row(payload, now_ns))

    def _note(self, payload: CallEventBody) -> None:
        self.note(payload, self._now_ns)

    def _arm(self, timer: CallTimer, after_ns: int) -> None:
        self._timers.arm(timer, self._now_ns + after_ns)

    # ---- what happens -------------------------------------------------------------------------

    def handle_command(self, body: CallCommandBody, now_ns: Nanoseconds) -> None:
        """Carry out what the app asks; a command may cross the end of the call.

        Raises:
            LocalError: The call's state has no room for it; the app is at fault.
        """
        self._now_ns = now_ns
        if self.is_over:
            return
        match body:
            case AnswerCall(plan=plan):
                self._plan = plan
                self._input(CallInput.ANSWER)
            case RejectCall() | RedirectCall():
                self._refusal = body
                self._input(CallInput.REJECT)
            case RingCall(seconds=seconds):
                self._input(CallInput.RING)
                patience_ns = round(seconds * NS_PER_SECOND)
                self._arm(CallTimer.ROUTING, self._settings.routing_ns + patience_ns)
            case HangUp(after_words=after_words, cause=cause):
                self._ended = FarEnded("local", cause, None)
                self._input(CallInput.HANG_UP_AFTER_WORDS if after_words else CallInput.HANG_UP)
            case StartTransfer(target=target):
                self._ask_for_transfer(target)
            case _:
                self._handle_request(body)

    def _handle_request(self, body: CallCommandBody) -> None:
        """Carry out a command that leaves the state as it is."""
        conversation, port = self.conversation, self.leg.port
        match body:
            case ConfigureAgent(plan=plan) if conversation is not None:
                self._plan = plan
                conversation.configure(plan, conversation.leg_format)
                self._note(AgentConfigured(agent=plan.agent))
            case GiveToolResult() if conversation is not None:
                conversation.give_tool_result(body, self._now_ns)
            case SendDigits(digits=digits) if port is not None and port.takes_digits:
                port.send_digits(digits)
            case PlayAudio(audio=audio) if port is not None:
                port.play(audio)
            case ReportTransfer(status=status):
                self.leg.report_transfer(status, self._now_ns)
            case _:
                raise LocalError(f"a call that is {self.state.name} takes no {body.type}")

    def handle_leg_events(self, events: list[LegEvent], now_ns: Nanoseconds) -> None:
        """Take what the leg tells."""
        self._now_ns = now_ns
        for event in events:
            if not self.is_over:
                self._handle_leg_event(event)

    def _handle_leg_event(self, event: LegEvent) -> None:
        match event:
            case LegMediaAgreed():
                self._join_media()
            case LegPtimeChanged():
                self._outputs.append(MediaReady())
            case LegConfirmed():
                self._input(CallInput.CONFIRMED)
            case LegHeld():
                self._hold()
            case LegResumed():
                self._resume()
            case LegTransferEnded():
                self._end_transfer(event)
            case FarEnded():
                self._ended = event
                self._input(CallInput.FAR_ENDED)
            case _:
                self._handle_leg_news(event)

    def _handle_leg_news(self, event: LegEvent) -> None:
        """Take what leaves the state as it is."""
        match event:
            case LegProgressed(status=status, reason=reason):
                self._note(CallProgressed(status=status, reason=reason))
            case LegKeyPressed(digit=digit):
                self._handle_digit(DigitPressed(digit=digit, method="info"))
            case LegTransferProgressed(status=status, reason=reason):
                self._note(TransferProgressed(status=status, reason=reason))
            case LegTransferRequested(target=target):
                self._note(TransferRequested(target=target))
            case _:
                pass

    def handle_media_events(self, events: list[MediaEvent], now_ns: Nanoseconds) -> None:
        """Take what the leg's port tells."""
        self._now_ns = now_ns
        if self.is_over:
            return
        for event in events:
            match event:
                case MediaStarted():
                    if self.conversation is not None:
                        self.conversation.turn.handle_media_started(now_ns)
                case DigitArrived(digit=digit, method=method):
                    self._handle_digit(DigitPressed(digit=digit, method=method))
                case WordsSent():
                    self._note(PlayoutFinished())
                    if self.conversation is not None:
                        self.conversation.turn.handle_words_sent(now_ns)
                        if self.state is CallState.UP:
                            self.conversation.turn.ask_again(now_ns)
        self._check_words()

    def handle_voice_event(self, event: VoiceEvent, now_ns: Nanoseconds) -> None:
        """Take what the voice session tells."""
        self._now_ns = now_ns
        conversation = self.conversation
        if conversation is None or self.is_over:
            return
        conversation.handle_voice_event(event, now_ns)
        if isinstance(event, SessionGranted):
            self._timers.disarm(CallTimer.GRANT, CallTimer.GRANT_LIMIT)
            self._input(CallInput.VOICE_READY)
        elif isinstance(event, SessionClosed):
            self._lose_voice(event.reason)
        self._check_voice(conversation)
        self._check_words()

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        """Learn that `next_deadline()` has passed."""
        self._now_ns = now_ns
        while (timer := self._timers.pop_due(now_ns)) is not None:
            self._time_out(timer)
        if self.is_over:
            return
        self._keys.handle_timer(now_ns)
        self._take_keys()
        if self.conversation is not None:
            self.conversation.turn.handle_timer(now_ns)
            self._check_voice(self.conversation)

    def _check_voice(self, conversation: Conversation) -> None:
        """Give a session up of which nothing more is to be expected."""
        if conversation.is_closed or conversation.turn.fault is None:
            return
        code, verb = conversation.turn.fault
        self._trouble(code, "model", f"the voice session {verb}")
        self._close_voice()
        self._lose_voice(f"it {verb}")

    def _time_out(self, timer: CallTimer) -> None:
        match timer:
            case CallTimer.ROUTING:
                self._trouble("routing.timeout", "ours", "the app did not decide in time")
                self._input(CallInput.ROUTING_TIMED_OUT)
            case CallTimer.GRANT:
                self._input(CallInput.VOICE_LATE)
            case CallTimer.GRANT_LIMIT:
                self._trouble("voice.timeout", "model", "the voice session was not granted in time")
                self._close_voice()
                self._lose_voice("not granted in time")
            case CallTimer.WORDS:
                self._input(CallInput.WORDS_SENT)
            case CallTimer.DURATION:
                why = "the longest call allowed is over"
                self._trouble("call.too_long", "configuration", why)
                self._ended = FarEnded("local", why, None)
                self._input(CallInput.HANG_UP)

    def _trouble(self, code: str, fault: str, text: str) -> None:
        self._note(TroubleNoted.model_validate({"code": code, "fault": fault, "text": text}))

    # ---- states -------------------------------------------------------------------------------

    def _input(self, what: CallInput) -> None:
        self.state, actions = advance(self.state, what)
        for action in actions:
            self._carry_out(action)

    def _carry_out(self, action: Action) -> None:
        match action:
            case Action.RING:
                self.leg.ring(self._now_ns)
            case Action.ANSWER:
                self.handle_leg_events(self.leg.answer(self._now_ns), self._now_ns)
            case Action.REFUSE:
                self._refuse()
            case Action.HANG_UP:
                self.leg.hang_up(self._now_ns)
            case Action.END:
                self._end()
            case Action.REFER:
                self._refer()
            case _:
                self._carry_out_talk(action)

    def _carry_out_talk(self, action: Action) -> None:
        match action:
            case Action.OPEN_VOICE:
                self._open_voice()
            case Action.BEGIN:
                self._begin()
            case Action.APOLOGIZE:
                self._apologize()
            case Action.WAIT_FOR_WORDS:
                self._wait_for_words()
            case Action.RETURN_TO_AGENT:
                self._return_to_agent()
            case _:
                raise LocalError(f"nobody carries out {action.name}")

    def open_voice(self, plan: VoicePlan, now_ns: Nanoseconds) -> None:
        """Open the voice session of a call that we place, while it rings."""
        self._now_ns = now_ns
        self._plan = plan
        self._open_voice()

    def _open_voice(self) -> None:
        """Open the plan's session; a call without a plan is ready as it is."""
        self._timers.disarm(CallTimer.ROUTING)
        if self._plan is None:
            self._input(CallInput.VOICE_READY)
            return
        epoch, self._sessions = self._sessions, self._sessions + 1
        outlets = Outlets(note=self._note, tell=self._tell, append=self._append)
        self.conversation = Conversation(self._plan, outlets, self._prompts, epoch, self._now_ns)
        self._arm(CallTimer.GRANT, self._settings.grant_ns)
        self._arm(CallTimer.GRANT_LIMIT, self._settings.grant_limit_ns)
        self._outputs.append(OpenVoice(self._plan, epoch))
        self._note(AgentConfigured(agent=self._plan.agent))
        self.conversation.configure(self._plan, self.leg.voice_format)

    def _tell(self, command: VoiceCommand) -> None:
        self._outputs.append(TellVoice(command))

    def _refuse(self) -> None:
        """Refuse as the app said; what SIP cannot say so becomes 480."""
        refusal = self._refusal
        try:
            if isinstance(refusal, RedirectCall):
                self.leg.redirect(refusal.contact, self._now_ns)
                why, status = f"redirected to {refusal.contact}", MOVED_TEMPORARILY
            else:
                self.leg.refuse(refusal.status, refusal.reason, self._now_ns)
                why, status = refusal.reason or "refused", refusal.status
        except TelephonyError as failed:
            self._trouble("refusal.impossible", "ours", str(failed))
            why, status = "refused", TEMPORARILY_UNAVAILABLE
            self.leg.refuse(status, None, self._now_ns)
        self._ended = FarEnded("local", why, status)

    def _begin(self) -> None:
        self._arm(CallTimer.DURATION, self._settings.max_duration_ns)
        if self.conversation is not None:
            self.conversation.turn.begin(self._now_ns)

    def _apologize(self) -> None:
        """Say that something went wrong, in place of all else, as soon as it can be heard."""
        port = self.leg.port
        self._owes_apology = port is None
        if port is not None:
            self._has_apologized = True
            port.playout.flush()
            port.play(self._prompts.apology)

    def _lose_voice(self, why: str) -> None:
        self._timers.disarm(CallTimer.GRANT, CallTimer.GRANT_LIMIT)
        if self._ended is None:
            self._ended = FarEnded("failure", f"the voice session was lost: {why}", None)
        self._input(CallInput.VOICE_LOST)

    def _close_voice(self) -> None:
        """Close the session, if there is one and it is open."""
        if self.conversation is not None and not self.conversation.is_closed:
            self.conversation.give_up()
            self._outputs.append(CloseVoice())

    def _end(self) -> None:
        self._timers.clear()
        ended = self._ended or FarEnded("local", "hung up", None)
        answered = self._answered_ns
        self._note(
            CallEnded(
                by=ended.by,
                cause=ended.cause,
                status=ended.status,
                duration_ms=0 if answered is None else (self._now_ns - answered) // NS_PER_MS,
                counters=self.leg.port.report() if self.leg.port else {},
            )
        )
        self._close_voice()
        self._outputs.append(Released())

    def let_go(self) -> None:
        """Drop what the call held, once it is over, so that memory is free without a collection."""
        if self.leg.port is not None:
            self.leg.port.uplink.sink = _discard
        self.conversation = None

    # ---- words, transfers, hold ---------------------------------------------------------------

    def _wait_for_words(self) -> None:
        self._arm(CallTimer.WORDS, self._settings.words_ns)
        if self.conversation is not None:
            self.conversation.turn.stop()
        self._gate.shut(GateReason.LEAVING)
        self._check_words()

    def _check_words(self) -> None:
        """Go on, once nothing is left to be said, where that was waited for."""
        if self._owes_apology or not self._timers.is_armed(CallTimer.WORDS):
            return
        port, conversation = self.leg.port, self.conversation
        is_speaking = conversation is not None and conversation.is_speaking
        if is_speaking or (port is not None and port.playout.queued_samples):
            return
        self._timers.disarm(CallTimer.WORDS)
        plan = self._plan
        if self.state is CallState.LEAVING and self._has_apologized and plan and plan.on_failure:
            target, self._plan = plan.on_failure, plan.model_copy(update={"on_failure": None})
            self._ask_for_transfer(target)
            return
        self._input(CallInput.WORDS_SENT)

    def _ask_for_transfer(self, target: str) -> None:
        advance(self.state, CallInput.TRANSFER)  # where there is no room for one, ask for none
        self._transfer.ask(target)
        self._input(CallInput.TRANSFER)

    def _refer(self) -> None:
        ended = self._transfer.start(self._note, self._now_ns)
        if ended is not None:
            self._end_transfer(ended)

    def _end_transfer(self, ended: LegTransferEnded) -> None:
        if self.state is not CallState.TRANSFERRING:
            return
        self._note(self._transfer.end(ended))
        if ended.is_over_for_us:
            self._ended = FarEnded("local", f"transferred: {ended.outcome}", ended.status)
            self._input(CallInput.TRANSFER_CONNECTED)
        else:
            self._input(CallInput.TRANSFER_FAILED)

    def _return_to_agent(self) -> None:
        self._gate.lift(GateReason.LEAVING, self._now_ns)
        conversation = self.conversation
        if conversation is None or conversation.is_closed:
            self._input(CallInput.HANG_UP)

    def _hold(self) -> None:
        self._gate.shut(GateReason.HELD)
        self._note(CallHeld())

    def _resume(self) -> None:
        self._gate.lift(GateReason.HELD, self._now_ns)
        self._note(CallResumed())

    # ---- media and keys -----------------------------------------------------------------------

    def _join_media(self) -> None:
        port, audio = self.leg.port, self.leg.media_description
        assert port is not None
        self._answered_ns = self._now_ns
        port.uplink.start(self._now_ns)
        self._gate.join(port.uplink)
        if self.conversation is not None:
            self.conversation.join(port)
        self._note(CallAnswered(codec=audio.codec, ptime_ms=audio.ptime_ms, remote=audio.remote))
        self._outputs.append(MediaReady())
        if self._owes_apology:
            self._apologize()

    def _handle_digit(self, pressed: DigitPressed) -> None:
        self._note(pressed)
        if self.state is not CallState.UP:
            return
        if self.conversation is not None:
            self.conversation.handle_key()
        self._keys.handle_key(pressed.digit, self._now_ns)
        self._take_keys()

    def _take_keys(self) -> None:
        keys = self._keys.poll_entry()
        if keys is None:
            return
        self._note(KeysCollected(keys=keys))
        if self.conversation is not None and self.state is CallState.UP:
            self.conversation.handle_keys(keys, self._now_ns)


def _discard(octets: bytes) -> None:
    """Take audio that comes after the end."""
    del octets
