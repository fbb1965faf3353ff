"""When each caller sends: an even spread, no packet left out, none twice."""

from telephony.app.bench.schedule import SendSchedule

PERIOD_NS = 20_000_000


def test_callers_are_spread_evenly_over_the_packet_time() -> None:
    schedule = SendSchedule(4, PERIOD_NS, 1000)
    assert list(schedule.due(1000 + PERIOD_NS)) == [
        (0, 1000),
        (1, 5_001_000),
        (2, 10_001_000),
        (3, 15_001_000),
        (0, 20_001_000),
    ]


def test_nothing_is_due_before_its_time_and_nothing_twice() -> None:
    schedule = SendSchedule(2, PERIOD_NS, 0)
    assert [caller for caller, _ in schedule.due(0)] == [0]
    assert list(schedule.due(9_999_999)) == []
    assert list(schedule.due(10_000_000)) == [(1, 10_000_000)]


def test_a_stall_makes_up_for_every_packet() -> None:
    schedule = SendSchedule(3, PERIOD_NS, 0)
    assert len(list(schedule.due(50 * PERIOD_NS - 1))) == 150


def test_times_do_not_drift_where_the_spread_is_no_whole_number() -> None:
    schedule = SendSchedule(7, PERIOD_NS, 0)
    first_callers = [due for caller, due in schedule.due(1000 * PERIOD_NS) if caller == 0]
    assert first_callers == [index * PERIOD_NS for index in range(1001)]


def test_a_shift_moves_what_is_to_come_and_keeps_the_order() -> None:
    schedule = SendSchedule(2, PERIOD_NS, 0)
    list(schedule.due(0))
    schedule.shift(7_000_000)
    assert list(schedule.due(10_000_000)) == []
    assert list(schedule.due(30_000_000)) == [(1, 17_000_000), (0, 27_000_000)]
