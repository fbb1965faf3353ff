"""The agent's half of a call: one voice session, what it says, and what it is told.

It turns the session's events into rows of the log, the caller's speech and keys into interruptions,
and keeps the caller from silence: a greeting as soon as it can be heard, a filler while a tool
works.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from telephony.call.commands import GiveToolResult, VoicePlan
from telephony.call.events import (
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallEventBody,
    ItemDeletedFromMemory,
    ItemTruncatedAt,
    ResponseEnded,
    SpeechTranscribed,
    ToolRequested,
    TroubleNoted,
    VoiceClosed,
    VoiceGranted,
)
from telephony.call.failures import Failures
from telephony.call.patience import Patience
from telephony.media import AgentAudio, Interrupted, RtpPort, voice_format_of
from telephony.units import NS_PER_MS, Nanoseconds
from telephony.voice import (
    AddText,
    AgentTranscribed,
    AudioFinished,
    AudioReceived,
    CallerTranscribed,
    CancelResponse,
    Configure,
    DeleteItem,
    Respond,
    ResponseFinished,
    ResponseStarted,
    SessionClosed,
    SessionGranted,
    SessionSettings,
    SpeechStarted,
    SpeechStopped,
    ToolCalled,
    ToolDeclaration,
    ToolResult,
    TruncateItem,
    UnknownEventReceived,
    VoiceCommand,
    VoiceErrorReceived,
    VoiceEvent,
    VoiceFormat,
)

__all__ = ["Conversation", "Outlets", "Prompts", "session_settings"]

FIRST_RTP_WAIT_NS = 200 * NS_PER_MS
"""A caller who sends nothing is greeted after this: some wait for the other side to begin."""
REFUSED_STATUSES = frozenset({401, 403, 404})
"""Of the handshake: a wrong key, or a wrong path or model."""
ERRORS_NOTED = 20
"""Rows about the session's errors per call; all are counted."""


@dataclass(frozen=True, slots=True)
class Prompts:
    """Audio of our own, for when the session has none: mu-law, 8,000 Hz."""

    apology: bytes
    """Something went wrong."""
    filler: bytes
    """One moment, please."""


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where a conversation puts what it has to say."""

    note: Callable[[CallEventBody], None]
    """A row for the event log."""
    tell: Callable[[VoiceCommand], None]
    """A command for the voice session."""
    append: Callable[[bytes], None]
    """The caller's audio, in the session's format."""


def session_settings(plan: VoicePlan, leg_format: VoiceFormat) -> SessionSettings:
    """Put a plan into the voice port's words; the audio format follows the leg unless fixed."""
    return SessionSettings(
        instructions=plan.instructions,
        tools=tuple(
            ToolDeclaration(tool.name, tool.description, tool.parameters) for tool in plan.tools
        ),
        audio_format=plan.audio_format or leg_format,
        model=plan.model,
        voice=plan.voice,
        silence_ms=plan.silence_ms,
        transcribe_with=plan.transcribe_with,
    )


