"""The event loop of the user's async code: in a daemon thread, left behind when blocked.

Async code that blocks (a `time.sleep`, a client that is not async) stops the loop it runs on. So it
is never given the app's: what cannot begin on a blocked loop begins on a fresh one.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import structlog

from telephony.app.tool_call import Failed, Outcome
from telephony.app.tool_threads import ToolThreads

__all__ = ["ToolLoop"]

BLOCKED_SECONDS = 1.0
"""A loop on which nothing begins for so long is blocked; the caller has heard no pause yet."""

LEFT_SECONDS = 86_400.0
"""For what a loop that was left has begun: a session that conducts a call goes on to its end, and
no call is let last longer."""

R = TypeVar("R")
Work = Callable[[], Coroutine[Any, Any, R]]

log = structlog.get_logger("telephony.tools")


class _Thread:
    """One event loop and its thread."""

    def __init__(self, threads: ToolThreads) -> None:
        self._loop = asyncio.new_event_loop()
        self._ends_after_s: asyncio.Future[float] = self._loop.create_future()
        try:
            threads.start(self._live)
        except BaseException:
            self._loop.close()
            raise

    @property
    def running(self) -> str:
        """The name of what runs, and blocks if it does so for long."""
        task = asyncio.current_task(self._loop)
        return task.get_name() if task is not None else "unknown"

    def begin(self, work: Work[R], name: str) -> "Future[Future[R]]":
        """Have work begun; until it is, cancelling the outer future takes it back."""
        begun: Future[Future[R]] = Future()

        async def named() -> R:
            task = asyncio.current_task()
            assert task is not None
            task.set_name(name)
            return await work()

        def begin() -> None:
            if begun.set_running_or_notify_cancel():
                begun.set_result(asyncio.run_coroutine_threadsafe(named(), self._loop))

        self._soon(begin)
        return begun

    def end(self, after_s: float) -> None:
        """End the thread once it has nothing to do, or after this time; a hung one never does."""
        self._soon(partial(self._ends_after_s.set_result, after_s))

    def _soon(self, do: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # closed: the user's code raised SystemExit in a task
            self._loop.call_soon_threadsafe(do)

    def _live(self) -> Outcome:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve())
        except BaseException as error:  # of a task of the user's own
            return Failed.by(error)
        return ""

    async def _serve(self) -> None:
        after_s = await self._ends_after_s
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=after_s)


class ToolLoop:
    """Runs async work on a loop that all of it shares, as clients with connections need.

    Args:
        threads: Where the loop's thread is taken from.
    """

    def __init__(self, threads: ToolThreads) -> None:
        """Start no thread yet."""
        self._threads = threads
        self._thread: _Thread | None = None

    async def run(self, work: Work[R], name: str) -> R:
        """Run work, and give its result; cancelling this cancels the work.

        Args:
            work: What to run; raises no `SystemExit` and no `KeyboardInterrupt`.
            name: Says in the log what blocks the loop.

        Raises:
            NoThreadError: The loop is blocked, and no thread is left for another.
        """
        while True:
            if self._thread is None:
                self._thread = _Thread(self._threads)
            thread = self._thread
            begun = thread.begin(work, name)
            try:
                await asyncio.wait({asyncio.wrap_future(begun)}, timeout=BLOCKED_SECONDS)
            except asyncio.CancelledError:
                if begun.cancel():
                    self._leave(thread)
                else:
                    begun.result().cancel()
                raise
            if not begun.cancel():
                return await asyncio.wrap_future(begun.result())
            self._leave(thread)

    def _leave(self, thread: _Thread) -> None:
        """Begin nothing more there; what it has begun may still end in its time."""
        if self._thread is thread:
            log.error("event loop of the tools blocked", by=thread.running, fault="tool")
            thread.end(LEFT_SECONDS)
            self._thread = None

    def close(self) -> None:
        """Cancel what runs; wait for nothing."""
        if self._thread is not None:
            self._thread.end(0)
            self._thread = None
