"""The agent's half of a call: one voice session, what it says, and what it is told.

It turns the session's events into rows of the log and into audio, and the caller's speech and keys
into interruptions. When the agent is to speak is `AgentTurn`'s to know.
"""

from collections.abc import Callable
from dataclasses import dataclass

from telephony.call.agent_commands import AddWords, InterruptAgent
from telephony.call.agent_turn import AgentTurn
from telephony.call.commands import GiveToolResult, VoicePlan
from telephony.call.cut_rows import row_of_cut
from telephony.call.events import (
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallEventBody,
    ItemDeletedFromMemory,
    ResponseEnded,
    SpeechTranscribed,
    ToolRequested,
    VoiceClosed,
    VoiceGranted,
)
from telephony.call.news_rows import row_of_news
from telephony.call.progress import Progress
from telephony.call.prompts import Prompts
from telephony.call.session_settings import session_settings
from telephony.call.session_troubles import SessionTroubles
from telephony.media import AgentAudio, RtpPort, voice_format_of
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
    ItemCameLate,
    RateLimitUpdated,
    Respond,
    ResponseFinished,
    ResponseStarted,
    SessionClosed,
    SessionGranted,
    SpeechStarted,
    SpeechStopped,
    ToolCalled,
    ToolResult,
    TruncationUnsupported,
    UnknownEventReceived,
    VoiceCommand,
    VoiceErrorReceived,
    VoiceEvent,
    VoiceFormat,
)

