"""One session: every order of events that real sessions were recorded in, and the error rules."""

from typing import Any

import pytest

from telephony.local import LogLine
from telephony.realtime.events import UnknownServerEvent, parse_server_event
from telephony_codecs import encode_pcmu
from telephony_codecs.tones import Tone, ToneSource, digit_tone
from tests.support.local_client import (
    TELEPHONE,
    TOOLS,
    Event,
    LocalClient,
    audio_of,
    telephone_client,
    types,
)
from tests.support.local_orders import (
    CALL,
    MESSAGE_ENDS,
    RESPONSE_BEGINS,
    SPOKEN,
    SPOKEN_ENDS,
    TURN,
)

SILENCE = b"\xff" * 8_000
PAUSE = SILENCE[:160]
"""A line that is heard before its caller is."""
WORDS = encode_pcmu(ToneSource(Tone(((300, -10), (450, -14))), 8_000).read(3_200))
MESSAGE = [*RESPONSE_BEGINS, *SPOKEN]


def only(events: list[Event], event_type: str) -> Event:
    """Give the one event of a type."""
    (event,) = [event for event in events if event["type"] == event_type]
    return event


def error(events: list[Event]) -> dict[str, Any]:
    """Give the error that is all that came back."""
    (event,) = events
    assert event["type"] == "error"
    assert event["error"]["type"] == "invalid_request_error"
    return dict(event["error"])


def greeted() -> LocalClient:
    """Give a client whose caller was greeted."""
    client = telephone_client()
    client.send("response.create")
    client.finish()
    return client


def detection(**fields: Any) -> dict[str, Any]:
    """Give the audio settings of a call with another turn detection."""
    vad = {"type": "server_vad", **fields} if fields else None
    return {"input": {**TELEPHONE["input"], "turn_detection": vad}}


