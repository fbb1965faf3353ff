"""What `check` and `serve` know of an agent of openai-agents before a call does."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from telephony.agent import SdkAgent, Transfer

__all__ = ["sdk_faults", "sdk_functions", "sdk_transfers"]


def _facts() -> Any:
    """Import what knows that SDK: it is installed where an agent of its kind exists."""
    return import_module("telephony.app.agents_sdk.facts")


def sdk_functions(agent: SdkAgent) -> list[str]:
    """Name the functions that the agent's model may call, but for those that only a call makes."""
    functions: list[str] = _facts().functions_of(agent.agent)
    return functions


def sdk_transfers(agent: SdkAgent) -> list[Transfer]:
    """Give where the agent, or one that it hands to, may transfer a call to."""
    transfers: list[Transfer] = _facts().transfers_of(agent.agent)
    return transfers


def sdk_faults(agent: SdkAgent, may_transfer: Callable[[str], bool]) -> list[str]:
    """Find now what would fail in the middle of a call.

    Args:
        agent: Who answers.
        may_transfer: Says whether a target is allowed.
    """
    faults: list[str] = _facts().faults_of(agent.agent, may_transfer)
    return faults
