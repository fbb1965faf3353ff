"""Timer values of RFC 3261 table 4, and the heap of deadlines."""

import pytest

from telephony.sip.timers import (
    DeadlineHeap,
    Timer,
    TimerSettings,
    first_interval,
    next_interval,
)
from telephony.units import NS_PER_MS, Nanoseconds

SETTINGS = TimerSettings()

# RFC 3261 table 4 and RFC 6026: milliseconds over UDP, over TCP.
TABLE_4 = {
    Timer.A: (500, None),
    Timer.B: (32_000, 32_000),
    Timer.D: (32_000, 0),
    Timer.E: (500, None),
    Timer.F: (32_000, 32_000),
    Timer.G: (500, None),
    Timer.H: (32_000, 32_000),
    Timer.I: (5_000, 0),
    Timer.J: (32_000, 0),
    Timer.K: (5_000, 0),
    Timer.L: (32_000, 32_000),
    Timer.M: (32_000, 32_000),
    Timer.TRYING: (100, 100),
}


@pytest.mark.parametrize("timer", list(Timer))
def test_a_timer_has_its_value_of_table_4(timer: Timer) -> None:
    for reliable, expected_ms in zip((False, True), TABLE_4[timer], strict=True):
        interval = first_interval(timer, SETTINGS, reliable=reliable)
        assert interval == (None if expected_ms is None else expected_ms * NS_PER_MS)


def test_timer_d_stays_at_32_s_with_a_short_t1_and_follows_a_long_one() -> None:
    short = TimerSettings(t1_ns=Nanoseconds(100 * NS_PER_MS))
    long = TimerSettings(t1_ns=Nanoseconds(1000 * NS_PER_MS))
    assert first_interval(Timer.D, short, reliable=False) == 32_000 * NS_PER_MS
    assert first_interval(Timer.D, long, reliable=False) == 64_000 * NS_PER_MS


def intervals(timer: Timer, count: int) -> list[int]:
    found = [first_interval(timer, SETTINGS, reliable=False) or Nanoseconds(0)]
    while len(found) < count:
        found.append(next_interval(timer, found[-1], SETTINGS))
    return [interval // NS_PER_MS for interval in found]


def test_timer_a_doubles_without_end_and_e_and_g_up_to_t2() -> None:
    assert intervals(Timer.A, 6) == [500, 1000, 2000, 4000, 8000, 16_000]
    assert intervals(Timer.E, 6) == [500, 1000, 2000, 4000, 4000, 4000]
    assert intervals(Timer.G, 5) == [500, 1000, 2000, 4000, 4000]


class Log:
    def __init__(self) -> None:
        self.rung: list[tuple[str, int]] = []

    def ring(self, name: str) -> "Ring":
        return Ring(self, name)


class Ring:
    def __init__(self, log: Log, name: str) -> None:
        self.log = log
        self.name = name

    def __call__(self, now_ns: Nanoseconds) -> None:
        self.log.rung.append((self.name, now_ns))


def test_alarms_go_off_in_the_order_of_their_deadlines_and_of_arming() -> None:
    heap, log = DeadlineHeap(), Log()
    heap.arm(Nanoseconds(20), log.ring("late"))
    heap.arm(Nanoseconds(10), log.ring("first"))
    heap.arm(Nanoseconds(10), log.ring("second"))
    assert heap.next_deadline() == 10
    heap.run_due(Nanoseconds(9))
    assert log.rung == []
    heap.run_due(Nanoseconds(15))
    assert log.rung == [("first", 15), ("second", 15)]
    assert len(heap) == 1
    heap.run_due(Nanoseconds(20))
    assert heap.next_deadline() is None
    assert len(heap) == 0


def test_a_disarmed_alarm_stays_silent_and_uncounted() -> None:
    heap, log = DeadlineHeap(), Log()
    alarm = heap.arm(Nanoseconds(10), log.ring("never"))
    assert alarm.is_armed
    heap.disarm(alarm)
    heap.disarm(alarm)
    assert not alarm.is_armed
    assert len(heap) == 0
    assert heap.next_deadline() is None
    heap.run_due(Nanoseconds(10))
    assert log.rung == []


def test_an_alarm_that_went_off_can_be_disarmed_without_harm() -> None:
    heap, log = DeadlineHeap(), Log()
    alarm = heap.arm(Nanoseconds(1), log.ring("once"))
    heap.run_due(Nanoseconds(1))
    heap.disarm(alarm)
    assert len(heap) == 0
    assert log.rung == [("once", 1)]


def test_an_alarm_armed_for_now_by_another_goes_off_in_the_same_run() -> None:
    heap, log = DeadlineHeap(), Log()

    def arm_another(now_ns: Nanoseconds) -> None:
        heap.arm(now_ns, log.ring("nested"))

    heap.arm(Nanoseconds(5), arm_another)
    heap.run_due(Nanoseconds(5))
    assert log.rung == [("nested", 5)]


def test_cancelled_alarms_are_swept_out_once_they_outnumber_the_live_ones() -> None:
    heap, log = DeadlineHeap(), Log()
    kept = [heap.arm(Nanoseconds(1000 + i), log.ring(str(i))) for i in range(10)]
    for _ in range(10_000):
        heap.disarm(heap.arm(Nanoseconds(5000), log.ring("never")))
    assert len(heap) == 10
    assert heap.stored_count <= 10 + 64 + 10
    heap.run_due(Nanoseconds(2000))
    assert len(log.rung) == len(kept)
