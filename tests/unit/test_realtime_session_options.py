"""A model's options in the protocol's shapes, and how the next agent takes them back."""

import json

from telephony.realtime.session_body import session_body
from telephony.realtime.session_options import asked_options, tool_server, turn_detection
from telephony.realtime.wire import write_event
from telephony.voice import ModelOptions, SessionSettings, ToolServer

NONE = ModelOptions()


def test_nothing_is_said_of_what_nobody_wants() -> None:
    assert asked_options(NONE, NONE) == {}
    body = json.loads(write_event(session_body(SessionSettings(), may_set_voice=True)))
    assert set(body) == {"type", "output_modalities", "instructions", "audio", "tools"}


def test_what_an_agent_wanted_goes_back_to_the_protocols_own_choice() -> None:
    before = ModelOptions(retention_ratio=0.8, threshold=0.7, reasoning="high", tool_choice="none")
    assert asked_options(ModelOptions(tool_choice="look_up"), before) == {
        "truncation": "auto",
        "threshold": 0.5,
        "reasoning": None,
        "tool_choice": {"type": "function", "name": "look_up"},
    }


def test_a_share_of_the_memory_is_an_object_of_its_own() -> None:
    assert asked_options(ModelOptions(retention_ratio=0.8), NONE) == {
        "truncation": {"type": "retention_ratio", "retention_ratio": 0.8}
    }


def test_tracing_is_asked_for_once() -> None:
    traced = ModelOptions(tracing={"workflow_name": "desk"})
    assert asked_options(traced, NONE) == {"tracing": {"workflow_name": "desk"}}
    assert asked_options(traced, ModelOptions(tracing="auto")) == {}
    assert asked_options(NONE, traced) == {}


def test_a_detector_goes_by_silence_or_by_meaning() -> None:
    by_meaning = SessionSettings(options=ModelOptions(eagerness="high"), turns="ours")
    assert json.loads(write_event(turn_detection(by_meaning, {}))) == {
        "type": "semantic_vad",
        "eagerness": "high",
        "create_response": False,
        "interrupt_response": False,
    }
    by_silence = SessionSettings(silence_ms=300)
    assert json.loads(write_event(turn_detection(by_silence, {"idle_timeout_ms": None}))) == {
        "type": "server_vad",
        "silence_duration_ms": 300,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }


def test_a_tool_server_says_what_is_known_of_it() -> None:
    server = ToolServer("x", connector_id="c", allowed_tools=("a",), headers={"K": "v"})
    assert json.loads(write_event(tool_server(server))) == {
        "type": "mcp",
        "server_label": "x",
        "connector_id": "c",
        "allowed_tools": ["a"],
        "headers": {"K": "v"},
        "require_approval": "never",
    }
