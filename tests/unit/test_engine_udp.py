"""RTP's sockets: port pairs, reading in bounded bursts, with and without what only Linux has."""

import socket
import sys
import time
from collections.abc import Callable

import pytest

from telephony.engine.clock import monotonic_ns, realtime_offset_ns
from telephony.engine.udp import DATAGRAMS_PER_READ, Address, RtpSocketPair, RtpSockets
from telephony.errors import TransportError
from telephony.units import NS_PER_SECOND, Nanoseconds
from tests.support.ports import LOOPBACK, free_range

ON_LINUX = sys.platform.startswith("linux")


class Receiver:
    """Notes what it is handed."""

    def __init__(self, on_rtp: Callable[[], None] = lambda: None) -> None:
        self.rtp: list[tuple[bytes, Address, int]] = []
        self.rtcp: list[bytes] = []
        self._on_rtp = on_rtp

    def handle_rtp(self, data: bytes, source: Address, arrival_ns: Nanoseconds) -> None:
        self.rtp.append((data, source, arrival_ns))
        self._on_rtp()

    def handle_rtcp(self, data: bytes, source: Address, arrival_ns: Nanoseconds) -> None:
        del source, arrival_ns
        self.rtcp.append(data)


def sockets(count: int = 8, start: int = 0, *, is_portable: bool = not ON_LINUX) -> RtpSockets:
    first = free_range(count)
    return RtpSockets(
        (first, first + count - 1), lambda below: start % below, is_portable=is_portable
    )


