"""The embedded server on loopback: WebSockets, many clients, hostile ones, its end."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.typing import Origin

from telephony.app import local_server
from telephony.app.local_server import LocalServer, parse_listen, serve_local
from telephony.errors import ConfigurationError, TransportError
from telephony.local import Speaker, Voice
from tests.support.local_client import TELEPHONE, TOOLS, tiny_voice

ROOT = Path(__file__).parents[2]
SPEECH = ROOT / "tests" / "fixtures" / "speech" / "stop.ulaw"
SECONDS = 60


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test with a limit to its time."""
    asyncio.run(asyncio.wait_for(test(), SECONDS))


@asynccontextmanager
async def serving(voice: Voice | None = None) -> AsyncGenerator[str, None]:
    """Give the URL of a server of our own."""
    server = LocalServer(Speaker(voice or tiny_voice()))
    try:
        yield await server.start("127.0.0.1", 0)
    finally:
        await server.close()


async def send(client: ClientConnection, event_type: str, **fields: Any) -> None:
    """Send one event."""
    await client.send(json.dumps({"type": event_type, **fields}))


async def until(client: ClientConnection, event_type: str) -> list[dict[str, Any]]:
    """Read events up to the first of a type."""
    events: list[dict[str, Any]] = []
    while not events or events[-1]["type"] != event_type:
        events.append(json.loads(await client.recv()))
    return events


async def open_call(client: ClientConnection) -> None:
    """Set a session up as a call has it."""
    session = {"type": "realtime", "audio": TELEPHONE, "tools": TOOLS}
    await send(client, "session.update", session=session)
    await until(client, "session.updated")


def test_a_call_in_small() -> None:
    async def test() -> None:
        voice = Voice.load()
        async with serving(voice) as url, connect(f"{url}?model=any", compression=None) as client:
            await open_call(client)
            await send(client, "response.create")
            begun = await until(client, "response.output_audio.delta")
            item_id = begun[-1]["item_id"]
            audio = b64encode(b"\xff" * 8_000 + SPEECH.read_bytes()).decode()
            await send(client, "input_audio_buffer.append", audio=audio)
            stopped = await until(client, "response.done")
            assert stopped[-1]["response"]["status_details"]["reason"] == "turn_detected"
            await send(
                client,
                "conversation.item.truncate",
                item_id=item_id,
                content_index=0,
                audio_end_ms=100,
            )
            await until(client, "conversation.item.truncated")
            item = {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "[keys 2]"}],
            }
            await send(client, "conversation.item.create", item=item)
            await send(client, "response.create")
            said = await until(client, "response.done")
            call = said[-1]["response"]["output"][1]
            assert call["name"] == "transfer_to_operator"
            deltas = [e["delta"] for e in said if e["type"] == "response.output_audio.delta"]
            assert b"".join(map(b64decode, deltas)) == voice.prompt("transferring")

    run(test)


def test_a_message_in_fragments_is_one_message() -> None:
    async def test() -> None:
        async with serving() as url, connect(url) as client:
            await client.send(
                ['{"type": "ses', 'sion.update", "session":', ' {"type": "realtime"}}']
            )
            assert (await until(client, "session.updated"))[-1]["session"]["type"] == "realtime"

    run(test)


def test_another_path_and_a_browsers_page_are_refused() -> None:
    async def test() -> None:
        async with serving() as url:
            with pytest.raises(InvalidStatus) as refused:
                await connect(url.replace("/v1/realtime", "/v2"))
            assert refused.value.response.status_code == 404
            with pytest.raises(InvalidStatus) as refused:
                await connect(url, origin=Origin("http://example.com"))
            assert refused.value.response.status_code == 403

    run(test)


def test_no_more_sessions_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_server, "MAX_SESSIONS", 1)

    async def test() -> None:
        async with serving() as url, connect(url):
            with pytest.raises(InvalidStatus) as refused:
                await connect(url)
            assert refused.value.response.status_code == 503

    run(test)


def test_binary_is_no_part_of_the_protocol() -> None:
    async def test() -> None:
        async with serving() as url, connect(url) as client:
            await client.send(b"\x00")
            with pytest.raises(ConnectionClosedError) as closed:
                await until(client, "nothing")
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1003

    run(test)


def test_a_server_that_stops_says_so_to_every_client() -> None:
    async def test() -> None:
        server = LocalServer(Speaker(tiny_voice()))
        url = await server.start("127.0.0.1", 0)
        clients = [await connect(url) for _ in range(5)]
        await asyncio.gather(*(until(client, "session.created") for client in clients))
        await server.close()
        for client in clients:
            with pytest.raises(ConnectionClosedOK) as closed:
                await client.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1001
        assert server.connections == set()

    run(test)