__all__ = ["Conversation", "Outlets"]


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where a conversation puts what it has to say."""

    note: Callable[[CallEventBody], None]
    """A row for the event log."""
    tell: Callable[[VoiceCommand], None]
    """A command for the voice session."""
    append: Callable[[bytes], None]
    """The caller's audio, in the session's format."""


class Conversation:
    """One voice session of one call.

    Args:
        plan: What the session shall be.
        outlets: Where rows and commands go.
        prompts: Audio for when the session has none.
        epoch: Counts the sessions of this call.
        opened_ns: When the session was asked for.

    Attributes:
        plan: What the session is at the moment.
        is_closed: Whether nothing is expected of the session any more.
        turn: When the agent is to speak.
        troubles: What went wrong.
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
        self.is_closed = False
        self.turn = AgentTurn(outlets.tell, prompts.filler)
        self.troubles = SessionTroubles(outlets.note)
        self._progress = Progress(outlets.note)
        self._outlets = outlets
        self._epoch = epoch
        self._opened_ns = opened_ns
        self._grant: SessionGranted | None = None
        self._audio: AgentAudio | None = None
        self._port: RtpPort | None = None

    def configure(self, plan: VoicePlan, leg_format: VoiceFormat) -> None:
        """Ask the session for what a plan wants; also for another agent's, in mid-call."""
        self.plan = plan
        self._progress.is_on = plan.is_followed
        self.turn.greeting = Respond(plan.greeting)
        self._outlets.tell(Configure(session_settings(plan, leg_format)))

    def join(self, port: RtpPort) -> None:
        """Connect the leg's audio."""
        self._port = port
        self.turn.join(port)
        self._progress.join(port)
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

    def handle_voice_event(self, event: VoiceEvent, now_ns: Nanoseconds) -> None:
        """Take one event of the session; of one that is closed only the end is news."""
        if self.is_closed and not isinstance(event, SessionClosed):
            return
        self._progress.handle(event, now_ns)
        match event:
            case AudioReceived() | AudioFinished() | ResponseStarted():
                self._handle_response(event, now_ns)
            case ResponseFinished():
                self._handle_response_finished(event)
            case SpeechStarted():
                self.turn.handle_speech_started()
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
            case ToolCalled():
                self.turn.handle_tool_called(event, now_ns)
                note(
                    ToolRequested(
                        tool_call_id=event.call_id,
                        name=event.name,
                        arguments=event.arguments,
                        item_id=event.item_id,
                    )
                )
            case CallerTranscribed(item_id=item_id, text=text, is_final=True):
                note(SpeechTranscribed(role="caller", item_id=item_id, text=text))
            case AgentTranscribed(item_id=item_id, text=text, is_final=True):
                note(SpeechTranscribed(role="agent", item_id=item_id, text=text))
            case ItemCameLate(item_id=item_id):
                self._outlets.tell(DeleteItem(item_id))
                note(ItemDeletedFromMemory(item_id=item_id, received_samples=0))
            case VoiceErrorReceived():
                self.troubles.handle_error(event)
            case UnknownEventReceived(type=kind):
                self.troubles.handle_unknown(kind)
            case RateLimitUpdated():
                self.troubles.handle_rate_limit(event)
            case TruncationUnsupported():
                self.troubles.handle_truncation_unsupported()
            case _:
                row = row_of_news(event)
                if row is not None:
                    note(row)

    def _handle_granted(self, event: SessionGranted, now_ns: Nanoseconds) -> None:
        is_news = self._grant != event
        self._grant = event
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
        self.turn.handle_granted(now_ns)

    def _handle_response(
        self, event: AudioReceived | AudioFinished | ResponseStarted, now_ns: Nanoseconds
    ) -> None:
        audio = self._audio
        if audio is None:
            return
        match event:
            case AudioReceived():
                self._handle_audio(audio, event)
                self._progress.handle_audio(now_ns)
                self.turn.handle_words(event.response_id)
            case AudioFinished():
                audio.handle_audio_finished(event)
            case ResponseStarted(response_id=response_id):
                audio.active_response_id = response_id
                self.turn.wait(now_ns)

    def _handle_audio(self, audio: AgentAudio, event: AudioReceived) -> None:
        is_taken = audio.handle_audio(event)
        if is_taken or audio.has_overflowed:
            return
        audio.has_overflowed = True
        self.troubles.note("playout.full", "the model sent more than ten minutes of audio ahead")
        self._outlets.tell(CancelResponse(event.response_id))

    def _handle_response_finished(self, event: ResponseFinished) -> None:
        if self._audio is not None:
            self._audio.has_overflowed = False
            self._audio.handle_response_finished(event.response_id)
        has_failed = self.turn.handle_response_finished(event)
        self._outlets.note(
            ResponseEnded(
                response_id=event.response_id,
                status=event.status.value,
                reason=event.reason,
                usage=dict(event.usage),
            )
        )
        if has_failed:
            self.troubles.note(f"response.{event.status.value}", event.reason)

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
        self.turn.wait(now_ns)

    def _handle_closed(self, event: SessionClosed) -> None:
        if not self.is_closed:
            self.troubles.handle_lost(event)
        self.give_up()
        self._outlets.note(
            VoiceClosed(epoch=self._epoch, is_clean=event.is_clean, reason=event.reason)
        )

    def give_up(self) -> None:
        """Expect nothing of the session any more."""
        self.is_closed = True
        self.turn.handle_closed()

    def interrupt(
        self,
        audio_start_ms: int | None = None,
        *,
        response_id: str | None = None,
        cancels: bool = True,
    ) -> None:
        """Stop the agent's words and cut its memory at what the caller was sent.

        Args:
            audio_start_ms: Onset of the caller's speech, where that is the cause.
            response_id: Whose words; None all.
            cancels: Whether the model shall stop, too.
        """
        audio, port = self._audio, self._port
        if audio is None or port is None:
            return
        interrupted = audio.interrupt(
            audio_start_ms=audio_start_ms,
            truncate_at=self.plan.truncate_at,
            response_id=response_id,
            cancels=cancels,
        )
        self._progress.tell_playout()
        for command in interrupted.commands:
            self._outlets.tell(command)
            row = row_of_cut(command, interrupted, port.audio_format.rate_hz)
            if row is not None:
                self._outlets.note(row)

    def handle_interrupt(self, asked: InterruptAgent) -> None:
        """Stop what the app wants stopped."""
        if asked.stops == "response":
            self._outlets.tell(CancelResponse(asked.response_id))
        else:
            self.interrupt(response_id=asked.response_id, cancels=asked.stops == "all")

    def add_words(self, words: AddWords, now_ns: Nanoseconds) -> None:
        """Tell the session what the app writes; what comes before the greeting, that answers."""
        if words.text or words.pictures:
            self._outlets.tell(AddText(words.text, pictures=words.pictures))
        if words.respond and self.turn.has_greeted:
            self.turn.ask(Respond(), now_ns)

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        """Learn that `next_deadline()` has passed."""
        self.turn.handle_timer(now_ns)
        self._progress.handle_timer(now_ns)

    def next_deadline(self) -> Nanoseconds | None:
        """Say when `handle_timer` wants to be called."""
        deadlines = (self.turn.next_deadline(), self._progress.next_deadline())
        return min((one for one in deadlines if one is not None), default=None)

    def handle_key(self) -> None:
        """Let a key stop the agent's words, as speech would, where the agent allows it."""
        if self.plan.may_be_interrupted_by_keys:
            self.interrupt()

    def handle_keys(self, keys: str, now_ns: Nanoseconds) -> None:
        """Tell the session what the caller typed; words begun meanwhile give way to the answer."""
        self.handle_key()
        self._outlets.tell(AddText(f"[keys {keys}]"))
        self.turn.ask(Respond(), now_ns)

    def give_tool_result(self, result: GiveToolResult, now_ns: Nanoseconds) -> None:
        """Answer the session's call of a tool."""
        self.turn.handle_tool_result(result.tool_call_id, now_ns, responds=result.respond)
        self._outlets.tell(ToolResult(result.tool_call_id, result.output, result.respond))

    @property
    def is_speaking(self) -> bool:
        """Whether words are on their way to the caller, or may still come."""
        if self._port is None:
            return False
        if self._audio is not None and self._audio.active_response_id is not None:
            return not self.is_closed
        return self._port.playout.queued_samples > 0
