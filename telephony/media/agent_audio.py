"""The agent's side of a leg: the session's audio into the playout, the caller's into the session.

It holds the converters of both directions (none where session and leg speak the same law) and
carries out an interruption: flush, then the commands that the session must be told.
"""

from collections.abc import Callable
from dataclasses import dataclass

from telephony.media.convert import Converter, audio_format_of, converter
from telephony.media.interruption import Interruption, TruncateAt, interrupt
from telephony.media.ledger import ItemKey, Position
from telephony.media.playout import ZERO, ItemAudio
from telephony.media.rtp_port import RtpPort
from telephony.voice import AudioFinished, AudioReceived, VoiceCommand, VoiceFormat

__all__ = ["AgentAudio", "Interrupted"]

MS_PER_SECOND = 1000


@dataclass(frozen=True, slots=True)
class Interrupted:
    """What an interruption did."""

    epoch: int
    """Of the session that is told."""
    cut: list[ItemAudio]
    """Of this and of older sessions, oldest first, with their final counts at the leg's rate."""
    commands: list[VoiceCommand]
    """For the session, in this order."""


class AgentAudio:
    """One leg and one voice session.

    Args:
        port: The leg's.
        append: Takes the caller's audio in the session's format, once it is granted.

    Attributes:
        epoch: Counts the sessions of a call from 0.
        active_response_id: The response under way, if any.
        has_overflowed: Whether the queue was full in this response; kept for the caller.
    """

    def __init__(self, port: RtpPort, append: Callable[[bytes], None]) -> None:
        """Pass nothing up until `grant`; nothing more comes of an older session's items."""
        self.epoch = 0
        self.active_response_id: str | None = None
        self.has_overflowed = False
        self._port = port
        self._append = append
        self._formats: tuple[VoiceFormat, VoiceFormat] | None = None
        self._first_sample = 0  # of the session's, in the uplink's count
        self._up: Converter | None = None
        self._down: Converter | None = None
        self._down_key: ItemKey | None = None
        self._down_response_id = ""
        port.playout.finish_all()

    def grant(
        self, input_format: VoiceFormat, output_format: VoiceFormat, *, kept_samples: int = 0
    ) -> None:
        """Begin, or go on, in the formats that the session granted.

        Args:
            input_format: Of what it takes.
            output_format: Of what it gives.
            kept_samples: Of the caller's audio before this, at the leg's rate, that the session
                will be given first.
        """
        if self._formats == (input_format, output_format):
            return
        if self._formats is None:
            self._first_sample = self._port.uplink.appended - kept_samples
        self._formats = (input_format, output_format)
        self._end_of_item()
        leg = self._port.audio_format
        self._up = converter(leg, audio_format_of(input_format))
        self._down = converter(audio_format_of(output_format), leg)

    def samples_since(self, audio_ms: int) -> int:
        """Say how much of the caller's audio came after a place in what the session was given."""
        port = self._port
        offset = self._first_sample + audio_ms * port.audio_format.rate_hz // MS_PER_SECOND
        return max(0, port.uplink.appended - offset)

    def convert_kept(self, octets: bytes) -> bytes:
        """Turn audio in the leg's format, ahead of what comes live, into the session's."""
        return octets if self._up is None else self._up.convert(octets)

    def leave(self) -> None:
        """Learn that nothing more comes of the session; what is queued goes on playing."""
        self._end_of_item()
        self._port.playout.finish_all()

    def handle_uplink(self, octets: bytes) -> None:
        """Take the caller's audio in the leg's format."""
        if self._formats is None:
            return
        if self._up is None:
            self._append(octets)
        elif converted := self._up.convert(octets):
            self._append(converted)

    def handle_audio(self, received: AudioReceived) -> bool:
        """Queue some of an item's audio.

        Returns:
            False when the queue is full: the response should be cancelled.
        """
        key = ItemKey(self.epoch, received.item_id, received.content_index)
        playout = self._port.playout
        octets = received.audio
        if self._down is not None and not playout.is_refused(key):
            if key != self._down_key:
                self._end_of_item()
            self._down_key, self._down_response_id = key, received.response_id
            octets = self._down.convert(octets)
        return playout.add(key, received.response_id, octets)

    def handle_audio_finished(self, finished: AudioFinished) -> None:
        """Note the end of an item."""
        key = ItemKey(self.epoch, finished.item_id, finished.content_index)
        if key == self._down_key:
            self._end_of_item()
        self._port.playout.finish(key)

    def handle_response_finished(self, response_id: str) -> None:
        """Note the end of a response."""
        if self.active_response_id == response_id:
            self.active_response_id = None
        if self._down_response_id == response_id:
            self._end_of_item()
        self._port.playout.finish_response(response_id)

    def _end_of_item(self) -> None:
        """Queue what the filter still holds of the item that it is converting."""
        key, self._down_key = self._down_key, None
        if self._down is not None and key is not None:
            self._port.playout.add(key, self._down_response_id, self._down.flush())

    def interrupt(
        self,
        *,
        audio_start_ms: int | None = None,
        truncate_at: TruncateAt = "sent",
        response_id: str | None = None,
        cancels: bool = True,
    ) -> Interrupted:
        """Stop the agent's words at once.

        Args:
            audio_start_ms: Onset of the caller's speech in the appended audio, where known.
            truncate_at: Whether the memory is cut at what was sent, or at what had been heard.
            response_id: Only this response's words; None all.
            cancels: Whether the response under way is cancelled, too, if it is meant.
        """
        if self._down is not None and response_id in (None, self._down_response_id):
            self._down.reset()
            self._down_key = None
        cut = self._port.playout.flush(response_id)
        cancelled = None
        if cancels and response_id in (None, self.active_response_id):
            cancelled, self.active_response_id = self.active_response_id, None
        reacted = None
        if truncate_at == "reacted" and audio_start_ms is not None and cut:
            reacted = self._reacted(audio_start_ms, cut[0].key)
        commands = interrupt(
            Interruption(
                cut=cut,
                rate_hz=self._port.audio_format.rate_hz,
                epoch=self.epoch,
                active_response_id=cancelled,
                begun=self._port.playout.begun_items(self.epoch),
                reacted=reacted,
            )
        )
        return Interrupted(self.epoch, cut, commands)

    def _reacted(self, audio_start_ms: int, first: ItemKey) -> Position | None:
        """Say what the caller heard when they began to speak; None where that is not known.

        Args:
            audio_start_ms: Onset of their speech, in what this session was given.
            first: The oldest item now cut: where nothing was heard yet, its beginning is the place.
        """
        port = self._port
        at_ns = port.uplink.instant_of(port.uplink.appended - self.samples_since(audio_start_ms))
        if at_ns is None:
            return None
        return port.ledger.playing(at_ns, port.far_delay_ns) or Position(first, ZERO)