def test_connect() -> None:
    client = LocalClient()
    (created,) = client.events
    assert created["type"] == "session.created"
    assert created["session"]["id"].startswith("sess_")
    assert created["session"]["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 500
    (updated,) = client.update(instructions="Be kind.")
    assert updated["type"] == "session.updated"
    assert updated["session"]["instructions"] == "Be kind."
    assert updated["session"]["id"] == created["session"]["id"]
    assert client.log[0] == LogLine(
        "session opened",
        {"session": created["session"]["id"], "mind": "a rule dialog, not a language model"},
    )


def test_audio_turn() -> None:
    client = greeted()
    client.update(audio={"input": {"transcription": {"model": "any"}}})
    greeting_id = client.events[-2]["response"]["output"][0]["id"]
    said = client.append(SILENCE + WORDS + SILENCE) + client.finish()
    transcribed = "conversation.item.input_audio_transcription.completed"
    assert types(said)[: len(TURN) + len(MESSAGE)] == [*TURN, *MESSAGE]
    assert types(said)[-len(SPOKEN_ENDS) :] == SPOKEN_ENDS
    names = types(said)
    assert names.index("response.output_audio.delta") < names.index(transcribed)
    assert names.index(transcribed) < names.index("response.output_audio.done")
    started, stopped = said[0], said[1]
    assert started["audio_start_ms"] == 700
    assert stopped["audio_end_ms"] == 1_900
    committed = only(said, "input_audio_buffer.committed")
    assert started["item_id"] == stopped["item_id"] == committed["item_id"]
    item = said[4]["item"]
    assert item["id"] == committed["item_id"]
    assert item["role"] == "user"
    assert item["content"] == [{"type": "input_audio", "transcript": None}]
    assert committed["previous_item_id"] == said[4]["previous_item_id"] == greeting_id
    completed = only(said, transcribed)
    assert (completed["item_id"], completed["transcript"]) == (item["id"], "[speech]")
    kept = only(
        client.send("conversation.item.retrieve", item_id=item["id"]), "conversation.item.retrieved"
    )
    assert kept["item"]["content"][0]["transcript"] == "[speech]"


def test_without_being_asked_nothing_is_transcribed() -> None:
    said = greeted().append(PAUSE + WORDS + SILENCE)
    assert not any("transcription" in event["type"] for event in said)


def test_text_item() -> None:
    client = telephone_client()
    said = client.say("[keys 0]")
    assert types(said)[:2] == ["conversation.item.added", "conversation.item.done"]
    assert types(said)[2:] == MESSAGE
    client.finish()
    client.update(output_modalities=["text"])
    assert types(client.say("[keys 0]"))[2:] == [
        *RESPONSE_BEGINS,
        "response.output_text.delta",
        "response.output_text.done",
        *MESSAGE_ENDS,
        "response.done",
    ]


def test_function_call_and_its_result() -> None:
    client = greeted()
    said = client.say("[keys 1#]") + client.finish()
    assert types(said)[-7:] == [*CALL, "response.done"]
    done = only(said, "response.function_call_arguments.done")
    assert (done["name"], done["arguments"]) == ("opening_hours", "{}")
    item = {"type": "function_call_output", "call_id": done["call_id"], "output": "We are open."}
    assert types(client.send("conversation.item.create", item=item)) == [
        "conversation.item.added",
        "conversation.item.done",
    ]
    said = client.send("response.create") + client.finish()
    assert only(said, "response.output_audio_transcript.done")["transcript"] == (
        "We are open. Is there anything else?"
    )
    assert audio_of(said)[:8_000] == bytes([8]) * 8_000


def test_barge_in() -> None:
    client = telephone_client()
    begun = client.send("response.create") + client.pass_ms(100)
    item_id = only(begun, "conversation.item.added")["item"]["id"]
    assert len(audio_of(begun)) == 3 * 1_600
    said = client.append(SILENCE + WORDS)
    assert types(said) == ["input_audio_buffer.speech_started", *SPOKEN_ENDS]
    assert said[-2]["item"]["status"] == "incomplete"
    response = said[-1]["response"]
    assert response["status"] == "cancelled"
    assert response["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert client.pass_ms(1_000) == []
    said = client.send(
        "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=480
    )
    truncated = only(said, "conversation.item.truncated")
    assert (truncated["item_id"], truncated["audio_end_ms"]) == (item_id, 480)
    kept = only(
        client.send("conversation.item.retrieve", item_id=item_id), "conversation.item.retrieved"
    )
    assert kept["item"]["content"] == [{"type": "output_audio", "transcript": None}]


def test_barge_in_after_the_last_audio_was_sent_cancels_nothing() -> None:
    client = greeted()
    item_id = only(client.events, "response.done")["response"]["output"][0]["id"]
    said = client.append(SILENCE + WORDS)
    assert types(said) == ["input_audio_buffer.speech_started"]
    said = client.send(
        "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=1
    )
    assert types(said) == ["conversation.item.truncated"]


def test_a_session_that_is_not_interrupted_answers_afterwards() -> None:
    client = telephone_client()
    client.update(audio=detection(interrupt_response=False))
    client.send("response.create")
    assert types(client.append(PAUSE + WORDS + SILENCE)) == TURN
    names = types(client.finish())
    assert names.count("response.created") == 1
    assert names.count("response.done") == 2


def test_a_session_that_creates_no_response_waits_for_one() -> None:
    client = greeted()
    client.update(audio=detection(create_response=False))
    assert types(client.append(PAUSE + WORDS + SILENCE)) == TURN
    assert types(client.send("response.create"))[0] == "response.created"


def test_commit_and_clear_by_hand() -> None:
    client = greeted()
    client.update(audio=detection())
    assert client.append(PAUSE + WORDS) == []
    assert types(client.send("input_audio_buffer.commit")) == TURN[2:]
    client.append(PAUSE + WORDS)
    assert types(client.send("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    refused = error(client.send("input_audio_buffer.commit", event_id="mine"))
    assert refused["code"] == "input_audio_buffer_commit_empty"
    assert refused["event_id"] == "mine"


def test_digits_dialled_in_a_turn_by_hand_are_its_text() -> None:
    client = greeted()
    client.update(audio={"input": {"turn_detection": None, "transcription": {"model": "any"}}})
    client.append(encode_pcmu(ToneSource(digit_tone("1"), 8_000).read(1_600)) + SILENCE)
    said = client.send("input_audio_buffer.commit")
    completed = said[-1]
    assert completed["transcript"] == "[keys 1]"
    said = client.send("response.create") + client.finish()
    assert only(said, "response.function_call_arguments.done")["name"] == "opening_hours"


def test_a_commit_while_the_caller_speaks_ends_the_turn() -> None:
    client = greeted()
    (started,) = client.append(PAUSE + WORDS)
    said = client.send("input_audio_buffer.commit")
    assert said[0]["item_id"] == started["item_id"]
    assert client.append(SILENCE) == []


def test_turn_detection_that_is_switched_off_and_on_begins_anew() -> None:
    client = greeted()
    client.append(PAUSE + WORDS)
    client.update(audio=detection())
    client.update(audio={"input": {"turn_detection": {"type": "server_vad"}}})
    assert client.append(SILENCE) == []
    client.update(audio=detection())
    client.append(PAUSE + WORDS)
    client.update(audio={"input": {"turn_detection": {"type": "server_vad"}}})
    assert client.append(SILENCE) == []


def test_a_digit_in_the_uplink_interrupts_nothing() -> None:
    client = telephone_client()
    client.send("response.create")
    tone = encode_pcmu(ToneSource(digit_tone("2"), 8_000).read(4_000))
    assert client.append(SILENCE + tone + SILENCE) == []
    assert types(client.finish())[-1] == "response.done"


def test_items_are_created_in_their_place_and_deleted() -> None:
    client = LocalClient()
    content = [{"type": "input_text", "text": "hi"}]
    item = {"id": "a", "type": "message", "role": "system", "content": content}
    added, done = client.send("conversation.item.create", item=item)
    assert (added["type"], done["type"]) == ("conversation.item.added", "conversation.item.done")
    assert added["item"] == {**item, "object": "realtime.item", "status": "completed"}
    said = client.send("conversation.item.create", item={**item, "id": "b"}, previous_item_id="a")
    assert said[0]["previous_item_id"] == "a"
    (deleted,) = client.send("conversation.item.delete", item_id="a")
    assert deleted["type"] == "conversation.item.deleted"
    assert deleted["item_id"] == "a"
    refused = error(client.send("conversation.item.retrieve", item_id="a"))
    assert refused["code"] == "item_retrieve_invalid_item_id"


def told_before(client: LocalClient, role: str, text: str) -> None:
    """Tell a session what was said in one before it."""
    kind = "output_text" if role == "assistant" else "input_text"
    item = {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
    assert "error" not in types(client.send("conversation.item.create", item=item))


def test_what_was_answered_before_the_session_is_not_answered_again() -> None:
    client = telephone_client()
    told_before(client, "assistant", "Good day.")
    told_before(client, "user", "[keys 2]")
    told_before(client, "assistant", "The transfer did not work.")
    told_before(client, "user", "[keys 1]")
    said = client.send("response.create") + client.finish()
    called = only(said, "response.function_call_arguments.done")
    assert called["name"] == "opening_hours", "and nobody is transferred a second time"


def test_a_caller_who_was_greeted_before_the_session_is_not_greeted_again() -> None:
    client = telephone_client()
    told_before(client, "assistant", "We are open.")
    said = client.send("response.create") + client.finish()
    assert only(said, "response.output_audio_transcript.done")["transcript"] == "We are open."


def test_another_agent_after_a_handoff_greets() -> None:
    client = greeted()
    said = client.say("operator") + client.finish()
    call_id = only(said, "response.function_call_arguments.done")["call_id"]
    client.update(instructions="Greeting: We are open.", tools=TOOLS[:1])
    item = {"type": "function_call_output", "call_id": call_id, "output": "handed off"}
    client.send("conversation.item.create", item=item)
    said = client.send("response.create") + client.finish()
    assert only(said, "response.output_audio_transcript.done")["transcript"] == (
        "We are open. Press 1 for opening hours. Press 0 to hear this again."
    )


@pytest.mark.parametrize(
    ("message", "code", "param", "event_id"),
    [
        (b"{", "invalid_json", None, None),
        (b"[1]", "invalid_json", None, None),
        (b"\xff\xfe", "invalid_json", None, None),
        (b'{"event_id": "e"}', "missing_required_parameter", "type", "e"),
        (b'{"type": "dance", "event_id": "e"}', "invalid_value", "type", "e"),
        (
            b'{"type": "session.update", "session": {}, "event_id": "e"}',
            "missing_required_parameter",
            "session.type",
            "e",
        ),
        (
            b'{"type": "session.update", "session": {"type": "realtime", "instructions": null}}',
            "invalid_value",
            "session.instructions",
            None,
        ),
        (
            b'{"type": "conversation.item.truncate", "item_id": "x", "content_index": 0,'
            b' "audio_end_ms": 5, "event_id": "e"}',
            "item_truncate_invalid_item_id",
            "item_id",
            "e",
        ),
        (
            b'{"type": "conversation.item.create", "event_id": "e", "item":'
            b' {"type": "function_call_output", "call_id": "x", "output": "y"}}',
            "invalid_tool_call_id",
            "item.call_id",
            "e",
        ),
        (
            b'{"type": "response.cancel", "event_id": "e"}',
            "response_cancel_not_active",
            None,
            "e",
        ),
        (b'{"type": "input_audio_buffer.append", "audio": "?"}', "invalid_value", "audio", None),
    ],
)
def test_what_is_wrong_is_answered_and_the_session_goes_on(
    message: bytes, code: str, param: str | None, event_id: str | None
) -> None:
    client = telephone_client()
    refused = error(client.send_text(message))
    assert (refused["code"], refused["param"], refused["event_id"]) == (code, param, event_id)
    assert client.log[-1] == LogLine(
        "client event refused",
        {"code": code, "param": param},
        is_warning=code != "response_cancel_not_active",
    )
    assert types(client.send("response.create"))[0] == "response.created"


def test_a_second_response_is_refused_with_the_clients_id() -> None:
    client = telephone_client()
    client.send("response.create")
    refused = error(client.send("response.create", event_id="second"))
    assert refused["code"] == "conversation_already_has_active_response"
    assert refused["event_id"] == "second"


def test_truncation_past_the_end_is_refused() -> None:
    client = telephone_client()
    said = client.send("response.create")
    item_id = only(said, "conversation.item.added")["item"]["id"]
    refused = error(
        client.send(
            "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=201
        )
    )
    assert refused["message"] == "Audio content of 200ms is already shorter than 201ms"


def test_refusals_are_logged_only_so_often() -> None:
    client = LocalClient()
    for _ in range(100):
        client.send("dance")
    assert sum(line.is_warning for line in client.log) == 20


def test_the_formats_of_the_session_are_those_of_its_audio() -> None:
    client = LocalClient()
    client.update(tools=TOOLS)
    said = client.send("response.create")
    assert len(audio_of(said)) == 9_600
    client.send("response.cancel")
    client.update(audio={"output": {"format": {"type": "audio/pcma"}}})
    assert len(audio_of(client.send("response.create"))) == 1_600


def test_the_voice_cannot_change_once_it_was_heard() -> None:
    client = telephone_client()
    client.send("response.create")
    refused = error(client.update(audio={"output": {"voice": "marin"}}))
    assert refused["code"] == "cannot_update_voice"


def test_every_event_is_one_that_the_client_side_knows() -> None:
    client = greeted()
    client.update(audio={"input": {"transcription": {"model": "any"}}})
    client.say("[keys 1]")
    client.append(PAUSE + WORDS + SILENCE)
    client.finish()
    client.send("dance")
    client.send("input_audio_buffer.clear")
    assert len({event["event_id"] for event in client.events}) == len(client.events)
    for text in client.texts:
        assert not isinstance(parse_server_event(text), UnknownServerEvent)
