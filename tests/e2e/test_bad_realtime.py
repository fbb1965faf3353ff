"""Whatever a Realtime server does, its calls are looked after, and no other call is harmed.

The cases stand in `tests/support/bad_cases.py`; each is a whole call over real sockets. All are
played at once, to one engine (table bad-input).
"""

import json

import pytest

from tests.support.bad_calls import Played
from tests.support.bad_cases import CASES
from tests.support.bad_stories import AUDIO, KEY, WORDS
from tests.tables.bad_input import STILL_SECONDS, play_fairly, rows_of


@pytest.fixture(scope="module")
def played() -> list[Played]:
    return play_fairly(CASES)


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_server_is_lived_with(played: list[Played], name: str) -> None:
    row = rows_of(played)[name]
    if not row.ok and played[-1].still_s >= STILL_SECONDS:
        pytest.skip(f"void: this machine stood still in each of {len(played)} attempts")
    assert row.ok, row.figures


def test_no_row_and_no_line_repeats_a_key_or_what_was_said(played: list[Played]) -> None:
    rows = [row.model_dump_json() for each in played for case in each.cases for row in case.rows]
    lines = [json.dumps(line, default=repr) for each in played for line in each.lines]
    assert len(rows) > len(CASES)
    told = [text for text in [*rows, *lines] if any(one in text for one in (KEY, WORDS, AUDIO))]
    assert not told


def test_no_exception_is_left_to_the_event_loop(played: list[Played]) -> None:
    assert [each.reported for each in played if each.reported] == []
