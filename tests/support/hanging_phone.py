"""A phone whose tools never end: `telephony serve tests.support.hanging_phone:phone`."""

import asyncio
import os
import signal
import threading
from contextlib import suppress
from pathlib import Path

from telephony import Agent, Phone, tool
from telephony.agent import AnyTool

PROCESS_FILE = "HUNG_PROCESS"
"""Environment variable with the path that a tool in a process writes its id to."""


@tool(timeout_s=1.0)
def hangs_in_a_thread() -> None:
    """Wait for ever."""
    threading.Event().wait()


@tool(executor="process", timeout_s=60.0)
def hangs_in_a_process() -> None:
    """Compute for ever, deaf to requests to end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(os.environ[PROCESS_FILE]).write_text(str(os.getpid()))
    while True:
        pass


@tool
async def blocks_the_loop() -> None:
    """Wait for ever as nobody should, on the event loop of all async tools."""
    threading.Event().wait()


@tool(timeout_s=1.0)
async def refuses_to_be_cancelled() -> None:
    """Wait for ever, whoever wants it to end."""
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60.0)


@tool(timeout_s=1.0)
async def leaves_a_thread() -> None:
    """Wait for ever in a thread that Python joins at its exit."""
    await asyncio.to_thread(threading.Event().wait)


TOOLS: list[AnyTool] = [
    hangs_in_a_thread,
    hangs_in_a_process,
    blocks_the_loop,
    refuses_to_be_cancelled,
    leaves_a_thread,
]

phone = Phone()
phone.answer("*", Agent("hanging", tools=TOOLS))
