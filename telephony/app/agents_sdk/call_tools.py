"""Functions that act on the call, for agents of openai-agents: transfer, hang up, press keys.

from telephony import Transfer
from telephony.app.agents_sdk.call_tools import hang_up, transfer_tool

reception = RealtimeAgent(
name="reception",
tools=[hang_up, transfer_tool(Transfer("operator", to="sip:200@pbx.example.com"))],
)
"""

from dataclasses import dataclass

from agents import FunctionTool
from agents.tool_context import ToolContext

from telephony.agent import Tool, ToolArgumentError, Transfer
from telephony.agent import hang_up as our_hang_up
from telephony.agent import press_keys as our_press_keys
from telephony.agent.agent import declare_handoff
from telephony.app.model_functions import KEYS
from telephony.app.sdk_link import current_call
from telephony.voice import ToolDeclaration

__all__ = ["TransferTool", "hang_up", "press_keys", "transfer_tool"]


@dataclass
class TransferTool(FunctionTool):
    """The function by which an agent hands the caller to a person.

    Attributes:
        transfer: Where to.
    """

    transfer: Transfer | None = None


def transfer_tool(transfer: Transfer) -> TransferTool:
    """Let an agent of openai-agents transfer the caller, as one of ours does.

    The function is called `transfer_to_<name>`. It comes back only from a transfer that failed,
    with what came of it (busy, no_answer, declined ...): after a good one the call has left us.
    The target has to be let through by `[transfer] allow`.

    Args:
        transfer: Where to.
    """

    async def invoke(context: ToolContext[object], _arguments: str) -> str:
        return await current_call().transfer(transfer.to, context.tool_call_id)

    declaration = declare_handoff(transfer)
    return TransferTool(
        name=declaration.name,
        description=declaration.description,
        params_json_schema=dict(declaration.parameters),
        on_invoke_tool=invoke,
        transfer=transfer,
    )


async def _hang_up(context: ToolContext[object], _arguments: str) -> str:
    return current_call().hang_up(context.tool_call_id)


async def _press_keys(context: ToolContext[object], arguments: str) -> str:
    try:
        keys = str(our_press_keys.parse_arguments(arguments)["keys"])
    except ToolArgumentError as wrong:
        return f"error: {wrong}"
    if KEYS.fullmatch(keys) is None:
        return f"error: {keys!r} is not made of the keys 0-9, *, # alone"
    return current_call().press(keys, context.tool_call_id)


def _declared(tool: Tool[..., None]) -> ToolDeclaration:
    return tool.declaration


hang_up = FunctionTool(
    name=our_hang_up.name,
    description=our_hang_up.description,
    params_json_schema=dict(_declared(our_hang_up).parameters),
    on_invoke_tool=_hang_up,
)
"""Ends the call, once what the agent has said was heard."""
press_keys = FunctionTool(
    name=our_press_keys.name,
    description=our_press_keys.description,
    params_json_schema=dict(_declared(our_press_keys).parameters),
    on_invoke_tool=_press_keys,
)
"""Presses keys towards the other side, as on a phone's keypad."""
