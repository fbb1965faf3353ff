"""Agents written for openai-agents, on sessions and calls of ours: the `agents` extra.

    pip install "telephony[agents]"

    from agents.realtime import RealtimeAgent, RealtimeRunner
    from telephony.app.agents_sdk import PhoneRealtimeModel

    runner = RealtimeRunner(RealtimeAgent(name="reception"), model=PhoneRealtimeModel())

Nothing here is imported unless it is asked for by name: the SDK takes seconds and 100 MB.
"""

from telephony.app.agents_sdk.model import (
    AlreadyConnectedError,
    AttachedRealtimeModel,
    NotConnectedError,
    PhoneRealtimeModel,
)

__all__ = [
    "AlreadyConnectedError",
    "AttachedRealtimeModel",
    "NotConnectedError",
    "PhoneRealtimeModel",
]
