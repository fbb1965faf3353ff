"""SIP's sockets: their ports."""

import asyncio
import resource
import socket
from collections.abc import Iterator

import pytest

from telephony.engine.settings import SipListen
from telephony.engine.sip_sockets import SipSockets
from telephony.errors import TransportError
from telephony.sip import SipEvent

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
