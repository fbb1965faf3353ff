"""Rows I1-I3 and J1-J6: items, and what was said in them."""
# ruff: noqa: N802

from collections.abc import Iterator
from typing import Any

from telephony.realtime import RealtimeSession, client_events
from telephony.realtime.events import ServerEvent, UnknownServerEvent, parse_server_event
from telephony.realtime.news import updated_message
from telephony.realtime.wire import Item
from telephony.voice import (
    AgentTranscribed,
    CallerTranscribed,
    ItemDeleted,
    ItemTruncated,
    ItemUpdated,
    SessionGranted,
    SessionOpened,
    ToolCalled,
    ToolServed,
    VoiceErrorReceived,
)
from tests.support.realtime_rig import Event, Rig, response_created
from tests.support.realtime_rows import Replace, row

PLACE = {"response_id": "r1", "item_id": "i1", "content_index": 0}
TRANSCRIPTION = "conversation.item.input_audio_transcription"
handle_message = RealtimeSession.handle_message


def output_item(stage: str, item: Event) -> Event:
    kind = f"response.output_item.{stage}"
    return {"type": kind, "response_id": "r1", "output_index": 0, "item": item}


def message(status: str, *parts: Event) -> Event:
    content = list(parts)
    return {"id": "i1", "type": "message", "role": "assistant", "status": status} | {
        "content": content
    }


def function_call(status: str, **fields: object) -> Event:
    call = {"id": "i1", "type": "function_call", "call_id": "c1", "name": "order_status"}
    return {**call, "arguments": '{"number":"7"}', "status": status, **fields}


def heard(rig: Rig) -> list[object]:
    """What came besides the session's own events."""
    return [one for one in rig.told if not isinstance(one, SessionOpened | SessionGranted)]


def ask_for_the_item(self: Any, text: bytes, now_ns: Any) -> None:
    """Ask for the last item again behind each transcript, as the origin does."""
    handle_message(self, text, now_ns)
    if parse_server_event(text).type == f"{TRANSCRIPTION}.completed":
        self._send(client_events.ItemRetrieve(item_id="i1"))


def know_only_beta_parts(text: bytes) -> ServerEvent:
    """Drop the parts of an item that GA has renamed."""
    return parse_server_event(text.replace(b'"output_', b'"new_').replace(b'"text"', b'"said"'))


def leave_out_the_place(item: Item, event: ServerEvent, status: str) -> Iterator[ItemUpdated]:
    """Tell of an item and not of where it stands."""
    del event
    yield from updated_message(item, UnknownServerEvent(type=""), status)


@row("I1", Replace("telephony.realtime.events.parse_server_event", know_only_beta_parts))
async def test_I1_a_message_item_is_told_with_its_parts_in_every_spelling(rig: Rig) -> None:
    await rig.grant()
    await rig.says(
        response_created(),
        output_item("added", message("in_progress")),
        output_item(
            "done",
            message(
                "completed",
                {"type": "output_audio", "transcript": "Hello."},
                {"type": "audio", "transcript": "Hello."},
                {"type": "output_text", "text": "There."},
                {"type": "text", "text": "There."},
            ),
        ),
    )
    added, done = rig.of(ItemUpdated)
    assert (added.item_id, added.role, added.status, added.texts) == (
        "i1",
        "assistant",
        "in_progress",
        (),
    )
    assert (done.status, done.texts) == ("completed", ("Hello.", "Hello.", "There.", "There."))


@row("I2")
async def test_I2_a_complete_function_call_is_told_once(rig: Rig) -> None:
    await rig.grant()
    call = function_call("completed")
    done: Event = {"id": "r1", "status": "completed", "output": [call]}
    await rig.says(
        response_created(),
        output_item("added", function_call("in_progress", arguments="")),
        {
            "type": "response.function_call_arguments.done",
            "response_id": "r1",
            "item_id": "i1",
            "call_id": "c1",
            "arguments": '{"number":"7"}',
        },
        output_item("done", call),
        {"type": "response.done", "response": done},
    )
    assert rig.of(ToolCalled) == [ToolCalled("r1", "i1", "c1", "order_status", '{"number":"7"}')]


