"""SIP's TCP connections over loopback: who is let in, and what a peer may cost."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from telephony.engine.sip_tcp import SipTcp, TcpLimits
from telephony.sip import FlowId, HostPort, Transmit
from tests.support.tcp_peer import TcpPeer, TcpPeers

HOSTS = frozenset({"127.0.0.1", "127.0.0.2", "127.0.0.3"})
STRANGER = "127.0.0.9"
WAIT_SECONDS = 5.0
MEBIBYTE = bytes(1024 * 1024)


class Notes:
    """Who is told of connections: in order, to be waited for."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    def flow_opened(self, flow_id: FlowId) -> None:
        self.told.put_nowait(("opened", flow_id))

    def flow_refused(self, peer: HostPort, why: str) -> None:
        del peer
        self.told.put_nowait(("refused", why))

    def flow_received(self, flow_id: FlowId, data: bytes) -> None:
        del flow_id
        self.told.put_nowait(("received", data))

    def flow_closed(self, flow_id: FlowId) -> None:
        self.told.put_nowait(("closed", flow_id))

    def peer_unreachable(self, destination: HostPort) -> None:
        self.told.put_nowait(("unreachable", destination))

    async def next(self, kind: str) -> Any:
        """Give what was told next, which must be of this kind."""
        async with asyncio.timeout(WAIT_SECONDS):
            told, what = await self.told.get()
        assert told == kind, (told, what)
        return what


class Bench:
    """Our connections, and peers of them."""

    def __init__(self, tcp: SipTcp, notes: Notes, where: HostPort, peers: TcpPeers) -> None:
        self.tcp = tcp
        self.notes = notes
        self.where = where
        self.peers = peers

    async def connect(self, host: str = "127.0.0.1") -> TcpPeer:
        return await self.peers.connect(self.where, host)

    async def take(self, host: str) -> TcpPeer:
        """Connect from a host, which is let in."""
        peer = await self.connect(host)
        assert (await self.notes.next("opened")).host == host
        return peer

    async def refuse(self, host: str) -> str:
        """Connect from a host, which is not let in; say why."""
        peer = await self.connect(host)
        why: str = await self.notes.next("refused")
        assert await peer.rest() == b""
        assert self.notes.told.empty()
        return why

    def send(self, data: bytes, to: FlowId | HostPort) -> None:
        if isinstance(to, FlowId):
            self.tcp.send(Transmit(data, "TCP", (to.host, to.port), flow=to))
        else:
            self.tcp.send(Transmit(data, "TCP", to))


def on_bench(
    scenario: Callable[[Bench], Awaitable[None]],
    limits: TcpLimits | None = None,
    *,
    is_started: bool = True,
) -> None:
    async def run() -> None:
        notes = Notes()
        tcp = SipTcp(notes, HOSTS, limits or TcpLimits())
        address = await tcp.listen("127.0.0.1", 0)
        if is_started:
            tcp.start()
        try:
            with TcpPeers() as peers:
                await scenario(Bench(tcp, notes, (address.host, address.port), peers))
        finally:
            tcp.close()

    asyncio.run(run())


def test_octets_go_both_ways_and_the_end_is_told() -> None:
    async def scenario(bench: Bench) -> None:
        peer = await bench.connect()
        flow = await bench.notes.next("opened")
        assert (flow.host, flow.is_opened_by_us) == ("127.0.0.1", False)
        await peer.send(b"hello")
        assert await bench.notes.next("received") == b"hello"
        bench.send(b"answer", flow)
        assert await peer.read(6) == b"answer"
        peer.close()
        assert await bench.notes.next("closed") == flow
        bench.tcp.close_flow(flow)

    on_bench(scenario)


def test_a_connection_is_dropped_on_demand() -> None:
    async def scenario(bench: Bench) -> None:
        peer = await bench.connect()
        flow = await bench.notes.next("opened")
        bench.tcp.close_flow(flow)
        assert await bench.notes.next("closed") == flow
        assert await peer.rest() == b""

    on_bench(scenario)


def test_a_stranger_is_refused_at_accept() -> None:
    async def scenario(bench: Bench) -> None:
        why = await bench.refuse(STRANGER)
        assert why == "a connection from a source that is not allowed"

    on_bench(scenario)


