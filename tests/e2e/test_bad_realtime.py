"""Whatever a Realtime server does, its calls are looked after, and no other call is harmed.

The cases stand in `tests/support/bad_cases.py`; each is a whole call over real sockets. All are
played at once, to one engine (table bad-input).
"""

import asyncio
import json

import pytest

from tests.support.bad_calls import Played, play_cases
from tests.support.bad_cases import CASES
from tests.support.bad_stories import AUDIO, KEY, WORDS
from tests.tables.bad_input import judge


@pytest.fixture(scope="module")
def played() -> Played:
    return asyncio.run(play_cases(CASES))


@pytest.mark.parametrize("index", range(len(CASES)), ids=[case.name for case in CASES])
def test_server_is_lived_with(played: Played, index: int) -> None:
    row = judge(played.cases[index], played.still_s)
    assert row.ok, row.figures


def test_no_row_and_no_line_repeats_a_key_or_what_was_said(played: Played) -> None:
    rows = [row.model_dump_json() for case in played.cases for row in case.rows]
    lines = [json.dumps(line, default=repr) for line in played.lines]
    assert len(rows) > len(CASES)
    told = [text for text in [*rows, *lines] if any(one in text for one in (KEY, WORDS, AUDIO))]
    assert not told
