"""The agent's half of a call: one voice session, what it says, and what it is told.

It turns the session's events into rows of the log and into audio, and the caller's speech and keys
into interruptions. When the agent is to speak is `AgentTurn`'s to know.
"""

from collections.abc import Callable
from dataclasses import dataclass

from telephony.call.agent_commands import AddWords, InterruptAgent
from telephony.call.commands import GiveToolResult, VoicePlan
from telephony.call.continuity import Carried, Continuity
from telephony.call.cut_rows import row_of_cut, row_of_old_cut
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
from telephony.call.session_settings import session_settings
from telephony.call.session_troubles import SessionTroubles
from telephony.media import AgentAudio, ItemKey, RtpPort, voice_format_of
from telephony.units import NS_PER_MS, Nanoseconds
from telephony.voice import (
    AddText,
    AgentTranscribed,
    AppendAudio,
    AudioFinished,
    AudioReceived,
    CallerTranscribed,
    CancelResponse,
    Configure,
    DeleteItem,
    ItemCameLate,
    ItemPlace,
    RateLimitUpdated,
    Respond,
    ResponseFinished,
    ResponseStarted,
    SessionClosed,
    SessionGranted,
    SessionOpened,
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
        lasting: What outlives the session.
        epoch: Counts the sessions of this call.
        opened_ns: When the session was asked for.

    Attributes:
        plan: What the session is at the moment.
        epoch: Counts the sessions of the call from 0.
        expires_at: When the server will end it, in Unix seconds, where it says so.
        is_closed: Whether nothing is expected of the session any more.
        turn: When the agent is to speak.
        troubles: What went wrong.
    """

    def __init__(
        self,
        plan: VoicePlan,
        outlets: Outlets,
        lasting: Continuity,
        epoch: int,
        opened_ns: Nanoseconds,
    ) -> None:
        """Wait for the session's grant."""
        self.plan = plan
        self.is_closed = False
        self.turn = lasting.turn
        self.troubles = SessionTroubles(outlets.note)
        self._outlets = outlets
        self._lasting = lasting
        self.epoch = epoch
        self.expires_at: int | None = None
        self._opened_ns = opened_ns
        self._grant: SessionGranted | None = None
        self._audio: AgentAudio | None = None

    def configure(self, plan: VoicePlan, leg_format: VoiceFormat) -> None:
        """Ask the session for what a plan wants; also for another agent's, in mid-call."""
        self.plan = plan
        self.turn.configure(plan)
        self._lasting.progress.is_on = plan.is_followed
        self._tell(Configure(session_settings(plan, leg_format)))

    @property
    def lives_on(self) -> bool:
        """Whether the session itself outlives the way to it: it is to be joined again."""
        return False

    def is_end_of_call(self, closed: SessionClosed) -> bool:
        """Say whether the session has ended because its call has."""
        del closed
        return False

    @property
    def is_granted(self) -> bool:
        """Whether the session was ever granted."""
        return self._grant is not None

    def _tell(self, command: VoiceCommand) -> None:
        """Tell the session; one that is closed is told nothing."""
        if not self.is_closed:
            self._outlets.tell(command)

    def join(self, port: RtpPort) -> None:
        """Connect the leg's audio."""
        self._lasting.join(port)
        self._join(0)

    def _join(self, kept_samples: int) -> None:
        port, ring, grant = self._lasting.port, self._lasting.ring, self._grant
        if port is None or ring is None:
            return
        self._audio = AgentAudio(port, self._outlets.append)
        self._audio.epoch = self.epoch
        ring.onward = self._audio.handle_uplink
        if grant is not None:
            self._audio.grant(grant.input_format, grant.output_format, kept_samples=kept_samples)

    def take_over(self, carried: Carried) -> None:
        """Learn that this session, which is granted, is in charge; tell it what was before."""
        port = self._lasting.port
        kept = 0 if port is None else port.audio_format.samples(len(carried.audio))
        self._join(kept)
        for command in carried.commands:
            self._tell(command)
        audio = b"" if self._audio is None else self._audio.convert_kept(carried.audio)
        if audio:
            self._tell(AppendAudio(audio))

    def leave(self) -> None:
        """Learn that another session is in charge; what is queued goes on playing."""
        self.give_up()
        if self._audio is not None:
            self._audio.leave()

    @property
    def leg_format(self) -> VoiceFormat:
        """The session format that follows the leg; mu-law before there is one."""
        port = self._lasting.port
        return VoiceFormat.PCMU if port is None else voice_format_of(port.audio_format)

    def handle_voice_event(self, event: VoiceEvent, now_ns: Nanoseconds) -> None:
        """Take one event of the session; of one that is closed only the end is news."""
        if self.is_closed and not isinstance(event, SessionClosed):
            return
        self._lasting.progress.handle(event, now_ns)
        self._lasting.history.handle_event(self.epoch, event)
        match event:
            case AudioReceived() | AudioFinished() | ResponseStarted():
                self._handle_response(event, now_ns)
            case ResponseFinished():
                self._handle_response_finished(event)
            case SpeechStarted():
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
                self._lasting.settle()
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
                self._tell(DeleteItem(item_id))
                self._lasting.handle_unheard(ItemKey(self.epoch, item_id, 0))
                note(ItemDeletedFromMemory(item_id=item_id, received_samples=0))
            case VoiceErrorReceived() | UnknownEventReceived() | RateLimitUpdated():
                self.troubles.handle(event)
            case TruncationUnsupported():
                self.troubles.handle_truncation_unsupported()
            case SessionOpened(expires_at=expires_at):
                self.expires_at = expires_at
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
                    epoch=self.epoch,
                    input_format=event.input_format,
                    output_format=event.output_format,
                    after_ms=(now_ns - self._opened_ns) // NS_PER_MS,
                )
            )

    def _handle_response(
        self, event: AudioReceived | AudioFinished | ResponseStarted, now_ns: Nanoseconds
    ) -> None:
        audio = self._audio
        if audio is None:
            return
        match event:
            case AudioReceived():
                self._handle_audio(audio, event)
                self._lasting.progress.handle_audio(now_ns)
                self.turn.handle_words(event.response_id)
                self._lasting.settle()
            case AudioFinished():
                audio.handle_audio_finished(event)
            case ResponseStarted(response_id=response_id):
                audio.active_response_id = response_id
                self.turn.handle_response_started(response_id, now_ns)

    def _handle_audio(self, audio: AgentAudio, event: AudioReceived) -> None:
        is_taken = audio.handle_audio(event)
        if is_taken or audio.has_overflowed:
            return
        audio.has_overflowed = True
        self.troubles.note("playout.full", "the model sent more than ten minutes of audio ahead")
        self._tell(CancelResponse(event.response_id))

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
        self.turn.handle_speech_started()
        if self._audio is not None and self._lasting.port is not None:
            self._lasting.port.uplink.handle_speech_started()
            back = self._audio.samples_since(event.audio_start_ms)
            self._lasting.start_turn(ItemPlace(self.epoch, event.item_id), back)
        self.interrupt(event.audio_start_ms)

    def _handle_speech_stopped(self, event: SpeechStopped, now_ns: Nanoseconds) -> None:
        self._outlets.note(
            CallerSpeechStopped(item_id=event.item_id, audio_end_ms=event.audio_end_ms)
        )
        if self._audio is not None and self._lasting.port is not None:
            self._lasting.port.uplink.handle_speech_stopped(now_ns)
            self._lasting.end_turn(self._audio.samples_since(event.audio_end_ms))
        self.turn.handle_speech_stopped(now_ns)

    def _handle_closed(self, event: SessionClosed) -> None:
        if not self.is_closed:
            self.troubles.handle_lost(event)
        self.give_up()
        self._note_closed(event)

    def _note_closed(self, event: SessionClosed) -> None:
        self._outlets.note(
            VoiceClosed(epoch=self.epoch, is_clean=event.is_clean, reason=event.reason)
        )

    @property
    def can_be_rejoined(self) -> bool:
        """Whether the session lives on when its socket is lost, and is wanted."""
        return False

    def give_up(self) -> None:
        """Expect nothing of the session any more."""
        self.is_closed = True

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
        audio, port = self._audio, self._lasting.port
        if audio is None or port is None:
            return
        interrupted = audio.interrupt(
            audio_start_ms=audio_start_ms,
            truncate_at=self.plan.truncate_at,
            response_id=response_id,
            cancels=cancels,
        )
        self._lasting.progress.tell_playout()
        if cancels:
            self.turn.handle_stopped(response_id)
        rate_hz = port.audio_format.rate_hz
        for command in () if self.is_closed else interrupted.commands:
            self._tell(command)
            row = row_of_cut(command, interrupted, rate_hz)
            if row is not None:
                self._outlets.note(row)
        for item in interrupted.cut:
            for command in self._lasting.handle_cut(item, self.epoch):
                self._tell(command)
            if self.is_closed or item.key.epoch != self.epoch:
                self._outlets.note(row_of_old_cut(item, rate_hz))

    def handle_interrupt(self, asked: InterruptAgent) -> None:
        """Stop what the app wants stopped."""
        if asked.stops == "response":
            self.turn.handle_stopped(asked.response_id)
            self._tell(CancelResponse(asked.response_id))
        else:
            self.interrupt(response_id=asked.response_id, cancels=asked.stops == "all")

    def add_words(self, words: AddWords, now_ns: Nanoseconds) -> None:
        """Tell the session what the app writes; what comes before the greeting, that answers."""
        if words.text or words.pictures:
            self._lasting.history.add_text(words.text)
            self._tell(AddText(words.text, pictures=words.pictures))
        if words.respond and self.turn.has_greeted:
            self.turn.ask(Respond(), now_ns)

    def handle_key(self) -> None:
        """Let a key stop the agent's words, as speech would, where the agent allows it."""
        if self.plan.may_be_interrupted_by_keys:
            self.interrupt()

    def handle_keys(self, keys: str, now_ns: Nanoseconds) -> None:
        """Tell the session what the caller typed; words begun meanwhile give way to the answer."""
        self.handle_key()
        entry = f"[keys {keys}]"
        self._lasting.history.add_text(entry)
        self._tell(AddText(entry))
        self.turn.ask(Respond(), now_ns)

    def give_tool_result(self, result: GiveToolResult, now_ns: Nanoseconds) -> None:
        """Answer the session's call of a tool."""
        self.turn.handle_tool_result(result.tool_call_id, now_ns, responds=result.respond)
        self._tell(ToolResult(result.tool_call_id, result.output, result.respond))

    @property
    def is_speaking(self) -> bool:
        """Whether words are on their way to the caller, or may still come."""
        port = self._lasting.port
        if port is None:
            return False
        if self._audio is not None and self._audio.active_response_id is not None:
            return not self.is_closed
        return port.playout.queued_samples > 0
