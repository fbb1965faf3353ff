"""The app's end of the link: listens on a Unix socket for its engine."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from telephony.call import CallCommand, EngineMessage, MessageError, decode_event, encode

__all__ = ["EngineServer"]

LINE_LIMIT = 16 * 1024 * 1024
WRITE_LIMIT = 32 * 1024 * 1024
"""Octets waiting for the engine; beyond it the engine is stuck."""

LAST_WORDS_SECONDS = 1.0
"""For what is in the socket when the engine's process has ended."""

log = structlog.get_logger("telephony.link")


class EngineServer:
    """One engine's link.

    Args:
        path: Of the socket; its folder must be ours alone.
        on_message: Takes each message of the engine.
    """

    def __init__(self, path: Path, on_message: Callable[[EngineMessage], None]) -> None:
        """Listen to nobody yet."""
        self._path = path
        self._on_message = on_message
        self._writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None
        self._ended = asyncio.Event()

    async def start(self) -> None:
        """Listen for the engine."""
        self._server = await asyncio.start_unix_server(
            self._serve, str(self._path), limit=LINE_LIMIT
        )
        self._path.chmod(0o600)

    def send(self, command: CallCommand) -> None:
        """Hand one command to the engine; without an engine it is dropped.

        An engine that reads nothing for long is hung up on, which ends it.
        """
        if self._writer is None:
            return
        if self._writer.transport.get_write_buffer_size() > WRITE_LIMIT:
            log.error("engine reads no commands", fault="ours")
            self._writer.transport.abort()
            return
        self._writer.write(encode(command) + b"\n")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._writer is not None:
            writer.close()
            return
        self._writer = writer
        with suppress(ConnectionError, ValueError):
            while line := await reader.readline():
                try:
                    message = decode_event(line)
                except MessageError as wrong:
                    log.error("engine sent no message", why=str(wrong), fault="ours")
                    break
                self._on_message(message)
        self._writer = None
        writer.close()
        self._ended.set()

    async def stop(self) -> None:
        """End the link of an engine that has ended; what it said last is taken before."""
        if self._writer is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), LAST_WORDS_SECONDS)
        if self._writer is not None:
            self._writer.close()
        if self._server is not None:
            self._server.close()
