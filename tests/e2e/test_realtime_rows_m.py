"""Rows M1-M8 and N1-N4: the body of `session.update`, tools, tracing, and the end."""
# ruff: noqa: N802

import asyncio
from typing import Any

import pytest

from telephony.agent import Agent, Transfer, tool
from telephony.app.plans import Plans, VoiceServer
from telephony.call import (
    CallCommand,
    ConfigureAgent,
    ToolServed,
    TroubleNoted,
    VoicePlan,
    decode_command,
    encode,
)
from telephony.call.session_settings import session_settings
from telephony.errors import ConfigurationError
from telephony.realtime import RealtimeSession, client_events
from telephony.realtime.events import SessionUpdated
from telephony.realtime.session_body import session_body
from telephony.realtime.session_config import McpTool, SessionConfig
from telephony.realtime.session_options import tool_server
from telephony.units import NS_PER_SECOND
from telephony.voice import (
    Close,
    Configure,
    ModelOptions,
    Respond,
    SessionClosed,
    SessionSettings,
    ToolDeclaration,
    ToolServer,
    VoiceErrorReceived,
    VoiceFormat,
)
from tests.support.realtime_rig import (
    Event,
    Rig,
    Talk,
    delta,
    response_created,
    response_done,
    settings,
    types,
)
from tests.support.realtime_rows import Replace, row

SCHEMA: Event = {"type": "object", "properties": {}}
OPTIONS: Event = {
    "prompt": None,
    "max_output_tokens": "inf",
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "reasoning": None,
    "truncation": "auto",
}
"""What stands at the top of a session, and the protocol's own choice of it."""
A_SECOND_OR_TWO = 4.0
"""What 2 s of our clock may take on a busy machine."""


grant = vars(RealtimeSession)["_grant"]


def decoded(plan: VoicePlan) -> VoicePlan:
    """Give a plan as it reaches the engine."""
    command = CallCommand(call_id="c1", body=ConfigureAgent(plan=plan))
    body = decode_command(encode(command)).body
    assert isinstance(body, ConfigureAgent)
    return body.plan


@tool
async def order_status(number: str) -> str:
    """Look up an order.

    Args:
        number: Digits only.
    """
    return number


async def transfer_to_operator() -> str:
    """A tool that is called like a handoff."""
    return ""


def allow_any_names(self: Agent) -> None:
    """Let two functions of one name be."""
    del self


def name_the_model(
    wanted: SessionSettings, *, may_set_voice: bool, before: ModelOptions
) -> SessionConfig:
    """Send the model with each update, also where it cannot change."""
    body = session_body(wanted, may_set_voice=may_set_voice, before=before)
    return body.model_copy(update={"model": wanted.model})


def insist_on_a_voice(
    wanted: SessionSettings, *, may_set_voice: bool, before: ModelOptions
) -> SessionConfig:
    """Send a voice with each update, ours where none was asked for."""
    del may_set_voice, before
    heard = SessionSettings(
        instructions=wanted.instructions,
        audio_format=wanted.audio_format,
        voice=wanted.voice or "ash",
        transcribe_with=wanted.transcribe_with,
    )
    return session_body(heard, may_set_voice=True)


def leave_out_what_is_off(
    wanted: SessionSettings, *, may_set_voice: bool, before: ModelOptions
) -> SessionConfig:
    """Say nothing about what is None, so that the agent before keeps it switched on."""
    body = session_body(wanted, may_set_voice=may_set_voice, before=before)
    dumped = body.model_dump(exclude_none=True, exclude_unset=True)
    return SessionConfig.model_validate(dumped)


def leave_options_behind(
    wanted: SessionSettings, *, may_set_voice: bool, before: ModelOptions
) -> SessionConfig:
    """Never take back what the agent before asked for."""
    del before
    return session_body(wanted, may_set_voice=may_set_voice)


def ask_for_approval(server: ToolServer) -> McpTool:
    """Leave the approval of each call to whoever is on the phone."""
    return tool_server(server).model_copy(update={"require_approval": "always"})


def trace_on_its_own(self: Any, event: SessionUpdated) -> None:
    """Ask for the trace once the session is there, as the origin does."""
    tracing = self._settings.options.tracing
    self._send(client_events.SessionUpdate(session=SessionConfig(type="realtime", tracing=tracing)))
    grant(self, event)


async def body_of(rig: Rig, wanted: SessionSettings) -> Event:
    """Ask for a session that is open already, and give the body that went out."""
    rig.command(Configure(wanted))
    session: Event = (await rig.answer_update())["session"]
    return session


@row("M1", Replace("telephony.realtime.session.session_body", name_the_model))
async def test_M1_the_model_is_the_urls_and_never_the_updates(rig: Rig) -> None:
    """We differ: a session keeps the model it was opened with; naming it again may be refused."""
    await rig.open()
    assert "model" not in await body_of(rig, settings(model="gpt-realtime"))


