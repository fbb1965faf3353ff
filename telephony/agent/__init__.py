"""The declarations a user writes: agents, tools, handoffs, transfers."""

from telephony.agent.agent import Action, Agent, agents_by_name, session_tools
from telephony.agent.call_tools import hang_up, press_keys
from telephony.agent.errors import ToolArgumentError, ToolResultError
from telephony.agent.tool import AnyTool, Executor, Tool, tool
from telephony.agent.transfer import Transfer

__all__ = [
    "Action",
    "Agent",
    "AnyTool",
    "Executor",
    "Tool",
    "ToolArgumentError",
    "ToolResultError",
    "Transfer",
    "agents_by_name",
    "hang_up",
    "press_keys",
    "session_tools",
    "tool",
]
