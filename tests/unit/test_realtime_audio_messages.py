"""The hand-made audio messages say the same as the models, however the server writes JSON."""

import base64
import json

import pytest

from telephony.realtime.audio_messages import (
    BadAudioError,
    SampleAligner,
    append_message,
    decode_audio,
    read_audio_delta,
)
from telephony.realtime.client_events import InputAudioBufferAppend, parse_client_event
from telephony.voice import AudioReceived

AUDIO = bytes(range(160))
ENCODED = base64.b64encode(AUDIO).decode()
WANTED = AudioReceived("resp_1", "item_1", 2, AUDIO)
FIELDS: dict[str, object] = {
    "type": "response.output_audio.delta",
    "event_id": "event_1",
    "response_id": "resp_1",
    "item_id": "item_1",
    "output_index": 0,
    "content_index": 2,
    "delta": ENCODED,
}


def test_an_append_is_the_message_that_the_models_would_write() -> None:
    message = append_message(AUDIO)
    assert json.loads(message) == {"type": "input_audio_buffer.append", "audio": ENCODED}
    assert parse_client_event(message) == InputAudioBufferAppend(audio=ENCODED)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(FIELDS, separators=(",", ":")),
        json.dumps(FIELDS, indent=2),
        json.dumps(dict(sorted(FIELDS.items()))),
        json.dumps({**FIELDS, "type": "response.audio.delta"}),
        json.dumps({**FIELDS, "words": 'he said "delta":"AAAA" twice'}),
    ],
    ids=["compact", "indented", "delta first", "beta", "a string that looks like a delta"],
)
def test_any_order_and_white_space_is_read(text: str) -> None:
    assert read_audio_delta(text.encode()) == WANTED


LEFT_TO_THE_MODELS = {
    "another type": {**FIELDS, "type": "response.output_text.delta"},
    "a type that only ends alike": {**FIELDS, "type": "vendor.audio.delta"},
    "no delta": {key: value for key, value in FIELDS.items() if key != "delta"},
    "bad base64": {**FIELDS, "delta": "AAA*"},
    "a payload that is no text": {**FIELDS, "delta": 5},
    "no item": {**FIELDS, "item_id": None},
    "no index": {**FIELDS, "content_index": "2"},
}


@pytest.mark.parametrize("fields", LEFT_TO_THE_MODELS.values(), ids=LEFT_TO_THE_MODELS.keys())
def test_what_is_unusual_is_left_to_the_models(fields: dict[str, object]) -> None:
    assert read_audio_delta(json.dumps(fields).encode()) is None


@pytest.mark.parametrize(
    "text",
    [
        b'{"type":"response.output_audio.delta","delta":"AAAA"',
        b'{"type":"response.output_audio.delta","delta":"AAAA',
        b'["audio.delta","delta":"AAAA"]',
        b"",
    ],
)
def test_broken_json_is_left_to_the_models(text: bytes) -> None:
    assert read_audio_delta(text) is None


@pytest.mark.parametrize("text", ["AAA", "AA=A", "AAAA\n", "A A=", "é"])
def test_base64_is_strict(text: str) -> None:
    with pytest.raises(BadAudioError):
        decode_audio(text)


def received(audio: bytes, item_id: str = "i") -> AudioReceived:
    return AudioReceived("r", item_id, 0, audio)


def test_whole_samples_pass_as_they_are() -> None:
    audio = received(b"\1\2\3\4")
    assert SampleAligner().align(audio) is audio


def test_a_sample_cut_in_two_is_joined() -> None:
    aligner = SampleAligner()
    assert aligner.align(received(b"\1\2\3")).audio == b"\1\2"
    assert aligner.align(received(b"\4\5")).audio == b"\3\4"
    assert aligner.align(received(b"\6")).audio == b"\5\6"


def test_half_a_sample_is_not_given_to_another_item() -> None:
    aligner = SampleAligner()
    assert aligner.align(received(b"\1", "a")).audio == b""
    assert aligner.align(received(b"\2\3", "b")).audio == b"\2\3"