@row("M2", Replace("telephony.realtime.session.session_body", insist_on_a_voice))
async def test_M2_nothing_is_sent_by_default_and_no_voice_once_the_model_has_spoken(
    rig: Rig,
) -> None:
    """We differ: no transcription unless asked for, server_vad, and the server's own voice."""
    await rig.open()
    body = await body_of(rig, settings())
    assert body["output_modalities"] == ["audio"]
    assert body["audio"]["input"]["transcription"] is None
    assert body["audio"]["input"]["turn_detection"]["type"] == "server_vad"
    assert "voice" not in body["audio"]["output"]
    assert (await body_of(rig, settings(voice="cedar")))["audio"]["output"]["voice"] == "cedar"
    await rig.says(response_created(), delta(bytes(160)), response_done())
    assert "voice" not in (await body_of(rig, settings(voice="marin")))["audio"]["output"]
    rig.command(Respond())
    assert types(await rig.sent()) == ["response.create"], "the hand-over goes on"


@row("M3", Replace("telephony.realtime.session.session_body", leave_out_what_is_off))
async def test_M3_what_an_agent_does_not_want_is_taken_back_from_the_one_before(
    rig: Rig,
) -> None:
    await rig.open()
    first = await body_of(rig, settings(transcribe_with="whisper-1"))
    assert first["audio"]["input"]["transcription"] == {"model": "whisper-1"}
    second = await body_of(rig, settings())
    assert second["audio"]["input"]["transcription"] is None


@row("M4")
async def test_M4_both_directions_are_always_said(rig: Rig) -> None:
    """We differ: an update says everything, so that nothing of another agent's stays."""
    await rig.open()
    body = await body_of(rig, settings())
    assert set(body["audio"]["input"]) >= {"format", "transcription", "turn_detection"}
    assert set(body["audio"]["output"]) == {"format"}


@row("M5")
async def test_M5_formats_are_written_as_ga_objects(rig: Rig) -> None:
    await rig.open()
    for audio_format, written in (
        (VoiceFormat.PCMU, {"type": "audio/pcmu"}),
        (VoiceFormat.PCMA, {"type": "audio/pcma"}),
        (VoiceFormat.PCM, {"type": "audio/pcm", "rate": 24000}),
    ):
        body = await body_of(rig, settings(audio_format=audio_format))
        assert body["audio"]["input"]["format"] == written
        assert body["audio"]["output"]["format"] == written


@row("M6", Replace("telephony.realtime.session.session_body", leave_options_behind))
async def test_M6_what_a_model_takes_can_be_asked_for_and_is_taken_back(rig: Rig) -> None:
    """An agent's options go through its plan whole, and not to the agent after it."""
    wanted = ModelOptions(
        prompt={"id": "pmpt_1", "version": "2", "variables": {"name": "Ann"}},
        max_output_tokens=500,
        tool_choice="required",
        parallel_tool_calls=False,
        reasoning="low",
        truncation="disabled",
        speed=1.2,
        noise_reduction="far_field",
        threshold=0.7,
        prefix_padding_ms=200,
        idle_timeout_ms=6000,
    )
    plans = Plans({"one": VoiceServer(rig.peer.url)})
    first = decoded(plans.plan(Agent("reception", "Be brief.", options=wanted), {}))
    await rig.open()
    body = await body_of(rig, session_settings(first, VoiceFormat.PCMU))
    assert body["instructions"] == "Be brief."
    assert {name: body[name] for name in OPTIONS} == {
        "prompt": wanted.prompt,
        "max_output_tokens": 500,
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "reasoning": {"effort": "low"},
        "truncation": "disabled",
    }
    assert body["audio"]["output"]["speed"] == 1.2
    assert body["audio"]["input"]["noise_reduction"] == {"type": "far_field"}
    detector = body["audio"]["input"]["turn_detection"]
    assert (detector["threshold"], detector["prefix_padding_ms"]) == (0.7, 200)
    assert detector["idle_timeout_ms"] == 6000
    second = plans.plan(Agent("billing", options=ModelOptions(eagerness="low")), {})
    body = await body_of(rig, session_settings(second, VoiceFormat.PCMU))
    assert {name: body[name] for name in OPTIONS} == OPTIONS
    assert (body["audio"]["output"]["speed"], body["audio"]["input"]["noise_reduction"]) == (
        1,
        None,
    )
    detector = body["audio"]["input"]["turn_detection"]
    assert (detector["type"], detector["eagerness"]) == ("semantic_vad", "low")
    body = await body_of(rig, settings(output="text"))
    assert body["output_modalities"] == ["text"]
    assert not set(OPTIONS) & set(body), "it was all taken back before"


@row("M7")
async def test_M7_an_update_without_tools_clears_them(rig: Rig) -> None:
    await rig.open()
    declared = ToolDeclaration("order_status", "Looks it up.", SCHEMA)
    assert len((await body_of(rig, settings(tools=(declared,))))["tools"]) == 1
    assert (await body_of(rig, settings()))["tools"] == []


@row("M8")
async def test_M8_each_update_says_that_the_session_is_realtime(rig: Rig) -> None:
    await rig.open()
    for _ in range(2):
        assert (await body_of(rig, settings()))["type"] == "realtime"


