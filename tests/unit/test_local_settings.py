"""The session object: defaults, merging, and what is refused."""

from typing import Any

import pytest

from telephony.local.faults import RefusedEventError
from telephony.local.menu import FunctionTool
from telephony.local.settings import SessionInForce, merge_update
from telephony.local.turns import TurnSettings
from telephony_codecs import AudioFormat

DEFAULT = SessionInForce(type="realtime")


def merge(update: dict[str, Any], config: SessionInForce = DEFAULT) -> SessionInForce:
    """Merge an update into a session that has said nothing yet."""
    return merge_update(config, {"type": "realtime", **update}, has_spoken=False)


def with_input(config: SessionInForce = DEFAULT, **fields: Any) -> SessionInForce:
    """Merge an update of the input audio."""
    return merge({"audio": {"input": fields}}, config)


def test_the_defaults_are_the_protocols() -> None:
    assert DEFAULT.to_json("sess_1") == {
        "object": "realtime.session",
        "id": "sess_1",
        "model": "telephony-rule-dialog",
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": "",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24_000},
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 500,
                    "idle_timeout_ms": None,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {
                "format": {"type": "audio/pcm", "rate": 24_000},
                "voice": "recorded",
                "speed": 1.0,
            },
        },
    }


def test_an_update_changes_what_it_has_and_nothing_else() -> None:
    first = with_input(format={"type": "audio/pcmu"}, turn_detection={"silence_duration_ms": 700})
    second = merge({"instructions": "Be kind.", "audio": {"output": {"speed": 1.2}}}, first)
    assert second.input_format is AudioFormat.PCMU
    assert second.output_format is AudioFormat.PCM24K
    assert second.instructions == "Be kind."
    vad = second.audio.input.turn_detection
    assert vad is not None
    assert vad.settings == TurnSettings(0.5, 300, 700)


def test_null_turns_detection_off_and_an_object_turns_it_on_again() -> None:
    off = with_input(turn_detection=None)
    assert off.audio.input.turn_detection is None
    on = with_input(off, turn_detection={"type": "server_vad", "threshold": 0.8})
    vad = on.audio.input.turn_detection
    assert vad is not None
    assert vad.settings == TurnSettings(0.8, 300, 500)


def test_another_kind_of_detection_starts_from_its_own_defaults() -> None:
    patient = with_input(turn_detection={"type": "semantic_vad", "eagerness": "low"})
    vad = patient.audio.input.turn_detection
    assert vad is not None
    assert vad.settings == TurnSettings(silence_duration_ms=1_000)
    assert vad.create_response


def test_lists_and_single_values_replace() -> None:
    tool = {"type": "function", "name": "f", "description": "d", "parameters": {"a": 1}}
    first = merge({"tools": [tool, {"type": "function", "name": "g"}]})
    assert first.functions == (FunctionTool("f", "d", {"a": 1}), FunctionTool("g"))
    assert merge({"tools": []}, first).functions == ()
    first = merge({"tool_choice": {"type": "function", "name": "f"}}, first)
    assert merge({"tool_choice": "none"}, first).tool_choice == "none"


def test_the_model_is_the_servers_own() -> None:
    assert merge({"model": "gpt-realtime"}).to_json("s")["model"] == "telephony-rule-dialog"


@pytest.mark.parametrize(
    ("update", "param"),
    [
        ({"instructions": None}, "session.instructions"),
        ({"audio": {"input": {"format": {"type": "opus"}}}}, "session.audio.input.format"),
        (
            {"audio": {"output": {"format": {"type": "audio/pcm", "rate": 16_000}}}},
            "session.audio.output.format.rate",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 2}}}},
            "session.audio.input.turn_detection.threshold",
        ),
        ({"tools": [{"type": "function"}]}, "session.tools.0.name"),
        ({"output_modalities": ["smell"]}, "session.output_modalities.0"),
    ],
)
def test_a_wrong_value_is_refused_by_name(update: dict[str, Any], param: str) -> None:
    with pytest.raises(RefusedEventError) as refused:
        merge(update)
    assert (refused.value.code, refused.value.param) == ("invalid_value", param)


def test_the_voice_may_change_until_it_has_been_heard() -> None:
    update = {"audio": {"output": {"voice": "marin"}}}
    assert merge(update).audio.output.voice == "marin"
    with pytest.raises(RefusedEventError) as refused:
        merge_update(DEFAULT, update, has_spoken=True)
    assert refused.value.code == "cannot_update_voice"
    assert merge_update(DEFAULT, {"tools": []}, has_spoken=True) == DEFAULT
