"""The link between engine and app: the same messages, whichever way; what is no message ends it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from telephony.app.engine_server import EngineServer
from telephony.call import (
    CallCommand,
    EngineMessage,
    EventLog,
    HangUp,
    MessageError,
    PlayoutFinished,
    TroubleNoted,
    encode,
)
from telephony.engine.link import LINE_LIMIT, WRITE_LIMIT, QueueLink, SocketLink
from telephony.errors import TransportError
from telephony.units import Nanoseconds

COMMAND = CallCommand(call_id="e1-1", body=HangUp())
EVENT = EventLog("e1-1", Nanoseconds(0), 0.0).row(PlayoutFinished(), Nanoseconds(0))

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def read_commands(link: QueueLink | SocketLink) -> list[CallCommand]:
    return [command async for command in link.commands()]


def test_a_queue_carries_the_objects_themselves() -> None:
    async def main() -> None:
        events: list[EngineMessage] = []
        link = QueueLink(events.append)
        link.send(EVENT)
        assert events[0] is EVENT
        link.command(COMMAND)
        link.close()
        assert await read_commands(link) == [COMMAND]

    asyncio.run(main())


def test_a_socket_carries_events_up_and_commands_down(tmp_path: Path) -> None:
    async def main() -> None:
        events: asyncio.Queue[EngineMessage] = asyncio.Queue()
        server = EngineServer(tmp_path / "s", events.put_nowait)
        await server.start()
        assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600
        server.send(COMMAND)  # no engine yet: dropped
        link = await SocketLink.dial(tmp_path / "s")
        link.send(EVENT)
        assert await events.get() == EVENT
        server.send(COMMAND)
        await server.stop()
        assert await read_commands(link) == [COMMAND]
        await link.close()

    asyncio.run(main())


def test_a_second_engine_is_hung_up_on(tmp_path: Path) -> None:
    async def main() -> None:
        events: asyncio.Queue[EngineMessage] = asyncio.Queue()
        server = EngineServer(tmp_path / "s", events.put_nowait)
        await server.start()
        first = await SocketLink.dial(tmp_path / "s")
        first.send(EVENT)
        await events.get()
        second = await SocketLink.dial(tmp_path / "s")
        assert await read_commands(second) == []
        await server.stop()
        for link in (first, second):
            await link.close()

    asyncio.run(main())


def test_no_app_at_the_socket_is_said(tmp_path: Path) -> None:
    with pytest.raises(TransportError, match=f"no app at {tmp_path}/none: "):
        asyncio.run(SocketLink.dial(tmp_path / "none"))


async def hear_out(reader: asyncio.StreamReader) -> None:
    """Wait for the other side to hang up."""
    with suppress(ConnectionError):
        await reader.read()


@asynccontextmanager
async def dialled(tmp_path: Path, serve: Serve) -> AsyncGenerator[SocketLink]:
    """Connect to an app that does what `serve` does, and see it out."""
    is_served = asyncio.Event()

    async def serve_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.transport.abort()
            is_served.set()

    server = await asyncio.start_unix_server(serve_once, str(tmp_path / "s"))
    link = await SocketLink.dial(tmp_path / "s")
    try:
        yield link
    finally:
        await link.close()
        server.close()
        await is_served.wait()


def test_a_line_that_is_no_command_is_the_apps_fault(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(encode(COMMAND) + b"\n" + b"{}\n")
        await hear_out(reader)

    async def main() -> None:
        async with dialled(tmp_path, serve) as link:
            commands = link.commands()
            assert await anext(commands) == COMMAND
            with pytest.raises(MessageError, match="schema 1"):
                await anext(commands)

    asyncio.run(main())


def test_a_line_beyond_the_limit_ends_the_link(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(LINE_LIMIT // 65_536 + 4):
            writer.write(b"x" * 65_536)
        await hear_out(reader)

    async def main() -> None:
        async with dialled(tmp_path, serve) as link, asyncio.timeout(30):
            assert await read_commands(link) == []

    asyncio.run(main())


def test_an_app_that_reads_nothing_loses_the_link(tmp_path: Path) -> None:
    async def main() -> None:
        is_over = asyncio.Event()

        async def serve(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            await is_over.wait()

        async with dialled(tmp_path, serve) as link:
            text = TroubleNoted(code="c", fault="ours", text="x" * 1_000_000)
            big = EventLog("e1-1", Nanoseconds(0), 0.0).row(text, Nanoseconds(0))
            for _ in range(WRITE_LIMIT // 1_000_000 + 3):
                link.send(big)
            async with asyncio.timeout(30):
                assert await read_commands(link) == []
            is_over.set()

    asyncio.run(main())


@pytest.mark.parametrize("line", [b"garbage\n", b'{"schema_version": 2}\n'])
def test_an_engine_that_sends_no_event_is_hung_up_on(tmp_path: Path, line: bytes) -> None:
    async def main() -> None:
        events: list[EngineMessage] = []
        server = EngineServer(tmp_path / "s", events.append)
        await server.start()
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
        writer.write(line + encode(EVENT) + b"\n")
        assert await reader.read() == b""
        assert events == []
        writer.close()
        await server.stop()

    asyncio.run(main())
