"""A Realtime session without its socket: the one implementation of `voice.VoiceSession`."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from telephony.realtime import events
from telephony.realtime.audio_messages import append_message, read_audio_delta
from telephony.realtime.client_commands import (
    PlainCommand,
    append_messages,
    client_event,
    raw_message,
    session_update,
)
from telephony.realtime.client_events import ResponseCancel
from telephony.realtime.content import Content, SessionCounters
from telephony.realtime.news import news_of
from telephony.realtime.outcomes import (
    error_received,
    is_unsupported_cut,
    refuses_format,
    response_finished,
    shown,
)
from telephony.realtime.profiles import PROFILES, Profile
from telephony.realtime.redaction import Redaction
from telephony.realtime.responses import ResponseSequencer, State, Unanswered
from telephony.realtime.restore import restore_events
from telephony.realtime.session_body import UnknownFormatError, granted_format, session_body
from telephony.realtime.session_options import unsettled
from telephony.realtime.session_styles import write_update
from telephony.realtime.tool_calls import ToolCalls
from telephony.realtime.wire import ErrorDetail, Item, MalformedEventError, WireModel, write_event
from telephony.units import NS_PER_SECOND, Nanoseconds
from telephony.voice import (
    AppendAudio,
    CancelResponse,
    ClearAudio,
    ClearPlayout,
    Close,
    CommitAudio,
    Configure,
    DeleteItem,
    Message,
    Respond,
    ResponseStarted,
    Restore,
    SessionClosed,
    SessionGranted,
    SessionSettings,
    SpeechStarted,
    SpeechStopped,
    ToolResult,
    TruncateItem,
    TruncationUnsupported,
    UnknownEventReceived,
    VoiceCommand,
    VoiceErrorReceived,
    VoiceEvent,
    VoiceFormat,
)

__all__ = ["CLOSE_NS", "MAX_MESSAGE_OCTETS", "RealtimeSession"]

MAX_MESSAGE_OCTETS = 8 * 1024 * 1024
"""The longest message taken: some minutes of audio in one delta, past any server's habit."""
CLOSE_NS = Nanoseconds(2 * NS_PER_SECOND)
"""How long a server may take to answer a close; some never do."""
CLEAN_CODES = frozenset({1000, 1001, 1005})
"""RFC 6455 section 7.4.1: both sides said goodbye, with or without a reason."""
GENERIC = PROFILES["generic"]
NOTHING_TO_CANCEL = frozenset({State.IDLE, State.LISTENING})


