"""The server and the sessions of the Realtime benchmark, together in one loop."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from telephony.app.bench.import_cost import import_cost
from telephony.app.bench.measured_client import BURST, DeltaMeter, MeasuredClients
from telephony.app.bench.messages import (
    Connect,
    Cost,
    MeasureAppends,
    MeasureDeltas,
    MeasureOwnAppend,
    Opened,
    OpenSessions,
    Quiet,
    Sample,
    Samples,
    SetScript,
    StreamDeltas,
)
from telephony.app.bench.our_clients import OurClients
from telephony.app.bench.realtime_report import depths, first_and_last
from telephony.app.bench.stream_server import StreamConnection, StreamServer
from telephony.app.bench.stream_sessions import StreamSessions
from telephony.errors import LocalError

SECONDS = 20
MS = 1_000_000


def with_server(test: Callable[[StreamServer, str], Awaitable[None]]) -> None:
    """Run a test against a server in its loop."""

    async def served() -> None:
        stream = StreamServer()
        server = await asyncio.get_running_loop().create_server(
            lambda: stream.connect(), "127.0.0.1", 0
        )
        port = server.sockets[0].getsockname()[1]
        try:
            await asyncio.wait_for(test(stream, f"ws://127.0.0.1:{port}/v1/realtime"), SECONDS)
        finally:
            server.close()
            for connection in tuple(stream.connections):
                connection.abort()
            await asyncio.sleep(0)

    asyncio.run(served())


class DeafConnection(StreamConnection):
    """Takes no message any more once its server is told to be deaf."""

    is_deaf = False

    def handle_text(self, text: bytes) -> None:
        if not DeafConnection.is_deaf:
            super().handle_text(text)


def look(samples: int) -> Sample:
    return Sample(start_ns=time.monotonic_ns() + 10 * MS, every_ms=53, samples=samples)


async def both_look(server: StreamServer, sessions: StreamSessions) -> tuple[Samples, Samples]:
    when = look(12)
    here, there = await asyncio.gather(sessions.carry_out(when), server.carry_out(when))
    assert isinstance(here, Samples)
    assert isinstance(there, Samples)
    return here, there


async def streaming(server: StreamServer, url: str) -> StreamSessions:
    sessions = StreamSessions()
    assert await sessions.carry_out(OpenSessions(url=url, sessions=3)) == Opened(up=3)
    await server.carry_out(StreamDeltas())
    return sessions


def growth(put: tuple[int, ...], taken: tuple[int, ...]) -> float:
    """Give how much of what was put into a queue stayed in it."""
    first, last = first_and_last(depths(put, taken))
    return (last - first) / (put[-1] - put[0])


def test_both_ends_count_the_same_and_no_queue_grows() -> None:
    async def test(server: StreamServer, url: str) -> None:
        sessions = await streaming(server, url)
        looks = [await both_look(server, sessions) for _ in range(3)]
        for here, there in looks:
            assert here.up[-1] > here.up[0]
            assert there.down[-1] > there.down[0]
            assert (here.lost, there.lost, here.dropped) == (0, 0, 0)
        # A queue that grows does so each time; what a busy machine held up is there once.
        assert min(growth(here.up, there.up) for here, there in looks) < 1 / 3
        assert min(growth(there.down, here.down) for here, there in looks) < 1 / 3
        await sessions.close()

    with_server(test)


def test_a_server_that_reads_no_more_makes_the_queue_up_grow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(server: StreamServer, url: str) -> None:
        monkeypatch.setattr(server, "connect", lambda: DeafConnection(server, 1))
        sessions = await streaming(server, url)
        monkeypatch.setattr(DeafConnection, "is_deaf", True)
        here, there = await both_look(server, sessions)
        assert growth(here.up, there.up) > 1 / 3, "all of it stays but the last 50 ms, the first 7"
        await sessions.close()

    with_server(test)


def test_sessions_that_end_by_themselves_are_counted() -> None:
    async def test(server: StreamServer, url: str) -> None:
        sessions = await streaming(server, url)
        for connection in server.connections[:2]:
            connection.abort()
        here, there = await both_look(server, sessions)
        assert (here.lost, there.lost) == (2, 2)
        await sessions.close()

    with_server(test)


def test_sessions_that_cannot_open_say_why() -> None:
    async def test(_server: StreamServer, url: str) -> None:
        nowhere = url.replace(url.split(":")[2].split("/")[0], "1")
        sessions = StreamSessions()
        opened = await sessions.carry_out(OpenSessions(url=nowhere, sessions=2))
        await sessions.close()
        assert isinstance(opened, Opened)
        assert opened.up == 0
        assert opened.why[0].endswith("(2)")

    with_server(test)


@pytest.mark.parametrize("name", ["ours", "floor"])
def test_each_client_hears_every_delta_of_each_answer(name: str) -> None:
    async def test(server: StreamServer, url: str) -> None:
        clients = OurClients()
        await clients.carry_out(Connect(url=url))
        for deltas, burst in ((40, 20), (5, 1)):
            await server.carry_out(SetScript(deltas=deltas, burst=burst, gap_ms=1.0))
            cost = await clients.carry_out(MeasureDeltas(client=name, deltas=deltas))
            assert isinstance(cost, Cost)
            assert cost.us > 0
        for measure in (MeasureAppends(client=name, bursts=2), MeasureOwnAppend(bursts=2)):
            cost = await clients.carry_out(measure)
            assert isinstance(cost, Cost)
            assert cost.us > 0
        await clients.close()
        await asyncio.sleep(0.05)
        assert server.appends == 2 * BURST

    with_server(test)


def test_what_is_no_command_of_theirs_is_refused() -> None:
    async def main() -> None:
        for one in (StreamServer(), StreamSessions(), MeasuredClients({})):
            with pytest.raises(ValueError, match="'quiet'"):
                await one.carry_out(Quiet())

    asyncio.run(main())


def test_a_meter_takes_the_time_between_the_first_delta_and_the_last() -> None:
    async def main() -> None:
        meter = DeltaMeter()
        meter.expect(3)
        assert meter.is_waiting
        meter.note()
        assert not meter.is_waiting
        meter.note()
        meter.note()
        assert await meter.us_per_delta() > 0
        meter.expect(9)
        meter.note()
        meter.note_rest()
        assert await meter.us_per_delta() > 0

    asyncio.run(main())


def test_an_import_is_measured_in_an_interpreter_of_its_own() -> None:
    cost = import_cost("json")
    assert 0 < cost.seconds < 5
    assert 2 < cost.mb < 500
    with pytest.raises(LocalError, match=r"import of no_such_module: .*No module named"):
        import_cost("no_such_module")
