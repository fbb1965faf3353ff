"""What counts as a failed response, and what is asked for after one."""

import pytest

from telephony.call.failures import MAX_FAILURES, Failures
from telephony.voice import Respond, ResponseFinished, ResponseStatus

FAILED = ResponseFinished("r", ResponseStatus.FAILED)


def finished(status: ResponseStatus) -> ResponseFinished:
    return ResponseFinished("r", status)


def test_nothing_is_due_before_anything_failed() -> None:
    failures = Failures()
    failures.handle_asked(Respond("Say hello"))
    assert failures.take_due() is None
    assert failures.in_a_row == 0


def test_what_failed_is_due_once() -> None:
    failures = Failures()
    failures.handle_asked(Respond("Say hello"))
    assert failures.handle_finished(FAILED)
    assert failures.take_due() == Respond("Say hello")
    assert failures.take_due() is None


def test_nothing_is_due_after_too_many() -> None:
    failures = Failures()
    for _ in range(MAX_FAILURES):
        assert not failures.are_too_many
        failures.handle_finished(FAILED)
    assert failures.are_too_many
    assert failures.take_due() is None


@pytest.mark.parametrize("status", [ResponseStatus.COMPLETED, ResponseStatus.INCOMPLETE])
def test_a_response_that_brought_something_ends_the_row(status: ResponseStatus) -> None:
    failures = Failures()
    failures.handle_asked(Respond("Say hello"))
    failures.handle_finished(FAILED)
    failures.handle_brought("r")
    assert not failures.handle_finished(finished(status))
    assert failures.in_a_row == 0
    assert failures.take_due() is None
    failures.handle_finished(FAILED)
    assert failures.take_due() == Respond(), "what was asked for has been answered"


def test_an_incomplete_response_has_failed_if_it_brought_nothing() -> None:
    failures = Failures()
    failures.handle_brought("another")
    assert failures.handle_finished(finished(ResponseStatus.INCOMPLETE))
    assert failures.in_a_row == 1


def test_a_cancelled_response_changes_nothing() -> None:
    failures = Failures()
    failures.handle_finished(FAILED)
    assert not failures.handle_finished(finished(ResponseStatus.CANCELLED))
    assert failures.in_a_row == 1
    assert failures.take_due() == Respond()


def test_the_callers_words_are_answered_instead_of_what_failed() -> None:
    failures = Failures()
    failures.handle_asked(Respond("Say hello"))
    failures.handle_finished(FAILED)
    failures.handle_caller()
    assert failures.take_due() is None
