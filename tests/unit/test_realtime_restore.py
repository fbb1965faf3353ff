"""What was said before a session, as the exact messages that tell it so."""

import base64
import json
from itertools import count

from telephony.realtime import PROFILES, RealtimeSession
from telephony.realtime.client_commands import PIECE_OCTETS
from telephony.realtime.client_events import ItemCreate, parse_client_event
from telephony.units import Nanoseconds
from telephony.voice import (
    AddText,
    AppendAudio,
    Message,
    PastTool,
    PastWords,
    Respond,
    Restore,
    VoiceCommand,
)

NOW = Nanoseconds(0)
PAST = (
    PastWords("past_1", "agent", "Good day"),
    PastWords("past_2", "caller", "[caller spoke, 4.2 s]", is_estimated=True),
    PastTool("past_3", "c1", "order_status", '{"order": 7}', "shipped"),
    PastTool("past_4", "c2", "weather", "{}", None),
)


def messages(*commands: VoiceCommand, dialect: str = "generic") -> list[Message]:
    ids = count(1)
    session = RealtimeSession(lambda: str(next(ids)), PROFILES[dialect])
    for command in commands:
        session.handle_command(command, NOW)
    written: list[Message] = []
    while (output := session.poll_output()) is not None:
        assert isinstance(output, Message)
        written.append(output)
    return written


def events(*commands: VoiceCommand, dialect: str = "generic") -> list[dict[str, object]]:
    return [json.loads(one.text) for one in messages(*commands, dialect=dialect)]


def test_each_item_keeps_its_name_and_its_place() -> None:
    written = events(Restore(PAST))
    assert {one.pop("type") for one in written} == {"conversation.item.create"}
    assert [one["item"] for one in written] == [
        {
            "type": "message",
            "id": "past_1",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Good day"}],
        },
        {
            "type": "message",
            "id": "past_2",
            "role": "user",
            "content": [{"type": "input_text", "text": "[caller spoke, 4.2 s]"}],
        },
        {
            "type": "function_call",
            "id": "past_3",
            "call_id": "c1",
            "name": "order_status",
            "arguments": '{"order": 7}',
        },
        {
            "type": "function_call_output",
            "id": "past_3_output",
            "call_id": "c1",
            "output": "shipped",
        },
        {
            "type": "function_call",
            "id": "past_4",
            "call_id": "c2",
            "name": "weather",
            "arguments": "{}",
        },
    ]
    assert not [one for one in written if "previous_item_id" in one], "one behind the other"
    assert len({str(one["event_id"]) for one in written}) == len(written)


def test_items_that_take_anothers_place_follow_the_one_before_it() -> None:
    written = events(Restore(PAST[2:], after="past_2"))
    assert [one["previous_item_id"] for one in written] == ["past_2", "past_3", "past_3_output"]


def test_a_beta_server_has_another_name_for_an_agents_words() -> None:
    (written,) = events(Restore(PAST[:1]), dialect="speaches")
    assert written["item"] == {
        "type": "message",
        "id": "past_1",
        "role": "assistant",
        "content": [{"type": "text", "text": "Good day"}],
    }


def test_every_message_is_one_that_a_server_reads() -> None:
    for message in messages(Restore(PAST)):
        assert isinstance(parse_client_event(message.text), ItemCreate)


def test_kept_audio_goes_out_whole_between_the_items_and_the_request() -> None:
    audio = bytes(range(250)) * (PIECE_OCTETS // 100)
    written = messages(
        Restore(PAST[:1]), AddText("go on", role="system"), AppendAudio(audio), Respond()
    )
    assert not any(message.after_audio for message in written), "it overtakes live audio"
    told = [json.loads(message.text) for message in written]
    kinds = [one["type"] for one in told]
    appends = ["input_audio_buffer.append"] * 3
    assert kinds == [*["conversation.item.create"] * 2, *appends, "response.create"]
    sent = b"".join(base64.b64decode(one["audio"]) for one in told if "audio" in one)
    assert sent == audio


def test_nothing_to_tell_is_no_message() -> None:
    assert messages(Restore(()), AppendAudio(b"")) == []
