"""Daemon threads for the tools that wait: one each, so that a hung one delays no other and no exit.

A thread cannot be ended from outside. One that hangs is kept, counted and outlived: the process
ends without it.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread

from telephony.app.tool_call import Outcome

__all__ = ["NoThreadError", "ToolThreads"]

MAX_THREADS = 512
"""Nearly twice the calls of an engine; each that hangs takes one of them until the process ends."""


class NoThreadError(Exception):
    """All threads are taken."""


class ToolThreads:
    """Runs each piece of work in a thread of its own.

    Args:
        limit: Threads at once.
    """

    def __init__(self, limit: int = MAX_THREADS) -> None:
        """Start none yet."""
        self._limit = limit
        self.taken = 0
        """Threads that run now, hung ones included."""

    def start(self, work: Callable[[], Outcome]) -> asyncio.Future[Outcome]:
        """Start work that raises nothing, and give its outcome to come.

        Cancelling the future leaves the thread to end by itself.

        Raises:
            NoThreadError: As many run as may.
        """
        if self.taken >= self._limit:
            raise NoThreadError(f"all {self._limit} threads for tools are taken")
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[Outcome] = loop.create_future()

        def run() -> None:
            result = work()
            with suppress(RuntimeError):  # the loop has closed: nobody waits any more
                loop.call_soon_threadsafe(self._settle, outcome, result)

        Thread(target=run, name=f"tool_{self.taken}", daemon=True).start()
        self.taken += 1
        return outcome

    def _settle(self, outcome: asyncio.Future[Outcome], result: Outcome) -> None:
        self.taken -= 1
        if not outcome.done():
            outcome.set_result(result)
