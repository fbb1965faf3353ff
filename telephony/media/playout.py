"""Playout of one leg: the items waiting for the caller's ear, and the packet that each tick takes.

States and inputs (`PlayoutState`): PLAYING takes audio; PAUSED sends silence and keeps the queue
(reversible barge-in); HELD sends nothing and keeps the queue (the caller cannot hear). Hold counts
more than pause: a leg on hold is HELD whatever else is asked, and returns to the state it would
have without the hold.

The queue holds the leg's own format, converted once on arrival; a tick only slices.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum

from telephony.media.ledger import ItemKey, Ledger, LedgerRow, RowKind
from telephony.units import Nanoseconds, RtpTimestamp, SampleCount
from telephony_codecs import AudioFormat, fade_out

__all__ = ["ItemAudio", "Playout", "PlayoutState"]

QUEUE_SECONDS = 600
"""A server may send a whole answer at once; ten minutes of it is a fault, not an answer."""
FADE_MS = 5
"""Length of the ramp at a flush: short enough to stop at once, long enough not to click."""
ZERO = SampleCount(0)
CUT_KEYS = 64
"""Items remembered as cut, so that their late audio is refused."""


class PlayoutState(Enum):
    """What a tick does with the queue."""

    PLAYING = "playing"
    PAUSED = "paused"
    HELD = "held"


@dataclass(slots=True, eq=False)
class ItemAudio:
    """One item's audio: how much came, how much left our socket."""

    key: ItemKey
    response_id: str
    received_samples: SampleCount = ZERO
    """At the leg's rate."""
    sent_samples: SampleCount = ZERO
    """At the leg's rate, the fade included: the caller will hear them."""
    is_finished: bool = False
    """The server has said that no more audio comes."""

    @property
    def is_heard_whole(self) -> bool:
        """Whether all of it was sent, so that nothing is left to cut."""
        return self.is_finished and self.sent_samples >= self.received_samples


@dataclass(slots=True)
class _Chunk:
    item: ItemAudio | None
    audio: bytes


