"""Finds out what a caller was sent of each item, from the RTP packets that arrived.

Each octet of item audio is found by its position code. After an interruption up to 5 ms of item
audio follow, ramped to zero. They no longer spell the code, but each keeps its sign and falls
towards zero, which is how they are told from anything else. A ramp may end at zero exactly, which
looks like silence; so what was sent is known to one sample.
"""

import bisect
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.support.model_log import SentItem
from tests.support.pcap import Datagram
from tests.support.position_code import FRAME_SAMPLES, Position, linear, locate, whole_item

SAMPLES_PER_MS = 8
FADE_SAMPLES = 5 * SAMPLES_PER_MS
RAMP_TOLERANCE = 0.12
"""How far the gain of a ramp may seem to rise: mu-law steps are a sixteenth of their segment."""
FADED_TO = 0.25
"""A ramp that does not come down to this gain was cut off."""
PCMU = 0
RTCP_TYPES = range(192, 224)
_AUDIBLE = re.compile(rb"[^\x7f\xff]")


class RtpPacket(NamedTuple):
    """One RTP packet as captured.  Source: RFC 3550 section 5.1."""

    time_ns: int
    sequence: int
    timestamp: int
    ssrc: int
    payload_type: int
    payload: bytes


def parse_rtp(datagram: Datagram) -> RtpPacket | None:
    """Read an RTP packet; None for RTCP and for what is neither."""
    octets = datagram.payload
    if len(octets) < 12 or octets[0] >> 6 != 2 or octets[1] in RTCP_TYPES:
        return None
    begin = 12 + 4 * (octets[0] & 0x0F)
    if octets[0] & 0x10:
        begin += 4 + 4 * int.from_bytes(octets[begin + 2 : begin + 4], "big")
    end = len(octets) - (octets[-1] if octets[0] & 0x20 else 0)
    return RtpPacket(
        datagram.time_ns,
        int.from_bytes(octets[2:4], "big"),
        int.from_bytes(octets[4:8], "big"),
        int.from_bytes(octets[8:12], "big"),
        octets[1] & 0x7F,
        octets[begin:end],
    )


@dataclass(slots=True)
class HeardItem:
    """What left of one item.

    Attributes:
        number: The item's number.
        sent: Samples of it that left, from its beginning, those of a fade included.
        faded: How many of these belong to a fade.
        ends_at_zero: Whether one more sample may have left, at zero gain.
        first_ns: When its first packet was captured.
        last_ns: When its last packet was captured.
        breaks: How often other audio or silence came between.
        missing: Samples left out or repeated in between: none may be.
        is_cut_hard: Whether a fade began and did not come down.
    """

    number: int
    sent: int = 0
    faded: int = 0
    ends_at_zero: bool = False
    first_ns: int = 0
    last_ns: int = 0
    breaks: int = 0
    missing: int = 0
    is_cut_hard: bool = False


@dataclass(slots=True)
class Heard:
    """What one far end heard of a call.

    Attributes:
        items: By item number.
        packet_times_ns: When each packet that holds item audio was captured.
        foreign_octets: Octets that are neither silence nor item audio.
        lost_packets: Sequence numbers that are missing in the capture.
        event_packets: Packets of other payload types, such as telephone events.
        max_gap_ns: The longest time between two packets.
    """

    items: dict[int, HeardItem] = field(default_factory=dict[int, HeardItem])
    packet_times_ns: list[int] = field(default_factory=list[int])
    foreign_octets: int = 0
    lost_packets: int = 0
    event_packets: int = 0
    max_gap_ns: int = 0


@dataclass(slots=True)
class _Stretch:
    """Audio without a hole in its RTP timestamps, and where in it each packet begins."""

    octets: bytearray = field(default_factory=bytearray)
    begins: list[int] = field(default_factory=list[int])
    times_ns: list[int] = field(default_factory=list[int])

    def packet_at(self, index: int) -> int:
        return bisect.bisect_right(self.begins, index) - 1


def in_order(packets: Iterable[RtpPacket]) -> list[RtpPacket]:
    """Sort packets by their unwrapped sequence numbers, each once."""
    unwrapped: dict[int, RtpPacket] = {}
    newest = 0
    for packet in packets:
        if not unwrapped:
            newest = packet.sequence
        step = (packet.sequence - newest + 0x8000 & 0xFFFF) - 0x8000
        unwrapped.setdefault(newest + step, packet)
        newest = max(newest, newest + step)
    return [unwrapped[sequence] for sequence in sorted(unwrapped)]


def hear(packets: Iterable[RtpPacket], items: Sequence[SentItem]) -> Heard:
    """Find out what was sent of each item.

    Args:
        packets: One RTP stream, in any order.
        items: The items that the model sent in this call, in their order.
    """
    ordered = in_order(packets)
    heard = Heard()
    for before, after in itertools.pairwise(ordered):
        heard.lost_packets += (after.sequence - before.sequence & 0xFFFF) - 1
        heard.max_gap_ns = max(heard.max_gap_ns, after.time_ns - before.time_ns)
    audio = [packet for packet in ordered if packet.payload_type == PCMU]
    heard.event_packets = len(ordered) - len(audio)
    listener = _Listener(heard, items)
    for stretch in _stretches(audio):
        listener.listen(stretch)
    return heard


