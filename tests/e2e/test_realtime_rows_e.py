"""Rows E1-E6 and E9: what we tell the session. E7 and E8 are the adapter's."""
# ruff: noqa: N802

import json
from typing import cast

import pytest

from telephony.realtime import BadClientEventError, client_events, session_config, write_event
from telephony.realtime import responses as sequencer
from telephony.realtime.responses import Action, Input, State
from telephony.realtime.wire import WireModel
from telephony.voice import (
    AddText,
    CommitAudio,
    Configure,
    Picture,
    Respond,
    ResponseFinished,
    SessionSettings,
    ToolDeclaration,
    ToolResult,
    VoiceErrorReceived,
)
from tests.support.realtime_rig import Rig, response_created, response_done, settings, types
from tests.support.realtime_rows import Replace, row

UNSEQUENCED = Replace(
    "telephony.realtime.responses.TRANSITIONS",
    {
        **sequencer.TRANSITIONS,
        (State.REQUESTED, Input.ASKED): (State.REQUESTED, (Action.SEND, Action.WAIT_ANSWER)),
        (State.ACTIVE, Input.ASKED): (State.ACTIVE, (Action.SEND, Action.WAIT_ANSWER)),
    },
)
"""`response.create` goes out whenever it is asked for, as the origin sends it."""


def write_without_nulls(event: WireModel) -> bytes:
    """What `write_event` would be if "none" and "leave it" were the same."""
    return event.model_dump_json(exclude_unset=True, exclude_none=True).encode()


def take_anything(text: bytes) -> None:
    """Leave it to the server to find out."""
    del text


def let_be(self: AddText) -> None:
    """Let None through, which goes out as null."""
    del self


@row("E1", Replace("telephony.realtime.client_commands.parse_client_event", take_anything))
async def test_E1_a_raw_event_is_checked_and_a_wrong_one_is_refused_to_its_sender(
    rig: Rig,
) -> None:
    """We differ: who sent it learns of it, in an error that shows none of its words."""
    await rig.grant()
    send_raw = rig.socket.send_raw
    send_raw({"type": "conversation.item.retrieve", "item_id": "i1"})
    (event,) = await rig.sent()
    assert event == {"type": "conversation.item.retrieve", "item_id": "i1"}
    with pytest.raises(BadClientEventError, match=r"item\.retrieve: item_id") as refused:
        send_raw({"type": "conversation.item.retrieve", "item": "my secret"})
    assert "secret" not in str(refused.value)
    assert await rig.sent() == []


@row("E2", UNSEQUENCED)
async def test_E2_the_answer_to_a_users_words_waits_for_the_response_under_way(
    rig: Rig,
) -> None:
    await rig.grant()
    rig.command(AddText("hello"), Respond())
    await rig.says(response_created("r1"))
    rig.command(AddText("and this"), Respond(), AddText("and that"), Respond())
    assert types(await rig.sent()) == [
        "conversation.item.create",
        "response.create",
        "conversation.item.create",
        "conversation.item.create",
    ]
    await rig.says(response_done("r1"))
    assert types(await rig.sent()) == ["response.create"], "one for both"
    assert rig.of(VoiceErrorReceived) == []


@row("E3", Replace("telephony.voice.AddText.__post_init__", let_be))
async def test_E3_text_is_one_part_and_a_picture_another_and_nothing_becomes_null(
    rig: Rig,
) -> None:
    await rig.grant()
    rig.command(AddText("hello"))
    (event,) = await rig.sent()
    assert event["item"] == {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "hello"}],
    }
    with pytest.raises(TypeError):
        rig.command(AddText(cast("str", None)))
    assert await rig.sent() == []
    url = "data:image/png;base64,AA=="
    rig.command(AddText("look", pictures=(Picture(url, detail="low"),)))
    (event,) = await rig.sent()
    assert event["item"]["content"] == [
        {"type": "input_text", "text": "look"},
        {"type": "input_image", "image_url": url, "detail": "low"},
    ]


@row("E4", Replace("telephony.realtime.session.RealtimeSession.owns_audio", True))
async def test_E4_a_commit_follows_its_audio_and_an_attached_session_is_given_none(
    rig: Rig,
) -> None:
    await rig.grant()
    for octet in b"\x01\x02":
        rig.append(bytes([octet]) * 3)
    rig.command(CommitAudio())
    first, second, commit = await rig.sent()
    assert first == {"type": "input_audio_buffer.append", "audio": "AQEB"}
    assert second == {"type": "input_audio_buffer.append", "audio": "AgIC"}
    assert commit["type"] == "input_audio_buffer.commit"
    rig.command(Configure(settings(owns_audio=False)))
    await rig.answer_update()
    rig.append(b"\x01\x01\x01")
    rig.command(CommitAudio())
    assert await rig.sent() == []
    assert rig.session.counters.audio_withheld == 2


@row("E5", UNSEQUENCED)
async def test_E5_a_tools_output_goes_first_and_the_answer_to_it_waits_for_its_turn(
    rig: Rig,
) -> None:
    await rig.grant()
    rig.command(Respond())
    await rig.says(response_created("r1"))
    rig.command(ToolResult("c1", "42"), ToolResult("c2", "kept", respond=False))
    create, first, second = await rig.sent()
    assert create["type"] == "response.create"
    assert first["item"] == {"type": "function_call_output", "call_id": "c1", "output": "42"}
    assert second["item"] == {"type": "function_call_output", "call_id": "c2", "output": "kept"}
    await rig.says(response_done("r1"))
    assert types(await rig.sent()) == ["response.create"]
    await rig.says(response_created("r2"), response_done("r2"))
    assert await rig.sent() == []
    assert len(rig.of(ResponseFinished)) == 2


@row("E6")
async def test_E6_another_agent_in_mid_call_is_a_whole_session_update(rig: Rig) -> None:
    """The interruption half of this row is section G."""
    tool = ToolDeclaration("order_status", "Looks it up.", {"type": "object"})
    first = SessionSettings(instructions="One.", tools=(tool,))
    update = await rig.grant(first)
    rig.command(Configure(SessionSettings(instructions="Two.")))
    again = await rig.answer_update()
    assert set(again["session"]) == set(update["session"])
    assert (again["session"]["instructions"], again["session"]["tools"]) == ("Two.", [])


@row("E9", Replace("telephony.realtime.session_styles.write_event", write_without_nulls))
async def test_E9_what_is_switched_off_is_sent_as_null(rig: Rig) -> None:
    update = await rig.grant(SessionSettings(transcribe_with=None))
    assert update["session"]["audio"]["input"]["transcription"] is None
    off = session_config.InputAudioConfig(turn_detection=None, noise_reduction=None)
    event = client_events.SessionUpdate(
        session=session_config.SessionConfig(
            type="realtime", audio=session_config.AudioConfig(input=off)
        )
    )
    written = json.loads(write_event(event))["session"]["audio"]["input"]
    assert written == {"turn_detection": None, "noise_reduction": None}