@row("N1", Replace("telephony.realtime.session_body.tool_server", ask_for_approval))
async def test_N1_a_tool_is_a_function_or_a_server_of_tools_and_nothing_else(rig: Rig) -> None:
    with pytest.raises(ConfigurationError, match="wanted a function under @tool"):
        Agent("reception", tools=[transfer_to_operator])  # type: ignore[list-item] # on purpose
    orders = ToolServer("orders", "https://tools.example.com/mcp", authorization="t0ken")
    agent = Agent("reception", tools=[order_status], tool_servers=[orders])
    plan = decoded(Plans({"one": VoiceServer(rig.peer.url)}).plan(agent, {}))
    assert "t0ken" not in repr(plan)
    talk = Talk(rig)
    await talk.begin()
    body = await body_of(rig, session_settings(plan, VoiceFormat.PCMU))
    assert body["tools"][1:] == [
        {
            "type": "mcp",
            "server_label": "orders",
            "server_url": "https://tools.example.com/mcp",
            "authorization": "t0ken",
            "require_approval": "never",
        }
    ]
    call = {"type": "mcp_call", "id": "m2", "server_label": "orders", "name": "find"}
    await rig.says(
        {"type": "mcp_list_tools.in_progress", "item_id": "m1"},
        {"type": "mcp_list_tools.completed", "item_id": "m1"},
        {"type": "response.mcp_call_arguments.done", "item_id": "m2", "arguments": "{}"},
        {"type": "response.mcp_call.in_progress", "item_id": "m2", "output_index": 0},
        {"type": "response.mcp_call.completed", "item_id": "m2", "output_index": 0},
        {"type": "response.output_item.done", "item": {**call, "arguments": "{}", "output": "7"}},
    )
    assert rig.session.counters.unknown == 0
    assert rig.of(VoiceErrorReceived) == []
    assert talk.noted(ToolServed) == [
        ToolServed(server="orders", name="find", arguments="{}", output="7")
    ]
    await rig.says(
        {"type": "mcp_list_tools.failed", "item_id": "m1"},
        {"type": "response.mcp_call.failed", "item_id": "m2", "output_index": 0},
    )
    assert [trouble.code for trouble in talk.noted(TroubleNoted)] == [
        "tool_server_unreachable",
        "tool_server_failed",
    ]


@row("N2", Replace("telephony.agent.agent.Agent._check_unique_names", allow_any_names))
async def test_N2_tools_come_before_handoffs_and_no_two_have_one_name(rig: Rig) -> None:
    """`is_enabled` has no counterpart: an agent is declared with the tools that it has."""
    billing = Agent("billing")
    operator = Transfer("operator", to="sip:200@pbx.example.com")
    agent = Agent("reception", tools=[order_status], handoffs=[billing, operator])
    plan = Plans({"one": VoiceServer(rig.peer.url)}).plan(agent, {})
    await rig.open()
    body = await body_of(rig, session_settings(plan, VoiceFormat.PCMU))
    assert [(one["type"], one["name"]) for one in body["tools"]] == [
        ("function", "order_status"),
        ("function", "transfer_to_billing"),
        ("function", "transfer_to_operator"),
    ]
    assert body["tools"][0]["parameters"]["required"] == ["number"]
    with pytest.raises(ConfigurationError, match="transfer_to_operator"):
        Agent("reception", tools=[tool(transfer_to_operator)], handoffs=[operator])


@row("N3", Replace("telephony.realtime.session.RealtimeSession._grant", trace_on_its_own))
async def test_N3_tracing_goes_out_with_the_session_and_never_alone(rig: Rig) -> None:
    """We differ: it is a part of the one update, not an update of its own at the greeting."""
    await rig.open()
    tracing = {"workflow_name": "reception", "group_id": "g1", "metadata": {"line": "1"}}
    body = await body_of(rig, settings(options=ModelOptions(tracing=tracing)))
    assert (body["type"], body["tracing"]) == ("realtime", tracing)
    assert await rig.sent() == []


@row("N4", Replace("telephony.realtime.session.CLOSE_NS", 60 * NS_PER_SECOND))
async def test_N4_a_close_takes_two_seconds_at_most_and_leaves_nothing_to_the_next_call(
    rig: Rig,
) -> None:
    await rig.grant(settings(audio_format=VoiceFormat.PCM))
    await rig.says(response_created("r1"), delta(bytes(160)))
    async with asyncio.timeout(A_SECOND_OR_TWO):
        await asyncio.gather(rig.socket.close(), rig.socket.close())
    await rig.socket.close()
    rig.command(Close(), Respond())
    assert len(rig.of(SessionClosed)) == 1
    next_call = Rig()
    try:
        await next_call.grant()
        next_call.command(Configure(settings(voice="cedar")), Respond())
        update, respond = await next_call.sent()
        assert update["session"]["audio"]["output"]["voice"] == "cedar", "nothing was said yet"
        assert respond["type"] == "response.create", "no response is under way"
    finally:
        await next_call.close()
