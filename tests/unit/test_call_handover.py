"""When a call gets another session: every row of the table, and every figure on a virtual clock."""

import pytest

from telephony.call.handover import (
    BACK_OFF_NS,
    LOOK_NS,
    STEADY_NS,
    TRANSITIONS,
    TRIES_NS,
    TRY_NS,
    Handover,
    HandoverAction,
    HandoverInput,
    HandoverState,
    advance,
)
from telephony.errors import LocalError
from telephony.units import NS_PER_SECOND, Nanoseconds

STATE, INPUT, ACT = HandoverState, HandoverInput, HandoverAction
MINUTE_NS = 60 * NS_PER_SECOND
ABNORMAL = 1006
ROWS: dict[tuple[HandoverState, HandoverInput], tuple[HandoverState, list[HandoverAction]]] = {
    (STATE.STEADY, INPUT.RENEWAL_DUE): (STATE.RENEWING, [ACT.OPEN]),
    (STATE.STEADY, INPUT.GRANTED): (STATE.STEADY, []),
    (STATE.STEADY, INPUT.ENDED): (STATE.LOST, [ACT.FILL, ACT.WAIT]),
    (STATE.STEADY, INPUT.TRIES_OVER): (STATE.GIVEN_UP, [ACT.GIVE_UP]),
    (STATE.STEADY, INPUT.STOPPED): (STATE.GIVEN_UP, []),
    (STATE.RENEWING, INPUT.TRY_DUE): (STATE.RENEWING, [ACT.OPEN]),
    (STATE.RENEWING, INPUT.GRANTED): (STATE.STEADY, [ACT.SWITCH]),
    (STATE.RENEWING, INPUT.ENDED): (STATE.LOST, [ACT.FILL]),
    (STATE.RENEWING, INPUT.TRY_FAILED): (STATE.RENEWING, [ACT.WAIT]),
    (STATE.RENEWING, INPUT.TRIES_OVER): (STATE.STEADY, []),
    (STATE.RENEWING, INPUT.STOPPED): (STATE.GIVEN_UP, []),
    (STATE.LOST, INPUT.TRY_DUE): (STATE.LOST, [ACT.OPEN]),
    (STATE.LOST, INPUT.GRANTED): (STATE.STEADY, [ACT.SWITCH]),
    (STATE.LOST, INPUT.TRY_FAILED): (STATE.LOST, [ACT.WAIT]),
    (STATE.LOST, INPUT.TRIES_OVER): (STATE.GIVEN_UP, [ACT.GIVE_UP]),
    (STATE.LOST, INPUT.STOPPED): (STATE.GIVEN_UP, []),
}


@pytest.mark.parametrize("state", STATE)
@pytest.mark.parametrize("what", INPUT)
def test_every_pair_is_a_row_or_an_error(state: HandoverState, what: HandoverInput) -> None:
    if state is STATE.GIVEN_UP:
        assert advance(state, what) == (STATE.GIVEN_UP, ())
    elif (state, what) in ROWS:
        after, actions = ROWS[state, what]
        assert advance(state, what) == (after, tuple(actions))
    else:
        assert (state, what) not in TRANSITIONS
        with pytest.raises(LocalError, match=state.name):
            advance(state, what)


class Clock:
    """A policy on a clock that only this moves.

    Attributes:
        done: What it asked for, with the time in seconds.
    """

    def __init__(self) -> None:
        self.handover = Handover()
        self.now = Nanoseconds(1_000)
        self.begun = self.now
        self.done: list[tuple[float, HandoverAction]] = []
        self.is_quiet = True

    def _take(self, actions: tuple[HandoverAction, ...]) -> None:
        at = round((self.now - self.begun) / NS_PER_SECOND, 3)
        self.done += [(at, action) for action in actions]

    def granted(self, life_s: float | None = None) -> None:
        life_ns = None if life_s is None else round(life_s * NS_PER_SECOND)
        self._take(self.handover.handle_granted(life_ns, self.now))

    def ended(self) -> None:
        self.begun = self.now
        self._take(self.handover.handle_ended(self.now))

    def failed(self, code: int = ABNORMAL, retry_after_s: float | None = None) -> None:
        retry_ns = None if retry_after_s is None else round(retry_after_s * NS_PER_SECOND)
        self._take(self.handover.handle_failed(code, retry_ns, self.now))

    def run(self, seconds: float) -> None:
        """Let time pass, and serve each deadline."""
        end = self.now + round(seconds * NS_PER_SECOND)
        while (due := self.handover.next_deadline()) is not None and due <= end:
            self.now = Nanoseconds(max(due, self.now))
            self._take(self.handover.handle_timer(self.now, is_quiet=self.is_quiet))
        self.now = Nanoseconds(end)

    def next(self) -> None:
        """Let time pass until the next deadline, and serve it."""
        due = self.handover.next_deadline()
        assert due is not None
        self.run((due - self.now) / NS_PER_SECOND)

    def lost_while_steady(self) -> None:
        self.granted()
        self.run(STEADY_NS / NS_PER_SECOND)
        self.ended()