def _stretches(audio: Iterable[RtpPacket]) -> Iterator[_Stretch]:
    stretch = _Stretch()
    expected: int | None = None
    for packet in audio:
        if expected is not None and packet.timestamp != expected:
            yield stretch
            stretch = _Stretch()
        stretch.begins.append(len(stretch.octets))
        stretch.times_ns.append(packet.time_ns)
        stretch.octets += packet.payload
        expected = packet.timestamp + len(packet.payload) & 0xFFFFFFFF
    yield stretch


class _Listener:
    """Walks over audio and attributes each octet."""

    def __init__(self, heard: Heard, items: Sequence[SentItem]) -> None:
        self._heard = heard
        self._order = [item.number for item in items]
        self._samples = {item.number: item.samples for item in items}
        self._next: Position | None = Position(self._order[0], 0) if items else None
        """What should come next."""
        self._gain = 1.0
        self._fade_left = FADE_SAMPLES

    def listen(self, stretch: _Stretch) -> None:
        """Attribute every octet of a stretch."""
        octets = bytes(stretch.octets)
        packets: set[int] = set()
        index = 0
        while (audible := _AUDIBLE.search(octets, index)) is not None:
            is_after_break = audible.start() > index
            index = audible.start()
            number, taken = self._attribute(octets, index)
            if number is None:
                self._heard.foreign_octets += taken
            else:
                item = self._heard.items[number]
                first, last = stretch.packet_at(index), stretch.packet_at(index + taken - 1)
                packets.update(range(first, last + 1))
                item.breaks += is_after_break and item.first_ns > 0
                item.first_ns = item.first_ns or stretch.times_ns[first]
                item.last_ns = stretch.times_ns[last]
                self._see_whether_it_ends_at_zero(item, index + taken - stretch.begins[last])
            index += taken
        self._heard.packet_times_ns += [stretch.times_ns[packet] for packet in sorted(packets)]

    def _attribute(self, octets: bytes, index: int) -> tuple[int | None, int]:
        """Say which item the octets at `index` belong to, and how many do."""
        at = locate(octets[index : index + FRAME_SAMPLES]) or self._next
        if at is None:
            return None, 1
        if taken := self._matching(octets, index, at):
            self._gain, self._fade_left = 1.0, FADE_SAMPLES
            return self._take(at, taken), taken
        if taken := self._fading(octets, index, at):
            return self._take_faded(at, taken), taken
        return None, 1

    def _take(self, at: Position, taken: int) -> int:
        item = self._heard.items.setdefault(at.item, HeardItem(at.item))
        item.missing += abs(at.offset - item.sent)
        item.sent = at.offset + taken
        self._next = self._after(at.item, item.sent)
        return at.item

    def _take_faded(self, at: Position, taken: int) -> int:
        self._take(at, taken)
        item = self._heard.items[at.item]
        item.faded += taken
        self._fade_left -= taken
        item.is_cut_hard = item.sent < self._samples.get(at.item, 0) and self._gain > FADED_TO
        return at.item

    def _see_whether_it_ends_at_zero(self, item: HeardItem, octets_in_packet: int) -> None:
        """A ramp of less than 5 ms, counted from the beginning of its packet, leaves room."""
        is_unfinished = item.sent < self._samples.get(item.number, 0)
        has_room = octets_in_packet < FADE_SAMPLES
        item.ends_at_zero = item.faded > 0 and is_unfinished and has_room

    def _after(self, number: int, offset: int) -> Position | None:
        """Give what comes after an offset: the rest of the item, or the beginning of the next."""
        if number not in self._samples or offset < self._samples[number]:
            return Position(number, offset)
        following = self._order.index(number) + 1
        return Position(self._order[following], 0) if following < len(self._order) else None

    def _expected(self, at: Position, count: int) -> bytes:
        samples = self._samples.get(at.item, at.offset + count)
        return whole_item(at.item, samples)[at.offset : at.offset + count]

    def _matching(self, octets: bytes, index: int, at: Position) -> int:
        """Count the octets at `index` that are those of the item, untouched."""
        expected = self._expected(at, len(octets) - index)
        low, high = 0, len(expected)
        while low < high:
            middle = (low + high + 1) // 2
            if octets.startswith(expected[:middle], index):
                low = middle
            else:
                high = middle - 1
        return low

    def _fading(self, octets: bytes, index: int, at: Position) -> int:
        """Count the octets at `index` that are the item's next, each at a lower gain."""
        expected = self._expected(at, self._fade_left)
        taken = 0
        for wanted, octet in zip(expected, octets[index:], strict=False):
            ratio = linear(octet) / linear(wanted)
            if not 0 < ratio <= min(1.0, self._gain + RAMP_TOLERANCE):
                break
            self._gain = ratio
            taken += 1
        return taken
