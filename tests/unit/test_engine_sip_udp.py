"""SIP's UDP sockets over loopback."""

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable

import pytest

from telephony.engine.icmp import HAS_ERROR_QUEUE
from telephony.engine.sip_udp import SipUdp, routed_host
from telephony.sip import HostPort, ListenAddress, Transmit

WAIT_SECONDS = 5.0
MANY = 200


class Notes:
    """Who takes the datagrams; `drained` is set after each read."""

    def __init__(self) -> None:
        self.taken: list[tuple[bytes, HostPort, ListenAddress]] = []
        self.drained = asyncio.Event()
        self.drains = 0
        self.unreachable: list[tuple[HostPort, str]] = []

    def datagram_received(self, data: bytes, source: HostPort, local: ListenAddress) -> None:
        self.taken.append((data, source, local))

    def peer_unreachable(self, destination: HostPort, transport: str) -> None:
        self.unreachable.append((destination, transport))

    def drain(self) -> None:
        self.drains += 1
        self.drained.set()

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while len(self.taken) < count:
                self.drained.clear()
                await self.drained.wait()


def on_bench(scenario: Callable[[SipUdp, Notes], Awaitable[None]]) -> None:
    async def run() -> None:
        notes = Notes()
        udp = SipUdp(notes)
        try:
            await scenario(udp, notes)
        finally:
            udp.close()

    asyncio.run(run())


def peer() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.2", 0))
    sock.settimeout(WAIT_SECONDS)
    return sock


def message(destination: HostPort, local: ListenAddress | None = None) -> Transmit:
    return Transmit(b"hello", "UDP", destination, local)


def test_a_datagram_is_told_with_its_source_and_socket_and_drained_by_the_burst() -> None:
    async def scenario(udp: SipUdp, notes: Notes) -> None:
        local = udp.listen("127.0.0.1", 0)
        with peer() as far:
            for number in range(MANY):
                far.sendto(str(number).encode(), (local.host, local.port))
            udp.start()
            await notes.wait_for(MANY)
            assert [data for data, _, _ in notes.taken] == [
                str(number).encode() for number in range(MANY)
            ]
            assert {(source, at) for _, source, at in notes.taken} == {(far.getsockname(), local)}
            assert notes.drains < MANY

    on_bench(scenario)


def test_a_message_leaves_from_the_socket_it_names_else_from_one_that_fits() -> None:
    async def scenario(udp: SipUdp, _: Notes) -> None:
        first, second = udp.listen("127.0.0.1", 0), udp.listen("127.0.0.1", 0)
        gone = second._replace(port=1)
        with peer() as far:
            where = far.getsockname()
            for local, expected in ((second, second), (None, first), (gone, first)):
                assert udp.send(message(where, local))
                assert far.recvfrom(99) == (b"hello", (expected.host, expected.port))

    on_bench(scenario)


@pytest.mark.parametrize("destination", [("::1", 5060), ("255.255.255.255", 5060)])
def test_what_no_socket_can_send_is_said(destination: HostPort) -> None:
    async def scenario(udp: SipUdp, _: Notes) -> None:
        udp.listen("127.0.0.1", 0)
        assert not udp.send(message(destination))

    on_bench(scenario)


def test_an_icmp_error_of_an_earlier_send_is_told_and_does_not_end_the_reading() -> None:
    async def scenario(udp: SipUdp, notes: Notes) -> None:
        local = udp.listen("127.0.0.1", 0)
        udp.start()
        with peer() as far:
            deserted = far.getsockname()
        udp.send(message(deserted, local))
        with peer() as far:
            far.sendto(b"alive", (local.host, local.port))
            await notes.wait_for(1)
        assert notes.taken[0][0] == b"alive"
        assert notes.unreachable == ([(deserted, "UDP")] if HAS_ERROR_QUEUE else [])

    on_bench(scenario)


def test_an_icmp_error_of_an_earlier_send_is_not_blamed_on_the_next() -> None:
    async def scenario(udp: SipUdp, notes: Notes) -> None:
        local = udp.listen("127.0.0.1", 0)
        with peer() as far:
            deserted = far.getsockname()
        with peer() as far:
            assert udp.send(message(deserted, local))
            assert udp.send(message(far.getsockname(), local))
            assert far.recvfrom(99)[0] == b"hello"
        await asyncio.sleep(0)
        assert notes.unreachable == ([(deserted, "UDP")] if HAS_ERROR_QUEUE else [])

    on_bench(scenario)


def test_a_port_in_use_is_refused_and_its_socket_closed() -> None:
    async def scenario(udp: SipUdp, _: Notes) -> None:
        local = udp.listen("127.0.0.1", 0)
        with pytest.raises(OSError, match="in use") as refused:
            udp.listen(local.host, local.port)
        assert refused.value.errno == errno.EADDRINUSE

    on_bench(scenario)


@pytest.mark.parametrize(
    ("peer", "host"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("phone.example", None)]
)
def test_the_kernel_says_which_address_leads_to_a_peer(peer: str, host: str | None) -> None:
    assert routed_host(peer) == host
