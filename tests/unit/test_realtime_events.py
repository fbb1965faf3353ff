"""Server events: read leniently, written so that they read back the same."""

import json

import pytest

from telephony.realtime import events
from telephony.realtime.audio_messages import read_audio_delta
from telephony.realtime.wire import (
    MAX_ID_CHARACTERS,
    ContentPart,
    ErrorDetail,
    Item,
    MalformedEventError,
    ResponseObject,
    write_event,
)

LONG_ID = "i" * (MAX_ID_CHARACTERS + 1)
CONTENT = {"response_id": "r", "item_id": "i", "output_index": 0, "content_index": 1}
WRITTEN: list[tuple[events.ServerEvent, dict[str, object]]] = [
    (
        events.ErrorEvent(event_id="e", error=ErrorDetail(type="t", code="c", message="m")),
        {"event_id": "e", "type": "error", "error": {"type": "t", "code": "c", "message": "m"}},
    ),
    (
        events.SessionCreated(session={"id": "s", "audio": {"input": {"turn_detection": None}}}),
        {
            "type": "session.created",
            "session": {"id": "s", "audio": {"input": {"turn_detection": None}}},
        },
    ),
    (
        events.ItemAdded(previous_item_id=None, item=Item(id="i", type="message", content=[])),
        {
            "type": "conversation.item.added",
            "previous_item_id": None,
            "item": {"id": "i", "type": "message", "content": []},
        },
    ),
    (
        events.SpeechStartedEvent(item_id="i", audio_start_ms=120),
        {"type": "input_audio_buffer.speech_started", "item_id": "i", "audio_start_ms": 120},
    ),
    (
        events.ResponseDone(
            response=ResponseObject(
                id="r", status="cancelled", status_details={"reason": "turn_detected"}
            )
        ),
        {
            "type": "response.done",
            "response": {
                "id": "r",
                "status": "cancelled",
                "status_details": {"reason": "turn_detected"},
            },
        },
    ),
    (
        events.ContentPartAdded(
            response_id="r",
            item_id="i",
            output_index=0,
            content_index=1,
            part=ContentPart(type="audio", transcript=""),
        ),
        {
            "type": "response.content_part.added",
            **CONTENT,
            "part": {"type": "audio", "transcript": ""},
        },
    ),
    (
        events.AudioDelta(
            response_id="r", item_id="i", output_index=0, content_index=1, delta="AAAA"
        ),
        {"type": "response.output_audio.delta", **CONTENT, "delta": "AAAA"},
    ),
    (
        events.RateLimitsUpdated(rate_limits=(events.RateLimit(name="tokens", remaining=5),)),
        {"type": "rate_limits.updated", "rate_limits": [{"name": "tokens", "remaining": 5}]},
    ),
]


@pytest.mark.parametrize(("event", "wanted"), WRITTEN)
def test_an_event_is_written_as_json_and_read_back(
    event: events.ServerEvent, wanted: dict[str, object]
) -> None:
    text = write_event(event)
    assert json.loads(text) == wanted
    assert events.parse_server_event(text) == event


def test_an_unknown_type_is_an_event_not_an_error() -> None:
    event = events.parse_server_event(b'{"type":"localai.mood","mood":"good"}')
    assert event == events.UnknownServerEvent(type="localai.mood")


@pytest.mark.parametrize("kind", [b"12", b"null", b"true", b"[]", b"{}"])
def test_a_type_that_is_no_text_is_malformed(kind: bytes) -> None:
    with pytest.raises(MalformedEventError) as caught:
        events.parse_server_event(b'{"type":' + kind + b"}")
    assert (caught.value.code, caught.value.param) == ("invalid_value", "type")


@pytest.mark.parametrize(
    ("beta", "wanted"),
    [
        (b'{"type":"conversation.item.created","item":{"id":"i"}}', events.ItemAdded),
        (b'{"type":"response.audio.delta","delta":"AAAA"}', events.AudioDelta),
        (b'{"type":"response.audio.done"}', events.AudioDone),
        (b'{"type":"response.audio_transcript.delta","delta":"a"}', events.AudioTranscriptDelta),
        (b'{"type":"response.audio_transcript.done"}', events.AudioTranscriptDone),
        (b'{"type":"response.text.delta","delta":"a"}', events.OutputTextDelta),
        (b'{"type":"response.text.done"}', events.OutputTextDone),
    ],
)
def test_beta_names_are_read_as_their_ga_events(beta: bytes, wanted: type) -> None:
    assert type(events.parse_server_event(beta)) is wanted


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("input_audio_buffer.speech_started", "audio_start_ms"),
        ("input_audio_buffer.speech_stopped", "audio_end_ms"),
        ("input_audio_buffer.timeout_triggered", "audio_end_ms"),
        ("conversation.item.truncated", "audio_end_ms"),
    ],
)
@pytest.mark.parametrize("offset", [10**400, -(10**400)])
def test_an_offset_that_no_audio_has_is_malformed(kind: str, name: str, offset: int) -> None:
    with pytest.raises(MalformedEventError) as caught:
        events.parse_server_event(json.dumps({"type": kind, "item_id": "i", name: offset}).encode())
    assert caught.value.param == name


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.created", "response": {"id": LONG_ID}},
        {"type": "response.output_audio.delta", **CONTENT, "item_id": LONG_ID, "delta": "AAAA"},
        {"type": "response.output_audio.delta", **CONTENT, "response_id": LONG_ID, "delta": "AAAA"},
        {
            "type": "response.output_item.done",
            "response_id": "r",
            "output_index": 0,
            "item": {"type": "function_call", "id": "i", "call_id": LONG_ID},
        },
        {"type": "input_audio_buffer.speech_started", "item_id": LONG_ID, "audio_start_ms": 0},
    ],
)
def test_an_id_that_would_fill_the_memory_is_malformed(event: dict[str, object]) -> None:
    text = json.dumps(event)
    assert read_audio_delta(text.encode()) is None, "for the models to judge"
    with pytest.raises(MalformedEventError) as caught:
        events.parse_server_event(text.encode())
    assert caught.value.code == "invalid_value"
    shorter = events.parse_server_event(text.replace(LONG_ID, LONG_ID[1:]).encode())
    assert not isinstance(shorter, events.UnknownServerEvent)


def test_a_beta_event_that_lacks_a_field_is_malformed() -> None:
    with pytest.raises(MalformedEventError) as caught:
        events.parse_server_event(b'{"type":"response.audio.delta"}')
    assert caught.value.param == "delta"


def test_fields_that_some_server_leaves_out_or_makes_up_do_not_refuse_an_event() -> None:
    event = events.parse_server_event(
        b'{"type":"response.done","response":{"id":"r","status":"completed",'
        b'"status_details":"unimplemented","mood":[1]},"usage":{"total":1}}'
    )
    assert isinstance(event, events.ResponseDone)
    assert event.response.status_details == "unimplemented"
