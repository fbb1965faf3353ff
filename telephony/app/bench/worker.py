"""A child process of a benchmark, which carries out one command at a time."""

import asyncio
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from telephony.app.children import Child
from telephony.errors import TransportError

__all__ = ["Worker"]

PATIENCE_SECONDS = 30.0
"""For an answer, over what the command itself takes."""

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

    async def start(self, first_line: str = "") -> dict[str, Any]:
        """Start it, and keep what it says."""
        self.ready = await super().start(first_line)
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
            raise TransportError(f"{self.name} did not answer in time") from None
        try:
            return answer_type.model_validate_json(line)
        except ValidationError:
            raise TransportError(f"{self.name} gave no answer; its reason is above") from None
