"""Child processes: the engine and the embedded model server, started and ended by `serve`.

A child says in one line on its standard output that it is ready, or why it is not. It ends when
its standard input closes, so none outlives us, whatever ends us.
"""

import asyncio
import json
import sys
from contextlib import suppress
from typing import IO, Any

from telephony.errors import TransportError

__all__ = ["Child", "embedded_server"]

READY_SECONDS = 30.0
STOP_SECONDS = 4.0
LINE_LIMIT = 16 * 1024 * 1024
"""Octets of one line that a child says."""


class Child:
    """One child process.

    Args:
        name: For messages.
        module: What `python -m` runs.
        arguments: After the module.
    """

    def __init__(self, name: str, module: str, *arguments: str) -> None:
        """Start nothing yet."""
        self.name = name
        self._command = [sys.executable, "-m", module, *arguments]
        self._process: asyncio.subprocess.Process | None = None
        self.stop_seconds = STOP_SECONDS
        self.standard_error: IO[bytes] | None = None
        """Where its standard error goes; None: where ours does."""

    async def start(self, first_line: str = "", *arguments: str) -> dict[str, Any]:
        """Start it, hand it one line on standard input, and wait until it is ready.

        Args:
            first_line: The line.
            arguments: More of them, for this time; an option that is there already is overruled.

        Returns:
            What it said.

        Raises:
            TransportError: It ended, said why it is not ready, or took too long.
        """
        process = self._process = await asyncio.create_subprocess_exec(
            *self._command,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self.standard_error,
            limit=LINE_LIMIT,
            start_new_session=True,  # Ctrl-C is ours to hear: calls are hung up before parts end
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(first_line.encode() + b"\n")
        try:
            async with asyncio.timeout(READY_SECONDS):
                line = await process.stdout.readline()
        except TimeoutError:
            await self.stop()
            raise TransportError(f"{self.name} was not ready in {READY_SECONDS:g} s") from None
        try:
            said: dict[str, Any] = _read_ready(line.decode())
        except ValueError:
            await self.stop()
            raise TransportError(f"{self.name} did not start; the log has its reason") from None
        if "error" in said:
            await self.stop()
            raise TransportError(f"{self.name}: {said['error']}")
        return said

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    async def exchange(self, line: str) -> bytes:
        """Hand it one more line, and give the line that it answers; empty if it has ended."""
        self.tell(line)
        assert self._process is not None
        assert self._process.stdout is not None
        return await self._process.stdout.readline()

    def tell(self, line: str) -> None:
        """Hand a child that is ready one more line on standard input."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")

    async def hear(self) -> dict[str, Any] | None:
        """Wait for the next object that a child says after it is ready; None when it has ended."""
        assert self._process is not None
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        return _read_ready(line.decode()) if line else None

    async def wait(self) -> int:
        """Wait for its end, and give its exit status."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> None:
        """End it: ask, then insist."""
        process = self._process
        if process is None or not self.is_running:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(self.stop_seconds):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def embedded_server() -> Child:
    """Give the embedded realtime server, on a free port; what it says first has its `url`."""
    return Child(
        "embedded server", "telephony", "local", "--listen", "127.0.0.1:0", "--until-stdin-closes"
    )


def _read_ready(line: str) -> dict[str, Any]:
    """Read what a child said: `ready URL`, or an object."""
    if line.startswith("ready "):
        return {"url": line.split()[1]}
    said: dict[str, Any] = json.loads(line)
    return said
