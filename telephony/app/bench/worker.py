"""A child process of a benchmark, which carries out one command at a time."""

import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from telephony.app.children import Child
from telephony.errors import TransportError

__all__ = ["Worker", "start_worker", "tell_progress"]

PATIENCE_SECONDS = 30.0
"""For an answer, over what the command itself takes."""
SHOWN_CHARACTERS = 300
"""Of a worker's last words."""

Answer = TypeVar("Answer", bound=BaseModel)


class Worker(Child):
    """A child that takes commands and answers each.

    Attributes:
        ready: What it said when it was ready.
    """

    def __init__(self, name: str, module: str) -> None:
        """Start nothing yet."""
        super().__init__(name, module)
        self.ready: dict[str, Any] = {}
        self._written = ""

    async def start(self, first_line: str = "", *arguments: str) -> dict[str, Any]:
        """Start it, and keep what it says."""
        self.standard_error = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        try:
            self.ready = await super().start(first_line, *arguments)
        except TransportError as failed:
            await self.stop()
            raise TransportError(f"{failed}{self._last_words()}") from failed
        return self.ready

    async def ask(
        self, command: BaseModel, answer_type: type[Answer], takes_seconds: float = 0.0
    ) -> Answer:
        """Have a command carried out, and give the answer.

        Args:
            command: One of `messages`.
            answer_type: What answers it.
            takes_seconds: How long carrying it out takes by itself.

        Raises:
            TransportError: It ended, gave another answer, or took too long.
        """
        try:
            async with asyncio.timeout(takes_seconds + PATIENCE_SECONDS):
                line = await self.exchange(command.model_dump_json())
        except TimeoutError:
            await self.stop()
            raise TransportError(
                f"{self.name} did not answer in time{self._last_words()}"
            ) from None
        try:
            return answer_type.model_validate_json(line)
        except ValidationError:
            await self.stop()
            raise TransportError(f"{self.name} gave no answer{self._last_words()}") from None

    async def stop(self) -> None:
        """End it, and pass on what it wrote to its standard error."""
        await super().stop()
        if self.standard_error is not None:
            self.standard_error.seek(0)
            self._written = self.standard_error.read().decode(errors="replace")
            self.standard_error.close()
            self.standard_error = None
            sys.stderr.write(self._written)

    def _last_words(self) -> str:
        """Quote the last line of it that says anything, which is a traceback's reason."""
        lines = [line.strip() for line in self._written.splitlines() if line.strip()]
        return f"; its last words: {lines[-1][:SHOWN_CHARACTERS]}" if lines else ""


async def start_worker(stack: AsyncExitStack, name: str, module: str) -> Worker:
    """Start a worker that ends with the stack.

    Raises:
        TransportError: It did not start.
    """
    worker = Worker(name, module)
    stack.push_async_callback(worker.stop)
    await worker.start()
    return worker


def tell_progress(text: str) -> None:
    """Say on standard error what is being measured."""
    sys.stderr.write(f"bench: {text}\n")
    sys.stderr.flush()
