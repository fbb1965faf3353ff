"""Whatever a server sends, a session goes on and says so; whatever a client sends, it is named."""

import base64
import json
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.realtime import MalformedEventError, RealtimeSession, event_id_of
from telephony.realtime.audio_messages import append_message, read_audio_delta
from telephony.realtime.client_events import InputAudioBufferAppend, parse_client_event
from telephony.realtime.dialects import EVENT_TYPES
from telephony.realtime.events import parse_server_event
from telephony.units import Nanoseconds
from telephony.voice import (
    AudioReceived,
    Message,
    Respond,
    SessionClosed,
    VoiceErrorReceived,
    VoiceEvent,
)

SERVER_TYPES = [
    *EVENT_TYPES,
    "error",
    "session.created",
    "session.updated",
    "conversation.item.added",
    "conversation.item.deleted",
    "conversation.item.truncated",
    "conversation.item.input_audio_transcription.delta",
    "conversation.item.input_audio_transcription.completed",
    "conversation.item.input_audio_transcription.failed",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "response.created",
    "response.done",
    "response.output_item.added",
    "response.output_item.done",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.function_call_arguments.done",
    "nobody.knows",
]
MESSAGE_CHARACTERS = 2000
FAULTS = {"malformed", "bad_audio", "errors", "other_formats", "unknown_audio", "reused_ids"}
CLIENT_TYPES = [
    "session.update",
    "input_audio_buffer.append",
    "conversation.item.create",
    "conversation.item.truncate",
    "response.create",
    "nobody.knows",
]
FIELDS = [
    *("session", "audio", "input", "output", "format", "item", "item_id", "response", "id"),
    *("response_id", "content_index", "delta", "transcript", "status", "status_details", "error"),
    *("code", "event_id", "name", "call_id", "arguments", "type", "audio_start_ms", "usage"),
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "AAAA", "r", "function_call", "completed", "audio/pcmu", "g711_ulaw"])
    | st.text(max_size=5)
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5)
    ),
    max_leaves=12,
)


def messages(types: list[str]) -> st.SearchStrategy[bytes]:
    """Make events of known types with fields of any kind, cut, or no event at all."""

    def written(fields: dict[str, Any], kind: str) -> bytes:
        return json.dumps({**fields, "type": kind}).encode()

    events = st.builds(
        written, st.dictionaries(st.sampled_from(FIELDS), VALUES), st.sampled_from(types)
    )
    cut = st.builds(cut_at, events, st.integers(0, 999))
    return events | cut | st.binary(max_size=60)


def cut_at(event: bytes, at: int) -> bytes:
    """Cut an event somewhere."""
    return event[: at % (len(event) + 1)]


@settings(max_examples=300, deadline=None)
@given(st.lists(messages(SERVER_TYPES), max_size=8))
def test_a_session_outlives_whatever_a_server_sends(texts: list[bytes]) -> None:
    session = RealtimeSession(lambda: "token")
    now_ns = Nanoseconds(1)
    session.handle_command(Respond(), now_ns)
    for text in texts:
        session.handle_message(text, now_ns)
        session.handle_timer(Nanoseconds(now_ns + 10**10))
        while (output := session.poll_output()) is not None:
            assert not isinstance(output, SessionClosed)
            if isinstance(output, Message):
                parse_client_event(output.text)
    assert session.counters.messages == len(texts)


@settings(max_examples=300, deadline=None)
@given(messages(SERVER_TYPES) | st.binary(max_size=300))
def test_a_malformed_message_is_told_and_counted_once(text: bytes) -> None:
    session = RealtimeSession(lambda: "token")
    session.handle_message(text, Nanoseconds(1))
    told = outputs_of(session)
    errors = [one for one in told if isinstance(one, VoiceErrorReceived)]
    counted = {name: count for name, count in asdict(session.counters).items() if count}
    assert counted.pop("messages") == 1
    assert sum(counted[name] for name in FAULTS & counted.keys()) == len(errors) <= 1
    with suppress(MalformedEventError):
        parse_server_event(text)
        return
    assert told == errors
    assert counted == {"malformed": 1}


def outputs_of(session: RealtimeSession) -> list[Message | VoiceEvent]:
    found: list[Message | VoiceEvent] = []
    while (output := session.poll_output()) is not None:
        found.append(output)
    return found


@settings(max_examples=300, deadline=None)
@given(messages(CLIENT_TYPES))
def test_a_client_is_read_or_named_at_fault(text: bytes) -> None:
    event_id = event_id_of(text)
    assert event_id is None or event_id in json.loads(text).values()
    try:
        event = parse_client_event(text)
    except MalformedEventError as error:
        assert_named(error)
    else:
        assert event.type == json.loads(text)["type"]
        assert event.event_id == event_id


@settings(max_examples=300, deadline=None)
@given(messages(SERVER_TYPES))
def test_a_server_is_read_or_named_at_fault(text: bytes) -> None:
    try:
        event = parse_server_event(text)
    except MalformedEventError as error:
        assert_named(error, but_not="unknown_event_type")
    else:
        kind = json.loads(text)["type"]
        assert event.type == EVENT_TYPES.get(kind, kind)


def assert_named(error: MalformedEventError, but_not: str = "") -> None:
    """Hold that an error has a code, which is not this one, and says what is wrong in short."""
    assert error.code not in ("", but_not)
    assert 0 < len(str(error)) <= MESSAGE_CHARACTERS


@given(
    st.binary(max_size=400),
    st.text(max_size=20),
    st.permutations(["type", "response_id", "item_id", "content_index", "delta"]),
    st.sampled_from([None, 2]),
)
def test_audio_comes_through_however_the_server_writes_it(
    audio: bytes, item_id: str, order: list[str], indent: int | None
) -> None:
    fields: dict[str, object] = {
        "type": "response.output_audio.delta",
        "response_id": "r",
        "item_id": item_id,
        "content_index": 3,
        "delta": base64.b64encode(audio).decode(),
    }
    text = json.dumps({name: fields[name] for name in order}, indent=indent).encode()
    assert read_audio_delta(text) == AudioReceived("r", item_id, 3, audio)


@given(st.binary(max_size=1000))
def test_an_append_carries_its_audio(audio: bytes) -> None:
    event = parse_client_event(append_message(audio))
    assert isinstance(event, InputAudioBufferAppend)
    assert base64.b64decode(event.audio, validate=True) == audio
