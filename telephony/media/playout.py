"""Playout of one leg: the items waiting for the caller's ear, and the packet that each tick takes.

The queue holds the leg's own format, converted once on arrival; a tick only slices. What state the
playout is in, and what each input does, stands in `playout_state`.
"""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from telephony.media.ledger import ItemKey, Ledger, RowKind
from telephony.media.playout_state import PlayoutAction, PlayoutInput, PlayoutState, advance
from telephony.units import Nanoseconds, RtpTimestamp, SampleCount, samples_to_ns
from telephony_codecs import AudioFormat, fade_out

__all__ = ["ItemAudio", "Playout"]

QUEUE_SECONDS = 600
"""A server may send a whole answer at once; ten minutes of it is a fault, not an answer."""
RAMP_MS = 5
"""Length of the ramp at a flush: short enough to stop at once, long enough not to click."""
REFUSED_KEYS = 64
"""Items remembered as cut or over, so that their late audio is refused."""
ZERO = SampleCount(0)

_PLAYING = PlayoutState.PLAYING


@dataclass(slots=True, eq=False)
class ItemAudio:
    """One item's audio: how much came, how much left our socket."""

    key: ItemKey
    response_id: str
    received_samples: SampleCount = ZERO
    """At the leg's rate."""
    sent_samples: SampleCount = ZERO
    """At the leg's rate, the ramp included: the caller will hear them.

    Until the flush also those that the kernel refused.
    """
    is_finished: bool = False
    """The server has said that no more audio comes."""
    unsent: range = range(0)
    """The last samples that the kernel refused, in a row."""

    @property
    def is_heard_whole(self) -> bool:
        """Whether all of it was sent, so that nothing is left to cut."""
        return self.is_finished and self.sent_samples >= self.received_samples

    def take_back(self, offset: int, samples: int) -> None:
        """Note that the kernel refused these samples, the last that were counted as sent."""
        start = self.unsent.start if offset == self.unsent.stop else offset
        self.unsent = range(start, offset + samples)

    def settle(self) -> None:
        """Count as sent what ends with the last sample that left.

        What was refused before that is lost inside of what was heard, as on the wire.
        """
        if self.unsent and self.unsent.stop == self.sent_samples:
            self.sent_samples = SampleCount(self.unsent.start)


class _Chunk(NamedTuple):
    item: ItemAudio | None
    """None for a prompt."""
    audio: bytes
    offset: int
    """Samples of the item before this audio."""
    is_ramp: bool = False
    """What a flush lets go out; it counts as sent already."""


class _Part(NamedTuple):
    item: ItemAudio | None
    audio: bytes
    offset: int


