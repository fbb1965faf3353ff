"""Tools that act on the call itself: `Agent(..., tools=[press_keys, hang_up])`."""

from dataclasses import replace
from typing import NoReturn

from telephony.agent.tool import Executor, tool
from telephony.errors import LocalError

__all__ = ["hang_up", "press_keys"]


def _outside_a_call(name: str) -> NoReturn:
    raise LocalError(f"{name} acts on a call, and runs only in one")


@tool(name="press_keys")
def _press_keys(keys: str) -> None:
    """Press keys towards the other side, as on a phone's keypad, such as to get through a menu.

    Args:
        keys: The keys in order: 0-9, *, #.
    """
    _outside_a_call(f"press_keys {keys!r}")


@tool(name="hang_up")
def _hang_up() -> None:
    """End the call, once what you have said was heard. Say goodbye first."""
    _outside_a_call("hang_up")


press_keys = replace(_press_keys, executor=Executor.CALL)
hang_up = replace(_hang_up, executor=Executor.CALL)
