"""Agents written for openai-agents, on sessions and calls of ours: the `agents` extra.

    pip install "telephony[agents]"

    from agents.realtime import RealtimeAgent, RealtimeRunner
    from telephony.app.agents_sdk import PhoneRealtimeModel

    runner = RealtimeRunner(RealtimeAgent(name="reception"), model=PhoneRealtimeModel())

Or let such an agent answer a phone line:

    from telephony import Phone, Transfer
    from telephony.app.agents_sdk import hang_up, transfer_tool

    operator = transfer_tool(Transfer("operator", to="sip:200@pbx.example.com"))
    phone = Phone()
    phone.answer("+15551234567", RealtimeAgent(name="reception", tools=[operator, hang_up]))

Nothing here is imported unless it is asked for by name: the SDK takes seconds and 100 MB.
"""

from telephony.agent import SdkAgent
from telephony.app.agents_sdk.call_tools import hang_up, press_keys, transfer_tool
from telephony.app.agents_sdk.engine_model import EngineRealtimeModel
from telephony.app.agents_sdk.model import (
    AlreadyConnectedError,
    AttachedRealtimeModel,
    NotConnectedError,
    PhoneRealtimeModel,
)

__all__ = [
    "AlreadyConnectedError",
    "AttachedRealtimeModel",
    "EngineRealtimeModel",
    "NotConnectedError",
    "PhoneRealtimeModel",
    "SdkAgent",
    "hang_up",
    "press_keys",
    "transfer_tool",
]
