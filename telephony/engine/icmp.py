"""Learns from the kernel which datagrams could not be delivered (RFC 3261 section 18.4).

An unconnected UDP socket hears of ICMP errors only where Linux keeps them for it (IP_RECVERR,
ip(7)); elsewhere none is told, and the transaction's timer has to do.
"""

import errno
import socket
import sys
from collections.abc import Iterator
from struct import Struct
from typing import Final

from telephony.sip import HostPort

__all__ = ["HAS_ERROR_QUEUE", "keep_icmp_errors", "undelivered"]

HAS_ERROR_QUEUE: Final = sys.platform == "linux"
IP_RECVERR: Final = 11
IPV6_RECVERR: Final = 25
"""Of linux/in.h and linux/in6.h; the standard library does not name them."""
EXTENDED_ERROR: Final = Struct("IBBBBII")
"""struct sock_extended_err: errno, origin, type, code, padding, info, data."""
ORIGIN_ICMP, ORIGIN_ICMP6 = 2, 3
FAILURES: Final = frozenset(
    {(ORIGIN_ICMP, 3), (ORIGIN_ICMP, 12), (ORIGIN_ICMP6, 1), (ORIGIN_ICMP6, 4)}
)
"""Origin and type: destination unreachable, parameter problem; section 18.4 ignores all others."""
MOST_AT_ONCE: Final = 64


def keep_icmp_errors(sock: socket.socket, *, has_error_queue: bool = HAS_ERROR_QUEUE) -> None:
    """Ask the kernel to keep a UDP socket's ICMP errors; `undelivered` reads them.

    Args:
        sock: Not connected.
        has_error_queue: What the system can do; False shows what others do.
    """
    if not has_error_queue:
        return
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)


def undelivered(
    sock: socket.socket, *, has_error_queue: bool = HAS_ERROR_QUEUE
) -> Iterator[HostPort]:
    """Give the destinations of datagrams that failed since the last call, and forget them."""
    for _ in range(MOST_AT_ONCE if has_error_queue else 0):
        try:
            _, controls, _, destination = sock.recvmsg(0, 512, socket.MSG_ERRQUEUE)
        except OSError:
            return
        if destination and any(_is_failure(content) for _, _, content in controls):
            yield destination[:2]


def _is_failure(control: bytes) -> bool:
    """Say whether an error's description is of one that the transport's user is told of."""
    if len(control) < EXTENDED_ERROR.size:
        return False
    number, origin, kind, *_ = EXTENDED_ERROR.unpack_from(control)
    return (origin, kind) in FAILURES and number != errno.EMSGSIZE