def test_nobody_is_let_in_before_the_start() -> None:
    async def scenario(bench: Bench) -> None:
        peer = await bench.connect()
        assert await peer.rest() == b""
        assert bench.notes.told.empty()

    on_bench(scenario, is_started=False)


def test_one_source_gets_no_more_than_its_share() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.take("127.0.0.1")
        second = await bench.take("127.0.0.1")
        assert await bench.refuse("127.0.0.1") == "a connection beyond 2 of one source"
        await bench.take("127.0.0.2")
        second.close()
        await bench.notes.next("closed")
        await bench.take("127.0.0.1")

    on_bench(scenario, TcpLimits(flows_per_source=2))


def test_connections_of_ours_are_not_held_against_their_peer() -> None:
    async def scenario(bench: Bench) -> None:
        bench.send(b"hello", bench.peers.listen("127.0.0.2").getsockname())
        assert (await bench.notes.next("opened")).is_opened_by_us
        await bench.take("127.0.0.2")

    on_bench(scenario, TcpLimits(flows_per_source=1))


def test_all_sources_together_get_no_more_than_the_limit() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.take("127.0.0.1")
        await bench.take("127.0.0.2")
        assert await bench.refuse("127.0.0.3") == "a connection beyond 2"

    on_bench(scenario, TcpLimits(flows=2))


def test_one_source_cannot_take_all_connections() -> None:
    assert TcpLimits().flows_per_source <= TcpLimits().flows // 4


def test_a_peer_that_reads_nothing_loses_its_connection() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.connect()
        flow = await bench.notes.next("opened")
        sent = 0
        while bench.notes.told.empty() and sent < 64:
            bench.send(MEBIBYTE, flow)
            sent += 1
            await asyncio.sleep(0)
        assert await bench.notes.next("closed") == flow
        assert sent > 1

    on_bench(scenario)


def test_a_message_without_connection_has_one_opened_and_the_next_ones_use_it() -> None:
    async def scenario(bench: Bench) -> None:
        listener = bench.peers.listen("127.0.0.2")
        where = listener.getsockname()
        bench.send(b"one", where)
        flow = await bench.notes.next("opened")
        assert ((flow.host, flow.port), flow.is_opened_by_us) == (where, True)
        bench.send(b"two", flow._replace(serial=999))
        peer = await bench.peers.accept(listener)
        assert await peer.read(6) == b"onetwo"
        peer.close()
        assert await bench.notes.next("closed") == flow

    on_bench(scenario)


def test_no_more_than_the_limit_waits_for_a_connection_to_open() -> None:
    async def scenario(bench: Bench) -> None:
        listener = bench.peers.listen("127.0.0.2")
        for data in (b"one", b"two", b"lost", b"lost"):
            bench.send(data, listener.getsockname())
        peer = await bench.peers.accept(listener)
        assert await peer.read(6) == b"onetwo"
        bench.send(b"three", listener.getsockname())
        assert await peer.read(5) == b"three"

    on_bench(scenario, TcpLimits(pending_messages=2))


def test_a_connection_that_is_refused_is_reported_and_may_be_tried_again() -> None:
    async def scenario(bench: Bench) -> None:
        where = bench.peers.deserted("127.0.0.2")
        for _ in range(2):
            bench.send(b"hello", where)
            assert await bench.notes.next("unreachable") == where

    on_bench(scenario)


def test_a_connection_that_takes_too_long_is_reported() -> None:
    async def scenario(bench: Bench) -> None:
        bench.send(b"hello", bench.where)
        assert await bench.notes.next("unreachable") == bench.where

    on_bench(scenario, TcpLimits(connect_seconds=0))


@pytest.mark.parametrize("dials", [0, 1])
def test_after_the_close_nobody_is_told(dials: int) -> None:
    async def scenario(bench: Bench) -> None:
        peer = await bench.take("127.0.0.1")
        for _ in range(dials):
            bench.send(b"hello", bench.peers.deserted("127.0.0.2"))
        bench.tcp.close()
        assert await peer.rest() == b""
        assert bench.notes.told.empty()

    on_bench(scenario)