@row("I3")
async def test_I3_an_incomplete_call_and_items_of_other_kinds_are_left_alone(rig: Rig) -> None:
    await rig.grant()
    before = len(rig.told)
    await rig.says(
        output_item("done", function_call("incomplete")),
        output_item("done", {"id": "i2", "type": "mcp_call", "name": "x", "arguments": "{}"}),
        output_item("done", {"id": "i3", "type": "of_tomorrow", "content": [{"type": "new"}]}),
    )
    assert rig.told[before:] == [ToolServed("i2", "", "x", "{}", "")], "nothing to be done"


@row("J1", Replace("telephony.realtime.news.updated_message", leave_out_the_place))
async def test_J1_each_item_of_the_conversation_is_told_with_its_place(rig: Rig) -> None:
    await rig.grant()
    user = {"id": "u1", "type": "message", "role": "user"}
    said = {"type": "input_text", "text": "[keys 1#]"}
    for kind in ("added", "created", "retrieved", "done"):
        item = {**user, "content": [said]}
        place = {"previous_item_id": "i0", "item": item}
        await rig.says({"type": f"conversation.item.{kind}", **place})
    told = rig.of(ItemUpdated)
    assert {(one.item_id, one.role, one.previous_item_id) for one in told} == {("u1", "user", "i0")}
    assert [one.texts for one in told] == [("[keys 1#]",)] * 4


@row("J2")
async def test_J2_a_deleted_item_is_told(rig: Rig) -> None:
    await rig.grant()
    await rig.says({"type": "conversation.item.deleted", "item_id": "i1"})
    assert rig.told[-1] == ItemDeleted("i1")


@row("J3", Replace("telephony.realtime.session.RealtimeSession.handle_message", ask_for_the_item))
async def test_J3_a_callers_transcript_is_that_of_its_item_and_costs_no_question(
    rig: Rig,
) -> None:
    await rig.grant()
    place = {"item_id": "u1", "content_index": 0}
    await rig.says(
        {"type": f"{TRANSCRIPTION}.delta", **place, "delta": "my ord"},
        {"type": f"{TRANSCRIPTION}.completed", **place, "transcript": "my order"},
    )
    assert rig.of(CallerTranscribed) == [
        CallerTranscribed("u1", "my ord", is_final=False),
        CallerTranscribed("u1", "my order", is_final=True),
    ]
    assert await rig.sent() == []


@row("J4")
async def test_J4_a_truncation_is_confirmed_without_a_question(rig: Rig) -> None:
    """We differ: nothing is retrieved; the server's copy has no transcript any more, ours has."""
    await rig.grant()
    place = {"item_id": "i1", "content_index": 1, "audio_end_ms": 65}
    await rig.says({"type": "conversation.item.truncated", **place})
    assert rig.told[-1] == ItemTruncated("i1", 1, 65)
    assert await rig.sent() == []


@row("J5")
async def test_J5_what_the_model_says_is_told_as_it_comes(rig: Rig) -> None:
    await rig.grant()
    kind = "response.output_audio_transcript"
    await rig.says(
        {"type": f"{kind}.delta", **PLACE, "delta": "Hel"},
        {"type": "response.audio_transcript.delta", **PLACE, "delta": "lo."},
        {"type": f"{kind}.done", **PLACE, "transcript": "Hello."},
    )
    assert heard(rig) == [
        AgentTranscribed("r1", "i1", 0, "Hel", is_final=False),
        AgentTranscribed("r1", "i1", 0, "lo.", is_final=False),
        AgentTranscribed("r1", "i1", 0, "Hello.", is_final=True),
    ]


@row("J6")
async def test_J6_deltas_that_nobody_acts_on_are_read_and_let_be(rig: Rig) -> None:
    """We differ: a caller's partial transcript is told, marked as not final (row J3)."""
    await rig.grant()
    before = len(rig.told)
    await rig.says(
        {"type": "response.output_text.delta", **PLACE, "delta": "x"},
        {"type": "response.text.done", **PLACE, "text": "x"},
        {
            "type": "response.function_call_arguments.delta",
            "response_id": "r1",
            "item_id": "i1",
            "call_id": "c1",
            "delta": "{",
        },
    )
    assert rig.told[before:] == []
    assert rig.session.counters.unknown == 0
    assert rig.of(VoiceErrorReceived) == []
