"""RTP sockets: pairs of ports, and reading many of them without waiting."""

import socket
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

import pytest

from telephony.engine.clock import monotonic_ns
from telephony.engine.udp import DATAGRAMS_PER_READ, Address, RtpSocketPair, RtpSockets
from telephony.errors import TransportError
from telephony.units import NS_PER_SECOND, Nanoseconds

LOOPBACK = "127.0.0.1"
PORTS = (30_000, 39_999)


class Receiver:
    """Notes what it is handed."""

    def __init__(self, on_rtp: Callable[[], None] = lambda: None) -> None:
        self.rtp: list[tuple[bytes, Address, Nanoseconds]] = []
        self.rtcp: list[bytes] = []
        self._on_rtp = on_rtp

    def handle_rtp(self, data: bytes, source: Address, arrival_ns: Nanoseconds) -> None:
        self.rtp.append((data, source, arrival_ns))
        self._on_rtp()

    def handle_rtcp(self, data: bytes, source: Address, arrival_ns: Nanoseconds) -> None:
        del source, arrival_ns
        self.rtcp.append(data)


def make_sockets(ports: tuple[int, int] = PORTS, *, use_kernel_time: bool = True) -> RtpSockets:
    # Each process starts its search elsewhere, so that two may run side by side.
    start = monotonic_ns()
    return RtpSockets(ports, lambda below: start % below, use_kernel_time=use_kernel_time)


@contextmanager
def attached(sockets: RtpSockets, receiver: Receiver) -> Generator[RtpSocketPair]:
    pair = sockets.open_pair(LOOPBACK)
    sockets.attach(pair, receiver)
    yield pair
    sockets.detach(pair)


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((LOOPBACK, 0))
        yield sock


def payloads(receiver: Receiver) -> list[bytes]:
    return [data for data, _, _ in receiver.rtp]


@pytest.mark.parametrize("use_kernel_time", [True, False])
def test_all_that_waits_is_read_at_once_and_in_order(
    peer: socket.socket, *, use_kernel_time: bool
) -> None:
    sockets, receiver = make_sockets(use_kernel_time=use_kernel_time), Receiver()
    with attached(sockets, receiver) as pair:
        sent = [b"%d" % number for number in range(5)]
        for data in sent:
            peer.sendto(data, pair.address)
        sockets.read(monotonic_ns())
        assert payloads(receiver) == sent
        assert {source for _, source, _ in receiver.rtp} == {peer.getsockname()}


def test_nothing_to_read_is_no_wait() -> None:
    sockets, receiver = make_sockets(), Receiver()
    with attached(sockets, receiver):
        sockets.read(monotonic_ns())
    assert receiver.rtp == []


def test_the_kernel_says_when_a_datagram_arrived(peer: socket.socket) -> None:
    sockets, receiver = make_sockets(), Receiver()
    with attached(sockets, receiver) as pair:
        before = monotonic_ns()
        peer.sendto(b"x", pair.address)
        after = monotonic_ns()
        sockets.read(Nanoseconds(after + NS_PER_SECOND))
    [(_, _, arrival_ns)] = receiver.rtp
    slack_ns = 1_000_000  # between the two clocks' readings
    assert before - slack_ns <= arrival_ns <= after + slack_ns


def test_without_the_kernels_time_the_time_of_reading_counts(peer: socket.socket) -> None:
    sockets, receiver = make_sockets(use_kernel_time=False), Receiver()
    with attached(sockets, receiver) as pair:
        peer.sendto(b"x", pair.address)
        sockets.read(Nanoseconds(77))
    assert receiver.rtp[0][2] == 77


def test_a_flood_waits_for_the_next_slot_and_others_do_not_wait_for_it(
    peer: socket.socket,
) -> None:
    sockets, flooded, other = make_sockets(), Receiver(), Receiver()
    with attached(sockets, flooded) as pair, attached(sockets, other) as other_pair:
        for number in range(DATAGRAMS_PER_READ + 3):
            peer.sendto(b"%d" % number, pair.address)
        peer.sendto(b"quiet", other_pair.address)
        sockets.read(monotonic_ns())
        assert len(flooded.rtp) == DATAGRAMS_PER_READ
        assert payloads(other) == [b"quiet"]
        sockets.read(monotonic_ns())
        assert len(flooded.rtp) == DATAGRAMS_PER_READ + 3


def test_rtcp_comes_by_its_own_port(peer: socket.socket) -> None:
    sockets, receiver = make_sockets(), Receiver()
    with attached(sockets, receiver) as pair:
        host, port = pair.address
        assert port % 2 == 0
        peer.sendto(b"report", (host, port + 1))
        sockets.read(monotonic_ns())
    assert (receiver.rtp, receiver.rtcp) == ([], [b"report"])


def test_a_call_may_end_while_its_datagrams_are_read(peer: socket.socket) -> None:
    sockets = make_sockets()
    pair = sockets.open_pair(LOOPBACK)
    receiver = Receiver(lambda: sockets.detach(pair))
    sockets.attach(pair, receiver)
    for data in (b"last words", b"never heard"):
        peer.sendto(data, pair.address)
    host, port = pair.address
    peer.sendto(b"report", (host, port + 1))
    sockets.read(monotonic_ns())
    assert payloads(receiver) == [b"last words"]
    assert receiver.rtcp in ([], [b"report"])
    assert sockets.in_use == 0


def test_a_far_end_that_is_gone_does_not_stop_the_socket(peer: socket.socket) -> None:
    sockets, receiver = make_sockets(), Receiver()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind((LOOPBACK, 0))
        nobody = gone.getsockname()
    with attached(sockets, receiver) as pair:
        pair.send_rtp(b"x", nobody)
        pair.send_rtcp(b"x", nobody)
        sockets.read(monotonic_ns())
        peer.sendto(b"here", pair.address)
        sockets.read(monotonic_ns())
    assert payloads(receiver) == [b"here"]


def test_attaching_twice_reads_once(peer: socket.socket) -> None:
    sockets, receiver = make_sockets(), Receiver()
    with attached(sockets, receiver) as pair:
        sockets.attach(pair, receiver)
        assert sockets.in_use == 1
        peer.sendto(b"once", pair.address)
        sockets.read(monotonic_ns())
    assert payloads(receiver) == [b"once"]


def test_a_pair_that_is_taken_is_passed_over() -> None:
    sockets = make_sockets()
    pairs = [sockets.open_pair(LOOPBACK) for _ in range(3)]
    ports = {pair.address[1] for pair in pairs}
    assert len(ports) == 3
    assert all(port % 2 == 0 and PORTS[0] <= port < PORTS[1] for port in ports)
    for pair in pairs:
        pair.close()


def test_no_pair_left_is_an_error_that_names_the_range() -> None:
    with pytest.raises(TransportError, match="no pair of RTP ports in 4001-4002"):
        make_sockets((4001, 4002)).open_pair(LOOPBACK)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((LOOPBACK, 0))
        even = taken.getsockname()[1] & ~1
        with pytest.raises(TransportError, match=f"no free pair of RTP ports in {even}-{even + 1}"):
            make_sockets((even, even + 1)).open_pair(LOOPBACK)


def test_an_address_that_is_not_ours_is_an_error() -> None:
    with pytest.raises(TransportError, match=r"cannot use 192\.0\.2\.1:\d+ for RTP"):
        make_sockets().open_pair("192.0.2.1")