class RealtimeSession:
    """One session with one server; see `voice.VoiceSession` for what the driver must do.

    Attributes:
        counters: What happened so far.
        is_close_unanswered: Whether the server left a close of ours without an answer.
    """

    def __init__(
        self,
        token: Callable[[], str],
        profile: Profile = GENERIC,
        secrets: Iterable[str] = (),
    ) -> None:
        """Begin before the connection's first message.

        Args:
            token: Mints the unique part of the ids that our events carry.
            profile: What is known of the server.
            secrets: What is hidden in the server's words, such as the values of our headers.
        """
        self.counters = SessionCounters()
        self.is_close_unanswered = False
        self._token = token
        self._redaction = Redaction(secrets)
        self._outputs: deque[Message | VoiceEvent] = deque()
        self._settings = SessionSettings()
        self._before = self._settings.options
        self._update_id: str | None = None
        self._profile = profile
        self._takes_only_pcm = "g711" in profile.lacks
        self._awaits_grant = False
        self._granted: SessionGranted | None = None
        self._input_format = VoiceFormat.PCM
        self._responses = ResponseSequencer(token)
        self._content = Content(self.counters, self._emit)
        self._tool_calls = ToolCalls()
        self._cancels_next = False
        self._close_deadline: Nanoseconds | None = None
        self._is_closed = False

    @property
    def input_format(self) -> VoiceFormat:
        """What `append_message` takes: as granted, the protocol's default before that."""
        return self._input_format

    @property
    def awaits_response(self) -> bool:
        """Whether a response that our side asked for has not begun."""
        return self._responses.has_wish

    @property
    def owns_audio(self) -> bool:
        """Whether the session is given audio: not one of a call that the provider holds."""
        return self._settings.owns_audio

    append_message = staticmethod(append_message)

    def poll_output(self) -> Message | VoiceEvent | None:
        """Give the next message to send or event to act on, None when there is nothing left."""
        return self._outputs.popleft() if self._outputs else None

    def next_deadline(self) -> Nanoseconds | None:
        """Say when `handle_timer` wants to be called."""
        if self._is_closed:
            return None
        return self._close_deadline or self._responses.next_deadline

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        """Learn that `next_deadline()` has passed."""
        if self._close_deadline is not None:
            if now_ns >= self._close_deadline:
                self.is_close_unanswered = True
                self._end(1006, "the server did not answer the close", is_clean=False)
            return
        self._responses.handle_timer(now_ns)
        self._send_responses()

    def handle_closed(self, code: int, reason: str, now_ns: Nanoseconds) -> None:  # noqa: ARG002 - the port's signature
        """Learn that the connection has ended; `SessionClosed` is the last event."""
        self._end(code, reason, is_clean=code in CLEAN_CODES)

    def handle_command(self, command: VoiceCommand, now_ns: Nanoseconds) -> None:
        """Take one command; after `Close`, and once the session is over, none has any effect."""
        if self._is_closed or self._close_deadline is not None:
            return
        command = self._content.ids.inwards(command)
        match command:
            case Configure(settings=settings):
                self._configure(settings)
            case Respond(instructions=instructions):
                self._responses.ask(instructions, now_ns)
            case CancelResponse(response_id=response_id):
                self._cancel(response_id)
            case Close():
                self._close_deadline = Nanoseconds(now_ns + CLOSE_NS)
            case Restore():
                for event in restore_events(command, self._token(), self._profile.style):
                    self._send(event)
            case AppendAudio(audio=audio):
                self._outputs.extend(append_messages(audio))
            case _:
                self._handle_plain(command)
        if isinstance(command, ToolResult) and command.respond:
            self._responses.ask(None, now_ns)
        self._send_responses()

    def _handle_buffers(self, command: CommitAudio | ClearAudio | ClearPlayout) -> None:
        """Take a command about the caller's audio, or about what is played to him: one is ours."""
        is_playout = isinstance(command, ClearPlayout)
        if is_playout is not self.owns_audio:
            self._send(client_event(command, self._token()), after_audio=not is_playout)
        else:
            self.counters.audio_withheld += not is_playout

    def _handle_plain(self, command: PlainCommand) -> None:
        """Take a command that is one event of the protocol."""
        if isinstance(command, CommitAudio | ClearAudio | ClearPlayout):
            self._handle_buffers(command)
            return
        if isinstance(command, TruncateItem | DeleteItem):
            self._content.cut.cut_item(command.item_id)
            if isinstance(command, TruncateItem) and "truncate" in self._profile.lacks:
                self._emit(TruncationUnsupported(command.item_id))
        self._send(client_event(command, self._token()))

    def send_raw(self, event: Mapping[str, Any]) -> None:
        """Send an event of the protocol as it is, past the sequencer; checked like a server would.

        Raises:
            BadClientEventError: The event is not one of the protocol's: our caller is at fault.
        """
        message = raw_message(event)
        if not self._is_closed and self._close_deadline is None:
            self._outputs.append(Message(message))

    def handle_message(self, text: bytes, now_ns: Nanoseconds) -> None:
        """Take one message from the server, as it stood in its frame; whatever it is, go on."""
        if self._is_closed:
            return
        self.counters.messages += 1
        if len(text) > MAX_MESSAGE_OCTETS:
            self._malformed("message_too_big", f"a message of {len(text)} octets")
            return
        audio = read_audio_delta(text)
        if audio is not None:
            self._content.take_audio(audio)
            return
        try:
            event = events.parse_server_event(text)
        except MalformedEventError as error:
            self._malformed(error.code, str(error))
            return
        if not self._content.handle(event) and not self._handle_session(event, now_ns):
            self._handle_turn(event, now_ns)
            for told in news_of(event):
                self.counters.errors += isinstance(told, VoiceErrorReceived)
                self._emit(told)
        self._send_responses()

    def _handle_session(self, event: events.ServerEvent, now_ns: Nanoseconds) -> bool:
        """Take an event about the session as a whole; tell whether it was one."""
        match event:
            case events.SessionUpdated():
                self._grant(event)
            case events.ErrorEvent():
                self._take_error(event, now_ns)
            case events.UnknownServerEvent():
                self.counters.unknown += 1
                self._emit(UnknownEventReceived(event.type))
            case _:
                return False
        return True

    def _handle_turn(self, event: events.ServerEvent, now_ns: Nanoseconds) -> None:
        """Take an event about turns and responses; what is left needs nothing done."""
        match event:
            case events.SpeechStartedEvent():
                self._speech_started(event, now_ns)
            case events.SpeechStoppedEvent():
                if self._settings.turns == "server":
                    self._responses.handle_speech(now_ns, started=False)
                self._emit(SpeechStopped(event.item_id, event.audio_end_ms))
            case events.ResponseCreated():
                self._response_created(event.response.id, now_ns)
            case events.ResponseDone():
                for item in event.response.output or ():
                    self._complete_call(item, event.response.id)
                self._content.ids.end_response(event.response.id)
                self._responses.handle_done(event.response.id, now_ns)
                self._emit(response_finished(event.response))
            case events.OutputItemAdded():
                self._content.mention_item(event.item.id or "", event.response_id)
                self._tool_calls.note(event.item)
            case events.OutputItemDone():
                self._complete_call(event.item, event.response_id)
            case events.FunctionCallArgumentsDone():
                item = Item(
                    type="function_call",
                    id=event.item_id,
                    call_id=event.call_id,
                    name=event.name,
                    arguments=event.arguments,
                )
                self._complete_call(item, event.response_id)
            case _:
                pass

    def _configure(self, settings: SessionSettings) -> None:
        before = self._settings.options
        # Tracing stays what it was first, also behind an agent that asks for none.
        self._before = replace(before, tracing=self._before.tracing or before.tracing)
        self._settings = settings
        self._update()

    def _update(self) -> None:
        if self._takes_only_pcm:
            self._settings = replace(self._settings, audio_format=VoiceFormat.PCM)
        body = session_body(
            self._settings, may_set_voice=not self._content.has_spoken, before=self._before
        )
        update = session_update(body, self._token())
        self._update_id, self._awaits_grant = update.event_id, True
        fields = self._settings.provider_fields
        if not self.owns_audio:
            fields = unsettled(fields)
        self._outputs.append(Message(write_update(update, self._profile, fields)))

    def _grant(self, event: events.SessionUpdated) -> None:
        asked = self._settings.audio_format
        self._awaits_grant = False
        if event.session.get("type") not in (None, "realtime"):
            self._malformed("unsupported_session", "the session is none that holds a conversation")
            return
        try:
            granted = granted_format(event.session, "input") or asked
            self._content.output_format = granted_format(event.session, "output") or asked
        except UnknownFormatError as error:
            if self.owns_audio:
                self._malformed("unsupported_format", str(error))
                return
            granted = self._content.output_format = asked
        self._input_format = granted
        self._check_grant(asked, SessionGranted(granted, self._content.output_format))

    def _check_grant(self, asked: VoiceFormat, granted: SessionGranted) -> None:
        """Pass a grant on; one of other formats than were asked for is told when it is news."""
        is_news, self._granted = granted != self._granted, granted
        self._emit(granted)
        if is_news and granted != SessionGranted(asked, asked):
            self.counters.other_formats += 1
            formats = f"{granted.input_format.value} and {granted.output_format.value}"
            text = f"asked for {asked.value}, granted {formats}"
            self._emit(VoiceErrorReceived("other_format", text))

    def _cancel(self, response_id: str | None) -> None:
        """Stop a response, where there may be one: what has ended needs no cancelling."""
        active_id = self._responses.active_id
        if response_id is not None:
            self._content.cut.cut_response(response_id)
            if response_id != active_id:
                return
        if self._responses.state in NOTHING_TO_CANCEL:
            return
        event_id = f"cancel_{self._token()}"
        if active_id is None:
            self._cancels_next = True
            self._send(ResponseCancel(event_id=event_id))
            return
        self._content.cut.cut_response(active_id)
        self._send(ResponseCancel(event_id=event_id, response_id=active_id))

    def _speech_started(self, event: events.SpeechStartedEvent, now_ns: Nanoseconds) -> None:
        """With the server's turns it has ended its response: audio behind this news is late."""
        if self._settings.turns == "server":
            active_id = self._responses.active_id
            if active_id is not None:
                self._content.cut.cut_response(active_id)
            self._responses.handle_speech(now_ns, started=True)
        self._emit(SpeechStarted(event.item_id, event.audio_start_ms))

    def _response_created(self, response_id: str, now_ns: Nanoseconds) -> None:
        self._content.begin_response(response_id)
        if self._cancels_next:
            self._content.cut.cut_response(response_id)
            self._cancels_next = False
        self._responses.handle_created(response_id, now_ns)
        self._emit(ResponseStarted(response_id))

    def _take_error(self, event: events.ErrorEvent, now_ns: Nanoseconds) -> None:
        error = error_received(event.error)
        if self._falls_back(event.error):
            error = replace(error, is_harmless=True)
        if is_unsupported_cut(event.error):
            self._emit(TruncationUnsupported(""))
        self.counters.errors += 1
        self.counters.harmless_errors += error.is_harmless
        self._cancels_next = False
        self._responses.handle_error(event.error.event_id, error.code, now_ns)
        self._emit(error)

    def _falls_back(self, error: ErrorDetail) -> bool:
        """Ask for PCM16 where a server refuses G.711, which some do not speak; tell whether so."""
        update_id, asked = self._update_id, self._settings.audio_format
        is_answer = error.event_id == update_id if error.event_id else self._awaits_grant
        if not is_answer or asked is VoiceFormat.PCM or not refuses_format(error):
            return False
        self._takes_only_pcm = True
        self.counters.format_fallbacks += 1
        self._update()
        return True

    def _complete_call(self, item: Item, response_id: str) -> None:
        call_id = item.call_id or item.id or ""
        if item.type == "function_call" and self._content.mention_call(call_id, response_id):
            self._tool_calls.forget(call_id)
        call = self._tool_calls.complete(item, response_id)
        if call is not None:
            self._emit(call)

    def _malformed(self, code: str, message: str) -> None:
        self.counters.malformed += 1
        self._emit(VoiceErrorReceived(code, message))

    def _send_responses(self) -> None:
        """Pass on what the sequencer lets go; with our own turns it stays behind the commit."""
        while (output := self._responses.poll_output()) is not None:
            if isinstance(output, Unanswered):
                self._cancels_next = False
                self.counters.unanswered_responses += 1
                code, text = "response_unanswered", "no answer to response.create"
                self._emit(VoiceErrorReceived(code, text, is_harmless=True))
            else:
                self._send(output, after_audio=self._settings.turns == "ours")

    def _send(self, event: WireModel, *, after_audio: bool = False) -> None:
        self._outputs.append(Message(write_event(event), after_audio))

    def _emit(self, event: VoiceEvent) -> None:
        self._outputs.append(self._content.ids.outwards(self._redaction.event(event)))

    def _end(self, code: int, reason: str, *, is_clean: bool) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._emit(SessionClosed(is_clean, code, shown(reason)))
