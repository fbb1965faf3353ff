"""TCP options that keep the kernel's share of the uplink small, and where they are missing.

Linux holds the figures; elsewhere the same code runs with less knowledge: the kernel's send buffer
bounds what is written ahead, and what lies in it is not counted.
"""

import socket
import sys
from dataclasses import dataclass
from fcntl import ioctl
from struct import Struct
from termios import TIOCOUTQ

__all__ = ["TcpFeatures", "tune", "unacknowledged_octets"]

NATIVE_INT = Struct("i")


@dataclass(frozen=True, slots=True)
class TcpFeatures:
    """What this system's TCP can do; force it in a test to see the other side."""

    has_notsent_lowat: bool = sys.platform == "linux" and hasattr(socket, "TCP_NOTSENT_LOWAT")
    """Whether the kernel can be told to take no more while this much is unsent (tcp(7))."""
    has_output_queue: bool = sys.platform == "linux"
    """Whether the kernel tells how much is unacknowledged (SIOCOUTQ, tcp(7))."""


def tune(
    connection: socket.socket, features: TcpFeatures, *, send_buffer: int, notsent: int
) -> None:
    """Make a socket non-blocking, prompt, and unwilling to hold much.

    Args:
        connection: A TCP socket.
        features: What the system can do.
        send_buffer: Octets for SO_SNDBUF; Linux doubles it for its bookkeeping.
        notsent: Octets of unsent data at which the kernel stops taking more.
    """
    connection.setblocking(False)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    if features.has_notsent_lowat:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, notsent)


def unacknowledged_octets(connection: socket.socket, features: TcpFeatures) -> int:
    """Say how much of what was written the peer has not acknowledged, 0 where nobody knows."""
    if not features.has_output_queue:
        return 0
    answer = ioctl(connection.fileno(), TIOCOUTQ, NATIVE_INT.pack(0))
    return int(NATIVE_INT.unpack(answer)[0])
