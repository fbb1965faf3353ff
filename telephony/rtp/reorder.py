"""Puts received packets in order for a listener without a playout clock.

The voice model's server takes audio faster than real time, so nothing is delayed to smooth jitter:
a packet leaves the moment it is next in sequence. Only a proven gap (a later packet is here)
waits, and at most `gap_wait_ns`; then it is released as lost, and what comes for it later is late.
Source: RFC 3550 section 5.1 (sequence number), A.1 (two packets in sequence prove a restart).
"""

from collections.abc import Callable
from typing import NamedTuple

from telephony.rtp.packet import RtpPacket
from telephony.rtp.serial import add_samples, sequence_distance, timestamp_distance
from telephony.units import NS_PER_MS, Nanoseconds, RtpTimestamp

__all__ = ["LatePacket", "LostSpan", "Released", "ReorderBuffer", "Resync"]

GAP_WAIT_NS = Nanoseconds(60 * NS_PER_MS)
"""Releases every packet of the seeded jitter traces; a smaller one loses reordered packets."""
MAX_JUMP = 100
"""Steps, forward or back, beyond which a packet is of another sequence: 2 s at 20 ms. It also
bounds what is held and what is remembered as lost."""
NOTHING = RtpPacket(0, False, 0, RtpTimestamp(0), -1, b"")
"""Stands for the last packet before there is one; no SSRC equals its own."""


class LostSpan(NamedTuple):
    """Packets that did not come in time, released in their place."""

    sequence: int
    """Of the first one lost, 16 bits."""
    packets: int
    """How many, 1 to 100 per span."""
    timestamp: RtpTimestamp
    """Where the missing span begins: the end of the packet before it."""
    samples: int
    """Its length up to the next packet's timestamp. It may be 0 (lost repeats of a digit event),
    or much more than `packets` periods (the sender fell silent inside the gap)."""


class Resync(NamedTuple):
    """The next packet starts another sequence: its timestamp owes nothing to the one before."""

    ssrc: int
    """Of the sequence that starts."""
    is_new_source: bool
    """Whether the SSRC changed, else the sequence number jumped."""


class LatePacket(NamedTuple):
    """A packet that came after its gap was released, or from before the first packet."""

    packet: RtpPacket


Released = RtpPacket | LostSpan | Resync | LatePacket


