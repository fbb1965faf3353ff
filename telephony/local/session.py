"""One client's session, the server's side of the Realtime protocol, without its socket.

Source: the Realtime API reference (GA), and the event orders of recorded sessions. Speech detected
in the caller's audio stops the response under way (`interrupt_response`); the silence after it
commits the turn and asks for a response (`create_response`). A turn that ends while a response runs
is answered after it. The client owns playback: it truncates what its caller did not hear.

The mind behind it is a rule dialog (`dialog.py`), not a language model; the log says so once.
"""

from typing import Any

from telephony.local.faults import RefusedEventError
from telephony.local.hearing import InputBuffer
from telephony.local.items import ConversationItems, Entry, Part, entry_from_client
from telephony.local.menu import Menu, build_menu
from telephony.local.outbox import LogLine, Message, Outbox
from telephony.local.playout import CallerPlayout
from telephony.local.responder import Responder
from telephony.local.settings import SessionInForce, merge_update
from telephony.local.speaker import Speaker
from telephony.local.turns import SpeechBegan, SpeechEnded, TurnSettings
from telephony.realtime import ErrorDetail, MalformedEventError, client_events, event_id_of, events
from telephony.units import Nanoseconds

__all__ = ["LocalSession"]


MAX_LOGGED_REFUSALS = 20
"""Per session: a client that goes on being wrong shall not fill the log."""
NOBODYS_FAULT = frozenset({"response_cancel_not_active"})
"""A caller who speaks up ends the response on both sides at once: the client's cancel then crosses
our own, at every interruption."""


class TranscriptionCompleted(events.InputTranscriptionCompleted):
    """What was heard in a turn, with the usage that strict clients insist on."""

    usage: dict[str, Any]


