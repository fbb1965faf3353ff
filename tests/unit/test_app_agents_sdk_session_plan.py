"""What an agent of openai-agents asks for, as the plan of a call."""

from typing import Any

import pytest

pytest.importorskip("agents.realtime", reason="openai-agents is not installed")

from agents import UserError, function_tool
from agents.realtime import RealtimeAgent, realtime_handoff

from telephony.app.agents_sdk.session_plan import SessionPlan
from telephony.call import ToolRequested, VoicePlan
from telephony.voice import ToolServer, VoiceFormat

LINE = VoicePlan(
    url="wss://model.test/v1",
    headers=(("Authorization", "Bearer s3cret"),),
    dialect="openai",
    agent="Front desk",
    model="line-model",
    audio_format=VoiceFormat.PCMA,
    on_failure="sip:desk@127.0.0.1",
)
KNOWN = "\n\nKnown of this call:\n- name: Ann"


@function_tool
def find(order: str) -> str:
    """Find an order."""
    return order


def plan_of(wanted: dict[str, Any], line: VoicePlan = LINE) -> VoicePlan:
    given: Any = wanted
    return SessionPlan(line, KNOWN).of(given)


def requested(name: str, call: str = "c1") -> ToolRequested:
    return ToolRequested(tool_call_id=call, name=name, arguments="{}")


def handing_to(*names: str) -> dict[str, Any]:
    return {"handoffs": [realtime_handoff(RealtimeAgent(name=name)) for name in names]}


def test_the_line_says_where_and_the_agent_says_what() -> None:
    plan = plan_of({"instructions": "Help.", "tools": [find], **handing_to("Billing team")})
    assert (plan.url, plan.headers, plan.dialect) == (LINE.url, LINE.headers, LINE.dialect)
    assert (plan.model, plan.audio_format, plan.on_failure) == (
        "line-model",
        VoiceFormat.PCMA,
        "sip:desk@127.0.0.1",
    )
    assert plan.instructions == f"Help.{KNOWN}"
    assert [tool.name for tool in plan.tools] == ["find", "transfer_to_billing_team"]
    assert (plan.agent, plan.is_followed) == ("Front desk", True)


def test_an_agent_that_names_a_model_has_it() -> None:
    assert plan_of({"model_name": "its-own"}).model == "its-own"


def test_the_format_follows_the_leg_whatever_the_agent_was_used_to() -> None:
    audio = {"input": {"format": "pcm16"}, "output": {"format": "g711_ulaw"}}
    line = LINE.model_copy(update={"audio_format": None})
    plan = plan_of({"audio": audio}, line)
    assert plan.audio_format is None
    assert "audio.input.format" not in plan.provider_fields


def test_the_detector_and_the_voice_are_the_sdks_unless_the_agent_has_its_own() -> None:
    plan = plan_of({})
    assert plan.provider_fields["audio.input.turn_detection"]["type"] == "semantic_vad"
    assert plan.voice == "ash"
    detector = {"type": "server_vad", "silence_duration_ms": 300}
    plan = plan_of({"turn_detection": detector, "voice": {"id": "voice_1"}})
    assert plan.provider_fields["audio.input.turn_detection"] == detector
    assert (plan.silence_ms, plan.voice) == (300, {"id": "voice_1"})


@pytest.mark.parametrize(
    ("wanted", "line_says", "used"),
    [
        ({}, None, "gpt-4o-mini-transcribe"),
        ({}, "whisper-1", "whisper-1"),
        ({"input_audio_transcription": {"model": "mine"}}, "whisper-1", "mine"),
        ({"audio": {"input": {"transcription": {"model": "mine"}}}}, "whisper-1", "mine"),
    ],
)
def test_speech_is_transcribed_by_the_agents_choice_then_the_lines(
    wanted: dict[str, Any], line_says: str | None, used: str
) -> None:
    line = LINE.model_copy(update={"transcribe_with": line_says})
    assert plan_of(wanted, line).transcribe_with == used


def test_nothing_is_traced_unless_it_is_asked_for() -> None:
    assert plan_of({}).options.tracing is None
    assert plan_of({"tracing": "auto"}).options.tracing == "auto"


def test_a_hosted_tool_server_goes_along() -> None:
    from agents import HostedMCPTool

    config: Any = {"type": "mcp", "server_label": "docs", "server_url": "https://docs.test"}
    plan = plan_of({"tools": [HostedMCPTool(tool_config=config)]})
    assert plan.tool_servers == (ToolServer(label="docs", url="https://docs.test"),)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"turn_detection": None}, "turn_detection is off"),
        ({"turn_detection": {"create_response": False}}, "or does not respond"),
        ({"output_modalities": ["text"]}, "nobody would hear it"),
        ({"output_audio_format": "mp3"}, "audio format 'mp3'"),
    ],
)
def test_what_no_phone_line_can_have_is_refused(wanted: dict[str, Any], why: str) -> None:
    with pytest.raises(UserError, match=why):
        plan_of(wanted)


def test_the_next_plan_is_the_agents_that_was_handed_to() -> None:
    plans = SessionPlan(LINE, "")
    wanted: Any = handing_to("billing", "sales")
    assert plans.of(wanted).agent == "Front desk"
    plans.handle_request(requested("find", "c0"))
    plans.handle_request(requested("transfer_to_sales", "c1"))
    assert plans.of({}).agent == "sales"
    plans.handle_result("c1")
    assert plans.of({}).agent == "sales", "an update by hand changes no agent that we know of"
    plans.handle_request(requested("transfer_to_billing", "c2"))
    assert plans.of({}).agent == "sales", "it is not among the handoffs of the agent there now"