def test_a_client_that_ignores_the_end_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_server, "CLOSE_SECONDS", 0.05)

    async def test() -> None:
        server = LocalServer(Speaker(tiny_voice()))
        url = await server.start("127.0.0.1", 0)
        async with connect(url, close_timeout=0.1) as client:
            await until(client, "session.created")
            client.transport.pause_reading()
            await server.close()
            assert server.connections == set()

    run(test)


async def flood(client: ClientConnection) -> None:
    """Ask for far more than fits into the buffers between us."""
    for _ in range(100_000):
        await send(client, "session.update", session={"type": "realtime"})
        await asyncio.sleep(0)


def test_a_client_that_does_not_read_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_server, "MAX_UNSENT_OCTETS", 200_000)

    async def test() -> None:
        async with serving() as url, connect(url, write_limit=2**24) as client:
            client.transport.pause_reading()
            with pytest.raises(ConnectionClosedError):
                await flood(client)

    run(test)


def test_a_client_that_reads_late_is_waited_for_and_gets_everything() -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        async with serving() as url:
            narrow = socket.socket()
            narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            narrow.setblocking(False)
            await loop.sock_connect(narrow, ("127.0.0.1", int(url.rsplit(":", 1)[1].split("/")[0])))
            async with connect(url, sock=narrow) as client:
                await send(client, "session.update", session={"type": "realtime", "tools": TOOLS})
                await send(client, "response.create")
                await until(client, "response.created")
                client.transport.pause_reading()
                await asyncio.sleep(1.2)
                client.transport.resume_reading()
                said = await until(client, "response.done")
        deltas = [e["delta"] for e in said if e["type"] == "response.output_audio.delta"]
        samples = sum(len(b64decode(delta)) for delta in deltas) // 2
        assert samples == 24 * (4 * 1_000 + 3 * 250)

    run(test)


def test_who_never_shakes_hands_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_server, "HANDSHAKE_SECONDS", 0.05)

    async def test() -> None:
        async with serving() as url:
            port = int(url.rsplit(":", 1)[1].split("/")[0])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await reader.read() == b""
            writer.close()

    run(test)


def test_garbage_instead_of_a_handshake_is_answered_and_closed() -> None:
    async def test() -> None:
        async with serving() as url:
            port = int(url.rsplit(":", 1)[1].split("/")[0])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"\x16\x03\x01 no HTTP\r\n\r\n")
            assert b"101" not in await reader.read()
            writer.close()

    run(test)


def test_serving_ends_when_it_is_told_to() -> None:
    async def test() -> None:
        stop = asyncio.Event()
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(serve_local("127.0.0.1", 0, ready.set_result, stop))
        async with connect(await ready) as client:
            await until(client, "session.created")
            stop.set()
            await task
            with pytest.raises(ConnectionClosedOK):
                await client.recv()

    run(test)


def test_an_address_that_is_taken_is_named() -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(TransportError, match=f"127.0.0.1:{port}"):
                await LocalServer(Speaker(tiny_voice())).start("127.0.0.1", port)

    run(test)


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:8765", ("::1", 8765)),
        ("a.b:65535", ("a.b", 65535)),
    ],
)
def test_an_address_to_listen_on(listen: str, address: tuple[str, int]) -> None:
    assert parse_listen(listen) == address


@pytest.mark.parametrize("listen", ["", "127.0.0.1", ":80", "a:", "a:b", "a:65536", "a:-1"])
def test_what_is_no_address_is_a_configuration_error(listen: str) -> None:
    with pytest.raises(ConfigurationError, match="wanted HOST:PORT"):
        parse_listen(listen)


@pytest.fixture
def child() -> Any:
    """Start the server as a child process that lives as long as its standard input."""
    code = "from telephony.app.local_server import run;run('127.0.0.1:0', until_stdin_closes=True)"
    path = os.pathsep.join([str(ROOT), str(ROOT / "codecs")])
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def ready_url(child: "subprocess.Popen[str]") -> str:
    """Read the line that says the server is ready."""
    assert child.stdout is not None
    word, url = child.stdout.readline().split()
    assert word == "ready"
    return url


def test_the_process_ends_with_its_parent(child: "subprocess.Popen[str]") -> None:
    url = ready_url(child)

    async def test() -> None:
        async with connect(url) as client:
            await until(client, "session.created")
            assert child.stdin is not None
            child.stdin.close()
            with pytest.raises(ConnectionClosedOK):
                await client.recv()

    run(test)
    assert child.wait(SECONDS) == 0


def test_the_process_ends_at_a_signal(child: "subprocess.Popen[str]") -> None:
    ready_url(child)
    child.send_signal(signal.SIGTERM)
    assert child.wait(SECONDS) == 0