@dataclass(slots=True)
class Playout:
    """The queue of one leg.

    Args:
        audio_format: The leg's format; the queue, the packets and all counts are in it.
        ledger: Takes one row per packet, or per part of one.
    """

    audio_format: AudioFormat
    ledger: Ledger
    underruns: int = 0
    """Packets that item audio should have filled and did not."""
    refused_samples: int = 0
    """Audio that came for an item already cut, or beyond the queue's limit."""
    _chunks: deque[_Chunk] = field(default_factory=deque[_Chunk])
    _cursor: int = 0
    _queued: int = 0
    _items: dict[ItemKey, ItemAudio] = field(default_factory=dict[ItemKey, ItemAudio])
    _cut: dict[ItemKey, None] = field(default_factory=dict[ItemKey, None])
    _fade: bytes = b""
    _fade_item: ItemAudio | None = None
    _paused: bool = False
    _held: bool = False
    _speaking: ItemAudio | None = None

    @property
    def state(self) -> PlayoutState:
        """What the next tick does."""
        if self._held:
            return PlayoutState.HELD
        return PlayoutState.PAUSED if self._paused else PlayoutState.PLAYING

    @property
    def queued_samples(self) -> int:
        """Samples that wait to be sent."""
        return self._queued // self.audio_format.octets_per_sample

    @property
    def is_drained(self) -> bool:
        """Whether everything that came was sent and no item is still to come."""
        return not self._queued and all(item.is_heard_whole for item in self._items.values())

    def pause(self) -> None:
        """Send silence and keep the queue."""
        self._paused = True

    def resume(self) -> None:
        """Go on where `pause` stopped."""
        self._paused = False

    def hold(self) -> None:
        """Freeze: the caller has put us on hold and hears nothing."""
        self._held = True

    def unhold(self) -> None:
        """Go on after a hold."""
        self._held = False

    def add(self, key: ItemKey, response_id: str, audio: bytes) -> bool:
        """Queue some of an item's audio, in the leg's format.

        Returns:
            False when it was refused: the item was cut, or the queue holds ten minutes.
        """
        samples = len(audio) // self.audio_format.octets_per_sample
        limit = QUEUE_SECONDS * self.audio_format.rate_hz * self.audio_format.octets_per_sample
        if key in self._cut or self._queued + len(audio) > limit:
            self.refused_samples += samples
            return key in self._cut
        item = self._items.get(key)
        if item is None:
            item = self._items[key] = ItemAudio(key, response_id)
        item.received_samples = SampleCount(item.received_samples + samples)
        self._push(_Chunk(item, audio))
        return True

    def add_prompt(self, audio: bytes) -> None:
        """Queue audio of our own, such as an apology; it belongs to no item."""
        self._push(_Chunk(None, audio))

    def _push(self, chunk: _Chunk) -> None:
        if chunk.audio:
            self._chunks.append(chunk)
            self._queued += len(chunk.audio)

    def finish(self, key: ItemKey) -> None:
        """Note that no more audio comes for an item."""
        item = self._items.get(key)
        if item is not None:
            item.is_finished = True
            self._forget_if_heard(item)

    def finish_response(self, response_id: str) -> None:
        """Note that a response has ended, with all of its items."""
        for item in [item for item in self._items.values() if item.response_id == response_id]:
            self.finish(item.key)

    def _forget_if_heard(self, item: ItemAudio) -> None:
        if item.is_heard_whole:
            self._items.pop(item.key, None)
            if self._speaking is item:
                self._speaking = None

    def unheard(self) -> list[ItemAudio]:
        """Give the items of which something is still to be sent or to come, oldest first."""
        return list(self._items.values())

    def flush(self) -> list[ItemAudio]:
        """Drop all that waits, but for up to 5 ms of the item being spoken, ramped to zero.

        The ramp goes out with the next tick and counts as sent already.

        Returns:
            Every item that is now cut, oldest first, with its final `sent_samples`.
        """
        self._arm_fade()
        cut = list(self._items.values())
        for item in cut:
            self._cut[item.key] = None
        while len(self._cut) > CUT_KEYS:
            del self._cut[next(iter(self._cut))]
        self._items.clear()
        self._chunks.clear()
        self._cursor = 0
        self._queued = 0
        self._speaking = None
        return cut

    def _arm_fade(self) -> None:
        front = self._chunks[0] if self._chunks else None
        if front is None or front.item is None or front.item is not self._speaking:
            return
        if self.state is not PlayoutState.PLAYING:
            return
        octets_per_sample = self.audio_format.octets_per_sample
        octets = FADE_MS * self.audio_format.rate_hz // 1000 * octets_per_sample
        audio = front.audio[self._cursor : self._cursor + octets]
        self._fade = fade_out(audio, self.audio_format)
        self._fade_item = front.item
        front.item.sent_samples = SampleCount(
            front.item.sent_samples + len(audio) // octets_per_sample
        )

    def take(self, samples: int, rtp_timestamp: RtpTimestamp, now_ns: Nanoseconds) -> bytes | None:
        """Give the payload of one packet and write its ledger row.

        Args:
            samples: Length of the packet at the leg's rate.
            rtp_timestamp: The packet's.
            now_ns: The time at which it is handed to the kernel.

        Returns:
            A payload of exactly that length, or None while the leg is held.
        """
        octets = samples * self.audio_format.octets_per_sample
        if not self._held and not self._paused and self._chunks and not self._fade:
            front = self._chunks[0]
            end = self._cursor + octets
            if end < len(front.audio) and front.item is not None:
                payload = front.audio[self._cursor : end]
                self._cursor = end
                self._queued -= octets
                self._note(front.item, samples, rtp_timestamp, now_ns)
                return payload
        return self._take_slowly(octets, rtp_timestamp, now_ns)

    def _note(
        self, item: ItemAudio, samples: int, rtp_timestamp: RtpTimestamp, now_ns: Nanoseconds
    ) -> None:
        sent = item.sent_samples
        self.ledger.append(LedgerRow(rtp_timestamp, now_ns, item.key, sent, samples, RowKind.AUDIO))
        item.sent_samples = SampleCount(sent + samples)
        self._speaking = item

    def _take_slowly(
        self, octets: int, rtp_timestamp: RtpTimestamp, now_ns: Nanoseconds
    ) -> bytes | None:
        if self._held:
            self._note_other(octets, rtp_timestamp, now_ns, RowKind.HOLD)
            return None
        parts: list[bytes] = []
        missing = octets
        if self._fade:
            parts.append(self._take_fade(rtp_timestamp, now_ns))
            missing -= len(parts[0])
        elif not self._paused:
            while missing and self._chunks:
                parts.append(self._take_part(missing, rtp_timestamp, now_ns))
                missing -= len(parts[-1])
        if missing:
            kind = self._kind_of_nothing()
            self._note_other(missing, rtp_timestamp, now_ns, kind)
            parts.append(self.audio_format.silence(missing // self.audio_format.octets_per_sample))
        return b"".join(parts)

    def _take_part(self, octets: int, rtp_timestamp: RtpTimestamp, now_ns: Nanoseconds) -> bytes:
        front = self._chunks[0]
        part = front.audio[self._cursor : self._cursor + octets]
        self._cursor += len(part)
        self._queued -= len(part)
        if self._cursor >= len(front.audio):
            self._chunks.popleft()
            self._cursor = 0
        if front.item is None:
            self._note_other(len(part), rtp_timestamp, now_ns, RowKind.PROMPT)
        else:
            samples = len(part) // self.audio_format.octets_per_sample
            self._note(front.item, samples, rtp_timestamp, now_ns)
            self._forget_if_heard(front.item)
        return part

    def _take_fade(self, rtp_timestamp: RtpTimestamp, now_ns: Nanoseconds) -> bytes:
        fade, item = self._fade, self._fade_item
        self._fade, self._fade_item = b"", None
        if item is not None:
            samples = len(fade) // self.audio_format.octets_per_sample
            offset = SampleCount(item.sent_samples - samples)
            self.ledger.append(
                LedgerRow(rtp_timestamp, now_ns, item.key, offset, samples, RowKind.AUDIO)
            )
        return fade

    def _kind_of_nothing(self) -> RowKind:
        if self._paused or not self._items:
            return RowKind.SILENCE
        self.underruns += 1
        return RowKind.UNDERRUN

    def _note_other(
        self, octets: int, rtp_timestamp: RtpTimestamp, now_ns: Nanoseconds, kind: RowKind
    ) -> None:
        samples = octets // self.audio_format.octets_per_sample
        self.ledger.append(LedgerRow(rtp_timestamp, now_ns, None, ZERO, samples, kind))
        self._speaking = None

    def skip(self, samples: int, rtp_timestamp: RtpTimestamp, now_ns: Nanoseconds) -> None:
        """Note that a digit took this packet's place; the queue waits."""
        octets = samples * self.audio_format.octets_per_sample
        self._note_other(octets, rtp_timestamp, now_ns, RowKind.DIGIT)
