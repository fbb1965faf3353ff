"""Free ports on loopback, for programs that want a number and cannot take 0."""

import random
import socket

LOOPBACK = "127.0.0.1"
RANGE_FROM, RANGE_TO = 20_000, 32_000
"""Below the kernel's own ephemeral ports, so that nobody is given one of a range meanwhile."""


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """Give a port that is free for UDP and TCP alike at this moment."""
    other = socket.SOCK_STREAM if kind == socket.SOCK_DGRAM else socket.SOCK_DGRAM
    while True:
        with socket.socket(socket.AF_INET, kind) as first:
            first.bind((LOOPBACK, 0))
            port = int(first.getsockname()[1])
            if _binds(port, other):
                return port


def free_range(count: int) -> int:
    """Give the even first port of `count` UDP ports in a row that are free at this moment."""
    pick = random.SystemRandom()
    while True:
        first = pick.randrange(RANGE_FROM, RANGE_TO - count, 2)
        if all(_binds(port, socket.SOCK_DGRAM) for port in range(first, first + count)):
            return first


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


def _binds(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
