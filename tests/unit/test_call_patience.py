"""A caller who waits hears a word in time, not too often, and none once the wait is over."""

from telephony.call.patience import FILLER_AFTER_NS, FILLER_AGAIN_NS, MAX_FILLERS, Patience
from telephony.units import Nanoseconds

START = Nanoseconds(1_000)
FIRST = Nanoseconds(START + FILLER_AFTER_NS)


def test_two_seconds_of_silence_ask_for_a_filler_once() -> None:
    patience = Patience()
    patience.wait(START)
    patience.wait(Nanoseconds(START + 500))
    assert patience.next_deadline() == FIRST
    assert not patience.take_due(Nanoseconds(FIRST - 1), is_silent=True)
    assert patience.take_due(FIRST, is_silent=True)
    assert not patience.take_due(FIRST, is_silent=True)
    assert patience.next_deadline() is None


def test_words_that_go_out_put_the_filler_off_until_they_are_over() -> None:
    patience = Patience()
    patience.wait(START)
    assert not patience.take_due(FIRST, is_silent=False)
    patience.handle_words_sent(FIRST)
    again = Nanoseconds(FIRST + FILLER_AGAIN_NS)
    assert patience.next_deadline() == again
    assert patience.take_due(again, is_silent=True)


def test_the_model_ends_a_wait_for_itself_but_not_for_a_tool() -> None:
    patience = Patience()
    patience.wait_for_tool("c1", START)
    patience.handle_model()
    assert patience.next_deadline() == FIRST
    patience.handle_tool_result("c1")
    patience.handle_model()
    assert patience.next_deadline() is None
    patience.handle_words_sent(FIRST)
    assert patience.next_deadline() is None


def test_a_stop_ends_every_wait_until_the_next() -> None:
    patience = Patience()
    patience.wait_for_tool("c1", START)
    patience.stop()
    assert not patience.take_due(FIRST, is_silent=True)
    patience.wait(FIRST)
    assert patience.next_deadline() == Nanoseconds(FIRST + FILLER_AFTER_NS)


def fillers_heard(patience: Patience, rounds: int) -> int:
    now = FIRST
    heard = 0
    for _ in range(rounds):
        heard += patience.take_due(now, is_silent=True)
        patience.handle_words_sent(now)
        now = Nanoseconds(now + FILLER_AGAIN_NS)
    return heard


def test_a_model_that_stays_silent_is_given_up_after_some_fillers() -> None:
    patience = Patience()
    patience.wait(START)
    assert fillers_heard(patience, MAX_FILLERS) == MAX_FILLERS
    assert not patience.is_exhausted
    assert fillers_heard(patience, 3) == 0
    assert patience.is_exhausted


def test_a_tool_may_take_as_long_as_its_own_limit() -> None:
    patience = Patience()
    patience.wait_for_tool("c1", START)
    assert fillers_heard(patience, MAX_FILLERS + 3) == MAX_FILLERS + 3
    assert not patience.is_exhausted
