"""The agent's side of a leg: the session's audio into the playout, the caller's into the session.

It holds the converters of both directions (none where session and leg speak the same law) and
carries out an interruption: flush, then the commands that the session must be told.
"""

from collections.abc import Callable
from dataclasses import dataclass

from telephony.media.convert import Converter, audio_format_of, converter
from telephony.media.interruption import Interruption, TruncateAt, interrupt
from telephony.media.ledger import ItemKey
from telephony.media.playout import ItemAudio
from telephony.media.rtp_port import RtpPort
from telephony.units import NS_PER_MS, Nanoseconds
from telephony.voice import AudioFinished, AudioReceived, VoiceCommand, VoiceFormat

__all__ = ["AgentAudio", "Interrupted"]

FAR_DELAY_NS = Nanoseconds(40 * NS_PER_MS)
"""What a listener is behind our socket, where nothing better is known; for `reacted` only."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """What an interruption did."""

    cut: list[ItemAudio]
    """Oldest first, with their final counts at the leg's rate."""
    commands: list[VoiceCommand]
    """For the session, in this order."""


class AgentAudio:
    """One leg and one voice session.

    Args:
        port: The leg's.
        append: Takes the caller's audio in the session's format, once it is granted.
    """

    def __init__(self, port: RtpPort, append: Callable[[bytes], None]) -> None:
        """Pass nothing up until `grant`."""
        self._port = port
        self._append = append
        self._up: Converter | None = None
        self._down: Converter | None = None
        self._is_granted = False
        self._down_key: ItemKey | None = None
        self.epoch = 0
        self.active_response_id: str | None = None
        self.has_overflowed = False

    @property
    def is_granted(self) -> bool:
        """Whether the session has said which formats it takes and gives."""
        return self._is_granted

    def grant(self, input_format: VoiceFormat, output_format: VoiceFormat) -> None:
        """Begin, or go on, in the formats that the session granted."""
        leg = self._port.settings.audio_format
        self._up = converter(leg, audio_format_of(input_format))
        self._down = converter(audio_format_of(output_format), leg)
        self._is_granted = True

    def handle_uplink(self, octets: bytes) -> None:
        """Take the caller's audio in the leg's format."""
        if not self._is_granted:
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
        octets = received.audio
        if self._down is not None:
            if self._down_key is not None and self._down_key != key:
                self._end_of_item(self._down_key, received.response_id)
            self._down_key = key
            octets = self._down.convert(octets)
        return self._port.playout.add(key, received.response_id, octets)

    def handle_audio_finished(self, finished: AudioFinished) -> None:
        """Note the end of an item."""
        key = ItemKey(self.epoch, finished.item_id, finished.content_index)
        if key == self._down_key:
            self._end_of_item(key, finished.response_id)
        self._port.playout.finish(key)

    def _end_of_item(self, key: ItemKey, response_id: str) -> None:
        self._down_key = None
        if self._down is not None and (tail := self._down.flush()):
            self._port.playout.add(key, response_id, tail)

    def handle_response_finished(self, response_id: str) -> None:
        """Note the end of a response."""
        if self.active_response_id == response_id:
            self.active_response_id = None
        if self._down_key is not None:
            self._end_of_item(self._down_key, response_id)
        self._port.playout.finish_response(response_id)

    def interrupt(
        self, *, audio_start_ms: int | None = None, truncate_at: TruncateAt = "sent"
    ) -> Interrupted:
        """Stop the agent's words at once.

        Args:
            audio_start_ms: Onset of the caller's speech in the appended audio, where known.
            truncate_at: Whether the memory is cut at what was sent, or at what had been heard.
        """
        port = self._port
        reacted = None
        if truncate_at == "reacted" and audio_start_ms is not None:
            at_ns = port.uplink.reacted_at(audio_start_ms, port.settings.audio_format.rate_hz)
            reacted = port.ledger.playing(at_ns, FAR_DELAY_NS) if at_ns is not None else None
        if self._down is not None:
            self._down.reset()
            self._down_key = None
        cut = port.playout.flush()
        commands = interrupt(
            Interruption(
                cut=cut,
                rate_hz=port.settings.audio_format.rate_hz,
                epoch=self.epoch,
                active_response_id=self.active_response_id,
                truncate_at=truncate_at,
                reacted=reacted,
            )
        )
        self.active_response_id = None
        return Interrupted(cut, commands)
