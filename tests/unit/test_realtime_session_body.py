"""The session we ask for, as exact JSON, and the formats that a server's session grants."""

import json

import pytest

from telephony.realtime.session_body import (
    UnknownFormatError,
    accept_body,
    granted_format,
    session_body,
)
from telephony.realtime.wire import write_event
from telephony.voice import ModelOptions, SessionSettings, ToolDeclaration, VoiceFormat

LOOK_UP = ToolDeclaration("look_up", "Look up an order.", {"type": "object", "properties": {}})


def body_of(settings: SessionSettings, *, may_set_voice: bool = True) -> object:
    return json.loads(write_event(session_body(settings, may_set_voice=may_set_voice)))


def test_the_plain_session_says_everything_an_agent_before_may_have_left_behind() -> None:
    assert body_of(SessionSettings()) == {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": "",
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"},
                "transcription": None,
                "turn_detection": {
                    "type": "server_vad",
                    "silence_duration_ms": 500,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"format": {"type": "audio/pcmu"}},
        },
        "tools": [],
    }


def test_a_full_session_is_nested_as_ga_wants_it() -> None:
    settings = SessionSettings(
        instructions="Answer.",
        tools=(LOOK_UP,),
        audio_format=VoiceFormat.PCM,
        model="ignored: it belongs to the URL",
        voice="marin",
        turns="ours",
        transcribe_with="whisper-1",
    )
    assert body_of(settings) == {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": "Answer.",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": {"model": "whisper-1"},
                "turn_detection": {
                    "type": "server_vad",
                    "create_response": False,
                    "interrupt_response": False,
                },
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"},
        },
        "tools": [
            {
                "type": "function",
                "name": "look_up",
                "description": "Look up an order.",
                "parameters": {"type": "object", "properties": {}},
            }
        ],
    }


def test_the_voice_is_left_out_once_the_model_has_spoken() -> None:
    body = session_body(SessionSettings(voice="marin"), may_set_voice=False)
    assert b"marin" not in write_event(body)


def nested(audio_format: object) -> dict[str, object]:
    return {"audio": {"input": {"format": audio_format}}}


@pytest.mark.parametrize(
    ("session", "wanted"),
    [
        (nested({"type": "audio/pcmu"}), VoiceFormat.PCMU),
        (nested({"type": "audio/pcma"}), VoiceFormat.PCMA),
        (nested({"type": "audio/pcm", "rate": 24000}), VoiceFormat.PCM),
        (nested("g711_ulaw"), VoiceFormat.PCMU),
        (nested(None), None),
        ({"audio": {"input": None}}, None),
        ({"audio": {}}, None),
        ({"input_audio_format": "g711_alaw"}, VoiceFormat.PCMA),
        ({"audio": None, "input_audio_format": "pcm16"}, VoiceFormat.PCM),
        ({}, None),
    ],
)
def test_a_granted_format_is_read_nested_and_flat(
    session: dict[str, object], wanted: VoiceFormat | None
) -> None:
    assert granted_format(session, "input") is wanted


@pytest.mark.parametrize(
    "said", [{"type": "audio/pcm", "rate": 16000}, {"type": "audio/opus"}, "not specified", 7, []]
)
def test_a_format_we_cannot_speak_is_refused(said: object) -> None:
    with pytest.raises(UnknownFormatError):
        granted_format(nested(said), "input")


def test_a_hosted_call_is_accepted_with_model_and_voice_but_no_format() -> None:
    wanted = SessionSettings(model="m", voice="marin", silence_ms=300, turns="server")
    body = json.loads(write_event(accept_body(wanted)))
    assert (body["type"], body["model"]) == ("realtime", "m")
    assert body["audio"]["output"] == {"voice": "marin"}
    assert "format" not in body["audio"]["input"]
    vad = {"type": "server_vad", "create_response": True, "interrupt_response": True}
    assert body["audio"]["input"]["turn_detection"] == vad


def test_a_hosted_call_is_accepted_without_what_is_left_to_the_provider() -> None:
    body = json.loads(write_event(accept_body(SessionSettings())))
    assert "model" not in body
    assert "output" not in body["audio"]


def test_an_attached_session_is_updated_without_what_was_settled() -> None:
    options = ModelOptions(threshold=0.3, prefix_padding_ms=100, idle_timeout_ms=6_000, speed=1.1)
    wanted = SessionSettings(owns_audio=False, model="m", voice="v", options=options)
    body = json.loads(write_event(session_body(wanted, may_set_voice=True)))
    assert "model" not in body
    assert body["audio"]["output"] == {"speed": 1.1}
    vad = body["audio"]["input"]["turn_detection"]
    assert vad["idle_timeout_ms"] == 6_000
    assert not {"threshold", "prefix_padding_ms", "silence_duration_ms"} & set(vad)