class LocalSession:
    """One session, from `session.created` to the end of its connection.

    After each `handle_...` call, drain `poll_output()` to None, then re-arm one timer.
    """

    def __init__(self, token: str, speaker: Speaker, *, plays: bool = False) -> None:
        """Open the session; `session.created` is ready to be sent.

        Args:
            token: Tells this session's ids from all others'; letters and digits.
            speaker: The voice, shared by all sessions.
            plays: Whether the caller hears us here, and not by way of the client.
        """
        self._outbox = Outbox(token)
        self._playout = CallerPlayout(self._outbox) if plays else None
        self._session_id = self._outbox.mint("sess")
        self._config = SessionInForce(type="realtime")
        self._input = InputBuffer(self._config.input_format, TurnSettings())
        self._conversation = ConversationItems()
        self._responder = Responder(self._conversation, speaker, self._outbox, self._playout)
        self._speech_item_id: str | None = None
        self._refusals = 0
        self._greet()
        self._outbox.log(
            "session opened", session=self._session_id, mind="a rule dialog, not a language model"
        )

    def _greet(self) -> None:
        """Tell a client of the session that it is connected to."""
        self._outbox.send(events.SessionCreated(session=self._config.to_json(self._session_id)))

    def handle_message(self, text: bytes, now_ns: Nanoseconds) -> None:
        """Take one text frame from the client; what is wrong with it is answered, never raised."""
        try:
            event = client_events.parse_client_event(text)
        except MalformedEventError as error:
            code = "invalid_value" if error.code == "unknown_event_type" else error.code
            self._refuse(code, str(error), error.param, event_id_of(text))
            return
        try:
            self._take(event, now_ns)
        except RefusedEventError as fault:
            self._refuse(fault.code, str(fault), fault.param, event.event_id)

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        """Learn that `next_deadline()` has passed."""
        self._responder.handle_timer(now_ns)

    def next_deadline(self) -> Nanoseconds | None:
        """Say when `handle_timer` wants to be called."""
        return self._responder.next_deadline()

    def poll_output(self) -> Message | LogLine | None:
        """Give the next message to send or line to log, None when there is nothing left."""
        return self._outbox.poll()

    def _take(self, event: client_events.ClientEvent, now_ns: Nanoseconds) -> None:  # noqa: C901 - one row each
        match event:
            case client_events.InputAudioBufferAppend(audio=audio):
                for edge in self._input.append(audio):
                    self._follow_speech(edge, now_ns)
            case client_events.InputAudioBufferCommit():
                self._input.require_turn()
                self._commit(now_ns, answer=False)
            case client_events.InputAudioBufferClear():
                self._input.clear()
                self._speech_item_id = None
                self._outbox.send(events.InputAudioBufferCleared())
            case client_events.SessionUpdate():
                self._update(event)
            case client_events.ItemCreate():
                self._create_item(event)
            case client_events.ItemRetrieve(item_id=item_id):
                entry = self._conversation.retrieve(item_id)
                self._outbox.send(events.ItemRetrieved(item=entry.to_wire()))
            case client_events.ItemDelete(item_id=item_id):
                self._conversation.delete(item_id)
                self._outbox.send(events.ItemDeletedEvent(item_id=item_id))
            case client_events.ItemTruncate():
                self._truncate(event)
            case client_events.ResponseCreate(response=parameters):
                self._responder.respond(self._config, parameters, now_ns)
            case client_events.ResponseCancel(response_id=response_id):
                self._responder.cancel(response_id, now_ns)
            case client_events.OutputAudioBufferClear():
                self._clear_playout(now_ns)

    def _clear_playout(self, now_ns: Nanoseconds) -> None:
        if self._playout is None:
            message = "The audio of this session is played by its client."
            raise RefusedEventError("invalid_value", message, "type")
        self._playout.clear(now_ns)

    def _refuse(self, code: str, message: str, param: str | None, event_id: str | None) -> None:
        detail = ErrorDetail(
            type="invalid_request_error",
            code=code,
            message=message,
            param=param or None,
            event_id=event_id,
        )
        self._outbox.send(events.ErrorEvent(error=detail))
        self._refusals += 1
        if self._refusals <= MAX_LOGGED_REFUSALS:
            is_warning = code not in NOBODYS_FAULT
            self._outbox.log(
                "client event refused", is_warning=is_warning, code=code, param=param or None
            )

    def _update(self, event: client_events.SessionUpdate) -> None:
        update = event.session.model_dump(exclude_unset=True)
        menu = self._configure(
            merge_update(self._config, update, has_spoken=self._responder.has_spoken)
        )
        self._outbox.send(events.SessionUpdated(session=self._config.to_json(self._session_id)))
        keys = {option.key or "-": option.label for option in menu.options}
        self._outbox.log("session updated", session=self._session_id, keys=keys)

    def _configure(self, config: SessionInForce) -> Menu:
        """Put settings in force, and give what they let the caller choose from."""
        vad, vad_before = (c.audio.input.turn_detection for c in (config, self._config))
        self._config = config
        if vad is not None:
            self._input.turns.settings = vad.settings
        if (vad is None) is not (vad_before is None):
            self._input.turns.reset()
            self._speech_item_id = None
        self._input.audio_format = config.input_format
        menu = build_menu(config.instructions, config.functions)
        self._responder.configure(menu)
        return menu

    def _create_item(self, event: client_events.ItemCreate) -> None:
        entry = entry_from_client(event.item, self._outbox.mint("item"))
        if entry.type == "function_call_output":
            self._conversation.require_call(entry.call_id)
        if entry.role == "assistant" and event.previous_item_id is None:
            self._responder.go_on_behind(" ".join(part.text or "" for part in entry.parts))
        self._conversation.add(entry, event.previous_item_id)
        self._announce(entry)

    def _truncate(self, event: client_events.ItemTruncate) -> None:
        self._conversation.truncate(event.item_id, event.content_index, event.audio_end_ms)
        self._outbox.send(
            events.ItemTruncatedEvent(
                item_id=event.item_id,
                content_index=event.content_index,
                audio_end_ms=event.audio_end_ms,
            )
        )

    def _follow_speech(self, edge: SpeechBegan | SpeechEnded, now_ns: Nanoseconds) -> None:
        vad = self._config.audio.input.turn_detection
        if vad is None:
            return
        item_id = self._speech_item_id = self._speech_item_id or self._outbox.mint("item")
        if isinstance(edge, SpeechBegan):
            start_ms = edge.audio_start_ms
            self._outbox.send(events.SpeechStartedEvent(item_id=item_id, audio_start_ms=start_ms))
            if vad.interrupt_response:
                self._responder.interrupt()
                if self._playout is not None:
                    self._playout.clear(now_ns)
        else:
            stopped = events.SpeechStoppedEvent(item_id=item_id, audio_end_ms=edge.audio_end_ms)
            self._outbox.send(stopped)
            self._commit(now_ns, answer=vad.create_response)

    def _commit(self, now_ns: Nanoseconds, *, answer: bool) -> None:
        """Turn the caller's audio into an item; its transcript comes after the answer's start."""
        duration_ms = self._input.turn_ms
        heard = self._input.take_turn()
        item_id = self._speech_item_id or self._outbox.mint("item")
        self._speech_item_id = None
        before = self._conversation.last_id
        self._outbox.send(
            events.InputAudioBufferCommitted(previous_item_id=before, item_id=item_id)
        )
        part = Part("input_audio", heard=heard)
        entry = Entry(item_id, "message", role="user", parts=[part])
        self._conversation.add(entry)
        self._announce(entry)
        if answer:
            self._responder.respond_when_free(self._config, now_ns)
        if self._config.audio.input.transcription is not None:
            part.text = heard
            usage = {"type": "duration", "seconds": duration_ms / 1_000}
            completed = TranscriptionCompleted(
                item_id=item_id, content_index=0, transcript=heard, usage=usage
            )
            self._outbox.send(completed)

    def _announce(self, entry: Entry) -> None:
        """Say that an item has joined the conversation, complete as it is."""
        item = entry.to_wire()
        self._outbox.send(events.ItemAdded(previous_item_id=entry.previous_id, item=item))
        self._outbox.send(events.ItemDone(previous_item_id=entry.previous_id, item=item))
