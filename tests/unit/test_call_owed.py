"""What another session would have to be asked for, should this one be lost at any moment."""

from telephony.call.owed import OwedWords
from telephony.voice import Respond

GREETING = Respond("Say hello")


def test_nothing_is_owed_at_first_nor_once_an_answer_is_whole() -> None:
    owed = OwedWords()
    assert owed.is_nothing
    assert owed.take_over() is None
    owed.handle_asked(GREETING)
    assert not owed.is_nothing
    owed.handle_started("r")
    assert not owed.is_nothing
    owed.handle_words()
    owed.handle_finished("r", has_failed=False)
    assert owed.is_nothing
    assert owed.take_over() is None


def test_what_was_asked_for_and_has_not_begun_is_owed_as_it_was_asked() -> None:
    owed = OwedWords()
    owed.handle_asked(GREETING)
    assert owed.take_over() is GREETING
    assert owed.take_over() is GREETING, "of every session until it comes"
    owed.handle_started("r")
    assert not owed.is_begun
    assert owed.take_over() is GREETING, "begun, and nothing heard of it"


def test_words_that_were_stopped_on_purpose_are_not_owed_and_what_was_asked_for_is() -> None:
    owed = OwedWords()
    owed.handle_started("r")
    owed.handle_words()
    owed.handle_stopped("other")
    assert owed.is_begun
    owed.handle_asked(GREETING)
    owed.handle_stopped("r")
    assert not owed.is_begun
    assert owed.take_over() is GREETING
    owed.handle_started("r2")
    owed.handle_stopped(None)
    assert owed.is_nothing


def test_words_that_have_begun_are_gone_on_with() -> None:
    owed = OwedWords()
    owed.handle_asked(GREETING)
    owed.handle_started("r")
    owed.handle_words()
    assert owed.is_begun
    assert owed.take_over() == Respond()
    assert not owed.is_begun


def test_a_response_that_nobody_asked_for_is_owed_all_the_same() -> None:
    owed = OwedWords()
    owed.handle_started("r")
    assert owed.take_over() == Respond()


def test_the_caller_is_owed_an_answer_once_he_has_spoken_and_nothing_before_that() -> None:
    owed = OwedWords()
    owed.handle_asked(GREETING)
    owed.handle_speech_started()
    assert owed.is_caller_speaking
    assert not owed.is_nothing
    assert owed.take_over() is None
    assert not owed.is_caller_speaking, "the next session hears for itself"
    owed.handle_speech_started()
    owed.handle_speech_stopped()
    assert not owed.is_caller_speaking
    assert owed.take_over() == Respond()


def test_a_failed_response_is_owed_still_unless_another_was_asked_for() -> None:
    owed = OwedWords()
    owed.handle_asked(GREETING)
    owed.handle_started("r")
    owed.handle_finished("r", has_failed=True)
    assert owed.take_over() is GREETING
    owed.handle_started("s")
    other = Respond("Say something else")
    owed.handle_asked(other)
    owed.handle_finished("s", has_failed=True)
    assert owed.take_over() is other


def test_the_end_of_another_response_changes_nothing() -> None:
    owed = OwedWords()
    owed.handle_asked(GREETING)
    owed.handle_finished("cancelled before", has_failed=False)
    assert owed.take_over() is GREETING


def test_a_tool_that_was_called_asks_for_words_by_its_result() -> None:
    owed = OwedWords()
    owed.handle_started("r")
    owed.handle_words()
    owed.handle_tool_called()
    assert not owed.is_begun
    assert owed.take_over() is None


def test_words_of_no_response_under_way_begin_nothing() -> None:
    owed = OwedWords()
    owed.handle_words()
    assert not owed.is_begun


def test_a_caller_on_the_way_elsewhere_is_owed_nothing() -> None:
    owed = OwedWords()
    owed.handle_asked(GREETING)
    owed.handle_started("r")
    owed.stop()
    assert owed.is_nothing
