"""Phones that tests serve, by `telephony serve tests.support.phones:NAME`."""

import asyncio
import time

from telephony import Agent, Phone, press_keys, tool
from telephony.agent import AnyTool

BLOCKED_SECONDS = 2.0
HANGING_SECONDS = 60.0
PATIENCE_SECONDS = 6.0
MEGABYTE = 1_000_000


@tool
def raises() -> str:
    """Fail."""
    raise RuntimeError("the order system is down")


@tool(timeout_s=PATIENCE_SECONDS)
async def hangs() -> str:
    """Answer too late."""
    await asyncio.sleep(HANGING_SECONDS)
    return "too late"


@tool
def returns_a_megabyte() -> str:
    """Answer more than anybody asked for."""
    return "x" * MEGABYTE


@tool
def sleeps() -> str:
    """Wait in a thread."""
    time.sleep(BLOCKED_SECONDS)
    return "slept"


@tool
async def blocks_the_loop() -> str:
    """Wait as nobody should, on the event loop of the app."""
    time.sleep(BLOCKED_SECONDS)  # noqa: ASYNC251 - the very mistake that must harm no call
    return "blocked"


@tool
def burns() -> str:
    """Compute in a thread, without ever letting go of the interpreter by itself."""
    until = time.monotonic() + BLOCKED_SECONDS
    rounds = 0
    while time.monotonic() < until:
        rounds += 1
    return f"{rounds} rounds"


TOOLS: list[AnyTool] = [raises, hangs, returns_a_megabyte, sleeps, blocks_the_loop, burns]

keypad = Phone()
keypad.answer("*", Agent("keypad", tools=[press_keys]))

troubled = Phone()
troubled.answer("absent", Agent("absent", realtime="absent"))
troubled.answer("forwarded", Agent("forwarded", realtime="forwarded"))
troubled.answer("*", Agent("troubled", tools=TOOLS))
"""For trouble: the realtime servers `absent` and `forwarded` are for its settings to name."""