def send(pair: RtpSocketPair, *payloads: bytes, rtcp: bool = False) -> Address:
    """Send datagrams to a pair, and give where they come from."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        host, port = pair.address
        for payload in payloads:
            sender.sendto(payload, (host, port + rtcp))
        address: Address = sender.getsockname()
    return address


def test_a_pair_is_an_even_port_and_the_one_above_it() -> None:
    pair = sockets().open_pair(LOOPBACK)
    assert pair.address[1] % 2 == 0
    assert pair.rtcp.getsockname()[1] == pair.address[1] + 1
    pair.close()


@pytest.mark.parametrize("start", range(8))
def test_every_pair_of_a_small_range_is_found_wherever_the_search_begins(start: int) -> None:
    opener = sockets(16, start)
    pairs = [opener.open_pair(LOOPBACK) for _ in range(8)]
    assert len({pair.address for pair in pairs}) == 8
    with pytest.raises(TransportError, match="no free pair of RTP ports in "):
        opener.open_pair(LOOPBACK)
    pairs[3].close()
    again = opener.open_pair(LOOPBACK)
    assert again.address == pairs[3].address
    for pair in [*pairs, again]:
        pair.close()


@pytest.mark.parametrize("ports", [(4001, 4002), (4000, 4000), (4001, 4001)])
def test_a_range_without_a_pair_says_so(ports: tuple[int, int]) -> None:
    with pytest.raises(TransportError, match=f"no pair of RTP ports in {ports[0]}-{ports[1]}"):
        RtpSockets(ports, lambda _: 0).open_pair(LOOPBACK)


def test_a_pair_whose_upper_port_is_taken_is_passed_over() -> None:
    first = free_range(4)
    opener = RtpSockets((first, first + 3), lambda _: 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((LOOPBACK, first + 1))
        pair = opener.open_pair(LOOPBACK)
    assert pair.address[1] == first + 2
    pair.close()


def test_an_address_that_is_not_ours_is_named() -> None:
    with pytest.raises(TransportError, match=r"cannot use 192\.0\.2\.1:\d+ for RTP"):
        sockets().open_pair("192.0.2.1")


@pytest.mark.parametrize("is_portable", [False, True])
def test_what_arrives_is_handed_on_with_its_source_and_its_time(*, is_portable: bool) -> None:
    opener = sockets(is_portable=is_portable or not ON_LINUX)
    pair, receiver = opener.open_pair(LOOPBACK), Receiver()
    opener.attach(pair, receiver)
    opener.attach(pair, receiver)
    before_ns = monotonic_ns()
    source = send(pair, b"one", b"two")
    send(pair, b"report", rtcp=True)
    now_ns = monotonic_ns()
    opener.read(now_ns)
    assert [data for data, _, _ in receiver.rtp] == [b"one", b"two"]
    assert receiver.rtp[0][1][1] == source[1]
    assert receiver.rtcp == [b"report"]
    for _, _, arrival_ns in receiver.rtp:
        assert before_ns - NS_PER_SECOND // 1000 <= arrival_ns <= now_ns
    opener.detach(pair)


@pytest.mark.skipif(not ON_LINUX, reason="the kernel stamps arrivals on Linux only")
def test_the_kernels_stamp_is_used_not_the_time_of_reading() -> None:
    opener = sockets()
    pair, receiver = opener.open_pair(LOOPBACK), Receiver()
    opener.attach(pair, receiver)
    send(pair, b"one")
    later_ns = Nanoseconds(monotonic_ns() + NS_PER_SECOND // 2)
    opener.read(later_ns)
    assert receiver.rtp[0][2] < later_ns - NS_PER_SECOND // 4
    opener.detach(pair)


@pytest.mark.parametrize("step_s", [-3600, 3600])
def test_a_stamp_from_before_the_wall_clock_was_set_counts_as_now(step_s: int) -> None:
    first = free_range(4)
    opener = RtpSockets(
        (first, first + 3), lambda _: 0, offset=lambda: realtime_offset_ns() + step_s * 10**9
    )
    pair, receiver = opener.open_pair(LOOPBACK), Receiver()
    opener.attach(pair, receiver)
    send(pair, b"one")
    now_ns = monotonic_ns()
    opener.read(now_ns)
    assert receiver.rtp[0][2] == now_ns
    opener.detach(pair)


@pytest.mark.parametrize("is_portable", [False, True])
def test_a_flood_on_one_socket_waits_for_the_next_slot(*, is_portable: bool) -> None:
    opener = sockets(is_portable=is_portable or not ON_LINUX)
    flooded, quiet = opener.open_pair(LOOPBACK), opener.open_pair(LOOPBACK)
    flood, other = Receiver(), Receiver()
    opener.attach(flooded, flood)
    opener.attach(quiet, other)
    send(flooded, *([b"x"] * (DATAGRAMS_PER_READ + 5)))
    send(quiet, b"y")
    opener.read(monotonic_ns())
    assert (len(flood.rtp), len(other.rtp)) == (DATAGRAMS_PER_READ, 1)
    opener.read(monotonic_ns())
    assert len(flood.rtp) == DATAGRAMS_PER_READ + 5
    opener.detach(flooded)
    opener.detach(quiet)


@pytest.mark.parametrize("is_portable", [False, True])
def test_a_pair_that_is_detached_is_closed_and_read_no_more(*, is_portable: bool) -> None:
    opener = sockets(is_portable=is_portable or not ON_LINUX)
    pair, receiver = opener.open_pair(LOOPBACK), Receiver()
    opener.attach(pair, receiver)
    send(pair, b"one")
    opener.detach(pair)
    opener.read(monotonic_ns())
    assert receiver.rtp == []
    assert pair.rtp.fileno() == -1
    assert not pair.send_rtp(b"late", (LOOPBACK, 9))
    pair.send_rtcp(b"late", (LOOPBACK, 9))


def test_a_packet_that_the_kernel_refuses_is_told() -> None:
    pair = sockets().open_pair(LOOPBACK)
    assert not pair.send_rtp(bytes(70_000), (LOOPBACK, 9)), "EMSGSIZE"
    assert not pair.send_rtp(b"sound", ("255.255.255.255", 9)), "EACCES"
    assert pair.send_rtp(b"sound", pair.address)
    pair.close()


def test_a_call_may_end_while_its_datagrams_are_read() -> None:
    opener = sockets()
    pair = opener.open_pair(LOOPBACK)
    receiver = Receiver(lambda: opener.detach(pair))
    opener.attach(pair, receiver)
    send(pair, b"last words", b"never heard")
    opener.read(monotonic_ns())
    opener.read(monotonic_ns())
    assert [data for data, _, _ in receiver.rtp] == [b"last words"]


def test_one_pair_is_read_out_of_turn_to_its_end() -> None:
    opener = sockets()
    first, second = Receiver(), Receiver()
    pair, other = opener.open_pair("127.0.0.1"), opener.open_pair("127.0.0.1")
    opener.attach(pair, first)
    opener.attach(other, second)
    send(pair, b"one", b"two")
    send(pair, b"report", rtcp=True)
    send(other, b"not now")
    opener.read_pair(pair, monotonic_ns())
    assert [data for data, _, _ in first.rtp] == [b"one", b"two"]
    assert first.rtcp == [b"report"]
    assert second.rtp == []
    opener.detach(pair)
    opener.detach(other)


def test_a_pair_never_attached_can_be_detached() -> None:
    opener = sockets()
    pair = opener.open_pair(LOOPBACK)
    opener.detach(pair)
    assert pair.rtcp.fileno() == -1


def test_a_peer_whose_port_is_closed_does_not_end_the_reading() -> None:
    opener = sockets()
    pair, receiver = opener.open_pair(LOOPBACK), Receiver()
    opener.attach(pair, receiver)
    pair.rtp.connect((LOOPBACK, free_range(2)))
    pair.send_rtp(b"into the void", pair.rtp.getpeername())
    time.sleep(0.02)  # for the ICMP error to come back over loopback
    opener.read(monotonic_ns())
    assert receiver.rtp == []
    opener.detach(pair)


def test_both_sockets_send() -> None:
    opener = sockets()
    pair, other = opener.open_pair(LOOPBACK), opener.open_pair(LOOPBACK)
    receiver = Receiver()
    opener.attach(other, receiver)
    assert pair.send_rtp(b"sound", other.address)
    pair.send_rtcp(b"report", (LOOPBACK, other.address[1] + 1))
    opener.read(monotonic_ns())
    assert receiver.rtp[0][:2] == (b"sound", pair.address)
    assert receiver.rtcp == [b"report"]
    opener.detach(other)
    pair.close()
