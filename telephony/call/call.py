"""One call: a leg, at most one voice session, and what joins them.

Sans-I/O: the driver hands in what the leg, the session, the media and the app say, and after each
change drains `poll_output()` and re-arms one timer by `next_deadline()`. This class turns all that
into inputs of the table in `state.py`; `actions.py` carries out what the table asks for.
"""

from collections.abc import Callable

from telephony.call.actions import CallActions, CallParts
from telephony.call.agent_commands import AddWords, InterruptAgent
from telephony.call.call_media import CallMedia
from telephony.call.call_voice import CallVoice
from telephony.call.commands import (
    AnswerCall,
    AttachHosted,
    CallCommandBody,
    ConfigureAgent,
    GiveToolResult,
    HangUp,
    HostedActDone,
    PlayAudio,
    RedirectCall,
    RejectCall,
    ReportTransfer,
    RingCall,
    SendDigits,
    StartTransfer,
    VoicePlan,
)
from telephony.call.conversation import Conversation
from telephony.call.ending import CallEnding
from telephony.call.events import (
    CallEvent,
    CallEventBody,
    CallProgressed,
    DigitPressed,
    PlayoutFinished,
    TransferProgressed,
    TransferRequested,
)
from telephony.call.hosted_leg import SUCCESS, HostedLeg
from telephony.call.last_words import LastWords
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
from telephony.call.outbox import CallOutbox
from telephony.call.outputs import CallOutput
from telephony.call.prompts import Prompts
from telephony.call.settings import CallSettings
from telephony.call.state import Action, CallInput, CallMachine, CallState, advance
from telephony.call.timers import CallTimer, CallTimers
from telephony.call.transfer import CallTransfer
from telephony.errors import LocalError
from telephony.media import DigitArrived, MediaEvent, MediaStarted, UplinkBlocked, WordsSent
from telephony.units import NS_PER_SECOND, Nanoseconds
from telephony.voice import DigitReceived, PlayoutReported, SessionGranted, VoiceEvent

