"""Runs the user's tools, each bounded in time, none able to end the process or another call.

Async tools share an event loop of their own, a sync one runs in a thread, one declared so in a
process of its own. Whatever a tool does, neither the app's loop nor a packet waits for it.
"""

import asyncio
from collections.abc import Callable
from functools import partial

import structlog

from telephony.agent import AnyTool, Executor, ToolArgumentError
from telephony.agent.result import MAX_RESULT_CHARACTERS
from telephony.app.tool_call import Failed, Outcome, call_tool
from telephony.app.tool_loop import ToolLoop
from telephony.app.tool_processes import ToolProcesses
from telephony.app.tool_threads import NoThreadError, ToolThreads

__all__ = ["ToolRuntime"]

log = structlog.get_logger("telephony.tools")


class _TookTooLong(Exception):  # noqa: N818 - never leaves this file
    """A tool's time was up; a `TimeoutError` may also be the tool's own."""


class ToolRuntime:
    """Where tools run; `close` it at the end.

    Args:
        on_failure: Told how a tool failed: "arguments", "timeout", "busy", "failed" or "too_long".
        threads: Where sync tools run, those in processes are waited for, and `loop` runs.

    Attributes:
        loop: Where async tools run, and any other async code of the user's.
    """

    def __init__(
        self,
        on_failure: Callable[[str], None] = lambda _how: None,
        threads: ToolThreads | None = None,
    ) -> None:
        """Start nothing before the first tool."""
        self._on_failure = on_failure
        self._threads = threads if threads is not None else ToolThreads()
        self._processes = ToolProcesses(self._threads)
        self.loop = ToolLoop(self._threads)

    @property
    def threads_taken(self) -> int:
        """Threads that tools hold now, those that hang included."""
        return self._threads.taken

    async def run(self, tool: AnyTool, arguments: str, *, call_id: str) -> str:
        """Run one tool, and give what the model is told: its result, or what went wrong.

        Args:
            tool: Which.
            arguments: JSON text as the model wrote it.
            call_id: For the log.
        """
        noted = log.bind(tool=tool.name, call=call_id)
        try:
            outcome = await self._run_in_time(tool, tool.parse_arguments(arguments))
        except ToolArgumentError as wrong:
            self._on_failure("arguments")
            noted.warning("tool arguments refused", fault="model")
            return f"error: {wrong}"
        except _TookTooLong:
            self._on_failure("timeout")
            noted.warning("tool timed out", seconds=tool.timeout_s, fault="tool")
            return f"error: {tool.name} did not answer within {tool.timeout_s:g} s"
        except NoThreadError as full:
            self._on_failure("busy")
            noted.error("tool refused", why=str(full), fault="tool")
            return f"error: {tool.name} cannot run now: {full}"
        except Exception as error:  # of the argument types' own, or no process to be had
            outcome = Failed.by(error)
        if isinstance(outcome, Failed):
            self._on_failure("failed")
            noted.error("tool failed", exception=outcome.trace, fault="tool")
            return f"error: {tool.name} {outcome.why}"
        if len(outcome) >= MAX_RESULT_CHARACTERS:
            self._on_failure("too_long")
            noted.warning("tool result cut", fault="tool")
        return outcome

    async def _run_in_time(self, tool: AnyTool, arguments: dict[str, object]) -> Outcome:
        """Wait for a tool until its time is up, even where it does not let itself be cancelled."""
        running = asyncio.ensure_future(self._call(tool, arguments))
        done, _ = await asyncio.wait({running}, timeout=tool.timeout_s)
        if not done:
            running.cancel()
            raise _TookTooLong
        return running.result()

    async def _call(self, tool: AnyTool, arguments: dict[str, object]) -> Outcome:
        match tool.executor:
            case Executor.PROCESS:
                return await self._processes.run(tool, arguments)
            case Executor.THREAD:
                return await self._threads.start(partial(call_tool, tool, arguments))
            case _:
                return await self.loop.run(partial(_call_async, tool, arguments), tool.name)

    def close(self) -> None:
        """Stop: processes are killed, async tools cancelled, threads left to end with ours."""
        self.loop.close()
        self._processes.close()


async def _call_async(tool: AnyTool, arguments: dict[str, object]) -> Outcome:
    try:
        return tool.write_result(await tool.function(**arguments))
    except BaseException as error:  # SystemExit and cancellation too: both are the tool's own
        return Failed.by(error)