class Conversation:
    """One voice session of one call.

    Args:
        plan: What the session shall be.
        outlets: Where rows and commands go.
        prompts: Audio for when the session has none.
        epoch: Counts the sessions of this call.
        opened_ns: When the session was asked for.
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
        self.plan = plan
        self.is_granted = False
        self.is_closed = False
        self.unknown_events = 0
        self.errors = 0
        self._outlets = outlets
        self._prompts = prompts
        self._epoch = epoch
        self._opened_ns = opened_ns
        self._grant: SessionGranted | None = None
        self._audio: AgentAudio | None = None
        self._port: RtpPort | None = None
        self._has_greeted = False
        self._is_caller_heard = False
        self._greet_at_ns: Nanoseconds | None = None
        self._patience = Patience()
        self._failures = Failures()

    # ---- joining ------------------------------------------------------------------------------

    def configure(self, plan: VoicePlan, leg_format: VoiceFormat) -> None:
        """Ask the session for what a plan wants; also for another agent's, in mid-call."""
        self.plan = plan
        self._outlets.tell(Configure(session_settings(plan, leg_format)))

    def join(self, port: RtpPort) -> None:
        """Connect the leg's audio."""
        self._port = port
        self._audio = AgentAudio(port, self._outlets.append)
        self._audio.epoch = self._epoch
        port.uplink.sink = self._audio.handle_uplink
        if self._grant is not None:
            self._audio.grant(self._grant.input_format, self._grant.output_format)

    @property
    def leg_format(self) -> VoiceFormat:
        """The session format that follows the leg; mu-law before there is one."""
        if self._port is None:
            return VoiceFormat.PCMU
        return voice_format_of(self._port.audio_format)

    # ---- first words --------------------------------------------------------------------------

    def begin(self, now_ns: Nanoseconds) -> None:
        """Learn that the far end is there: the greeting may start once it can be heard."""
        if self._greet_at_ns is None:
            wait_ns = 0 if self._is_caller_heard else FIRST_RTP_WAIT_NS
            self._greet_at_ns = Nanoseconds(now_ns + wait_ns)
        self._greet_if_due(now_ns)

    def handle_media_started(self, now_ns: Nanoseconds) -> None:
        """Learn that the far end sends: what we send now arrives."""
        self._is_caller_heard = True
        if self._greet_at_ns is not None:
            self._greet_at_ns = now_ns
        self._greet_if_due(now_ns)

    def _greet_if_due(self, now_ns: Nanoseconds) -> None:
        due = self._greet_at_ns
        if self._has_greeted or not self.is_granted or due is None or now_ns < due:
            return
        self._has_greeted = True
        if self.plan.speaks_first:
            self._ask(Respond(self.plan.greeting), now_ns)

    def _ask(self, respond: Respond, now_ns: Nanoseconds) -> None:
        self._outlets.tell(respond)
        self._failures.handle_asked(respond)
        self._patience.wait(now_ns)

    # ---- the session --------------------------------------------------------------------------

    def handle_voice_event(self, event: VoiceEvent, now_ns: Nanoseconds) -> None:
        """Take one event of the session; of one that is closed only the end is news."""
        if self.is_closed and not isinstance(event, SessionClosed):
            return
        match event:
            case AudioReceived() | AudioFinished() | ResponseStarted():
                self._handle_response(event, now_ns)
            case ResponseFinished():
                self._handle_response_finished(event)
            case SpeechStarted():
                self._patience.stop()
                self._failures.handle_caller()
                self._handle_speech_started(event)
            case SpeechStopped():
                self._handle_speech_stopped(event, now_ns)
            case SessionGranted():
                self._handle_granted(event, now_ns)
            case SessionClosed():
                self._handle_closed(event)
            case _:
                self._handle_news(event, now_ns)

    def _handle_news(self, event: VoiceEvent, now_ns: Nanoseconds) -> None:
        note = self._outlets.note
        match event:
            case ToolCalled(call_id=call_id, name=name, arguments=arguments):
                self._failures.handle_brought(event.response_id)
                self._patience.wait_for_tool(call_id, now_ns)
                note(ToolRequested(tool_call_id=call_id, name=name, arguments=arguments))
            case CallerTranscribed(item_id=item_id, text=text, is_final=True):
                note(SpeechTranscribed(role="caller", item_id=item_id, text=text))
            case AgentTranscribed(item_id=item_id, text=text, is_final=True):
                note(SpeechTranscribed(role="agent", item_id=item_id, text=text))
            case VoiceErrorReceived():
                self._handle_error(event)
            case UnknownEventReceived(type=kind):
                self._handle_unknown(kind)
            case _:
                pass

    def _handle_granted(self, event: SessionGranted, now_ns: Nanoseconds) -> None:
        is_news = self._grant != event
        self._grant = event
        self.is_granted = True
        if self._audio is not None:
            self._audio.grant(event.input_format, event.output_format)
        if is_news:
            self._outlets.note(
                VoiceGranted(
                    epoch=self._epoch,
                    input_format=event.input_format,
                    output_format=event.output_format,
                    after_ms=(now_ns - self._opened_ns) // NS_PER_MS,
                )
            )
        self._greet_if_due(now_ns)

    def _handle_response(
        self, event: AudioReceived | AudioFinished | ResponseStarted, now_ns: Nanoseconds
    ) -> None:
        audio = self._audio
        if audio is None:
            return
        match event:
            case AudioReceived():
                self._handle_audio(audio, event)
                self._failures.handle_brought(event.response_id)
                self._patience.handle_model()
            case AudioFinished():
                audio.handle_audio_finished(event)
            case ResponseStarted(response_id=response_id):
                audio.active_response_id = response_id
                self._patience.wait(now_ns)

    def _handle_audio(self, audio: AgentAudio, event: AudioReceived) -> None:
        is_taken = audio.handle_audio(event)
        for command in audio.late_items:
            self._outlets.tell(command)
        audio.late_items.clear()
        if is_taken or audio.has_overflowed:
            return
        audio.has_overflowed = True
        self._trouble("playout.full", "the model sent more than ten minutes of audio ahead")
        self._outlets.tell(CancelResponse(event.response_id))

    def _handle_response_finished(self, event: ResponseFinished) -> None:
        if self._audio is not None:
            self._audio.has_overflowed = False
            self._audio.handle_response_finished(event.response_id)
        self._patience.handle_model()
        self._outlets.note(
            ResponseEnded(
                response_id=event.response_id,
                status=event.status.value,
                reason=event.reason,
                usage=dict(event.usage),
            )
        )
        if self._failures.handle_finished(event):
            self._trouble(f"response.{event.status.value}", event.reason)
            self._play(self._prompts.filler)

    def _handle_speech_started(self, event: SpeechStarted) -> None:
        self._outlets.note(
            CallerSpeechStarted(item_id=event.item_id, audio_start_ms=event.audio_start_ms)
        )
        if self._port is not None:
            self._port.uplink.handle_speech_started()
        self.interrupt(event.audio_start_ms)

    def _handle_speech_stopped(self, event: SpeechStopped, now_ns: Nanoseconds) -> None:
        self._outlets.note(
            CallerSpeechStopped(item_id=event.item_id, audio_end_ms=event.audio_end_ms)
        )
        if self._port is not None:
            self._port.uplink.handle_speech_stopped(now_ns)
        self._patience.wait(now_ns)

    @property
    def fault(self) -> tuple[str, str] | None:
        """Why nothing more is to be expected of a session that is open: a code, and a verb."""
        if self._patience.is_exhausted:
            return "voice.mute", "answers nothing any more"
        if self._failures.are_too_many:
            return "voice.failing", f"failed {self._failures.in_a_row} responses in a row"
        return None

    def _handle_closed(self, event: SessionClosed) -> None:
        if not self.is_closed:
            fault: Literal["model", "configuration"] = "model"
            if event.code in REFUSED_STATUSES:
                fault = "configuration"
            self._trouble("voice.lost", event.reason or f"closed with {event.code}", fault)
        self.give_up()
        self._outlets.note(
            VoiceClosed(epoch=self._epoch, is_clean=event.is_clean, reason=event.reason)
        )

    def _handle_error(self, event: VoiceErrorReceived) -> None:
        self.errors += 1
        if not event.is_harmless and self.errors <= ERRORS_NOTED:
            self._trouble(event.code, event.message)

    def _handle_unknown(self, kind: str) -> None:
        """Count an event that this version does not know; the first of a call is told."""
        self.unknown_events += 1
        if self.unknown_events == 1:
            self._trouble("voice.unknown_event", f"the server sent an event of type {kind!r}")

    def give_up(self) -> None:
        """Expect nothing of the session any more."""
        self.is_closed = True
        self.is_granted = False
        self._patience.stop()

    def _trouble(
        self, code: str, text: str, fault: Literal["model", "configuration"] = "model"
    ) -> None:
        self._outlets.note(TroubleNoted(code=code, fault=fault, text=text))

    # ---- interruption -------------------------------------------------------------------------

    def interrupt(self, audio_start_ms: int | None = None) -> None:
        """Stop the agent's words and cut its memory at what the caller was sent."""
        audio, port = self._audio, self._port
        if audio is None or port is None:
            return
        interrupted = audio.interrupt(
            audio_start_ms=audio_start_ms, truncate_at=self.plan.truncate_at
        )
        for command in interrupted.commands:
            self._outlets.tell(command)
            row = _row_of(command, interrupted, port.audio_format.rate_hz)
            if row is not None:
                self._outlets.note(row)

    # ---- keys, tools, words -------------------------------------------------------------------

    def handle_key(self) -> None:
        """Let a key stop the agent's words, as speech would, where the agent allows it."""
        if self.plan.may_be_interrupted_by_keys:
            self.interrupt()

    def handle_keys(self, keys: str, now_ns: Nanoseconds) -> None:
        """Tell the session what the caller typed; words begun meanwhile give way to the answer."""
        self.handle_key()
        self._outlets.tell(AddText(f"[keys {keys}]"))
        self._ask(Respond(), now_ns)

    def give_tool_result(self, result: GiveToolResult, now_ns: Nanoseconds) -> None:
        """Answer the session's call of a tool."""
        self._patience.handle_tool_result(result.tool_call_id)
        self._outlets.tell(ToolResult(result.tool_call_id, result.output, result.respond))
        if result.respond:
            self._failures.handle_asked(Respond())
            self._patience.wait(now_ns)
        else:
            self._patience.handle_model()

    @property
    def is_speaking(self) -> bool:
        """Whether words are on their way to the caller, or may still come."""
        if self._port is None:
            return False
        if self._audio is not None and self._audio.active_response_id is not None:
            return not self.is_closed
        return self._port.playout.queued_samples > 0

    def _play(self, prompt: bytes) -> None:
        if self._port is not None:
            self._port.play(prompt)

    # ---- time ---------------------------------------------------------------------------------

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        """Greet a silent caller, or fill the silence of one who waits."""
        self._greet_if_due(now_ns)
        port = self._port
        if port is None:
            return
        if self._patience.take_due(now_ns, is_silent=not port.playout.queued_samples):
            self._play(self._prompts.filler)

    def handle_words_sent(self, now_ns: Nanoseconds) -> None:
        """Learn that all queued audio has gone out."""
        self._patience.handle_words_sent(now_ns)

    def ask_again(self, now_ns: Nanoseconds) -> None:
        """Ask for what failed, if that is due and no tool's result will do so."""
        again = self._failures.take_due()
        if again is not None and not self._patience.awaits_tool:
            self._ask(again, now_ns)

    def stop_waiting(self) -> None:
        """Let silence be: the caller is on the way elsewhere."""
        self._patience.stop()

    def next_deadline(self) -> Nanoseconds | None:
        """Say when `handle_timer` wants to be called."""
        patience_ns = self._patience.next_deadline()
        deadlines = [] if patience_ns is None else [patience_ns]
        if self._greet_at_ns is not None and self.is_granted and not self._has_greeted:
            deadlines.append(self._greet_at_ns)
        return min(deadlines, default=None)


def _row_of(command: VoiceCommand, interrupted: Interrupted, rate_hz: int) -> CallEventBody | None:
    counts = {item.key.item_id: item for item in interrupted.cut}
    match command:
        case TruncateItem(item_id=item_id, content_index=index, audio_end_ms=audio_end_ms):
            item = counts[item_id]
            return ItemTruncatedAt(
                item_id=item_id,
                content_index=index,
                audio_end_ms=audio_end_ms,
                sent_samples=item.sent_samples,
                received_samples=item.received_samples,
                rate_hz=rate_hz,
            )
        case DeleteItem(item_id=item_id):
            received = counts[item_id].received_samples
            return ItemDeletedFromMemory(item_id=item_id, received_samples=received)
        case _:
            return None