def test_the_tries_after_a_loss_are_spaced_and_counted() -> None:
    clock = Clock()
    clock.lost_while_steady()
    assert clock.done == [(0, ACT.FILL)]
    for _ in BACK_OFF_NS:
        clock.next()
        clock.failed()
    assert [at for at, action in clock.done if action is ACT.OPEN] == [0.25, 0.75, 1.75, 3.75, 7.75]
    assert clock.done[-1] == (7.75, ACT.GIVE_UP)
    assert clock.handover.state is STATE.GIVEN_UP
    assert clock.handover.next_deadline() is None


def test_a_try_that_is_never_granted_gives_way_to_the_next_and_all_end_in_time() -> None:
    clock = Clock()
    clock.lost_while_steady()
    clock.run(60)
    opened = [at for at, action in clock.done if action is ACT.OPEN]
    assert opened == [0.25, 3.75, 7.75]  # 3 s each, and the wait between
    assert clock.done[-1] == (10.75, ACT.GIVE_UP), "the next would be due when no try counts"


def test_the_last_try_is_not_waited_for_when_no_try_counts() -> None:
    clock = Clock()
    clock.lost_while_steady()
    clock.next()
    clock.failed(503, retry_after_s=10)
    clock.run(60)
    assert clock.done[-2:] == [(10.25, ACT.OPEN), (TRIES_NS / NS_PER_SECOND, ACT.GIVE_UP)]


def test_a_try_that_is_granted_takes_the_call_over() -> None:
    clock = Clock()
    clock.lost_while_steady()
    clock.next()
    clock.granted()
    assert clock.done == [(0, ACT.FILL), (0.25, ACT.OPEN), (0.25, ACT.SWITCH)]
    assert clock.handover.state is STATE.STEADY
    clock.run(60)
    assert len(clock.done) == 3, "and the old waits are over"


def test_the_server_is_left_alone_for_as_long_as_it_asks() -> None:
    clock = Clock()
    clock.lost_while_steady()
    clock.next()
    clock.failed(429, retry_after_s=3)
    clock.next()
    assert clock.done[-1] == (3.25, ACT.OPEN)
    clock.failed(503, retry_after_s=0.1)
    clock.next()
    assert clock.done[-1] == (4.25, ACT.OPEN), "the back-off is the least"


def test_a_server_that_asks_for_more_time_than_there_is_is_given_up_at_once() -> None:
    clock = Clock()
    clock.lost_while_steady()
    clock.next()
    clock.failed(429, retry_after_s=11.75)
    assert clock.done[-1] == (0.25, ACT.GIVE_UP)


@pytest.mark.parametrize(("asked_s", "last"), [(13, (0, ACT.GIVE_UP)), (11.9, (10.9, ACT.OPEN))])
def test_so_is_one_that_asked_for_it_before_the_session_it_was_to_renew_ended(
    asked_s: float, last: tuple[float, HandoverAction]
) -> None:
    clock = Clock()
    clock.granted(600)
    clock.next()
    clock.failed(429, retry_after_s=asked_s)
    clock.run(1)
    clock.ended()
    clock.run(11)
    assert clock.done[-1] == last


@pytest.mark.parametrize("code", [401, 403, 404])
def test_what_no_try_mends_is_given_up_at_once(code: int) -> None:
    clock = Clock()
    clock.lost_while_steady()
    clock.next()
    clock.failed(code)
    assert clock.done[-1] == (0.25, ACT.GIVE_UP)


def test_the_first_session_is_tried_once() -> None:
    clock = Clock()
    clock.ended()
    assert clock.done == [(0, ACT.GIVE_UP)]


def test_a_session_that_is_soon_lost_again_does_not_begin_the_count_anew() -> None:
    clock = Clock()
    clock.lost_while_steady()
    for _ in BACK_OFF_NS:
        clock.next()
        clock.granted()
        clock.ended()
    assert clock.handover.state is STATE.GIVEN_UP