class ReorderBuffer:
    """The reorder buffer of one received stream.

    After each `handle_packet` and `handle_timeout` the caller uses what they return, in order, and
    re-arms one timer by `next_deadline()`. A packet that is far from the sequence, or has another
    SSRC, is kept apart until a second one near it comes: then both are released behind a `Resync`.
    Nothing is overlooked: handled = released + duplicate + late + stray + held, at all times.

    Attributes:
        lost: Packets released as lost, even if they came later.
        late: Packets given out as `LatePacket`.
        duplicate: Packets with a sequence number already handled.
        stray: Far packets that no second one confirmed.
        resyncs: Times that another sequence began, the first one left out.
    """

    __slots__ = (
        "_candidate",
        "_deadline_ns",
        "_duration",
        "_expected",
        "_first",
        "_gap_wait_ns",
        "_held",
        "_last",
        "_lost_lately",
        "_released_offset",
        "_ssrc",
        "duplicate",
        "late",
        "lost",
        "resyncs",
        "stray",
    )

    def __init__(
        self, duration: Callable[[RtpPacket], int], *, gap_wait_ns: Nanoseconds = GAP_WAIT_NS
    ) -> None:
        """Start with no packet seen.

        Args:
            duration: Gives the samples, on the RTP clock, that a packet covers from its own
                timestamp: its audio's length, or a digit event's duration. Asked only at a gap.
            gap_wait_ns: How long a proven gap waits for its packets.
        """
        self._duration = duration
        self._gap_wait_ns = gap_wait_ns
        self._ssrc = NOTHING.ssrc
        self._first = 0  # this and the next two count without wrapping
        self._expected = 0
        self._released_offset = 0
        self._last = NOTHING
        self._candidate: RtpPacket | None = None
        self._held: dict[int, tuple[RtpPacket, Nanoseconds]] = {}
        self._lost_lately: set[int] = set()
        self._deadline_ns: Nanoseconds | None = None
        self.lost = 0
        self.late = 0
        self.duplicate = 0
        self.stray = 0
        self.resyncs = 0

    @property
    def released(self) -> int:
        """Packets given out in order, the late ones not counted."""
        return self._expected + self._released_offset

    @property
    def held(self) -> int:
        """Packets kept: behind a gap, at most 100, and one far packet."""
        return len(self._held) + (self._candidate is not None)

    def next_deadline(self) -> Nanoseconds | None:
        """Give the time at which the oldest gap is given up, or None where there is no gap."""
        return self._deadline_ns

    def handle_packet(self, packet: RtpPacket, arrival_ns: Nanoseconds) -> tuple[Released, ...]:
        """Take one packet, in the order of arrival, and give what can leave now, in order."""
        if packet.sequence == self._expected & 0xFFFF and packet.ssrc == self._ssrc:
            self._expected += 1
            self._last = packet
            if not self._held:
                return (packet,)
            return (packet, *self._drain())
        return self._handle_out_of_order(packet, arrival_ns)

    def handle_timeout(self, now_ns: Nanoseconds) -> tuple[Released, ...]:
        """Give up the gaps whose time is over, and give them and what waited behind them.

        Call it behind `handle_packet` for all that has arrived by `now_ns`: a packet that is here
        before its gap is given up is not late, whatever the deadline.
        """
        released: list[Released] = []
        while self._deadline_ns is not None and self._deadline_ns <= now_ns:
            released += self._give_up_gap()
        return tuple(released)

    def _handle_out_of_order(
        self, packet: RtpPacket, arrival_ns: Nanoseconds
    ) -> tuple[Released, ...]:
        """Take any packet but the next one in sequence."""
        if self._last is NOTHING:
            self._start(packet)
            return self.handle_packet(packet, arrival_ns)
        distance = sequence_distance(packet.sequence, self._expected & 0xFFFF)
        if packet.ssrc != self._ssrc or abs(distance) > MAX_JUMP:
            return self._handle_far(packet, arrival_ns)
        number = self._expected + distance
        if distance < 0:
            return self._handle_behind(packet, number)
        if number in self._held:
            self.duplicate += 1
            return ()
        self._held[number] = (packet, arrival_ns)
        if self._deadline_ns is None:
            self._deadline_ns = Nanoseconds(arrival_ns + self._gap_wait_ns)
        return ()

    def _handle_behind(self, packet: RtpPacket, number: int) -> tuple[Released, ...]:
        """Tell a packet that is too late from one that is here already."""
        if number in self._lost_lately:
            self._lost_lately.remove(number)
        elif number >= self._first:
            self.duplicate += 1
            return ()
        self.late += 1
        return (LatePacket(packet),)

    def _handle_far(self, packet: RtpPacket, arrival_ns: Nanoseconds) -> tuple[Released, ...]:
        """Keep a far packet, or begin its sequence if it is the second one there."""
        candidate = self._candidate
        self._candidate = packet
        if candidate is None:
            return ()
        distance = sequence_distance(packet.sequence, candidate.sequence)
        if packet.ssrc != candidate.ssrc or abs(distance) > MAX_JUMP:
            self.stray += 1
            return ()
        if distance == 0:
            self.duplicate += 1
            return ()
        self._candidate = None
        self.resyncs += 1
        released: list[Released] = []
        while self._held:
            released += self._give_up_gap()
        released.append(Resync(packet.ssrc, packet.ssrc != self._ssrc))
        older, newer = (candidate, packet) if distance > 0 else (packet, candidate)
        self._start(older)
        released += self.handle_packet(older, arrival_ns)
        released += self.handle_packet(newer, arrival_ns)
        return tuple(released)

    def _start(self, packet: RtpPacket) -> None:
        """Begin the sequence whose first packet this is; nothing of an older one is held."""
        self._released_offset += self._expected - packet.sequence
        self._ssrc = packet.ssrc
        self._first = self._expected = packet.sequence
        self._lost_lately.clear()

    def _drain(self) -> list[Released]:
        """Release what is held and now next; re-arm for the gap behind it, if there is one."""
        released: list[Released] = []
        while entry := self._held.pop(self._expected, None):
            self._last = entry[0]
            self._expected += 1
            released.append(self._last)
        if self._held:
            proven_ns = min(arrival_ns for _, arrival_ns in self._held.values())
            self._deadline_ns = Nanoseconds(proven_ns + self._gap_wait_ns)
        else:
            self._deadline_ns = None
        return released

    def _give_up_gap(self) -> list[Released]:
        """Release the first gap as lost, then what is held behind it up to the next gap."""
        first_lost, end = self._expected, min(self._held)
        packets = end - first_lost
        start = add_samples(self._last.timestamp, self._duration(self._last))
        samples = max(0, timestamp_distance(self._held[end][0].timestamp, start))
        self.lost += packets
        self._released_offset -= packets
        self._expected = end
        self._lost_lately = {n for n in self._lost_lately if end - n <= MAX_JUMP}
        self._lost_lately.update(range(first_lost, end))
        return [LostSpan(first_lost & 0xFFFF, packets, start, samples), *self._drain()]
