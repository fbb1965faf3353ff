"""The web server: health, metrics, calls."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager

import aiohttp
import pytest

from telephony import Agent
from telephony.app.http import HttpServer
from telephony.app.metrics import Metrics
from telephony.app.plans import Plans, VoiceServer
from telephony.app.switchboard import Switchboard
from telephony.app.tool_runtime import ToolRuntime
from telephony.call import CallEnded, EventLog, PlayoutFinished
from telephony.units import Nanoseconds

LOOPBACK = "127.0.0.1"


@asynccontextmanager
async def serving() -> AsyncGenerator[tuple[Switchboard, aiohttp.ClientSession]]:
    metrics = Metrics()
    plans = Plans({"local": VoiceServer("ws://m")})
    agent = Agent("reception")
    switchboard = Switchboard(
        [("*", agent)], {"reception": agent}, plans, ToolRuntime(), lambda _: None
    )
    switchboard.watch(metrics.handle_event)
    server = HttpServer(switchboard, metrics.registry)
    host, port = await server.start(LOOPBACK, 0)
    async with aiohttp.ClientSession(f"http://{host}:{port}") as client:
        yield switchboard, client
    await server.stop()


def run(main: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 60))


def test_health_and_metrics_are_served() -> None:
    async def main() -> None:
        async with serving() as (_, client):
            async with client.get("/healthz") as answer:
                assert await answer.json() == {"status": "ok"}
            async with client.get("/metrics") as answer:
                assert answer.headers["Content-Type"].startswith("text/plain; version=")
                assert "telephony_calls_up 0.0" in await answer.text()

    run(main)


def test_calls_are_listed_and_their_rows_given_one_a_line() -> None:
    async def main() -> None:
        async with serving() as (switchboard, client):
            log = EventLog("e1-7", Nanoseconds(0), 0.0)
            for payload in (PlayoutFinished(), CallEnded(by="remote", cause="BYE")):
                switchboard.handle_event(log.row(payload, Nanoseconds(0)))
            async with client.get("/calls") as answer:
                assert await answer.json() == [
                    {"call_id": "e1-7", "agent": None, "is_over": True, "events": 2}
                ]
            async with client.get("/calls/e1-7") as answer:
                assert answer.content_type == "application/x-ndjson"
                rows = [json.loads(line) for line in (await answer.text()).splitlines()]
            assert [row["payload"]["type"] for row in rows] == ["playout.finished", "call.ended"]

    run(main)


def test_a_call_that_is_not_there_is_said_to_be_so() -> None:
    async def main() -> None:
        async with serving() as (_, client), client.get("/calls/none") as answer:
            assert answer.status == 404
            assert await answer.text() == "no such call; GET /calls lists them\n"

    run(main)


def test_an_address_in_use_is_an_error() -> None:
    async def main() -> None:
        with socket.create_server((LOOPBACK, 0)) as taken:
            async with serving() as (switchboard, _):
                server = HttpServer(switchboard, Metrics().registry)
                with pytest.raises(OSError, match="in use"):
                    await server.start(LOOPBACK, taken.getsockname()[1])
                await server.stop()

    run(main)