__all__ = ["Call"]


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
        self._machine = CallMachine(state)
        outbox, timers = CallOutbox(log, now_ns), CallTimers()
        self._parts = CallParts(
            leg=leg,
            settings=settings,
            outbox=outbox,
            timers=timers,
            voice=CallVoice(outbox, timers, settings, prompts, append),
            media=CallMedia(leg, outbox),
            last_words=LastWords(leg, timers, prompts.apology, settings.words_ns),
            ending=CallEnding(leg, outbox),
            transfer=CallTransfer(leg),
        )
        self._actions = CallActions(self._parts)
        self._outbox, self._timers, self._voice = outbox, timers, self._parts.voice
        if state is CallState.RECEIVED:
            timers.arm(CallTimer.ROUTING, now_ns + settings.routing_ns)

    @property
    def call_id(self) -> str:
        """Ours, of the whole call."""
        return self.log.call_id

    @property
    def now_ns(self) -> Nanoseconds:
        """The time of the last change."""
        return self._outbox.now_ns

    @property
    def state(self) -> CallState:
        """Where the call is."""
        return self._machine.state

    @property
    def is_over(self) -> bool:
        """Whether the call has ended."""
        return self.state is CallState.ENDED

    @property
    def conversation(self) -> Conversation | None:
        """The agent's half, once its session was asked for."""
        return self._voice.conversation

    def poll_output(self) -> CallOutput | CallEvent | None:
        """Give the next thing to do or to tell the app, None when there is nothing left."""
        return self._outbox.poll()

    def next_deadline(self) -> Nanoseconds | None:
        """Say when `handle_timer` wants to be called."""
        if self.is_over:
            return None
        deadlines = (self._timers.next_deadline(), self._voice.next_deadline())
        return min((one for one in deadlines if one is not None), default=None)

    def note(self, payload: CallEventBody, now_ns: Nanoseconds) -> None:
        """Write a row of the event log."""
        self._outbox.now_ns = now_ns
        self._outbox.note(payload)

    def handle_command(self, body: CallCommandBody, now_ns: Nanoseconds) -> None:
        """Carry out what the app asks; a command may cross the end of the call.

        Raises:
            LocalError: The call's state has no room for it; the app is at fault.
        """
        self._outbox.now_ns = now_ns
        if self.is_over:
            return
        parts = self._parts
        match body:
            case AnswerCall(plan=plan) if not isinstance(self.leg, HostedLeg):
                self._voice.plan = plan
                self._input(CallInput.ANSWER)
            case RejectCall() | RedirectCall():
                parts.ending.refusal = body
                self._input(CallInput.REJECT)
            case RingCall(seconds=seconds):
                self._input(CallInput.RING)
                patience_ns = round(seconds * NS_PER_SECOND)
                until_ns = now_ns + parts.settings.routing_ns + patience_ns
                self._timers.arm(CallTimer.ROUTING, until_ns)
            case HangUp(after_words=after_words, cause=cause):
                parts.ending.ended = FarEnded("local", cause, None)
                self._input(CallInput.HANG_UP_AFTER_WORDS if after_words else CallInput.HANG_UP)
            case StartTransfer(target=target):
                advance(self.state, CallInput.TRANSFER)  # where there is no room, ask for none
                parts.transfer.ask(target)
                self._input(CallInput.TRANSFER)
            case _:
                self._handle_request(body)

    def _handle_request(self, body: CallCommandBody) -> None:
        """Carry out a command that leaves the state as it is."""
        match body:
            case ConfigureAgent(plan=plan):
                is_done = self._voice.configure(plan)
            case GiveToolResult():
                is_done = self._voice.give_tool_result(body)
            case InterruptAgent():
                is_done = self._voice.handle_interrupt(body)
            case AddWords():
                is_done = self._voice.add_words(body)
            case SendDigits(digits=digits, tool_call_id=None):
                is_done = self._parts.media.send_digits(digits)
            case SendDigits(digits=digits, tool_call_id=str(tool_call_id)):
                is_done = self._press_for_model(digits, tool_call_id)
            case PlayAudio(audio=audio):
                is_done = self._parts.media.play(audio)
            case ReportTransfer(status=status):
                self.leg.report_transfer(status, self.now_ns)
                is_done = True
            case _:
                is_done = self._handle_hosted(body)
        if not is_done:
            raise LocalError(f"a call that is {self.state.name} takes no {body.type}")

    def _handle_hosted(self, body: CallCommandBody) -> bool:
        """Carry out what only a call can that a provider holds; tell whether this is one."""
        leg = self.leg
        if not isinstance(leg, HostedLeg):
            return False
        match body:
            case AttachHosted(plan=plan):
                advance(self.state, CallInput.ANSWER)  # where there is no room, change nothing
                leg.is_accepted = True
                self._voice.plan = plan.model_copy(update={"attach_to": leg.hosted_id})
                self._input(CallInput.ANSWER)
            case HostedActDone(act=act, status=status, reason=reason):
                events = leg.handle_act_done(body)
                if status not in SUCCESS:
                    why = f"the provider's answer to {act}: {status or 'none'} {reason}"
                    self._outbox.trouble("hosted.refused", "model", why.rstrip())
                self.handle_leg_events(events, self.now_ns)
            case _:
                return False
        return True

    def _press_for_model(self, digits: str, tool_call_id: str) -> bool:
        """Press keys, and tell the model whether that works: it acts on what it is told."""
        why = "the other side takes no keys"
        try:
            is_pressed = self._parts.media.send_digits(digits)
        except LocalError as wrong:
            is_pressed, why = False, str(wrong)
        if not is_pressed:
            self._outbox.trouble("digits.refused", "caller", why)
        output = f"Pressing {digits}." if is_pressed else f"error: {why}"
        return self._voice.give_tool_result(
            GiveToolResult(tool_call_id=tool_call_id, output=output, respond=not is_pressed)
        )

    def handle_leg_events(self, events: list[LegEvent], now_ns: Nanoseconds) -> None:
        """Take what the leg tells."""
        self._outbox.now_ns = now_ns
        for event in events:
            if not self.is_over:
                self._handle_leg_event(event)

    def _handle_leg_event(self, event: LegEvent) -> None:
        media = self._parts.media
        match event:
            case LegMediaAgreed():
                self._join_media()
            case LegPtimeChanged():
                media.pace()
            case LegConfirmed():
                self._input(CallInput.CONFIRMED)
            case LegHeld():
                media.hold()
            case LegResumed():
                media.resume()
            case LegTransferEnded():
                if self.state is CallState.TRANSFERRING:
                    self._input(self._actions.end_transfer(event))
            case FarEnded():
                self._parts.ending.ended = event
                self._input(CallInput.FAR_ENDED)
            case _:
                self._handle_leg_news(event)

    def _handle_leg_news(self, event: LegEvent) -> None:
        """Take what leaves the state as it is."""
        note = self._outbox.note
        match event:
            case LegProgressed(status=status, reason=reason):
                note(CallProgressed(status=status, reason=reason))
            case LegKeyPressed(digit=digit):
                self._handle_digit(DigitPressed(digit=digit, method="info"))
            case LegTransferProgressed(status=status, reason=reason):
                note(TransferProgressed(status=status, reason=reason))
            case LegTransferRequested(target=target):
                note(TransferRequested(target=target))
            case _:
                pass

    def _join_media(self) -> None:
        parts, port = self._parts, self.leg.port
        parts.ending.answered_ns = self.now_ns
        self._timers.arm(CallTimer.DURATION, self.now_ns + parts.settings.max_duration_ns)
        parts.media.start()
        if port is not None:
            self._voice.join(port)
        elif self.conversation is not None:
            self.conversation.turn.handle_media_started(self.now_ns)
        parts.media.tell()
        parts.last_words.handle_media()

    def _handle_digit(self, pressed: DigitPressed) -> None:
        self._voice.handle_digit(pressed, is_up=self.state is CallState.UP)

    def handle_media_events(self, events: list[MediaEvent], now_ns: Nanoseconds) -> None:
        """Take what the leg's port tells."""
        self._outbox.now_ns = now_ns
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
                    self._handle_words_sent()
                case UplinkBlocked():
                    self._voice.handle_uplink_blocked(is_up=self.state is CallState.UP)
        self._check_words()

    def _handle_playout(self, told: PlayoutReported) -> None:
        """Learn what a provider plays that has the caller's audio."""
        if told.state != "started" and isinstance(self.leg, HostedLeg):
            self._handle_words_sent()

    def _handle_words_sent(self) -> None:
        self._outbox.note(PlayoutFinished())
        if self.conversation is not None:
            self.conversation.turn.handle_words_sent(self.now_ns)
            if self.state is CallState.UP:
                self.conversation.turn.ask_again(self.now_ns)

    def handle_voice_event(
        self, event: VoiceEvent, now_ns: Nanoseconds, epoch: int | None = None
    ) -> None:
        """Take what a voice session tells.

        Args:
            event: What it tells.
            now_ns: The time.
            epoch: Which session, as `OpenVoice` had it; None stands for the one in charge.
        """
        self._outbox.now_ns = now_ns
        if self.is_over:
            return
        may_go_on = self.state is not CallState.LEAVING
        if self._voice.handle_event(event, epoch, may_go_on=may_go_on):
            if isinstance(event, SessionGranted):
                self._voice.stop_waiting()
                self._input(CallInput.VOICE_READY)
            elif isinstance(event, DigitReceived):
                self._handle_digit(DigitPressed(digit=event.digit, method="provider"))
            elif isinstance(event, PlayoutReported):
                self._handle_playout(event)
        if isinstance(self.leg, HostedLeg) and self._voice.take_end_of_call():
            self.handle_leg_events(self.leg.handle_gone(), now_ns)
        self._check_voice()
        self._check_words()

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        """Learn that `next_deadline()` has passed."""
        self._outbox.now_ns = now_ns
        while (timer := self._timers.pop_due(now_ns)) is not None:
            self._time_out(timer)
        if self.is_over:
            return
        self._voice.handle_timer(is_up=self.state is CallState.UP)
        self._check_voice()

    def _time_out(self, timer: CallTimer) -> None:
        match timer:
            case CallTimer.ROUTING:
                self._outbox.trouble("routing.timeout", "ours", "the app did not decide in time")
                self._input(CallInput.ROUTING_TIMED_OUT)
            case CallTimer.GRANT:
                self._input(CallInput.VOICE_LATE)
            case CallTimer.GRANT_LIMIT:
                why = "the voice session was not granted in time"
                self._outbox.trouble("voice.timeout", "model", why)
                self._voice.close()
                self._lose_voice("not granted in time")
            case CallTimer.WORDS:
                self._input(CallInput.WORDS_SENT)
            case CallTimer.REFER:
                self._handle_hosted(HostedActDone(act="refer", reason="the app did not say"))
            case CallTimer.DURATION:
                why = "the longest call allowed is over"
                self._outbox.trouble("call.too_long", "configuration", why)
                self._parts.ending.ended = FarEnded("local", why, None)
                self._input(CallInput.HANG_UP)

    def open_voice(self, plan: VoicePlan, now_ns: Nanoseconds) -> None:
        """Open the voice session of a call that we place, while it rings."""
        self._outbox.now_ns = now_ns
        self._voice.plan = plan
        self._actions.open_voice()

    def _check_voice(self) -> None:
        """Give a session up of which nothing more is to be expected."""
        why = self._voice.take_end()
        if why is not None:
            self._lose_voice(why)

    def _lose_voice(self, why: str) -> None:
        self._voice.stop_waiting()
        if self._parts.ending.ended is None:
            cause = f"the voice session was lost: {why}"
            self._parts.ending.ended = FarEnded("failure", cause, None)
        self._input(CallInput.VOICE_LOST)

    def _check_words(self) -> None:
        """Go on, once nothing is left to be said, where that was waited for."""
        following = self._actions.check_words(is_leaving=self.state is CallState.LEAVING)
        if following is not None:
            self._input(following)

    def _input(self, what: CallInput) -> None:
        for action in self._machine.take(what):
            if action is Action.ANSWER:
                self.handle_leg_events(self.leg.answer(self.now_ns), self.now_ns)
            elif (following := self._actions.carry_out(action)) is not None:
                self._input(following)
        self._check_words()

    def let_go(self) -> None:
        """Drop what the call held, once it is over, so that memory is free without a collection."""
        self._parts.media.let_go()
        self._voice.let_go()
