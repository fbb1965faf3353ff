"""UDP sockets: one for SIP per address, a pair of ports per leg for RTP and RTCP.

RTP sockets are never in the event loop. `RtpSockets.read` asks the kernel once per slot which of
them have data, and takes each datagram with the kernel's own arrival time where there is one.
"""

import errno
import select
import socket
import struct
import sys
from collections.abc import Callable
from typing import Protocol

from telephony.engine.clock import realtime_offset_ns
from telephony.errors import TransportError
from telephony.units import NS_PER_SECOND, Nanoseconds

__all__ = ["RtpReceiver", "RtpSocketPair", "RtpSockets"]

DATAGRAM_OCTETS = 2_048
"""Longer than any Ethernet frame; what is as long or longer is cut, and refused as malformed."""
CUT = b""
"""Handed on in the place of what was cut."""
DATAGRAMS_PER_READ = 16
"""Per socket and slot: a burst after a stall is taken at once, a flood waits for the next slot."""
MAX_WAIT_NS = NS_PER_SECOND
"""A stamp older than this, or of the future, was made before the wall clock was set."""
RECEIVE_BUFFER_OCTETS = 64 * 1024
"""More than a second of G.711 with its overhead."""
PORT_ATTEMPTS = 512
"""Pairs that are tried for one call; each costs some microseconds."""
_TIMESPEC = struct.Struct("qq")
_SO_TIMESTAMPNS = getattr(socket, "SO_TIMESTAMPNS", 35)
_ANCILLARY_OCTETS = socket.CMSG_SPACE(_TIMESPEC.size)

Address = tuple[str, int]


class RtpReceiver(Protocol):
    """What takes a leg's datagrams."""

    def handle_rtp(self, data: bytes, source: Address, arrival_ns: Nanoseconds) -> None:
        """Take one datagram of the RTP port."""
        ...

    def handle_rtcp(self, data: bytes, source: Address, arrival_ns: Nanoseconds) -> None:
        """Take one datagram of the RTCP port."""
        ...


def _is_in_use(failed: OSError) -> bool:
    """Say whether a bind failed because someone else has the port."""
    return failed.errno == errno.EADDRINUSE


class RtpSocketPair:
    """One leg's sockets: RTP on an even port, RTCP on the port above it."""

    __slots__ = ("address", "rtcp", "rtp")

    def __init__(self, rtp: socket.socket, rtcp: socket.socket) -> None:
        """Take two bound sockets."""
        self.rtp = rtp
        self.rtcp = rtcp
        host, port = rtp.getsockname()[:2]
        self.address: Address = (host, port)

    def send_rtp(self, packet: bytes, destination: Address) -> bool:
        """Hand one packet to the kernel; tell whether it was taken, as one refused never leaves."""
        try:
            self.rtp.sendto(packet, destination)
        except OSError:
            return False
        return True

    def send_rtcp(self, packet: bytes, destination: Address) -> None:
        """Hand one RTCP packet to the kernel."""
        try:
            self.rtcp.sendto(packet, destination)
        except OSError:
            return

    def close(self) -> None:
        """Give both ports back."""
        self.rtp.close()
        self.rtcp.close()


