"""Settings of the SDK's agents become settings of ours; what has no word of ours goes as it is."""

from typing import Any, cast

import pytest

pytest.importorskip("agents", reason="the extra `agents` is not installed")

from agents import CodeInterpreterTool, HostedMCPTool, UserError, function_tool
from agents.realtime import RealtimeAgent, realtime_handoff
from agents.realtime.config import RealtimeSessionModelSettings
from openai.types.realtime.realtime_audio_formats import AudioPCMU

from telephony.app.agents_sdk.sdk_settings import session_settings
from telephony.voice import OptionError, SessionSettings, ToolServer, VoiceFormat


def translated(**wanted: Any) -> SessionSettings:
    return session_settings(cast("RealtimeSessionModelSettings", wanted))


@function_tool
def opening_hours(day: str) -> str:
    """Say when we are open."""
    return day


def test_the_defaults_are_those_of_the_sdk() -> None:
    settings = translated()
    assert settings.audio_format is VoiceFormat.PCM
    assert (settings.voice, settings.transcribe_with) == ("ash", "gpt-4o-mini-transcribe")
    assert (settings.turns, settings.output, settings.options.tracing) == (
        "server",
        "audio",
        "auto",
    )
    assert settings.options.eagerness == "auto"
    detector = {"type": "semantic_vad", "interrupt_response": True}
    assert settings.provider_fields == {"audio.input.turn_detection": detector}


@pytest.mark.parametrize(
    "said", ["g711_ulaw", "pcmu", {"type": "audio/pcmu"}, AudioPCMU(type="audio/pcmu")]
)
def test_a_format_is_known_in_every_shape_nested_before_flat(said: object) -> None:
    assert translated(output_audio_format=said).audio_format is VoiceFormat.PCMU
    nested = translated(output_audio_format="pcm16", audio={"output": {"format": said}})
    assert nested.audio_format is VoiceFormat.PCMU
    assert nested.provider_fields["audio.input.format"] == {"type": "audio/pcm", "rate": 24_000}
    alone = translated(input_audio_format="pcma").provider_fields["audio.input.format"]
    assert alone == {"type": "audio/pcma"}


def test_an_unknown_format_is_the_users_error() -> None:
    with pytest.raises(UserError, match="audio format 'opus' for input"):
        translated(input_audio_format="opus")


def test_turn_detection_goes_as_it_is_under_the_protocols_names() -> None:
    said = {"type": "server_vad", "silenceDurationMs": 300, "threshold": 0.3, "modelVersion": "v2"}
    settings = translated(turn_detection=said)
    assert settings.provider_fields["audio.input.turn_detection"] == {
        "type": "server_vad",
        "silence_duration_ms": 300,
        "threshold": 0.3,
        "model_version": "v2",
    }
    assert (settings.silence_ms, settings.options.threshold) == (300, 0.3)
    assert (settings.turns, settings.options.eagerness) == ("server", None)


@pytest.mark.parametrize("said", [None, {"type": "server_vad", "create_response": False}])
def test_who_responds_by_hand_owns_the_turns(said: object) -> None:
    settings = translated(audio={"input": {"turn_detection": said}})
    assert settings.turns == "ours"
    assert settings.provider_fields["audio.input.turn_detection"] == said


def test_null_and_what_only_the_provider_knows_goes_as_it_is() -> None:
    settings = translated(
        input_audio_noise_reduction=None,
        input_audio_transcription={"model": "whisper-1", "language": "de"},
        tool_choice={"type": "mcp", "server_label": "crm"},
        reasoning={"effort": "extreme"},
        voice={"id": "voice_1"},
    )
    fields = dict(settings.provider_fields)
    del fields["audio.input.turn_detection"]
    assert fields == {
        "audio.input.noise_reduction": None,
        "audio.input.transcription": {"model": "whisper-1", "language": "de"},
        "tool_choice": {"type": "mcp", "server_label": "crm"},
        "reasoning": {"effort": "extreme"},
    }
    assert (settings.voice, settings.transcribe_with) == ({"id": "voice_1"}, "whisper-1")
    assert translated(input_audio_transcription=None).transcribe_with is None


def test_options_are_ours_where_we_have_the_word() -> None:
    options = translated(
        max_output_tokens=300,
        tool_choice="required",
        parallel_tool_calls=False,
        reasoning={"effort": "low"},
        speed=1.2,
        input_audio_noise_reduction={"type": "near_field"},
        tracing=None,
        output_modalities=["text"],
    ).options
    assert (options.max_output_tokens, options.tool_choice) == (300, "required")
    assert (options.parallel_tool_calls, options.reasoning, options.speed) == (False, "low", 1.2)
    assert (options.noise_reduction, options.tracing) == ("near_field", None)
    with pytest.raises(OptionError, match="speed"):
        translated(speed=9)


def test_functions_come_before_handoffs_and_a_switched_off_one_not_at_all() -> None:
    other = realtime_handoff(RealtimeAgent(name="billing"))
    off = function_tool(lambda: "", name_override="off", is_enabled=False)
    settings = translated(instructions="Be kind.", tools=[off, opening_hours], handoffs=[other])
    assert settings.instructions == "Be kind."
    assert [tool.name for tool in settings.tools] == ["opening_hours", "transfer_to_billing"]
    assert settings.tools[0].parameters["required"] == ["day"]


def test_a_hosted_mcp_server_is_a_tool_server() -> None:
    config: Any = {"type": "mcp", "server_label": "crm", "server_url": "https://crm.example"}
    (server,) = translated(tools=[HostedMCPTool(tool_config=config)]).tool_servers
    assert server == ToolServer("crm", url="https://crm.example")
    asking: Any = {**config, "require_approval": "always"}
    with pytest.raises(UserError, match="require_approval"):
        translated(tools=[HostedMCPTool(tool_config=asking)])


def test_a_name_that_is_there_twice_and_a_tool_of_another_kind_are_refused() -> None:
    with pytest.raises(UserError, match="'opening_hours'"):
        translated(tools=[opening_hours, opening_hours])
    code: Any = {"type": "code_interpreter", "container": {"type": "auto"}}
    with pytest.raises(UserError, match="Must be a function tool"):
        translated(tools=[CodeInterpreterTool(tool_config=code)])
