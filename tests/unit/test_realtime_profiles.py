"""What is known of each server: where its key goes, how its session is written, what it lacks."""

import json
from dataclasses import replace
from typing import Any, get_args

import pytest

from telephony.config import RealtimeSettings
from telephony.errors import ConfigurationError
from telephony.realtime import PROFILES, profile_of
from telephony.realtime.client_commands import session_update
from telephony.realtime.session_body import session_body
from telephony.realtime.session_styles import write_update
from telephony.voice import ModelOptions, SessionSettings, ToolDeclaration, VoiceFormat

SETTINGS = SessionSettings(
    instructions="Answer.",
    tools=(ToolDeclaration("look_up", "Looks it up.", {"type": "object"}),),
    audio_format=VoiceFormat.PCMU,
    voice="ara",
    transcribe_with="whisper-1",
    options=ModelOptions(max_output_tokens=500, noise_reduction="far_field", speed=1.1),
)
DETECTOR = {
    "type": "server_vad",
    "silence_duration_ms": 500,
    "create_response": True,
    "interrupt_response": True,
}


def written(dialect: str, settings: SessionSettings = SETTINGS) -> dict[str, Any]:
    body = session_body(settings, may_set_voice=True)
    update = write_update(session_update(body, "1"), profile_of(dialect), settings.provider_fields)
    message = json.loads(update)
    assert (message["type"], message["event_id"]) == ("session.update", "update_1")
    session: dict[str, Any] = message["session"]
    return session


def test_each_dialect_of_the_settings_has_a_profile() -> None:
    assert set(get_args(RealtimeSettings.model_fields["dialect"].annotation)) == set(PROFILES)
    assert all(profile_of(name) is profile for name, profile in PROFILES.items())
    with pytest.raises(ConfigurationError, match="dialect is 'ga', wanted one of generic, openai"):
        profile_of("ga")


@pytest.mark.parametrize(
    ("dialect", "key_header", "wanted"),
    [
        ("generic", None, ("Authorization", "Bearer k")),
        ("openai", None, ("Authorization", "Bearer k")),
        ("azure", None, ("api-key", "k")),
        ("azure", "authorization", ("authorization", "Bearer k")),
        ("generic", "X-API-Key", ("X-API-Key", "k")),
    ],
)
def test_a_key_goes_where_the_server_looks(
    dialect: str, key_header: str | None, wanted: tuple[str, str]
) -> None:
    assert profile_of(dialect).headers("k", key_header) == (wanted,)


@pytest.mark.parametrize("dialect", ["generic", "openai", "azure", "localai"])
def test_a_ga_session_is_nested(dialect: str) -> None:
    session = written(dialect)
    assert session["type"] == "realtime"
    assert session["audio"]["output"]["voice"] == "ara"
    assert session["audio"]["input"]["turn_detection"] == DETECTOR


@pytest.mark.parametrize("dialect", PROFILES)
def test_an_attached_session_names_no_format_and_no_voice_in_any_dialect(dialect: str) -> None:
    names = str(written(dialect, replace(SETTINGS, owns_audio=False)))
    assert "'speed': 1.1" in names
    assert "format" not in names
    assert "voice" not in names


def test_xai_reads_voice_and_detector_at_the_top() -> None:
    session = written("xai")
    assert (session["voice"], session["turn_detection"]) == ("ara", DETECTOR)
    assert session["audio"]["output"] == {"format": {"type": "audio/pcmu"}, "speed": 1.1}
    assert "turn_detection" not in session["audio"]["input"]
    assert session["audio"]["input"]["transcription"] == {"model": "whisper-1"}
    assert "voice" not in written("xai", SessionSettings())


def test_a_beta_session_is_flat_and_formats_are_not_asked_for_where_none_can_be() -> None:
    assert written("speaches") == {
        "modalities": ["audio", "text"],
        "instructions": "Answer.",
        "input_audio_transcription": {"model": "whisper-1"},
        "input_audio_noise_reduction": {"type": "far_field"},
        "turn_detection": DETECTOR,
        "voice": "ara",
        "speed": 1.1,
        "tools": [
            {
                "type": "function",
                "name": "look_up",
                "description": "Looks it up.",
                "parameters": {"type": "object"},
            }
        ],
        "max_response_output_tokens": 500,
    }
    assert written("speaches", SessionSettings(output="text"))["modalities"] == ["text"]


def test_a_providers_own_field_stands_in_place_of_ours_in_every_shape() -> None:
    fields = {"audio.input.turn_detection": None, "include": ["logprobs"], "a.new.field": 1}
    settings = replace(SETTINGS, provider_fields=fields, voice={"id": "voice_1"})
    session = written("generic", settings)
    assert session["audio"]["input"]["turn_detection"] is None
    assert (session["include"], session["a"]) == (["logprobs"], {"new": {"field": 1}})
    assert session["audio"]["output"]["voice"] == {"id": "voice_1"}
    assert written("speaches", settings)["turn_detection"] is None
    assert written("xai", settings)["turn_detection"] is None
