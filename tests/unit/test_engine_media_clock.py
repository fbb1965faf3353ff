"""The media clock on a virtual clock: even phases, absolute time, bounded catch-up."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest

from telephony.engine.media_clock import (
    FULL_COLLECTION_LEGS,
    FULL_COLLECTION_SLOTS,
    SLOT_NS,
    YOUNG_COLLECTION_SLOTS,
    MediaClock,
)
from telephony.units import NS_PER_MS, NS_PER_SECOND, Nanoseconds
from tests.support.clock import VirtualClock


class Leg:
    """Notes when it ticks, in ms, and what it skips."""

    def __init__(self, bench: "Bench", on_tick: Callable[[], None] | None = None) -> None:
        self.ticks: list[float] = []
        self.skipped: list[int] = []
        self._bench = bench
        self._on_tick = on_tick

    def tick(self, now_ns: Nanoseconds) -> None:
        self.ticks.append(now_ns / NS_PER_MS)
        if self._on_tick is not None:
            self._on_tick()

    def skip(self, packets: int) -> None:
        self.skipped.append(packets)


class Bench:
    """A media clock, its event loop and its time."""

    def __init__(self) -> None:
        self.time = VirtualClock(start_ns=7 * NS_PER_SECOND)
        self.origin_ns = self.time.now_ns
        self.reads: list[float] = []
        self.collections: list[int] = []
        self._callback: Callable[[], None] | None = None
        self._first_ns = self._period_ns = self.due_ns = 0
        self.busy_ns = 0
        self.clock = MediaClock(self._read, clock=self._now, collect=self.collections.append)

    def _now(self) -> Nanoseconds:
        return Nanoseconds(self.time.now_ns - self.origin_ns)

    def _read(self, now_ns: Nanoseconds) -> None:
        self.reads.append(now_ns / NS_PER_MS)
        self.time.advance(self.busy_ns)

    def make_timer(self, callback: Callable[[], None]) -> "Bench":
        self._callback = callback
        return self

    def start(self, first_ns: Nanoseconds, period_ns: int) -> None:
        self._first_ns = self.origin_ns + first_ns
        self._period_ns = period_ns
        self.due_ns = self._first_ns

    def stop(self) -> None:
        self._callback = None

    def run(self, ms: float) -> None:
        """Let time pass, the timer calling back in time, or as soon as it can."""
        end_ns = self.time.now_ns + round(ms * NS_PER_MS)
        while self._callback is not None and self.due_ns <= end_ns:
            self.time.advance_to(max(self.due_ns, self.time.now_ns))
            self._callback()
            periods = (self.time.now_ns - self._first_ns) // self._period_ns + 1
            self.due_ns = self._first_ns + periods * self._period_ns
        if self.time.now_ns < end_ns:
            self.time.advance_to(end_ns)

    def wake_after(self, ms: float) -> None:
        """Have the timer call back then, not when it should."""
        self.due_ns = self.time.now_ns + round(ms * NS_PER_MS)


def started() -> Bench:
    bench = Bench()
    bench.clock.start(bench.make_timer)
    return bench


@pytest.mark.parametrize("period_ms", [10, 20, 30, 40, 60])
def test_a_leg_ticks_at_its_period(period_ms: int) -> None:
    bench = started()
    leg = Leg(bench)
    bench.clock.add(leg, period_ms)
    bench.run(600)
    gaps = {after - before for before, after in pairwise(leg.ticks)}
    assert gaps == {period_ms}
    assert len(leg.ticks) == 600 // period_ms + 1
    assert leg.skipped == []
    assert bench.reads == [5.0 * slot for slot in range(121)], "all sockets are read each slot"


def test_it_says_when_the_next_slot_is_due() -> None:
    bench = started()
    bench.run(12)
    assert bench.clock.next_slot() == 3 * SLOT_NS


@pytest.mark.parametrize("period_ms", [0, 5, 15, 25, 50, 80])
def test_another_period_is_refused(period_ms: int) -> None:
    with pytest.raises(ValueError, match=f"ptime {period_ms} ms"):
        Bench().clock.add(Leg(Bench()), period_ms)


@pytest.mark.parametrize("period_ms", [10, 20, 30, 40, 60])
def test_phases_fill_evenly(period_ms: int) -> None:
    bench = started()
    legs = [Leg(bench) for _ in range(5 * period_ms // 5)]
    for leg in legs:
        bench.clock.add(leg, period_ms)
    bench.run(200)
    packets = Counter(at for leg in legs for at in leg.ticks if at >= 60)
    assert set(packets.values()) == {5}


def test_phases_fill_evenly_among_legs_of_other_periods() -> None:
    bench = started()
    legs = [Leg(bench) for _ in range(60)]
    for number, leg in enumerate(legs):
        bench.clock.add(leg, (60, 20, 40, 10, 30)[number % 5])
    bench.run(400)
    packets = Counter(at for leg in legs for at in leg.ticks if at >= 120)
    assert max(packets.values()) - min(packets.values()) <= 3


def test_time_is_absolute_a_late_wake_does_not_delay_the_next_slot() -> None:
    bench = started()
    leg = Leg(bench)
    bench.clock.add(leg, 20)
    bench.run(20)
    bench.wake_after(18)
    bench.run(60)
    assert leg.ticks == [0, 20, 40, 60, 80]
    assert bench.clock.late_slots == 1
    assert bench.clock.take_worst_late_ns() == 13 * NS_PER_MS
    assert bench.clock.take_worst_late_ns() == 0
    assert bench.clock.skipped_packets == 0


def test_a_wake_before_its_time_waits_again() -> None:
    bench = started()
    leg = Leg(bench)
    bench.clock.add(leg, 10)
    bench.run(10)
    bench.wake_after(1)
    bench.run(11)
    assert leg.ticks == [0, 10, 20]


def test_a_stall_is_caught_up_by_two_packets_and_the_rest_is_skipped() -> None:
    bench = started()
    leg = Leg(bench)
    bench.clock.add(leg, 20)
    bench.run(20)
    bench.wake_after(161)
    bench.run(220)
    assert leg.ticks == [0, 20, 181, 181, 200, 220, 240]
    assert leg.skipped == [6]
    assert bench.clock.skipped_packets == 6
    assert len(leg.ticks) + sum(leg.skipped) == 240 // 20 + 1, "the timeline has no hole"


def test_a_stall_longer_than_the_ring_serves_each_leg_once() -> None:
    bench = started()
    legs = [Leg(bench) for _ in range(4)]
    for leg in legs:
        bench.clock.add(leg, 20)
    bench.run(100)
    bench.wake_after(1000)
    bench.run(1040)
    for leg in legs:
        assert len(leg.skipped) == 1
        assert len(leg.ticks) + sum(leg.skipped) in (57, 58)


def test_slots_that_take_too_long_are_counted_and_time_goes_on() -> None:
    bench = started()
    leg = Leg(bench)
    bench.clock.add(leg, 20)
    bench.busy_ns = 6 * NS_PER_MS
    bench.run(200)
    assert bench.clock.late_slots > 0
    assert leg.skipped == []


def test_a_leg_removed_inside_a_tick_ticks_no_more() -> None:
    bench = started()
    victim = Leg(bench)
    killer = Leg(bench, lambda: bench.clock.remove(victim))
    bench.clock.add(killer, 10)
    filler = Leg(bench)
    bench.clock.add(filler, 10)
    bench.clock.add(victim, 10)
    bench.run(100)
    assert victim.ticks == []
    assert len(killer.ticks) == 11


def test_a_leg_that_removes_itself_while_it_catches_up_sends_no_second_packet() -> None:
    bench = started()
    leg = Leg(bench, lambda: bench.clock.remove(leg) if len(leg.ticks) == 2 else None)
    bench.clock.add(leg, 20)
    bench.run(10)
    bench.wake_after(100)
    bench.run(300)
    assert len(leg.ticks) == 2


def test_a_leg_that_changes_its_pace_inside_a_tick_goes_on_without_a_burst() -> None:
    bench = started()

    def change() -> None:
        if len(leg.ticks) == 3:
            bench.clock.remove(leg)
            bench.clock.add(leg, 40)

    leg = Leg(bench, change)
    bench.clock.add(leg, 20)
    bench.run(300)
    assert leg.ticks[:3] == [0, 20, 40]
    later = leg.ticks[2:]
    gaps = [after - before for before, after in pairwise(later)]
    assert 0 < gaps[0] <= 40
    assert set(gaps[1:]) == {40}
    assert leg.skipped == []


def test_removing_what_is_not_there_is_ignored() -> None:
    bench = started()
    legs = [Leg(bench) for _ in range(FULL_COLLECTION_LEGS + 1)]
    for leg in legs:
        bench.clock.add(leg, 20)
    bench.clock.remove(Leg(bench))
    bench.run(FULL_COLLECTION_SLOTS * SLOT_NS / NS_PER_MS * 1.5)
    assert 2 not in bench.collections, "the legs are as many as before"
    assert all({after - before for before, after in pairwise(leg.ticks)} == {20} for leg in legs)


def test_garbage_is_collected_each_second_and_only_in_slots_with_time_left() -> None:
    bench = started()
    bench.run(YOUNG_COLLECTION_SLOTS * 5 - 10)
    assert bench.collections == []
    bench.busy_ns = 4 * NS_PER_MS
    bench.run(100)
    assert bench.collections == [], "no slot is idle"
    bench.busy_ns = 0
    bench.run(10)
    assert bench.collections == [0]
    bench.run(500)
    assert bench.collections == [0]


def test_all_garbage_is_collected_only_while_few_legs_tick() -> None:
    bench = started()
    legs = [Leg(bench) for _ in range(FULL_COLLECTION_LEGS + 1)]
    for leg in legs:
        bench.clock.add(leg, 20)
    seconds = FULL_COLLECTION_SLOTS // YOUNG_COLLECTION_SLOTS
    bench.run(FULL_COLLECTION_SLOTS * SLOT_NS / NS_PER_MS * 2)
    assert bench.collections.count(2) == 0
    assert bench.collections.count(0) >= 2 * seconds - 1
    bench.clock.remove(legs[0])
    bench.run(1_100)
    assert bench.collections[-1] == 2
    bench.run(2_000)
    assert bench.collections.count(2) == 1


def test_a_clock_that_is_stopped_stands_still() -> None:
    bench = started()
    leg = Leg(bench)
    bench.clock.add(leg, 20)
    bench.run(40)
    bench.clock.stop()
    bench.clock.stop()
    bench.run(100)
    assert leg.ticks == [0, 20, 40]


def test_a_clock_that_is_stopped_inside_a_tick_stands_still() -> None:
    bench = started()
    leg = Leg(bench, lambda: bench.clock.stop())
    bench.clock.add(leg, 20)
    bench.run(100)
    assert leg.ticks == [0]
