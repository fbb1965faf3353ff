"""Runs the user's tools, each bounded in time, none able to end the process or another call.

An async tool runs on the app's loop, a sync one in a thread, one declared so in a process of its
own. The engine is another process: whatever a tool does, no packet waits for it.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Executor as PoolExecutor
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context

import structlog

from telephony.agent import AnyTool, Executor, ToolArgumentError
from telephony.agent.result import MAX_RESULT_CHARACTERS

__all__ = ["ToolRuntime"]

THREADS = 32
"""Sync tools that run at once; more wait for their turn, within their own time limit."""

log = structlog.get_logger("telephony.tools")


class _TookTooLong(Exception):  # noqa: N818 - never leaves this file
    """A tool's time was up; a `TimeoutError` may also be the tool's own."""


class ToolRuntime:
    """Where tools run; `close` it at the end.

    Args:
        on_failure: Told how a tool failed: "arguments", "timeout", "failed" or "too_long".
    """

    def __init__(self, on_failure: Callable[[str], None] = lambda _how: None) -> None:
        """Start nothing before the first tool."""
        self._on_failure = on_failure
        self._threads: ThreadPoolExecutor | None = None
        self._processes: ProcessPoolExecutor | None = None

    async def run(self, tool: AnyTool, arguments: str, *, call_id: str) -> str:
        """Run one tool, and give what the model is told: its result, or what went wrong.

        Args:
            tool: Which.
            arguments: JSON text as the model wrote it.
            call_id: For the log.
        """
        try:
            parsed = tool.parse_arguments(arguments)
            result = await self._run_in_time(tool, parsed)
            return self._write(tool, result, call_id)
        except ToolArgumentError as wrong:
            self._on_failure("arguments")
            log.warning("tool arguments refused", tool=tool.name, call=call_id, fault="model")
            return f"error: {wrong}"
        except _TookTooLong:
            self._on_failure("timeout")
            log.warning(
                "tool timed out", tool=tool.name, call=call_id, seconds=tool.timeout_s, fault="tool"
            )
            return f"error: {tool.name} did not answer within {tool.timeout_s:g} s"
        except (Exception, SystemExit) as failed:
            self._on_failure("failed")
            log.exception("tool failed", tool=tool.name, call=call_id, fault="tool")
            return f"error: {tool.name} failed: {type(failed).__name__}"

    async def _run_in_time(self, tool: AnyTool, arguments: dict[str, object]) -> object:
        limit = asyncio.timeout(tool.timeout_s)
        try:
            async with limit:
                return await self._call(tool, arguments)
        except TimeoutError as timed_out:
            if limit.expired():
                raise _TookTooLong from timed_out
            raise
        except BrokenProcessPool:
            self._processes = None  # a tool ended its process; the next one gets another
            raise

    def _write(self, tool: AnyTool, result: object, call_id: str) -> str:
        """Write a result; one that was too long for the model to read counts as a failure."""
        text = tool.write_result(result)
        if len(text) >= MAX_RESULT_CHARACTERS:
            self._on_failure("too_long")
            log.warning("tool result cut", tool=tool.name, call=call_id, fault="tool")
        return text

    async def _call(self, tool: AnyTool, arguments: dict[str, object]) -> object:
        if tool.executor is Executor.LOOP:
            return await tool.function(**arguments)
        pool = self._pool(tool.executor)
        work: Callable[[], object] = partial(tool.function, **arguments)
        if tool.executor is Executor.PROCESS:
            work = partial(_call_by_name, tool, arguments)
        return await asyncio.get_running_loop().run_in_executor(pool, work)

    def _pool(self, executor: Executor) -> PoolExecutor:
        if executor is Executor.PROCESS:
            if self._processes is None:
                self._processes = ProcessPoolExecutor(
                    max_workers=os.cpu_count() or 1, mp_context=get_context("spawn")
                )
            return self._processes
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="tool")
        return self._threads

    def close(self) -> None:
        """Stop; what still runs is left to end by itself."""
        for pool in (self._threads, self._processes):
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=True)


def _call_by_name(tool: AnyTool, arguments: dict[str, object]) -> object:
    return tool.function(**arguments)