class Playout:
    """The queue of one leg.

    Args:
        audio_format: The leg's format; the queue, the packets and all counts are in it.
        ledger: Takes one row per packet, or per part of one.

    Attributes:
        state: What the next tick does.
        has_words: Whether something was queued since `is_drained` was last acted upon.
        underruns: Packets that item audio should have filled and did not.
        refused_samples: Audio for an item already cut or over, or beyond the queue's limit.
    """

    __slots__ = (
        "_chunks",
        "_cursor",
        "_format",
        "_items",
        "_ledger",
        "_octets_per_sample",
        "_queued",
        "_refused",
        "has_words",
        "refused_samples",
        "state",
        "underruns",
    )

    def __init__(self, audio_format: AudioFormat, ledger: Ledger) -> None:
        """Start with nothing to say."""
        self.state = _PLAYING
        self.has_words = False
        self.underruns = 0
        self.refused_samples = 0
        self._format = audio_format
        self._octets_per_sample = audio_format.octets_per_sample
        self._ledger = ledger
        self._chunks: deque[_Chunk] = deque()
        self._cursor = 0  # octets taken of the first chunk
        self._queued = 0  # octets not taken of all
        self._items: dict[ItemKey, ItemAudio] = {}
        self._refused: dict[ItemKey, bool] = {}  # and whether some of it was sent

    @property
    def queued_samples(self) -> int:
        """Samples that wait to be sent."""
        return self._queued // self._octets_per_sample

    @property
    def items(self) -> tuple[ItemAudio, ...]:
        """Those of which something waits, or may still come, oldest first."""
        return tuple(self._items.values())

    @property
    def is_drained(self) -> bool:
        """Whether everything that came was sent and no item is still to come."""
        return not self._queued and not self._items

    @property
    def is_held(self) -> bool:
        """Whether nothing may be sent."""
        return self.state is PlayoutState.HELD or self.state is PlayoutState.HELD_PAUSED

    def _change(self, what: PlayoutInput) -> tuple[PlayoutAction, ...]:
        self.state, actions = advance(self.state, what)
        return actions

    def pause(self) -> None:
        """Send silence and keep the queue.

        Raises:
            LocalError: It is paused already; our caller is at fault.
        """
        self._change(PlayoutInput.PAUSE)

    def resume(self) -> None:
        """Go on where `pause` stopped.

        Raises:
            LocalError: It is not paused, or a flush has ended the pause; our caller is at fault.
        """
        self._change(PlayoutInput.RESUME)

    def hold(self) -> None:
        """Freeze: the far end hears nothing."""
        self._change(PlayoutInput.HOLD)

    def unhold(self) -> None:
        """Go on after a hold."""
        self._change(PlayoutInput.UNHOLD)

    def add(self, key: ItemKey, response_id: str, audio: bytes) -> bool:
        """Queue some of an item's audio, in the leg's format.

        Returns:
            False when the queue is full: the item's audio, and what still comes of it, is refused.
            Audio of an item that is refused already is dropped and counted, and True.
        """
        samples = len(audio) // self._octets_per_sample
        if key in self._refused:
            self.refused_samples += samples
            return True
        if not self._has_room_for(audio):
            self.refused_samples += samples
            self._remember(key, was_begun=False)
            self.finish(key)
            return False
        item = self._items.get(key)
        if item is None:
            item = self._items[key] = ItemAudio(key, response_id)
        self._push(_Chunk(item, audio, item.received_samples))
        item.received_samples = SampleCount(item.received_samples + samples)
        return True

    def add_prompt(self, audio: bytes) -> bool:
        """Queue audio of our own, such as an apology; it belongs to no item.

        Returns:
            False when the queue is full.
        """
        if not self._has_room_for(audio):
            return False
        self._push(_Chunk(None, audio, 0))
        return True

    def _has_room_for(self, audio: bytes) -> bool:
        limit = QUEUE_SECONDS * self._format.rate_hz * self._octets_per_sample
        return self._queued + len(audio) <= limit

    def _push(self, chunk: _Chunk) -> None:
        self.has_words = True
        if chunk.audio:
            self._chunks.append(chunk)
            self._queued += len(chunk.audio)

    def _remember(self, key: ItemKey, *, was_begun: bool) -> None:
        self._refused[key] = was_begun
        if len(self._refused) > REFUSED_KEYS:
            del self._refused[next(iter(self._refused))]

    def is_refused(self, key: ItemKey) -> bool:
        """Say whether audio of this item is refused."""
        return key in self._refused

    def begun_items(self, epoch: int) -> set[str]:
        """Give a session's items that are cut or over, and of which some part was sent."""
        return {key.item_id for key, begun in self._refused.items() if begun and key.epoch == epoch}

    def finish(self, key: ItemKey) -> None:
        """Note that no more audio comes for an item."""
        item = self._items.get(key)
        if item is not None:
            item.is_finished = True
            self._forget_if_heard(item)

    def finish_response(self, response_id: str) -> None:
        """Note that a response has ended, with all of its items."""
        for item in tuple(self._items.values()):
            if item.response_id == response_id:
                self.finish(item.key)

    def finish_all(self) -> None:
        """Note that the session is gone: nothing more comes of any item."""
        for key in tuple(self._items):
            self.finish(key)

    def _forget_if_heard(self, item: ItemAudio) -> None:
        if item.is_heard_whole:
            self._items.pop(item.key, None)
            self._remember(item.key, was_begun=item.sent_samples > 0)

    def flush(self, response_id: str | None = None) -> list[ItemAudio]:
        """Drop all that waits, but for up to 5 ms of what is being spoken, ramped to zero.

        The ramp goes out with the next tick and counts as sent already.

        Args:
            response_id: Only this response's items; the others, and prompts, wait on.

        Returns:
            Every item that is now cut, oldest first, with its final `sent_samples`.
        """
        actions = self._change(PlayoutInput.FLUSH)
        cut = [one for one in self._items.values() if response_id in (None, one.response_id)]
        ramp = None
        if response_id is None or (self._chunks and self._chunks[0].item in cut):
            ramp = self._ramp(may_start=PlayoutAction.RAMP in actions)
            self._cursor = 0
        kept = () if response_id is None else tuple(self._chunks)
        self._chunks = deque(chunk for chunk in kept if chunk.item not in cut)
        self._queued = sum(len(chunk.audio) for chunk in self._chunks) - self._cursor
        for item in cut:
            item.settle()
            del self._items[item.key]
            self._remember(item.key, was_begun=item.sent_samples > 0)
        if ramp is not None and ramp.audio:
            self.has_words = True
            self._chunks.appendleft(ramp)
            self._queued += len(ramp.audio)
        return cut

    def _ramp(self, *, may_start: bool) -> _Chunk | None:
        """Give what may still go out: an earlier flush's ramp, or one of what is being spoken.

        What did not end the last packet is not being spoken, and needs no ramp.
        """
        front = self._chunks[0] if self._chunks else None
        if front is None or front.is_ramp:
            return front
        item = front.item
        spoken = RowKind.PROMPT if item is None else item.key
        if not may_start or self._ledger.last != spoken:
            return None
        parts: list[_Part] = []
        missing = self._format.octets_of_ms(RAMP_MS)
        while missing and self._chunks and self._chunks[0].item is item:
            parts.append(self._pop(missing))
            missing -= len(parts[-1].audio)
        audio = fade_out(b"".join(part.audio for part in parts), self._format)
        if item is not None:
            item.sent_samples = SampleCount(item.sent_samples + self._format.samples(len(audio)))
        return _Chunk(item, audio, parts[0].offset, is_ramp=True)

    def take(self, samples: int, rtp_timestamp: RtpTimestamp, now_ns: Nanoseconds) -> bytes | None:
        """Give the payload of one packet and write its ledger row.

        Args:
            samples: Length of the packet at the leg's rate.
            rtp_timestamp: The packet's.
            now_ns: The time at which it is handed to the kernel.

        Returns:
            A payload of exactly that length, or None while the leg is held.
        """
        octets = samples * self._octets_per_sample
        if self._chunks and self.state is _PLAYING:
            item, audio, _, _ = self._chunks[0]
            end = self._cursor + octets
            if item is not None and end < len(audio):
                sent = item.sent_samples
                payload = audio[self._cursor : end]
                self._cursor = end
                self._queued -= octets
                self._ledger.append(rtp_timestamp, now_ns, item.key, sent, samples)
                item.sent_samples = SampleCount(sent + samples)
                return payload
        return self._take_slowly(octets, rtp_timestamp, now_ns)

    def _take_slowly(
        self, octets: int, rtp_timestamp: RtpTimestamp, now_ns: Nanoseconds
    ) -> bytes | None:
        """Give a packet that needs more than a slice of one chunk."""
        if self.is_held:
            samples = self._format.samples(octets)
            self._ledger.append(rtp_timestamp, now_ns, RowKind.HOLD, 0, samples)
            return None
        parts: list[bytes] = []
        missing = octets
        while missing and self._chunks and self.state is _PLAYING:
            part = self._pop(missing)
            self._note(part, rtp_timestamp, self._later(now_ns, octets - missing))
            parts.append(part.audio)
            missing -= len(part.audio)
        if missing:
            at_ns = self._later(now_ns, octets - missing)
            samples = self._format.samples(missing)
            self._ledger.append(rtp_timestamp, at_ns, self._kind_of_nothing(), 0, samples)
            parts.append(self._format.silence(samples))
        return b"".join(parts)

    def _pop(self, octets: int) -> _Part:
        """Take up to so many octets off the first chunk."""
        item, audio, offset, _ = self._chunks[0]
        start = self._cursor
        part = audio[start : start + octets]
        self._queued -= len(part)
        self._cursor += len(part)
        if self._cursor == len(audio):
            self._chunks.popleft()
            self._cursor = 0
        return _Part(item, part, offset + self._format.samples(start))

    def _note(self, part: _Part, rtp_timestamp: RtpTimestamp, at_ns: Nanoseconds) -> None:
        item, audio, offset = part
        samples = self._format.samples(len(audio))
        if item is None:
            self._ledger.append(rtp_timestamp, at_ns, RowKind.PROMPT, 0, samples)
            return
        self._ledger.append(rtp_timestamp, at_ns, item.key, offset, samples)
        item.sent_samples = SampleCount(offset + samples)
        self._forget_if_heard(item)

    def _later(self, now_ns: Nanoseconds, octets: int) -> Nanoseconds:
        """Give the time at which the part behind so many octets of a packet begins."""
        return Nanoseconds(
            now_ns + samples_to_ns(self._format.samples(octets), self._format.rate_hz)
        )

    def _kind_of_nothing(self) -> RowKind:
        if self.state is not _PLAYING or not self._items:
            return RowKind.SILENCE
        self.underruns += 1
        return RowKind.UNDERRUN

    def handle_unsent(self) -> None:
        """Learn that the kernel refused the last packet.

        The items in it are cut before it, should nothing more of them leave. One that was over with
        that packet stays as it was: no interruption will touch it.
        """
        for row in self._ledger.revoke():
            item = self._items.get(row.key) if row.key is not None else None
            if item is not None:
                item.take_back(row.offset, row.samples)

    def yield_to_digit(
        self, samples: int, rtp_timestamp: RtpTimestamp, now_ns: Nanoseconds
    ) -> None:
        """Note that a digit took this packet's place; the queue waits."""
        self._ledger.append(rtp_timestamp, now_ns, RowKind.DIGIT, 0, samples)