class RtpSockets:
    """All RTP sockets of an engine.

    Args:
        ports: The lowest and the highest port, inclusive.
        random_below: Gives a number from 0 up to, not including, its argument.
        offset: Gives what the wall clock, in which arrivals are stamped, is ahead of the other.
        is_portable: True does without what only Linux has: epoll, and the kernel's arrival times.
    """

    def __init__(
        self,
        ports: tuple[int, int],
        random_below: Callable[[int], int],
        *,
        offset: Callable[[], int] = realtime_offset_ns,
        is_portable: bool = not sys.platform.startswith("linux"),
    ) -> None:
        """Open nothing yet."""
        self._low, self._high = ports
        self._random_below = random_below
        self._offset = offset
        self._has_kernel_time = not is_portable
        self._poller: _Poller = _Poll() if is_portable else _Epoll()
        self._receivers: dict[int, tuple[socket.socket, Callable[..., None]]] = {}

    def open_pair(self, host: str) -> RtpSocketPair:
        """Bind a random even port of the range and the port above it.

        Raises:
            TransportError: No pair is free, or the address is not ours.
        """
        first = (self._low + 1) // 2
        count = (self._high - 1) // 2 - first + 1
        if count < 1:
            raise TransportError(f"no pair of RTP ports in {self._low}-{self._high}")
        start = self._random_below(count)
        for step in range(min(count, PORT_ATTEMPTS)):
            port = (first + (start + step) % count) * 2
            pair = self._try_pair(host, port)
            if pair is not None:
                return pair
        raise TransportError(f"no free pair of RTP ports in {self._low}-{self._high}")

    def _try_pair(self, host: str, port: int) -> RtpSocketPair | None:
        opened: list[socket.socket] = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            for number in (port, port + 1):
                sock = socket.socket(family, socket.SOCK_DGRAM)
                opened.append(sock)
                sock.setblocking(False)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS)
                sock.bind((host, number))
        except OSError as failed:
            for sock in opened:
                sock.close()
            if _is_in_use(failed):
                return None
            raise TransportError(f"cannot use {host}:{port} for RTP: {failed.strerror}") from failed
        if self._has_kernel_time:
            opened[0].setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        return RtpSocketPair(opened[0], opened[1])

    def attach(self, pair: RtpSocketPair, receiver: RtpReceiver) -> None:
        """Read a pair's datagrams into `receiver` from now on; once is enough."""
        if pair.rtp.fileno() in self._receivers:
            return
        for sock, handle in (
            (pair.rtp, receiver.handle_rtp),
            (pair.rtcp, receiver.handle_rtcp),
        ):
            self._receivers[sock.fileno()] = (sock, handle)
            self._poller.register(sock.fileno())

    def detach(self, pair: RtpSocketPair) -> None:
        """Read a pair no more, and close it."""
        for sock in (pair.rtp, pair.rtcp):
            if self._receivers.pop(sock.fileno(), None) is not None:
                self._poller.unregister(sock.fileno())
        pair.close()

    def read(self, now_ns: Nanoseconds) -> None:
        """Take what has arrived on all sockets, without waiting.

        Each round asks once for all sockets and takes one datagram of each that has any: asking
        again is cheaper than hearing from every socket that it has no second one, and no socket
        keeps the others waiting.
        """
        offset_ns = self._offset()
        for _ in range(DATAGRAMS_PER_READ):
            ready = self._poller.ready()
            if not ready:
                return
            for descriptor, _event in ready:
                entry = self._receivers.get(descriptor)
                if entry is not None:
                    self._read_one(*entry, offset_ns, now_ns)

    def read_pair(self, pair: RtpSocketPair, now_ns: Nanoseconds) -> None:
        """Take what has arrived on one pair, out of turn: what comes next is the leg's end."""
        offset_ns = self._offset()
        for sock in (pair.rtp, pair.rtcp):
            for _ in range(DATAGRAMS_PER_READ):
                entry = self._receivers.get(sock.fileno())
                if entry is None or not self._read_one(*entry, offset_ns, now_ns):
                    break

    def _read_one(
        self,
        sock: socket.socket,
        handle: Callable[[bytes, Address, Nanoseconds], None],
        offset_ns: int,
        now_ns: Nanoseconds,
    ) -> bool:
        """Take one datagram; tell whether there was any."""
        try:
            data, ancillary, _, source = sock.recvmsg(DATAGRAM_OCTETS, _ANCILLARY_OCTETS)
        except OSError:
            # Nothing there, an ICMP error of an earlier send, or a wrong checksum: it goes on.
            return False
        arrival_ns = now_ns
        if ancillary:
            seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
            stamp_ns = Nanoseconds(seconds * NS_PER_SECOND + nanoseconds - offset_ns)
            if now_ns - MAX_WAIT_NS < stamp_ns < now_ns:
                arrival_ns = stamp_ns
        handle(data if len(data) < DATAGRAM_OCTETS else CUT, source[:2], arrival_ns)
        return True


class _Poller(Protocol):
    def register(self, descriptor: int) -> None: ...

    def unregister(self, descriptor: int) -> None: ...

    def ready(self) -> list[tuple[int, int]]: ...


class _Epoll:
    """Linux: one call for any number of sockets."""

    def __init__(self) -> None:
        self._epoll = select.epoll()

    def register(self, descriptor: int) -> None:
        self._epoll.register(descriptor, select.EPOLLIN)

    def unregister(self, descriptor: int) -> None:
        self._epoll.unregister(descriptor)

    def ready(self) -> list[tuple[int, int]]:
        return self._epoll.poll(0)


class _Poll:
    """Everywhere else."""

    def __init__(self) -> None:
        self._poll = select.poll()

    def register(self, descriptor: int) -> None:
        self._poll.register(descriptor, select.POLLIN)

    def unregister(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)

    def ready(self) -> list[tuple[int, int]]:
        return self._poll.poll(0)
