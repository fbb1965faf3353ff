"""The benchmark's model: the order of its events, its bursts, its echoes."""

import json
from base64 import b64encode
from typing import Any

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.protocol import State
from websockets.uri import parse_uri

from telephony.app.bench.model_answer import event_frame, text_frame
from telephony.app.bench.model_session import DELTAS_PER_BURST, ModelSession
from telephony.app.bench.sound import line_frames, marker_frame
from telephony.realtime.events import UnknownServerEvent, parse_server_event
from telephony_codecs import AudioFormat

DELTA = b64encode(bytes(800))
MARKER = marker_frame(AudioFormat.PCMU, 20)
LINE = line_frames(AudioFormat.PCMU, 20, 2)


def read(octets: bytes) -> list[dict[str, Any]]:
    """Read frames as a client does, with a parser that is not the benchmark's."""
    client = ClientProtocol(parse_uri("ws://127.0.0.1/"), state=State.OPEN, max_size=None)
    client.receive_data(octets)
    events = client.events_received()
    assert client.state is State.OPEN
    return [json.loads(bytes(event.data)) for event in events if isinstance(event, Frame)]


def session() -> ModelSession:
    made = ModelSession(4, lambda _: [DELTA] * DELTAS_PER_BURST, lambda: 99)
    update = {
        "type": "session.update",
        "session": {
            "type": "realtime",
            "instructions": "Speak.\n\nKnown of this call:\n- call: 12",
            "audio": {"input": {"format": {"type": "audio/pcmu"}}},
        },
    }
    made.handle_text(json.dumps(update).encode())
    return made


def append(audio: bytes) -> bytes:
    return b'{"type":"input_audio_buffer.append","audio":"' + b64encode(audio) + b'"}'


@pytest.mark.parametrize("size", [0, 116, 117, 65_526, 65_527])
def test_frames_of_every_length_are_read_back(size: int) -> None:
    text = json.dumps({"x": "x" * size}).encode()
    assert read(text_frame(text)) == [{"x": "x" * size}]


def test_an_event_has_its_type_and_an_id() -> None:
    assert read(event_frame("rate_limits.updated", 8, {"rate_limits": []})) == [
        {"type": "rate_limits.updated", "event_id": "event_8", "rate_limits": []}
    ]


def test_a_session_grants_what_it_is_asked_for_and_knows_its_call() -> None:
    fresh = ModelSession(4, lambda _: [DELTA], lambda: 0)
    assert read(fresh.greet())[0]["type"] == "session.created"
    assert fresh.call is None
    update = {
        "type": "session.update",
        "session": {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcm"}}}},
    }
    granted = read(fresh.handle_text(json.dumps(update).encode()))[0]
    assert granted["type"] == "session.updated"
    assert granted["session"]["audio"]["input"]["format"] == {"type": "audio/pcm"}
    assert session().call == 12


def test_it_speaks_when_a_response_is_asked_for() -> None:
    made = session()
    assert not made.speaks
    assert made.handle_text(b'{"type":"conversation.item.create"}') == b""
    assert not made.speaks
    made.handle_text(b'{"type":"response.create"}')
    assert made.speaks


def test_an_answer_is_whole_and_in_order() -> None:
    made = session()
    events = read(b"".join(made.burst() for _ in range(4)))
    begins = [n for n, one in enumerate(events) if one["type"] == "response.created"]
    assert len(begins) == 2
    kinds = [one["type"] for one in events[: begins[1]]]
    assert kinds[:4] == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
    ]
    assert kinds[-7:] == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
        "rate_limits.updated",
    ]
    assert kinds.count("response.output_audio.delta") == 3 * DELTAS_PER_BURST + 5
    ids = {one["response_id"] for one in events[: begins[1]] if "response_id" in one}
    assert ids == {"resp_4_1"}


def test_the_product_can_read_every_event() -> None:
    made = session()
    for event in read(b"".join(made.burst() for _ in range(4))):
        parsed = parse_server_event(json.dumps(event))
        assert not isinstance(parsed, UnknownServerEvent), event["type"]


def test_appended_audio_is_counted_once() -> None:
    made = session()
    for _ in range(5):
        assert made.handle_text(append(bytes(160))) == b""
    assert made.take_appended_ms() == 100.0
    assert made.take_appended_ms() == 0.0


def test_only_marked_audio_and_what_follows_it_comes_back() -> None:
    made = session()
    made.be_quiet()
    assert made.handle_text(append(LINE[0])) == b""
    heard = (MARKER, MARKER, LINE[0], LINE[1])
    events = read(b"".join(made.handle_text(append(audio)) for audio in heard))
    deltas = [one["delta"] for one in events if one["type"] == "response.output_audio.delta"]
    assert deltas == [b64encode(audio).decode() for audio in heard[:3]]
    assert made.markers_ns == [99]


def test_an_echo_is_an_answer_of_its_own_and_leaves_none_open() -> None:
    made = session()
    made.be_quiet()
    for _ in range(2):
        events = read(b"".join(made.handle_text(append(audio)) for audio in (MARKER, *LINE, *LINE)))
        kinds = [one["type"] for one in events]
        assert kinds.count("response.created") == kinds.count("response.done") == 1
        assert kinds[0] == "response.created"
        assert kinds.index("response.done") > kinds.index("response.output_audio.delta")


def test_going_quiet_ends_the_answer_under_way() -> None:
    made = session()
    made.burst()
    kinds = [one["type"] for one in read(made.be_quiet())]
    assert kinds.count("response.done") == 1
    assert "response.created" not in kinds
    assert made.be_quiet() == b""
