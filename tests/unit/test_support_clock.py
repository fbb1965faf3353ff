"""The virtual clock and its driver keep the contract of the sans-I/O objects."""

import pytest

from telephony.units import Nanoseconds
from tests.support.clock import Stage, StuckDeadlineError, VirtualClock


class Ticker:
    """Is due every `period_ns` and notes when it was called."""

    def __init__(self, name: str, period_ns: int, log: list[tuple[str, int]]) -> None:
        self.name = name
        self.period_ns = period_ns
        self.log = log
        self.due_ns = period_ns

    def next_deadline(self) -> Nanoseconds | None:
        return Nanoseconds(self.due_ns) if self.due_ns < 100 else None

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        self.log.append((self.name, now_ns))
        self.due_ns += self.period_ns


def test_each_deadline_is_served_at_its_time_and_ties_in_order() -> None:
    log: list[tuple[str, int]] = []
    drained: list[int] = []
    clock = VirtualClock()
    stage = Stage(clock, Ticker("a", 20, log), Ticker("b", 30, log), drain=drained.append)
    stage.run_until(60)
    assert log == [("a", 20), ("b", 30), ("a", 40), ("a", 60), ("b", 60)]
    assert drained == [0, 20, 30, 40, 60, 60]
    assert clock.now_ns == 60


def test_the_clock_stands_at_the_end_when_nothing_is_due() -> None:
    clock = VirtualClock(start_ns=5)
    Stage(clock, drain=lambda _: None).run_for_ms(2)
    assert clock.now_ns == 2_000_005


def test_a_deadline_in_the_past_is_served_at_once() -> None:
    log: list[tuple[str, int]] = []
    clock = VirtualClock(start_ns=50)
    Stage(clock, Ticker("late", 30, log), drain=lambda _: None).run_until(70)
    assert log == [("late", 50), ("late", 60)]


def test_a_deadline_that_never_moves_is_an_error() -> None:
    stuck = Ticker("stuck", 0, [])
    with pytest.raises(StuckDeadlineError, match="stays due at 0 ns"):
        Stage(VirtualClock(), stuck, drain=lambda _: None).run_until(10)


def test_the_clock_advances_and_never_runs_backwards() -> None:
    clock = VirtualClock()
    assert clock.advance(3) == 3
    assert clock.advance_ms(1.5) == 1_500_003
    with pytest.raises(ValueError, match="time runs forward"):
        clock.advance_to(7)
