"""The declarations a user writes: agents, tools, handoffs, transfers."""

from telephony.agent.agent import Action, Agent, session_tools
from telephony.agent.call_tools import hang_up, press_keys
from telephony.agent.catalogue import agents_by_name
from telephony.agent.errors import ToolArgumentError, ToolResultError
from telephony.agent.sdk_agent import (
    AnyAgent,
    RealtimeAgentLike,
    SdkAgent,
    any_agent,
    is_realtime_agent,
)
from telephony.agent.tool import AnyTool, Executor, Tool, tool
from telephony.agent.transfer import Transfer
from telephony.voice import ModelOptions, ToolServer

__all__ = [
    "Action",
    "Agent",
    "AnyAgent",
    "AnyTool",
    "Executor",
    "ModelOptions",
    "RealtimeAgentLike",
    "SdkAgent",
    "Tool",
    "ToolArgumentError",
    "ToolResultError",
    "ToolServer",
    "Transfer",
    "agents_by_name",
    "any_agent",
    "hang_up",
    "is_realtime_agent",
    "press_keys",
    "session_tools",
    "tool",
]
