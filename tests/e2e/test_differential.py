"""Our model sends and tells what the SDK's own does, but for a short list of meant differences."""

from collections.abc import Iterator
from functools import cache

import pytest

pytest.importorskip("agents", reason="the extra `agents` is not installed")

from agents.realtime.model_events import RealtimeModelEvent

from telephony.app.agents_sdk import told_events
from telephony.app.agents_sdk.playback import Cut, Playback
from telephony.realtime import responses as sequencer
from telephony.realtime.responses import Action, Input, State
from telephony.units import Nanoseconds
from telephony.voice import VoiceEvent
from tests.support.agents_environment import HOW_TO_RUN
from tests.support.differential_allowed import ALLOWED, MOST
from tests.support.differential_judge import Verdict, judge
from tests.support.differential_streams import STREAMS
from tests.support.realtime_rows import Replace, replaced
from tests.tables import differential as table
from tests.tables.row import Row

# Both packages warn in their own code; only ours is held to no warnings.
pytestmark = pytest.mark.filterwarnings("default")


@cache
def verdict_of(stream: str) -> Verdict:
    """Judge a stream, once."""
    return judge(stream)


@pytest.mark.parametrize("stream", STREAMS)
def test_a_stream_differs_only_as_is_meant(stream: str) -> None:
    verdict = verdict_of(stream)
    assert verdict.unexpected == []
    assert verdict.frames
    assert verdict.events


def test_the_list_is_short_and_each_entry_of_use() -> None:
    assert len(ALLOWED) <= MOST
    assert len({allowed.name for allowed in ALLOWED}) == len(ALLOWED)
    assert all(allowed.reason for allowed in ALLOWED)
    used = {name for stream in STREAMS for name in verdict_of(stream).uses}
    assert [allowed.name for allowed in ALLOWED if allowed.name not in used] == []


def without_items(event: VoiceEvent, message: dict[str, object]) -> Iterator[RealtimeModelEvent]:
    """Tell all but the items: the SDK's history would stay empty."""
    told = told_events.model_events(event, message)
    return (one for one in told if one.type != "item_updated")


def cut_nothing(self: Playback, now_ns: Nanoseconds, response_id: str | None = None) -> Cut:
    """Let the model believe that all of it was heard."""
    del self, now_ns, response_id
    return Cut()


UNSEQUENCED = {
    **sequencer.TRANSITIONS,
    (State.ACTIVE, Input.ASKED): (State.ACTIVE, (Action.SEND, Action.WAIT_ANSWER)),
}
"""`response.create` goes out although a response is under way."""


@pytest.mark.parametrize(
    ("stream", "mutation", "seen"),
    [
        (
            "tool turn",
            Replace("telephony.app.agents_sdk.line.model_events", without_items),
            "model.item_updated",
        ),
        (
            "two tools",
            Replace("telephony.realtime.responses.TRANSITIONS", UNSEQUENCED),
            "response.create",
        ),
        (
            "text turn",
            Replace("telephony.app.agents_sdk.sdk_settings.DEFAULT_VOICE", "alloy"),
            "session.audio.output.voice",
        ),
        (
            "barge in late",
            Replace("telephony.app.agents_sdk.playback.Playback.interrupt", cut_nothing),
            "conversation.item.truncate",
        ),
    ],
)
def test_a_model_that_does_otherwise_is_found_out(
    stream: str, mutation: Replace, seen: str
) -> None:
    with replaced([mutation]):
        verdict = judge(stream)
    assert any(seen in difference for difference in verdict.unexpected), verdict.unexpected


def test_the_table_prints_a_stream_and_says_where_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = table.run(only="text turn")
    assert row.ok
    assert row.figures["frames"]
    there = [row]

    def rows_from_there(name: str) -> list[Row]:
        assert name == "differential"
        return there

    monkeypatch.setattr(table, "has_agents", lambda: False)
    monkeypatch.setattr(table, "rows_from_there", rows_from_there)
    assert table.run() == [row]
    there.clear()
    (lacking,) = table.run()
    assert (lacking.ok, lacking.figures["why"]) == (False, HOW_TO_RUN.format(table="differential"))
