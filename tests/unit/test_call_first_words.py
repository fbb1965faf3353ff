"""When a greeting is due: once all that it needs has come, in whichever order."""

from telephony.call.first_words import FIRST_RTP_WAIT_NS, FirstWords
from telephony.units import NS_PER_MS, Nanoseconds


def at(ms: int) -> Nanoseconds:
    return Nanoseconds(ms * NS_PER_MS)


def test_a_silent_caller_is_greeted_after_a_while_and_once() -> None:
    words = FirstWords()
    words.set_granted(is_granted=True)
    words.begin(at(0))
    words.begin(at(50))
    assert words.next_deadline() == FIRST_RTP_WAIT_NS
    assert not words.take_due(at(199))
    assert words.take_due(at(200))
    assert not words.take_due(at(400))
    assert words.next_deadline() is None


def test_a_caller_who_is_heard_is_greeted_at_once() -> None:
    words = FirstWords()
    words.set_granted(is_granted=True)
    words.begin(at(0))
    words.handle_media_started(at(20))
    assert words.take_due(at(20))


def test_a_caller_heard_before_the_beginning_is_greeted_at_it() -> None:
    words = FirstWords()
    words.set_granted(is_granted=True)
    words.handle_media_started(at(0))
    assert words.next_deadline() is None
    words.begin(at(30))
    assert words.take_due(at(30))


def test_a_session_that_is_not_granted_or_no_more_greets_nobody() -> None:
    words = FirstWords()
    words.begin(at(0))
    assert not words.take_due(at(1000))
    words.set_granted(is_granted=True)
    words.set_granted(is_granted=False)
    assert not words.take_due(at(2000))
    words.set_granted(is_granted=True)
    assert words.take_due(at(3000))
