"""Agents: what they refuse, what their session is told, whom they can reach."""

import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from telephony.agent import (
    Agent,
    ModelOptions,
    ToolServer,
    Transfer,
    agents_by_name,
    session_tools,
    tool,
)
from telephony.errors import ConfigurationError

ROOT = Path(__file__).parents[2]


@tool
def opening_hours() -> str:
    """Tell when we are open."""
    return "nine to five"


operator = Transfer("operator", to="sip:200@pbx.example.com", description="For complaints.")
billing = Agent("billing", instructions="Talk of bills.", description="For bills.")
reception = Agent(
    "reception",
    instructions="Be kind.",
    tools=[opening_hours],
    handoffs=[billing, operator, "returns"],
    voice="marin",
)


def test_agent_is_frozen_with_its_lists() -> None:
    tools = [opening_hours]
    agent = Agent("a", tools=tools)
    tools.clear()
    assert agent.tools == (opening_hours,)
    with pytest.raises(FrozenInstanceError):
        agent.name = "b"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def test_session_s_functions_are_the_tools_then_the_handoffs() -> None:
    declarations = session_tools(reception)
    assert [(one.name, one.description) for one in declarations] == [
        ("opening_hours", "Tell when we are open."),
        ("transfer_to_billing", "Let the agent billing take over the call. For bills."),
        ("transfer_to_operator", "Transfer the caller to operator. For complaints."),
        ("transfer_to_returns", "Let the agent returns take over the call."),
    ]
    for declaration in declarations:
        assert declaration.parameters == {
            "type": "object",
            "properties": {},
            "required": [],
            "additionalProperties": False,
        }


def test_a_choice_may_be_a_function_of_the_agents() -> None:
    for choice in ("auto", "none", "required", "transfer_to_operator"):
        agent = Agent("a", handoffs=[operator], options=ModelOptions(tool_choice=choice))
        assert agent.options.tool_choice == choice


def test_function_names_lead_back_to_their_declarations() -> None:
    assert reception.actions == {
        "opening_hours": opening_hours,
        "transfer_to_billing": billing,
        "transfer_to_operator": operator,
        "transfer_to_returns": "returns",
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "front desk"}, "name of an agent is 'front desk', wanted 1 to 52 letters"),
        ({"tools": [len]}, "agent 'a': tool is .* wanted a function under @tool"),
        ({"handoffs": [7]}, "agent 'a': handoff is 7, wanted an Agent, a Transfer or"),
        (
            {"tools": [opening_hours, opening_hours]},
            "agent 'a': more than one tool or handoff is called opening_hours",
        ),
        ({"handoffs": [billing, "billing"]}, "is called transfer_to_billing"),
        (
            {"handoffs": [Agent("operator"), operator], "tools": [opening_hours]},
            "is called transfer_to_operator",
        ),
        ({"turns": "ours"}, "agent 'a': turns is 'ours', wanted 'server'"),
        ({"may_interrupt": False}, "may_interrupt=False needs turns='ours'"),
        ({"truncate_at": "heard"}, "truncate_at is 'heard', wanted 'sent' or 'reacted'"),
        ({"silence_ms": 0}, "silence_ms is 0, wanted 1 to 10000"),
        ({"filler_after_ms": 499}, "filler_after_ms is 499, wanted 500 to 30000"),
        ({"filler_after_ms": 30_001}, "filler_after_ms is 30001, wanted 500 to 30000"),
        ({"silence_ms": 10_001}, "silence_ms is 10001, wanted 1 to 10000"),
        (
            {"options": ModelOptions(tool_choice="close"), "tools": [opening_hours]},
            "agent 'a': tool_choice is 'close', wanted one of auto, none, required, opening_hours",
        ),
        (
            {"tool_servers": [ToolServer("x", "https://a"), ToolServer("x", "https://b")]},
            "agent 'a': tool servers are called x, x, wanted different labels",
        ),
    ],
)
def test_value_that_cannot_be_used_is_refused(values: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"name": "a", **values}
    with pytest.raises(ConfigurationError, match=message):
        Agent(**given)


def test_reacted_and_server_are_taken() -> None:
    assert Agent("a", truncate_at="reacted", turns="server").truncate_at == "reacted"


def test_every_agent_that_a_call_can_reach_is_found() -> None:
    returns = Agent("returns", handoffs=["reception", billing])
    assert agents_by_name([reception, returns]) == {
        "reception": reception,
        "returns": returns,
        "billing": billing,
    }
    shared = Agent("first", handoffs=[billing, Agent("second", handoffs=[billing])])
    assert set(agents_by_name([shared])) == {"first", "second", "billing"}


def test_two_agents_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="two agents are called 'billing'"):
        agents_by_name([Agent("a", handoffs=[billing]), Agent("billing")])


def test_handoff_to_nobody_is_refused() -> None:
    with pytest.raises(
        ConfigurationError,
        match="agent 'reception': handoff is 'returns', wanted one of billing, reception",
    ):
        agents_by_name([reception])


def test_declarations_load_no_library() -> None:
    """A schema is built at first use; until then neither pydantic nor I/O is loaded."""
    script = (
        "import sys\n"
        "from telephony.agent import Agent, Transfer, tool\n"
        "@tool\n"
        "def hours(day: str) -> str:\n"
        "    'Tell.  day: of the week'\n"
        "    return ''\n"
        "Agent('a', tools=[hours], handoffs=[Transfer('b', to='tel:+1')])\n"
        "heavy = {'pydantic', 'pydantic_core', 'asyncio', 'socket', 'aiohttp', 'av'}\n"
        "sys.exit(repr(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.strip()) == (0, "")
