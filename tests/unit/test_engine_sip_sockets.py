"""SIP's sockets: their ports, and the endpoint behind them over loopback."""

import asyncio
import itertools
import resource
import socket
from collections.abc import Awaitable, Callable, Iterator

import pytest

from telephony.engine.clock import monotonic_ns
from telephony.engine.settings import SipListen
from telephony.engine.sip_sockets import SipSockets
from telephony.engine.sip_tcp import TcpLimits
from telephony.errors import TransportError
from telephony.sip import (
    EndpointSettings,
    FlowLimits,
    MessageRejected,
    NameAddr,
    OptionsAnswered,
    SipEndpoint,
    SipEvent,
    SipUri,
)
from telephony.units import NS_PER_MS, Nanoseconds
from tests.support.sip_peer import request
from tests.support.tcp_peer import TcpPeer, TcpPeers

HOST = "127.0.0.77"
"""An address of this test's own: nobody else's ports are in the way."""
TAKEN_PORTS = 14_000
"""About half of the kernel's free ports."""
OPENINGS = 40


@pytest.fixture
def taken_tcp_ports() -> Iterator[None]:
    """Hold about half of the free TCP ports of `HOST`, or as many as descriptors allow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    held: list[socket.socket] = []
    try:
        for _ in range(min(TAKEN_PORTS, hard - 500)):
            held.append(socket.socket())
            held[-1].bind((HOST, 0))
        yield
    finally:
        for one in held:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("taken_tcp_ports")
def test_udp_and_tcp_share_a_port_that_is_free_on_both() -> None:
    listens = tuple(SipListen(transport=one, host=HOST, port=0) for one in ("UDP", "TCP"))

    async def opened_ports() -> set[int]:
        sockets = SipSockets(list[SipEvent]().append, frozenset[str]())
        await sockets.open(listens)
        await sockets.close()
        assert [one.transport for one in sockets.addresses] == ["UDP", "TCP"]
        return {one.port for one in sockets.addresses}

    for _ in range(OPENINGS):
        assert len(asyncio.run(opened_ports())) == 1


def test_a_port_in_use_is_named_with_its_transport() -> None:
    async def open_taken(port: int) -> None:
        listen = SipListen(transport="TCP", host=HOST, port=port)
        await SipSockets(list[SipEvent]().append, frozenset[str]()).open((listen,))

    with socket.socket() as taken:
        taken.bind((HOST, 0))
        port = taken.getsockname()[1]
        with pytest.raises(TransportError) as refused:
            asyncio.run(open_taken(port))
    assert str(refused.value) == f"cannot listen on tcp:{HOST}:{port}: Address already in use"


WAIT_SECONDS = 5.0
SOON_NS = Nanoseconds(60 * NS_PER_MS)
LATER_NS = Nanoseconds(60_000 * NS_PER_MS)
US = NameAddr(None, SipUri("sip", "agent", None, HOST))
OPTIONS = request("OPTIONS", via="SIP/2.0/TCP 127.0.0.1:5060").encode()
PING, PONG = b"\r\n\r\n", b"\r\n"


class Bench:
    """An endpoint on real sockets, and what it told."""

    def __init__(self, limits: FlowLimits, tcp_limits: TcpLimits, peers: TcpPeers) -> None:
        self.peers = peers
        self.events: asyncio.Queue[SipEvent] = asyncio.Queue()
        self.limits = limits
        self.sockets = SipSockets(self.events.put_nowait, frozenset({"127.0.0.1"}), tcp_limits)
        self.endpoint: SipEndpoint

    async def start(self) -> None:
        listens = tuple(SipListen(transport=one, host=HOST, port=0) for one in ("UDP", "TCP"))
        await self.sockets.open(listens)
        self.port = self.sockets.addresses[0].port
        where = (HOST, self.port)
        settings = EndpointSettings(advertised={"UDP": where, "TCP": where}, flows=self.limits)
        numbers = itertools.count()
        self.endpoint = SipEndpoint(settings, lambda: f"t{next(numbers)}", lambda: 0.5)
        self.sockets.start(self.endpoint)

    async def connect(self) -> TcpPeer:
        return await self.peers.connect((HOST, self.port))

    def ask(self, host: str, port: int, transport: str) -> None:
        target = SipUri("sip", None, None, host, port, (("transport", transport),))
        self.endpoint.options(target, from_=US, now_ns=monotonic_ns())
        self.sockets.drain()

    async def event(self) -> SipEvent:
        async with asyncio.timeout(WAIT_SECONDS):
            return await self.events.get()


def on_bench(
    scenario: Callable[[Bench], Awaitable[None]],
    *,
    message_ns: Nanoseconds = LATER_NS,
    idle_ns: Nanoseconds = LATER_NS,
    tcp_limits: TcpLimits | None = None,
) -> None:
    async def run() -> None:
        with TcpPeers() as peers:
            bench = Bench(FlowLimits(message_ns, idle_ns), tcp_limits or TcpLimits(), peers)
            await bench.start()
            try:
                await scenario(bench)
            finally:
                await bench.sockets.close()

    asyncio.run(run())


def test_a_request_over_tcp_is_answered_over_its_connection() -> None:
    async def scenario(bench: Bench) -> None:
        peer = await bench.connect()
        for octet in OPTIONS:
            await peer.send(bytes([octet]))
        assert await peer.read(12) == b"SIP/2.0 200 "

    on_bench(scenario)


def test_a_ping_is_answered_by_a_pong() -> None:
    async def scenario(bench: Bench) -> None:
        peer = await bench.connect()
        await peer.send(PING)
        assert await peer.read(2) == PONG

    on_bench(scenario)


def test_a_stream_out_of_step_is_answered_and_closed() -> None:
    async def scenario(bench: Bench) -> None:
        peer = await bench.connect()
        await peer.send(OPTIONS.replace(b"Content-Length: 0", b"Content-Length: x"))
        assert (await peer.rest()).startswith(b"SIP/2.0 400 ")
        assert isinstance(await bench.event(), MessageRejected)

    on_bench(scenario)


def test_a_connection_that_says_nothing_is_closed() -> None:
    async def scenario(bench: Bench) -> None:
        peer = await bench.connect()
        assert await peer.rest() == b""
        assert isinstance(await bench.event(), MessageRejected)

    on_bench(scenario, message_ns=SOON_NS)


def test_a_connection_whose_message_stays_a_part_is_closed() -> None:
    async def scenario(bench: Bench) -> None:
        peer = await bench.connect()
        await peer.send(OPTIONS + OPTIONS[:-1])
        assert (await peer.rest()).count(b"SIP/2.0 200 ") == 1
        assert isinstance(await bench.event(), MessageRejected)

    on_bench(scenario, message_ns=SOON_NS)


def test_an_idle_connection_is_closed() -> None:
    async def scenario(bench: Bench) -> None:
        peer = await bench.connect()
        await peer.send(PING)
        assert await peer.rest() == PONG
        assert bench.events.empty()

    on_bench(scenario, idle_ns=SOON_NS)


def test_a_refused_connection_is_told() -> None:
    async def scenario(bench: Bench) -> None:
        peer = await bench.connect()
        assert await peer.rest() == b""
        told = await bench.event()
        assert isinstance(told, MessageRejected)
        assert told.reason == "a connection beyond 0"

    on_bench(scenario, tcp_limits=TcpLimits(flows=0))


@pytest.mark.parametrize(("transport", "host"), [("tcp", "127.0.0.2"), ("udp", "255.255.255.255")])
def test_what_cannot_be_sent_is_answered_503(transport: str, host: str) -> None:
    async def scenario(bench: Bench) -> None:
        bench.ask(host, bench.peers.deserted("127.0.0.2")[1], transport)
        told = await bench.event()
        assert isinstance(told, OptionsAnswered)
        assert told.status == 503

    on_bench(scenario)


def test_a_name_is_looked_up() -> None:
    async def scenario(bench: Bench) -> None:
        listener = bench.peers.listen("127.0.0.1")
        bench.ask("localhost", listener.getsockname()[1], "tcp")
        peer = await bench.peers.accept(listener)
        assert await peer.read(21) == b"OPTIONS sip:localhost"

    on_bench(scenario)


def test_a_name_that_is_none_is_answered_503() -> None:
    async def scenario(bench: Bench) -> None:
        bench.ask("x" * 64, 5060, "udp")
        told = await bench.event()
        assert isinstance(told, OptionsAnswered)
        assert told.status == 503

    on_bench(scenario)
