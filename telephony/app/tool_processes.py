"""Processes for the tools that compute: kept for the next call, killed when one overruns.

A worker is fresh (spawned, never forked from a process with threads), takes one call at a time, and
ends with us, whatever ends us.
"""

import asyncio
import os
import signal
from functools import partial
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from threading import Thread

from telephony.agent import AnyTool
from telephony.app.tool_call import Failed, Outcome, call_tool
from telephony.app.tool_threads import ToolThreads

__all__ = ["ToolProcesses"]

MAX_PROCESSES = max(2, os.cpu_count() or 1)
"""More would compute no faster; a call beyond them waits its turn, within its own time limit."""


class _Worker:
    """One process that calls tools."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs,), name="tool")
        self._process.start()
        theirs.close()  # theirs alone, so that its end is the pipe's

    def call(self, tool: AnyTool, arguments: dict[str, object]) -> Outcome:
        """Have a tool called; blocks until it has, or until the worker ended."""
        try:
            self._connection.send((tool, arguments))
            outcome: Outcome = self._connection.recv()
        except (EOFError, OSError):
            self.kill()
            return Failed("failed: its process ended", f"exit status {self._process.exitcode}")
        except Exception as error:  # what cannot be pickled, on either side
            self.kill()
            return Failed.by(error)
        return outcome

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive()

    def kill(self) -> None:
        """End it, whatever it does, and wait for that."""
        self._process.kill()
        self._process.join()


class ToolProcesses:
    """Runs each call of a tool in a process that does nothing else meanwhile.

    Args:
        threads: For waiting on them.
        limit: Processes at once.
    """

    def __init__(self, threads: ToolThreads, limit: int = MAX_PROCESSES) -> None:
        """Start none before the first call."""
        self._threads = threads
        self._turns = asyncio.Semaphore(limit)
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()

    async def run(self, tool: AnyTool, arguments: dict[str, object]) -> Outcome:
        """Call a tool; if this is cancelled, its process is killed and the next call gets another.

        Raises:
            NoThreadError: No thread is left to wait on it.
        """
        async with self._turns:
            worker = self._take()
            self._busy.add(worker)
            try:
                outcome = await self._threads.start(partial(worker.call, tool, arguments))
            except BaseException:
                worker.kill()
                raise
            finally:
                self._busy.remove(worker)
            if worker.is_alive:
                self._idle.append(worker)
            return outcome

    def _take(self) -> _Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive:
                return worker
        return _Worker()

    def close(self) -> None:
        """Kill them all."""
        for worker in (*self._idle, *self._busy):
            worker.kill()
        self._idle.clear()


def _work(calls: Connection) -> None:
    """Be a worker: call tools until killed, or until the process that we work for is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for that process, which ends us
    Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            tool, arguments = calls.recv()
        except EOFError:
            return
        except Exception as error:  # the user's module cannot be imported here
            calls.send(Failed.by(error))
        else:
            calls.send(call_tool(tool, arguments))


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
