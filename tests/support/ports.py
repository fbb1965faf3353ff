"""Free ports on loopback, for programs that want a number and cannot take 0."""

import random
import socket
from collections.abc import Sequence

LOOPBACK = "127.0.0.1"
RANGE_FROM, RANGE_TO = 20_000, 32_000
"""For ranges; below the kernel's own ephemeral ports, so that nobody is given one meanwhile."""
SINGLE_FROM, SINGLE_TO = 10_000, 20_000
"""For single ports; below those of ranges."""


def free_port(count: int = 1) -> int:
    """Give the first of `count` ports in a row that are free for UDP and for TCP at this moment."""
    return _free(range(SINGLE_FROM, SINGLE_TO - count), count, _BOTH)


def free_range(count: int) -> int:
    """Give the even first port of `count` UDP ports in a row that are free at this moment."""
    return _free(range(RANGE_FROM, RANGE_TO - count, 2), count, (socket.SOCK_DGRAM,))


def bind_even_pair() -> tuple[socket.socket, socket.socket]:
    """Bind two UDP sockets, on an even port and on the odd one above it: RTP and RTCP."""
    while True:
        port = free_range(2)
        pair = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        try:
            for offset, each in enumerate(pair):
                each.bind((LOOPBACK, port + offset))
        except OSError:
            for each in pair:
                each.close()
            continue
        return pair[0], pair[1]


_BOTH = (socket.SOCK_DGRAM, socket.SOCK_STREAM)


def _free(firsts: range, count: int, kinds: Sequence[socket.SocketKind]) -> int:
    pick = random.SystemRandom()
    while True:
        first = pick.choice(firsts)
        ports = range(first, first + count)
        if all(_binds(port, kind) for port in ports for kind in kinds):
            return first


def _binds(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
