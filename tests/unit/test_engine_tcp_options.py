"""The kernel's share of the uplink: bounded and counted where the system can, else bounded only."""

import socket
import sys
from collections.abc import Iterator

import pytest

from telephony.engine.tcp_options import TcpFeatures, tune, unacknowledged_octets

NONE = TcpFeatures(has_notsent_lowat=False, has_output_queue=False)
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="these options are Linux's")


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        with client, server:
            yield client, server


def fill(connection: socket.socket) -> int:
    """Write until the kernel takes no more; say how much it took."""
    written = 0
    while True:
        try:
            written += connection.send(bytes(1000))
        except BlockingIOError:
            return written


@linux_only
def test_the_kernel_stops_taking_what_it_cannot_send(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    client, server = pair
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    tune(client, TcpFeatures(), send_buffer=32_768, notsent=8192)
    fill(client)
    assert 0 < unacknowledged_octets(client, TcpFeatures()) <= 2 * 32_768


@linux_only
def test_what_the_peer_acknowledged_does_not_count(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    client, server = pair
    tune(client, TcpFeatures(), send_buffer=32_768, notsent=8192)
    client.send(b"abc")
    assert server.recv(3) == b"abc"
    assert unacknowledged_octets(client, TcpFeatures()) == 0


def test_without_the_options_the_buffer_alone_bounds_and_nothing_is_counted(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    client, _ = pair
    tune(client, NONE, send_buffer=32_768, notsent=8192)
    assert fill(client) > 0
    assert unacknowledged_octets(client, NONE) == 0


def test_a_tuned_socket_writes_at_once(pair: tuple[socket.socket, socket.socket]) -> None:
    client, _ = pair
    tune(client, NONE, send_buffer=32_768, notsent=8192)
    assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert not client.getblocking()
