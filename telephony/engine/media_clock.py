"""The media clock: a ring of 24 slots of 5 ms, on which every leg sends and all RTP is read.

RTP sockets are not in the event loop: each slot asks once, without waiting, which of them have data
(design: decision 1). A leg takes part with a period of 2, 4, 6, 8 or 12 slots (10 to 60 ms) and a
phase, chosen so that the slots stay evenly filled. Time is absolute: a late slot does not delay the
next. A leg that missed more than two packets has the rest skipped, its RTP timestamp advanced.
"""

import gc
from collections.abc import Callable
from typing import Protocol

from telephony.engine.clock import monotonic_ns
from telephony.engine.slot_timer import SlotTimer
from telephony.units import NS_PER_MS, Nanoseconds

__all__ = ["SLOT_NS", "MediaClock", "Ticking"]

SLOT_NS = 5 * NS_PER_MS
SLOTS = 24
PERIODS = (2, 4, 6, 8, 12)
"""Slots between two packets: ptime 10, 20, 30, 40 and 60 ms; each divides the ring."""
CATCH_UP_PACKETS = 2
"""Sent at once after a stall; more would arrive as a burst that the far end drops anyway."""
IDLE_FOR_COLLECTION_NS = 3 * NS_PER_MS
"""Time that must be left in a slot before a young collection may run in it."""
YOUNG_COLLECTION_SLOTS = 200
"""A young collection each second, in an idle slot."""
FULL_COLLECTION_SLOTS = 2_000
"""A full one each 10 s, for the small cycles that calls leave behind."""
FULL_COLLECTION_LEGS = 20
"""With more legs than this a full collection could outlast a slot: it waits for a quieter time."""

YOUNGEST_GENERATION, OLDEST_GENERATION = 0, 2


class Ticking(Protocol):
    """What sends one packet per period."""

    def tick(self, now_ns: Nanoseconds) -> None:
        """Send the packet that is due."""
        ...

    def skip(self, packets: int) -> None:
        """Advance the timeline over packets that were never sent."""
        ...


class _Member:
    __slots__ = ("is_gone", "next_slot", "period", "ticking")

    def __init__(self, ticking: Ticking, period: int, next_slot: int) -> None:
        self.ticking = ticking
        self.period = period
        self.next_slot = next_slot
        self.is_gone = False


class MediaClock:
    """Runs the slots.

    Args:
        read: Reads every RTP socket that has data; called once per slot, before the ticks.
        clock: The monotonic clock.
        collect: Collects garbage of a generation and of those younger.
    """

    def __init__(
        self,
        read: Callable[[Nanoseconds], None],
        *,
        clock: Callable[[], Nanoseconds] = monotonic_ns,
        collect: Callable[[int], object] = gc.collect,
    ) -> None:
        """Stand still until `start`."""
        self._read = read
        self._clock = clock
        self._collect = collect
        self._ring: list[dict[Ticking, _Member]] = [{} for _ in range(SLOTS)]
        self._slot = 0
        self._origin_ns = Nanoseconds(0)
        self._timer: SlotTimer | None = None
        self._slots_since_young = 0
        self._slots_since_full = 0
        self._legs = 0
        self.skipped_packets = 0
        self.late_slots = 0
        """Times that a slot or more had passed before its turn came."""
        self._worst_late_ns = Nanoseconds(0)

    def start(self, make_timer: Callable[[Callable[[], None]], SlotTimer]) -> None:
        """Begin with the slot that is now.

        Args:
            make_timer: Makes what calls back at each slot.
        """
        self._origin_ns = self._clock()
        self._timer = make_timer(self._run)
        self._timer.start(self._origin_ns, SLOT_NS)

    def stop(self) -> None:
        """Stop after the slot under way."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def add(self, ticking: Ticking, period_ms: int) -> None:
        """Let a leg tick every `period_ms`, from its next free phase on.

        Args:
            ticking: The leg.
            period_ms: 10, 20, 30, 40 or 60.
        """
        period = period_ms * NS_PER_MS // SLOT_NS
        if period not in PERIODS:
            message = f"ptime {period_ms} ms is not one of 10, 20, 30, 40, 60"
            raise ValueError(message)
        phase = min(range(period), key=lambda phase: self._load(phase, period))
        first = self._slot + (phase - self._slot) % period
        member = _Member(ticking, period, first)
        for slot in range(phase, SLOTS, period):
            self._ring[slot][ticking] = member
        self._legs += 1

    def _load(self, phase: int, period: int) -> int:
        """Count the packets that one lap of the ring sends in a phase's slots."""
        return sum(len(self._ring[slot]) for slot in range(phase, SLOTS, period))

    def remove(self, ticking: Ticking) -> None:
        """Let a leg tick no more; one that is not there is ignored."""
        member: _Member | None = None
        for slot in self._ring:
            member = slot.pop(ticking, None) or member
        if member is not None:
            member.is_gone = True
            self._legs -= 1

    def next_slot(self) -> Nanoseconds:
        """Say when the next slot is due."""
        return Nanoseconds(self._origin_ns + self._slot * SLOT_NS)

    def take_worst_late_ns(self) -> Nanoseconds:
        """Give how late the latest slot began since this was last asked."""
        worst_ns, self._worst_late_ns = self._worst_late_ns, Nanoseconds(0)
        return worst_ns

    def _run(self) -> None:
        now_ns = self._clock()
        current = (now_ns - self._origin_ns) // SLOT_NS
        if current < self._slot:
            return
        if current > self._slot:
            self.late_slots += 1
        slots = range(self._slot, min(current, self._slot + SLOTS - 1) + 1)
        late_ns = Nanoseconds(now_ns - self._origin_ns - self._slot * SLOT_NS)
        self._worst_late_ns = max(self._worst_late_ns, late_ns)
        self._slot = current + 1
        self._read(now_ns)
        for slot in slots:
            for member in tuple(self._ring[slot % SLOTS].values()):
                if member.next_slot <= current:
                    self._tick(member, current, now_ns)
        self._collect_if_idle()

    def _tick(self, member: _Member, current: int, now_ns: Nanoseconds) -> None:
        due = (current - member.next_slot) // member.period + 1
        member.next_slot += due * member.period
        send = min(due, CATCH_UP_PACKETS)
        if due > send:
            member.ticking.skip(due - send)
            self.skipped_packets += due - send
        for _ in range(send):
            if not member.is_gone:
                member.ticking.tick(now_ns)

    def _collect_if_idle(self) -> None:
        """Collect in a slot that has time left; Python itself never does (see `__main__`)."""
        self._slots_since_young += 1
        self._slots_since_full += 1
        if self._slots_since_young < YOUNG_COLLECTION_SLOTS:
            return
        if self._origin_ns + self._slot * SLOT_NS - self._clock() < IDLE_FOR_COLLECTION_NS:
            return
        self._slots_since_young = 0
        if self._slots_since_full < FULL_COLLECTION_SLOTS or self._legs > FULL_COLLECTION_LEGS:
            self._collect(YOUNGEST_GENERATION)
            return
        self._slots_since_full = 0
        self._collect(OLDEST_GENERATION)
