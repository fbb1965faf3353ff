"""SIP's UDP sockets: one per address, read by the event loop."""

import asyncio
import socket
from ipaddress import ip_address
from typing import Protocol

from telephony.engine.icmp import keep_icmp_errors, undelivered
from telephony.sip import HostPort, ListenAddress, Transmit

__all__ = ["SipUdp", "UdpUser", "routed_host"]

ANY_PORT = 9
"""A route leads to every port."""
IPV6 = 6
DATAGRAM_OCTETS = 65_535
DATAGRAMS_PER_READ = 64
"""Per wake-up: a burst is taken at once, a flood lets others run in between."""
RECEIVE_BUFFER_OCTETS = 4 * 1024 * 1024


class UdpUser(Protocol):
    """Who takes the datagrams."""

    def datagram_received(self, data: bytes, source: HostPort, local: ListenAddress) -> None:
        """Take one datagram."""

    def peer_unreachable(self, destination: HostPort, transport: str) -> None:
        """Learn that what was sent to a place could not be delivered."""

    def drain(self) -> None:
        """Do what the datagrams taken since the last call ask for."""


class SipUdp:
    """All UDP sockets of SIP.

    Args:
        user: Who takes the datagrams, once `start` is called.
    """

    def __init__(self, user: UdpUser) -> None:
        """Open nothing yet."""
        self._user = user
        self._loop = asyncio.get_running_loop()
        self._sockets: dict[ListenAddress, socket.socket] = {}

    def listen(self, host: str, port: int) -> ListenAddress:
        """Bind one more socket; port 0 takes a free one.

        Raises:
            OSError: The address is in use, or not ours.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS)
        keep_icmp_errors(sock)
        try:
            sock.bind((host, port))
        except OSError:
            sock.close()
            raise
        host, port = sock.getsockname()[:2]
        address = ListenAddress("UDP", host, port)
        self._sockets[address] = sock
        return address

    def start(self) -> None:
        """Hand on what arrives from now on."""
        for address, sock in self._sockets.items():
            self._loop.add_reader(sock.fileno(), self._read, sock, address)

    def send(self, transmit: Transmit) -> bool:
        """Send one message, from the socket it names or any that fits; False if none can."""
        sock = self._sockets.get(transmit.local) if transmit.local is not None else None
        sock = sock or self._fitting(transmit.destination)
        if sock is None:
            return False
        for _ in range(2):
            try:
                sock.sendto(transmit.data, transmit.destination)
            except BlockingIOError:
                return True  # the kernel's buffer is full: lost as on the wire, sent again later
            except OSError:
                self._tell_undelivered(sock)  # the error of an earlier send may come out here
            else:
                return True
        return False

    def _tell_undelivered(self, sock: socket.socket) -> None:
        for destination in undelivered(sock):
            self._loop.call_soon(self._user.peer_unreachable, destination, "UDP")

    def close(self) -> None:
        """Close all sockets."""
        for sock in self._sockets.values():
            self._loop.remove_reader(sock.fileno())
            sock.close()
        self._sockets.clear()

    def _fitting(self, destination: HostPort) -> socket.socket | None:
        is_v6 = ":" in destination[0]
        return next((one for at, one in self._sockets.items() if (":" in at.host) == is_v6), None)

    def _read(self, sock: socket.socket, address: ListenAddress) -> None:
        for _ in range(DATAGRAMS_PER_READ):
            try:
                data, source = sock.recvfrom(DATAGRAM_OCTETS)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                self._tell_undelivered(sock)  # an ICMP error of an earlier send
                continue
            self._user.datagram_received(data, source[:2], address)
        self._user.drain()


def routed_host(peer: str) -> str | None:
    """Give the address of ours that the kernel would send from to a numeric address.

    Nothing is sent. None where no route leads there, or it is a name.
    """
    try:
        family = socket.AF_INET6 if ip_address(peer).version == IPV6 else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((peer, ANY_PORT))
            return str(probe.getsockname()[0])
    except (OSError, ValueError):
        return None
