"""Ids that a server uses twice: ours are told apart, the server reads its own."""

from typing import Any

import pytest

from telephony.realtime.known_ids import REMEMBERED, KnownIds
from telephony.voice import (
    AudioReceived,
    CancelResponse,
    ClearAudio,
    DeleteItem,
    ResponseStarted,
    SpeechStopped,
    ToolCalled,
    ToolResult,
    TruncateItem,
)
from tests.unit.test_realtime_session import Talk, delta, done


def audio(response_id: str, item_id: str) -> AudioReceived:
    return AudioReceived(response_id, item_id, 0, b"\xff")


def twice() -> KnownIds:
    """Know of a response, an item and a call that each had the ids of another."""
    ids = KnownIds()
    for _ in range(2):
        ids.begin_response("r1", was_cut=False)
        ids.mention_item("i1", "r1")
        ids.mention_call("c1", "r1")
        ids.end_response("r1")
    return ids


def test_what_has_an_id_of_its_own_keeps_it() -> None:
    ids = KnownIds()
    assert not ids.begin_response("r1", was_cut=False)
    assert not ids.mention_item("i1", "r1")
    event, command = audio("r1", "i1"), DeleteItem("i1")
    assert ids.outwards(event) is event
    assert ids.inwards(command) is command


def test_what_begins_under_the_id_of_another_has_a_name_of_its_own() -> None:
    ids = twice()
    assert ids.outwards(audio("r1", "i1")) == audio("r1~2", "i1~3")
    assert ids.outwards(ToolCalled("r1", "i1", "c1", "f", "")) == ToolCalled(
        "r1~2", "i1~3", "c1~4", "f", ""
    )
    assert ids.outwards(audio("r9", "i9")) == audio("r9", "i9")
    assert ids.outwards(SpeechStopped("u1", 5)) == SpeechStopped("u1", 5)


@pytest.mark.parametrize(
    ("ours", "the_servers"),
    [
        (TruncateItem("i1~3", 0, 20), TruncateItem("i1", 0, 20)),
        (DeleteItem("i1~3"), DeleteItem("i1")),
        (CancelResponse("r1~2"), CancelResponse("r1")),
        (CancelResponse(None), CancelResponse(None)),
        (ToolResult("c1~4", "it is 12"), ToolResult("c1", "it is 12")),
        (ToolResult("c0", "it is 12"), ToolResult("c0", "it is 12")),
        (ClearAudio(), ClearAudio()),
    ],
)
def test_the_server_is_told_its_own_ids(ours: Any, the_servers: Any) -> None:
    assert twice().inwards(ours) == the_servers


def test_a_response_under_way_that_begins_again_is_the_same() -> None:
    ids = KnownIds()
    ids.begin_response("r1", was_cut=False)
    assert not ids.begin_response("r1", was_cut=False)
    assert ids.begin_response("r1", was_cut=True)


def test_an_item_goes_on_until_its_response_has_ended() -> None:
    ids = KnownIds()
    ids.begin_response("r1", was_cut=False)
    ids.begin_response("r2", was_cut=False)
    assert not ids.mention_item("i1", "r1")
    assert not ids.mention_item("i1", "r2")
    assert not ids.mention_item("i1", "")
    ids.end_response("r2")
    ids.end_response("nobody's")
    assert not ids.mention_item("i1", "r2")
    assert not ids.mention_item("i1", "")
    assert ids.mention_item("i1", "r1")


def test_an_item_of_a_response_nobody_announced_is_not_another_later() -> None:
    ids = KnownIds()
    assert not ids.mention_item("i1", "r1")
    ids.begin_response("r1", was_cut=False)
    assert not ids.mention_item("i1", "r1")


def test_more_of_the_item_mentioned_last_is_no_news_while_its_response_is_under_way() -> None:
    ids = KnownIds()
    ids.mention_item("i1", "r1")
    assert not ids.goes_on("i1", "r1")
    ids.begin_response("r1", was_cut=False)
    ids.mention_item("i1", "r1")
    places = (("i1", "r1"), ("i2", "r1"), ("i1", "r2"))
    assert [ids.goes_on(*place) for place in places] == [True, False, False]
    ids.end_response("r1")
    assert not ids.goes_on("i1", "r1")


def test_a_response_is_unknown_only_where_the_server_tells_of_others() -> None:
    ids = KnownIds()
    assert ids.state_of("r1") == "under way"
    ids.begin_response("r1", was_cut=False)
    assert [ids.state_of(one) for one in ("r1", "r2", "")] == ["under way", "unknown", "under way"]
    ids.end_response("r1")
    assert ids.state_of("r1") == "over"


def test_no_more_is_remembered_than_may_be_said_again() -> None:
    ids = twice()
    for number in range(REMEMBERED):
        ids.begin_response(f"r{number + 2}", was_cut=False)
    assert ids.state_of("r1") == "unknown"


# ---- in a session -----------------------------------------------------------------------------


def created(response_id: str) -> dict[str, object]:
    return {"type": "response.created", "response": {"id": response_id}}


def test_an_interrupted_response_that_begins_again_is_heard() -> None:
    talk = Talk()
    talk.hear(created("r1"))
    talk.hear(delta(b"\xff\xff", item_id="i1"))
    talk.command(CancelResponse("r1"), TruncateItem("i1", 0, 0))
    assert talk.hear(delta(b"\xff\xff", item_id="i1")) == []
    talk.hear(done("r1", status="cancelled"))
    told = talk.hear(created("r1"))
    assert told[-1] == ResponseStarted("r1~2")
    heard = talk.hear(delta(b"\xff\xff", item_id="i1"))
    assert heard[-1] == AudioReceived("r1~2", "i1~3", 0, b"\xff\xff")
    assert talk.session.counters.reused_ids == 2
    assert talk.session.counters.late_deltas == 1
