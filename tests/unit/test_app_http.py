"""The web server: health, metrics, calls, and who may read them."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager

import aiohttp
import pytest

from telephony import Agent
from telephony.app.health import Health, Phase
from telephony.app.http import HttpServer
from telephony.app.metrics import Metrics
from telephony.app.plans import Plans, VoiceServer
from telephony.app.switchboard import Switchboard
from telephony.app.tool_runtime import ToolRuntime
from telephony.call import CallEnded, EventLog, ItemTruncatedAt, PlayoutFinished, SpeechTranscribed
from telephony.units import Nanoseconds

LOOPBACK = "127.0.0.1"
TOKEN = "a-long-one"  # noqa: S105 - of this test


def healthy() -> Health:
    health = Health()
    health.phase = Phase.SERVING
    return health


@asynccontextmanager
async def serving(
    token: str | None = None, health: Health | None = None
) -> AsyncGenerator[tuple[Switchboard, aiohttp.ClientSession]]:
    metrics = Metrics()
    plans = Plans({"local": VoiceServer("ws://m")})
    agent = Agent("reception")
    switchboard = Switchboard(
        [("*", agent)], {"reception": agent}, plans, ToolRuntime(), lambda _: None
    )
    switchboard.watch(metrics.handle_event)
    server = HttpServer(switchboard, metrics.registry, health or healthy(), token)
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


def test_the_transcript_of_a_call_is_what_was_heard() -> None:
    async def main() -> None:
        async with serving() as (switchboard, client):
            log = EventLog("e1-7", Nanoseconds(0), 0.0)
            for payload in (
                SpeechTranscribed(role="agent", item_id="i1", text="Welcome to the shop"),
                ItemTruncatedAt(
                    item_id="i1",
                    content_index=0,
                    audio_end_ms=500,
                    sent_samples=4000,
                    received_samples=8000,
                    rate_hz=8000,
                ),
            ):
                switchboard.handle_event(log.row(payload, Nanoseconds(0)))
            async with client.get("/calls/e1-7/transcript") as answer:
                assert await answer.json() == [
                    {
                        "t_ns": 0,
                        "role": "agent",
                        "text": "Welcome …",
                        "is_cut": True,
                        "heard_ms": 500,
                    }
                ]

    run(main)


@pytest.mark.parametrize("path", ["/calls/none", "/calls/none/transcript"])
def test_a_call_that_is_not_there_is_said_to_be_so(path: str) -> None:
    async def main() -> None:
        async with serving() as (_, client), client.get(path) as answer:
            assert answer.status == 404
            assert await answer.text() == "no such call; GET /calls lists them\n"

    run(main)


def test_an_address_in_use_is_an_error() -> None:
    async def main() -> None:
        with socket.create_server((LOOPBACK, 0)) as taken:
            async with serving() as (switchboard, _):
                server = HttpServer(switchboard, Metrics().registry, healthy())
                with pytest.raises(OSError, match="in use"):
                    await server.start(LOOPBACK, taken.getsockname()[1])
                await server.stop()

    run(main)


def test_health_is_503_with_the_reason_while_no_calls_are_taken() -> None:
    async def main() -> None:
        health = healthy()
        async with serving(health=health) as (_, client):
            health.phase = Phase.DRAINING
            async with client.get("/healthz") as answer:
                assert answer.status == 503
                assert await answer.json() == {"status": "draining"}

    run(main)


@pytest.mark.parametrize("path", ["/calls", "/calls/e1-7", "/metrics", "/nothing"])
@pytest.mark.parametrize(
    "shown",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer \xff"],
)
def test_without_the_token_nothing_is_told(path: str, shown: str | None) -> None:
    async def main() -> None:
        headers = {} if shown is None else {"Authorization": shown}
        async with (
            serving(token=TOKEN) as (_, client),
            client.get(path, headers=headers) as answer,
        ):
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="telephony"'
            assert TOKEN not in await answer.text()

    run(main)


def test_with_the_token_calls_are_shown_by_any_name() -> None:
    async def main() -> None:
        headers = {"Authorization": f"bearer {TOKEN}", "Host": "phone.example.com"}
        async with (
            serving(token=TOKEN) as (_, client),
            client.get("/calls", headers=headers) as answer,
        ):
            assert answer.status == 200

    run(main)


def test_health_takes_no_token_and_any_name() -> None:
    async def main() -> None:
        for token in (None, TOKEN):
            async with (
                serving(token=token) as (_, client),
                client.get("/healthz", headers={"Host": "10.0.0.7"}) as answer,
            ):
                assert answer.status == 200

    run(main)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("127.0.0.1", 200),
        ("[::1]:8080", 200),
        ("LocalHost:8080", 200),
        ("attacker.example.com", 403),
        ("127.0.0.1.attacker.example.com:8080", 403),
        ("localhost.attacker.example.com", 403),
        ("127.0.0.1@attacker.example.com", 403),
        ("192.0.2.1:8080", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
def test_without_a_token_a_page_whose_name_resolves_to_us_reads_nothing(
    host: str, status: int
) -> None:
    async def main() -> None:
        async with (
            serving() as (_, client),
            client.get("/calls", headers={"Host": host}) as answer,
        ):
            assert answer.status == status

    run(main)
