"""The link between engine and app: the same messages over a Unix socket, or through a queue.

One message is one line of JSON. The engine listens for nothing: it dials the socket that the app
made for it. What is not a message of the schema ends the link; a dead link ends the process.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Protocol

from telephony.call.commands import CallCommand
from telephony.call.messages import EngineMessage, decode_command, encode
from telephony.errors import TransportError

__all__ = ["EngineLink", "QueueLink", "SocketLink"]

LINE_LIMIT = 16 * 1024 * 1024
"""Octets of one message: a prompt of five minutes as base64 fits."""
WRITE_LIMIT = 32 * 1024 * 1024
"""Octets waiting for the app; beyond it the app is stuck, and the link is ended."""


class EngineLink(Protocol):
    """What the engine needs of the link."""

    def send(self, message: EngineMessage) -> None:
        """Hand one message to the app; never waits."""
        ...

    def commands(self) -> AsyncIterator[CallCommand]:
        """Yield the app's commands until the link ends."""
        ...


class QueueLink:
    """Engine and app in one process: the same objects, no bytes."""

    def __init__(self, on_message: Callable[[EngineMessage], None]) -> None:
        """Hand each message to `on_message` as it happens."""
        self._on_message = on_message
        self._commands: asyncio.Queue[CallCommand | None] = asyncio.Queue()

    def send(self, message: EngineMessage) -> None:
        """Hand one message to the app."""
        self._on_message(message)

    def command(self, command: CallCommand) -> None:
        """Hand one command to the engine (the app's side)."""
        self._commands.put_nowait(command)

    def close(self) -> None:
        """End the link (the app's side)."""
        self._commands.put_nowait(None)

    async def commands(self) -> AsyncIterator[CallCommand]:
        """Yield the app's commands until `close`."""
        while (command := await self._commands.get()) is not None:
            yield command


class SocketLink:
    """The engine's end of the Unix socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Use a connection; `dial` makes one."""
        self._reader = reader
        self._writer = writer

    @classmethod
    async def dial(cls, path: Path) -> "SocketLink":
        """Connect to the app's socket.

        Raises:
            TransportError: There is no such socket, or nobody listens.
        """
        try:
            reader, writer = await asyncio.open_unix_connection(str(path), limit=LINE_LIMIT)
        except OSError as failed:
            raise TransportError(f"no app at {path}: {failed.strerror}") from failed
        return cls(reader, writer)

    def send(self, message: EngineMessage) -> None:
        """Write one message; never waits. An app that reads nothing for long loses the link."""
        if self._writer.transport.get_write_buffer_size() > WRITE_LIMIT:
            self._writer.transport.abort()
            return
        self._writer.write(encode(message) + b"\n")

    async def commands(self) -> AsyncIterator[CallCommand]:
        """Yield the app's commands until it hangs up.

        Raises:
            MessageError: The app sent what is no command.
        """
        while line := await self._read_line():
            yield decode_command(line)

    async def _read_line(self) -> bytes:
        try:
            return await self._reader.readline()
        except (ConnectionError, ValueError):
            return b""

    async def close(self) -> None:
        """Close the connection."""
        self._writer.close()
