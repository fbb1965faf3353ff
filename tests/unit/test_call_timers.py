"""A call's deadlines: one for each thing waited for, the earliest first."""

from telephony.call.timers import CallTimer, CallTimers
from telephony.units import Nanoseconds


def test_what_is_due_comes_in_the_order_of_its_deadlines_and_once() -> None:
    timers = CallTimers()
    timers.arm(CallTimer.GRANT_LIMIT, 10)
    timers.arm(CallTimer.GRANT, 3)
    assert timers.next_deadline() == 3
    assert timers.pop_due(Nanoseconds(2)) is None
    assert timers.pop_due(Nanoseconds(10)) is CallTimer.GRANT
    assert timers.pop_due(Nanoseconds(10)) is CallTimer.GRANT_LIMIT
    assert timers.pop_due(Nanoseconds(10)) is None
    assert timers.next_deadline() is None


def test_arming_again_moves_a_deadline() -> None:
    timers = CallTimers()
    timers.arm(CallTimer.ROUTING, 5)
    timers.arm(CallTimer.ROUTING, 9)
    assert timers.pop_due(Nanoseconds(8)) is None
    assert timers.is_armed(CallTimer.ROUTING)


def test_what_is_disarmed_is_waited_for_no_more() -> None:
    timers = CallTimers()
    timers.arm(CallTimer.WORDS, 5)
    timers.arm(CallTimer.DURATION, 6)
    timers.disarm(CallTimer.WORDS, CallTimer.ROUTING)
    assert timers.next_deadline() == 6
    timers.clear()
    assert not timers.is_armed(CallTimer.DURATION)
    assert timers.pop_due(Nanoseconds(99)) is None
