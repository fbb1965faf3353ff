"""The staying-alive table holds, and each of its checks can fail."""

from dataclasses import replace

import pytest

from tests.tables.row import Row
from tests.tables.staying_alive import (
    APPEND,
    CREATE,
    WANTED,
    Story,
    Told,
    checks,
    is_in_order,
    last_items,
    make_call,
    timeline,
)


@pytest.fixture(scope="module")
def story() -> Story:
    return make_call()


def short(story: Story) -> list[str]:
    return [row.name for row in checks(story) if not row.ok]


def test_a_call_keeps_its_caller_and_its_history_through_two_losses_and_a_limit(
    story: Story,
) -> None:
    assert [row for row in checks(story) if not row.ok] == []
    assert len(list(last_items(story))) == len(WANTED)
    shown = [row.name for row in timeline(story.rows)]
    assert [name for name in shown if "voice.restored" in name]


def test_each_check_can_fail(story: Story) -> None:
    rows = [row for row in story.rows if not str(row["type"]).startswith("voice.")]
    assert short(replace(story, is_up=False)) == ["the caller stays on one call"]
    assert short(replace(story, rows=rows)) == [
        "two sessions are lost",
        "each is followed by another",
        "the limit is not waited for",
        "a busy server is left alone for 1 s",
    ]
    assert short(replace(story, outlived=True)) == ["the limit is not waited for"]
    assert short(replace(story, filler_s=9.0)) == ["patience is asked for at once"]
    assert short(replace(story, silence_s=9.0)) == ["no silence of 3 s"]
    assert short(replace(story, was_warned=False)) == ["no transcripts: warned at start"]
    again = [*story.rows, {"type": "agent.configured"}]
    assert short(replace(story, rows=again)) == ["the greeting is not repeated"]
    forgetful = [*story.sessions[:-1], Told(story.sessions[-1].events, WANTED[1:])]
    assert short(replace(story, sessions=forgetful)) == ["the last session knows all of it"]


@pytest.mark.parametrize(
    "events", [[CREATE, "session.update"], ["session.update", "response.create", CREATE, APPEND]]
)
def test_another_order_is_noticed(events: list[str]) -> None:
    assert not is_in_order(Told(events, ()))
    assert is_in_order(Told(["session.update", CREATE, CREATE, APPEND, "response.create"], ()))


def test_rows_are_shown_as_text() -> None:
    assert all(isinstance(row, Row) for row in timeline([{"type": "playout.finished", "at_ms": 1}]))
