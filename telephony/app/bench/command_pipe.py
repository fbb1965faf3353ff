"""A benchmark child's standard input and output: commands come, one line each, answers go."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable

from pydantic import BaseModel

from telephony.app.bench.messages import COMMANDS, Command

__all__ = ["CommandPipe", "answer_commands", "say"]

READ_OCTETS = 65_536


def say(message: BaseModel) -> None:
    """Write one message to standard output."""
    sys.stdout.write(message.model_dump_json() + "\n")
    sys.stdout.flush()


class CommandPipe:
    """Reads commands without waiting.

    Attributes:
        descriptor: Of the pipe, to wait for it.
        is_closed: Whether the other side is gone, which ends the child.
    """

    def __init__(self, descriptor: int) -> None:
        """Read from a descriptor, which must not block.

        Args:
            descriptor: 0 for standard input.
        """
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self.is_closed = False
        self._rest = b""

    def poll(self) -> list[Command]:
        """Give the commands that have come.

        Raises:
            pydantic.ValidationError: A line is no command; the parent is at fault.
        """
        try:
            data = os.read(self.descriptor, READ_OCTETS)
        except BlockingIOError:
            return []
        self.is_closed = not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [COMMANDS.validate_json(line) for line in lines if line.strip()]


async def answer_commands(
    carry_out: Callable[[Command], Awaitable[BaseModel]], descriptor: int = 0
) -> None:
    """Carry out commands one after the other, and say each answer, until the other side is gone.

    Args:
        carry_out: Gives the answer.
        descriptor: 0 for standard input.
    """
    pipe = CommandPipe(descriptor)
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[Command | None] = asyncio.Queue()

    def read() -> None:
        for command in pipe.poll():
            arrived.put_nowait(command)
        if pipe.is_closed:
            loop.remove_reader(pipe.descriptor)
            arrived.put_nowait(None)

    loop.add_reader(pipe.descriptor, read)
    while (command := await arrived.get()) is not None:
        say(await carry_out(command))
