"""What is said in a session: the model's audio and words, and the caller's words."""

from collections.abc import Callable
from dataclasses import dataclass

from telephony.realtime import events
from telephony.realtime.audio_messages import BadAudioError, SampleAligner, decode_audio
from telephony.realtime.known_ids import KnownIds
from telephony.realtime.late_audio import CutAudio
from telephony.realtime.outcomes import shown
from telephony.realtime.recent import Recent
from telephony.voice import (
    AgentTranscribed,
    AudioFinished,
    AudioReceived,
    CallerTranscribed,
    ItemCameLate,
    VoiceErrorReceived,
    VoiceEvent,
    VoiceFormat,
)

__all__ = ["Content", "SessionCounters"]

MAX_TRANSCRIPTS = 16
"""Caller's items whose transcript may be under way at once."""
MAX_TRANSCRIPT_CHARACTERS = 16_384


@dataclass(slots=True)
class SessionCounters:
    """What happened in a session that is worth a figure; each only grows."""

    messages: int = 0
    audio_deltas: int = 0
    late_deltas: int = 0
    """Audio not passed on, as its item or response had been cut."""
    bad_audio: int = 0
    unknown_audio: int = 0
    """Audio of a response that never began; it is passed on."""
    audio_after_done: int = 0
    """Audio of a response that had ended; it is passed on, and heard while that is."""
    reused_ids: int = 0
    """Responses, items and function calls that began under an id which another had before."""
    other_formats: int = 0
    """Times that the server granted other formats than it was asked for."""
    unanswered_responses: int = 0
    """Requests for a response that the server neither answered nor refused."""
    malformed: int = 0
    unknown: int = 0
    errors: int = 0
    harmless_errors: int = 0
    format_fallbacks: int = 0
    """Times that the server refused G.711 and was asked for PCM16 instead: 0 or 1."""
    audio_withheld: int = 0
    """Appends, commits and clears that a session was not sent, as its call's audio is not ours."""


class Content:
    """Turns the protocol's events about what is said into the port's.

    Attributes:
        cut: What of the model's audio comes too late to be played.
        ids: What the server's ids stand for.
        output_format: What the model's audio is in.
        has_spoken: Whether any of it has come.
    """

    def __init__(self, counters: SessionCounters, emit: Callable[[VoiceEvent], None]) -> None:
        """Begin before anything was said; tell `emit` of each event."""
        self.cut = CutAudio()
        self.ids = KnownIds()
        self.output_format = VoiceFormat.PCM
        self.has_spoken = False
        self._counters = counters
        self._emit = emit
        self._aligner = SampleAligner()
        self._told: set[str] = set()
        self._caller_said: Recent[str, str] = Recent(MAX_TRANSCRIPTS)

    def handle(self, event: events.ServerEvent) -> bool:
        """Take an event about what is said; tell whether it was one."""
        match event:
            case events.AudioDelta():
                self._take_unusual_audio(event)
            case events.AudioDone():
                if not self.cut.is_late(event.response_id, event.item_id):
                    self._emit(AudioFinished(event.response_id, event.item_id, event.content_index))
            case events.AudioTranscriptDelta():
                self._agent_said(event, event.delta, is_final=False)
            case events.AudioTranscriptDone():
                self._agent_said(event, event.transcript, is_final=True)
            case events.InputTranscriptionDelta():
                self._caller_says(event.item_id, event.delta or "")
            case events.InputTranscriptionCompleted():
                self._caller_said.pop(event.item_id)
                is_final = event.status != "in_progress"
                self._emit(CallerTranscribed(event.item_id, event.transcript, is_final))
            case events.InputTranscriptionFailed():
                self._caller_said.pop(event.item_id)
                self._counters.errors += 1
                self._emit(VoiceErrorReceived("transcription_failed", shown(event.error.message)))
            case _:
                return False
        return True

    def _caller_says(self, item_id: str, more: str) -> None:
        text = (self._caller_said.get(item_id) or "") + more
        self._caller_said.put(item_id, text[:MAX_TRANSCRIPT_CHARACTERS])
        self._emit(CallerTranscribed(item_id, text[:MAX_TRANSCRIPT_CHARACTERS], is_final=False))

    def _agent_said(
        self,
        event: events.AudioTranscriptDelta | events.AudioTranscriptDone,
        text: str,
        *,
        is_final: bool,
    ) -> None:
        self._emit(
            AgentTranscribed(event.response_id, event.item_id, event.content_index, text, is_final)
        )

    def _take_unusual_audio(self, event: events.AudioDelta) -> None:
        """Take audio that the fast path left to the models."""
        try:
            audio = decode_audio(event.delta)
        except BadAudioError as error:
            self._counters.bad_audio += 1
            self._emit(VoiceErrorReceived("bad_audio", str(error)))
            return
        self.take_audio(AudioReceived(event.response_id, event.item_id, event.content_index, audio))

    def take_audio(self, received: AudioReceived) -> None:
        """Take some audio, from either path, and pass it on unless it comes too late.

        Of an item that only begins then, that much is told: nobody will hear it.
        """
        self._counters.audio_deltas += 1
        self.has_spoken = True
        is_news = not self.ids.goes_on(received.item_id, received.response_id)
        if is_news:
            self.mention_item(received.item_id, received.response_id)
        if self.cut.is_late(received.response_id, received.item_id):
            self._counters.late_deltas += 1
            if not self.cut.is_known(received.item_id):
                self.cut.cut_item(received.item_id)
                self._emit(ItemCameLate(received.response_id, received.item_id))
            return
        if is_news:
            self._check_response(received.response_id)
        if self.output_format is VoiceFormat.PCM:
            received = self._aligner.align(received)
        if received.audio:
            self._emit(received)

    def _check_response(self, response_id: str) -> None:
        """Count audio of a response that has ended, or never began."""
        state = self.ids.state_of(response_id)
        if state == "over":
            self._counters.audio_after_done += 1
            self._tell_once("audio_after_done", "audio of a response that has ended")
        elif state == "unknown":
            self._counters.unknown_audio += 1
            self._tell_once("unknown_response", "audio of no response that began")

    def begin_response(self, response_id: str) -> None:
        """Learn that a response begins, perhaps under the id of another."""
        if self.ids.begin_response(response_id, was_cut=self.cut.is_cut(response_id)):
            self.cut.forget_response(response_id)
            self._note_reuse("response", response_id)

    def mention_item(self, item_id: str, response_id: str) -> None:
        """Learn of an item of a response, perhaps under the id of another."""
        if item_id and self.ids.mention_item(item_id, response_id):
            self.cut.forget_item(item_id)
            self._note_reuse("item", item_id)

    def mention_call(self, call_id: str, response_id: str) -> bool:
        """Learn of a function call of a response; tell whether it has the id of another."""
        is_reused = self.ids.mention_call(call_id, response_id)
        if is_reused:
            self._note_reuse("call", call_id)
        return is_reused

    def _note_reuse(self, kind: str, wire_id: str) -> None:
        self._counters.reused_ids += 1
        self._tell_once("id_reused", f"the {kind} id {shown(wire_id)!r} was used before")

    def _tell_once(self, code: str, text: str) -> None:
        """Tell of the first fault of a kind; the others of the session are counted."""
        if code not in self._told:
            self._told.add(code)
            self._emit(VoiceErrorReceived(code, text))
