"""What is known of an agent of openai-agents before a call: its functions, and what is wrong."""

from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

from agents import FunctionTool
from agents.handoffs import Handoff
from agents.realtime import RealtimeAgent
from agents.tool import HostedMCPTool

from telephony.agent import Transfer
from telephony.app.agents_sdk.call_tools import TransferTool

__all__ = ["faults_of", "functions_of", "transfers_of"]

PACKAGE = "openai-agents"
OLDEST = (0, 21)


def functions_of(agent: RealtimeAgent[Any]) -> list[str]:
    """Name the functions that the agent's model may call; a server's tools are known in calls."""
    names = [tool.name for tool in agent.tools if isinstance(tool, FunctionTool)]
    return names + [
        one.tool_name if isinstance(one, Handoff) else Handoff.default_tool_name(one)
        for one in agent.handoffs
    ]


def transfers_of(agent: RealtimeAgent[Any]) -> list[Transfer]:
    """Give where the agent, and those it hands to, may transfer a call to."""
    tools = (tool for one in _reached(agent) for tool in one.tools)
    found = [tool.transfer for tool in tools if isinstance(tool, TransferTool) and tool.transfer]
    return list(dict.fromkeys(found))


def faults_of(agent: RealtimeAgent[Any], may_transfer: Callable[[str], bool]) -> list[str]:
    """Find what would fail in the middle of a call.

    Args:
        agent: Who answers.
        may_transfer: Says whether a target is allowed.
    """
    faults = [
        f"agent {agent.name!r}: transfer {one.name!r} goes to {one.to},"
        " which [transfer] allow does not let through"
        for one in transfers_of(agent)
        if not may_transfer(one.to)
    ]
    faults += [
        f"agent {one.name!r}: tool {tool.name!r} is a {type(tool).__name__},"
        " wanted a function tool or a hosted MCP server"
        for one in _reached(agent)
        for tool in one.tools
        if not isinstance(tool, FunctionTool | HostedMCPTool)
    ]
    installed = version(PACKAGE)
    major, minor = (int(part) for part in installed.split(".")[:2])
    if (major, minor) < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        faults.append(f"agent {agent.name!r}: {PACKAGE} is {installed}, wanted {wanted} or newer")
    return faults


def _reached(agent: RealtimeAgent[Any]) -> Iterator[RealtimeAgent[Any]]:
    """Give the agent and those it hands to; whom a `Handoff` leads to is known in calls only."""
    seen: list[RealtimeAgent[Any]] = []
    waiting = [agent]
    while waiting:
        one = waiting.pop()
        if not any(one is other for other in seen):
            seen.append(one)
            waiting += [other for other in one.handoffs if isinstance(other, RealtimeAgent)]
    yield from seen