def test_a_session_that_was_steady_begins_the_count_anew() -> None:
    clock = Clock()
    clock.lost_while_steady()
    for _ in range(20):
        clock.next()
        assert clock.done[-1] == (0.25, ACT.OPEN)
        clock.granted()
        clock.run(STEADY_NS / NS_PER_SECOND)
        clock.ended()


@pytest.mark.parametrize(
    ("life_s", "from_s", "latest_s"),
    [
        (None, 50 * 60, 55 * 60),
        (3600, 3600 - 15 - 300, 3600 - 15),
        (80, 50, 70),
        (8, 5, 7),
        (4.9, 50 * 60, 55 * 60),
        (-100, 50 * 60, 55 * 60),
    ],
)
def test_renewal_waits_for_a_quiet_moment_until_it_can_wait_no_longer(
    life_s: float | None, from_s: float, latest_s: float
) -> None:
    quiet, loud = Clock(), Clock()
    loud.is_quiet = False
    for clock in (quiet, loud):
        clock.granted(life_s)
        clock.run(3_600)
    assert quiet.done[0] == (from_s, ACT.OPEN)
    assert loud.done[0] == (latest_s, ACT.OPEN)


def test_a_moment_that_turns_quiet_is_noticed_soon() -> None:
    clock = Clock()
    clock.is_quiet = False
    clock.granted(80)
    clock.run(55.2)
    assert not clock.done
    clock.is_quiet = True
    clock.run(LOOK_NS / NS_PER_SECOND)
    assert clock.done == [(55.5, ACT.OPEN)]


def test_a_renewal_that_is_granted_switches_and_plans_the_next() -> None:
    clock = Clock()
    clock.granted(80)
    clock.run(50)
    clock.granted(80)
    assert clock.done == [(50, ACT.OPEN), (50, ACT.SWITCH)]
    clock.run(50)
    assert clock.done[2:] == [(100, ACT.OPEN)]


def test_a_renewal_that_fails_is_tried_again_and_left_when_it_keeps_failing() -> None:
    clock = Clock()
    clock.granted(8_000)
    clock.run(8_000 - 315)
    clock.done.clear()
    begun = clock.begun = clock.now
    clock.failed()
    for _ in BACK_OFF_NS[1:]:
        clock.next()
        clock.failed()
    assert [at for at, _ in clock.done] == [0.5, 1.5, 3.5, 7.5]
    assert clock.handover.state is STATE.STEADY, "the old session goes on"
    assert clock.handover.next_deadline() is None
    clock.ended()
    clock.next()
    assert clock.now > begun
    assert clock.done[-2:] == [(0, ACT.FILL), (0.25, ACT.OPEN)], "and its end has tries of its own"


def test_a_session_that_ends_while_it_is_being_renewed_is_followed_by_the_one_under_way() -> None:
    clock = Clock()
    clock.granted(80)
    clock.run(50)
    clock.ended()
    assert clock.done[-1] == (0, ACT.FILL)
    assert clock.handover.state is STATE.LOST
    clock.run(1)
    clock.granted()
    assert clock.done[-1] == (1, ACT.SWITCH)


def test_the_one_under_way_may_fail_as_well() -> None:
    clock = Clock()
    clock.granted(80)
    clock.run(50)
    clock.ended()
    clock.run(TRY_NS / NS_PER_SECOND)
    clock.next()
    assert clock.done[-1] == (3.5, ACT.OPEN), "the second try"


@pytest.mark.parametrize(("life_s", "until_s"), [(80, 50), (200, 136)])
def test_a_renewal_has_tries_of_its_own_and_the_one_under_way_at_the_end_is_the_first(
    life_s: float, until_s: float
) -> None:
    clock = Clock()
    clock.lost_while_steady()
    for _ in range(3):
        clock.next()
        clock.failed()
    clock.next()
    clock.granted(life_s)
    clock.run(until_s)
    clock.ended()
    clock.done.clear()
    for _ in range(4):
        clock.failed()
        clock.next()
    assert [at for at, _ in clock.done] == [0.5, 1.5, 3.5, 7.5]


def test_a_call_that_needs_no_session_gets_none() -> None:
    clock = Clock()
    clock.lost_while_steady()
    clock.handover.stop()
    assert clock.handover.next_deadline() is None
    clock.granted()
    clock.ended()
    clock.failed()
    clock.run(60)
    assert clock.done == [(0, ACT.FILL)]


def test_time_that_has_not_come_changes_nothing() -> None:
    handover = Handover()
    assert handover.next_deadline() is None
    assert handover.handle_timer(Nanoseconds(MINUTE_NS), is_quiet=True) == ()
