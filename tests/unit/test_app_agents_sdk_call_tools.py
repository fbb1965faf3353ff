"""Functions of an SDK's agent that act on the call, and what is known of them before one."""

import asyncio
import json
from typing import Any

import pytest

pytest.importorskip("agents.realtime", reason="openai-agents is not installed")

from agents import FunctionTool, RunContextWrapper, WebSearchTool, function_tool
from agents.realtime import RealtimeAgent, realtime_handoff
from agents.tool_context import ToolContext

from telephony import Transfer
from telephony.agent import SdkAgent
from telephony.app import sdk_facts
from telephony.app.agents_sdk import facts as facts_module
from telephony.app.agents_sdk import hang_up, press_keys, transfer_tool
from telephony.app.sdk_link import CallLink
from telephony.app.transfers import NOT_ALLOWED
from telephony.app.way import SipWay
from telephony.app.way_needs import unmet_needs
from telephony.call import (
    AgentConfigured,
    CallCommandBody,
    Capability,
    HangUp,
    HostedLeg,
    SendDigits,
    StartTransfer,
    TransferEnded,
)
from telephony.errors import LocalError

OPERATOR = Transfer("operator", to="sip:operator@127.0.0.1", description="For invoices.")
ABROAD = Transfer("abroad", to="sip:+1900@expensive.example")


def is_allowed(target: str) -> bool:
    return "expensive" not in target


def context_of(tool: FunctionTool, call: str = "c1") -> ToolContext[None]:
    return ToolContext(None, tool_name=tool.name, tool_call_id=call, tool_arguments="{}")


async def invoke(tool: FunctionTool, arguments: str = "{}") -> str:
    return str(await tool.on_invoke_tool(context_of(tool), arguments))


async def in_a_call(
    tool: FunctionTool, arguments: str = "{}", *rows: TransferEnded
) -> tuple[str, list[CallCommandBody]]:
    """Call a function within a call; give what it says, and the commands."""
    commands: list[CallCommandBody] = []
    link = CallLink("e1-1", SipWay(commands.append), commands.append, is_allowed)
    link.bind()
    link.handle_row(AgentConfigured(agent="desk"))
    running = asyncio.ensure_future(invoke(tool, arguments))
    await asyncio.sleep(0)
    for row in rows:
        link.handle_row(row)
    return await asyncio.wait_for(running, 10), commands


def test_a_transfer_is_declared_as_ours_are() -> None:
    tool = transfer_tool(OPERATOR)
    assert tool.name == "transfer_to_operator"
    assert tool.description == "Transfer the caller to operator. For invoices."
    assert tool.params_json_schema["properties"] == {}
    assert tool.transfer is OPERATOR


def test_a_transfer_says_what_came_of_it() -> None:
    ended = TransferEnded(target=OPERATOR.to, outcome="no_answer", status=480)
    said, commands = asyncio.run(in_a_call(transfer_tool(OPERATOR), "{}", ended))
    assert said == "The transfer did not work: no_answer (480)."
    assert commands == [StartTransfer(target=OPERATOR.to)]


def test_a_transfer_that_is_not_allowed_starts_none() -> None:
    assert asyncio.run(in_a_call(transfer_tool(ABROAD))) == (NOT_ALLOWED, [])


def test_hanging_up_ends_the_call_behind_the_words() -> None:
    said, commands = asyncio.run(in_a_call(hang_up))
    assert "once what you have said was heard" in said
    assert commands == [HangUp(after_words=True, cause="the agent hung up")]


@pytest.mark.parametrize(
    ("arguments", "said", "pressed"),
    [
        ('{"keys": "12#"}', "Pressing 12#.", "12#"),
        ('{"keys": "1 2"}', "error: '1 2' is not made of the keys 0-9, *, # alone", None),
        ("{}", "error: ", None),
    ],
)
def test_keys_are_pressed_or_refused(arguments: str, said: str, pressed: str | None) -> None:
    text, commands = asyncio.run(in_a_call(press_keys, arguments))
    assert text.startswith(said)
    keys = [SendDigits(digits=pressed, tool_call_id="c1")] if pressed else []
    assert commands == keys
    assert json.dumps(press_keys.params_json_schema)


@pytest.mark.parametrize("tool", [hang_up, press_keys, transfer_tool(OPERATOR)])
def test_outside_of_a_call_they_say_so(tool: FunctionTool) -> None:
    with pytest.raises(LocalError, match="runs only in one"):
        asyncio.run(invoke(tool, '{"keys": "1"}'))


# ---- what is known before a call --------------------------------------------------------------


@function_tool
def find(order: str) -> str:
    """Find an order."""
    return order


async def decide(_context: RunContextWrapper[Any]) -> None:
    """Be asked at a handoff."""


BILLING = RealtimeAgent[Any](name="Billing team", tools=[transfer_tool(ABROAD), find])
NIGHT = RealtimeAgent[Any](name="night", handoffs=[BILLING])
BILLING.handoffs.append(NIGHT)
DESK = RealtimeAgent[Any](
    name="desk",
    tools=[find, hang_up, transfer_tool(OPERATOR)],
    handoffs=[BILLING, realtime_handoff(NIGHT, tool_name_override="to_night", on_handoff=decide)],
)


def test_functions_are_named_as_the_model_will_know_them() -> None:
    assert sdk_facts.sdk_functions(SdkAgent(DESK)) == [
        "find",
        "hang_up",
        "transfer_to_operator",
        "transfer_to_billing_team",
        "to_night",
    ]


def test_transfers_are_found_in_every_agent_that_is_handed_to_once() -> None:
    assert sdk_facts.sdk_transfers(SdkAgent(DESK)) == [OPERATOR, ABROAD]


def test_a_transfer_that_is_not_allowed_is_a_fault_before_a_call() -> None:
    assert sdk_facts.sdk_faults(SdkAgent(DESK), is_allowed) == [
        "agent 'desk': transfer 'abroad' goes to sip:+1900@expensive.example,"
        " which [transfer] allow does not let through"
    ]
    assert sdk_facts.sdk_faults(SdkAgent(DESK), lambda _target: True) == []


def test_an_agent_that_presses_keys_is_refused_where_no_key_can_be_pressed() -> None:
    keypad = SdkAgent(RealtimeAgent[Any](name="keypad", tools=[press_keys]))
    needs = list(unmet_needs([SdkAgent(DESK), keypad], "hosted.p", HostedLeg.capabilities))
    assert len(needs) == 1
    assert needs[0].startswith("agent 'keypad': has the tool press_keys, and calls of hosted.p")
    assert not list(unmet_needs([keypad], "sip", frozenset(Capability)))


def test_a_tool_that_no_phone_call_can_have_is_a_fault() -> None:
    agent = RealtimeAgent[Any](name="web", tools=[WebSearchTool()])
    (fault,) = sdk_facts.sdk_faults(SdkAgent(agent), is_allowed)
    assert fault.startswith("agent 'web': tool 'web_search' is a WebSearchTool, wanted")


@pytest.mark.parametrize(
    ("installed", "is_fault"), [("0.20.9", True), ("0.21.0", False), ("1.0", False)]
)
def test_an_sdk_that_is_too_old_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, installed: str, *, is_fault: bool
) -> None:
    def version(package: str) -> str:
        assert package == "openai-agents"
        return installed

    monkeypatch.setattr(facts_module, "version", version)
    faults = sdk_facts.sdk_faults(SdkAgent(RealtimeAgent[Any](name="desk")), is_allowed)
    assert bool(faults) is is_fault
    assert all(f"openai-agents is {installed}, wanted 0.21 or newer" in one for one in faults)
