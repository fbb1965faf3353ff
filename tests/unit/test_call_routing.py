"""Which agent answers a number."""

import pytest

from telephony.call.routing import Line, route

LINES = [Line("+15551234567", "sales"), Line("+1555*", "west"), Line("*", "reception")]


@pytest.mark.parametrize(
    ("number", "agent"),
    [
        ("+15551234567", "sales"),
        ("15551234567", "sales"),
        ("+15559", "west"),
        ("15550000", "west"),
        ("+4930", "reception"),
        ("service", "reception"),
    ],
)
def test_the_first_line_that_matches_answers(number: str, agent: str) -> None:
    found = route(number, LINES)
    assert found.agent == agent
    assert number in found.why


def test_a_number_without_a_line_says_which_lines_there_are() -> None:
    found = route("42", LINES[:1])
    assert found.agent is None
    assert found.why == "no line matches 42; lines: +15551234567"


def test_a_phone_without_lines_answers_nothing() -> None:
    assert route("42", []).why == "no line matches 42; lines: none"
