"""Free ports on loopback, for programs that want a number and cannot take 0.

A port that was seen free is anybody's until it is bound. So each process has a block of ports that
no other process of these tests takes from, below those that the kernel gives to whoever asks for
port 0; and within a block a number is not given again before all others were.
"""

import random
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache

LOOPBACK = "127.0.0.1"
BLOCKS = range(10_000, 32_000, 2_000)
"""Where blocks begin; whoever has this TCP port has the block."""


class NoPortsError(RuntimeError):
    """There is no free block, or not so many free ports in a row."""


class Block:
    """Ports to take from, in turn.

    Args:
        ports: They are this process's alone.
    """

    def __init__(self, ports: range) -> None:
        self._ports = ports
        self._next = ports.start

    def take(self, count: int, kinds: Sequence[socket.SocketKind]) -> int:
        """Give the even first port of `count` in a row that nobody has bound."""
        for _ in range(2):
            for first in range(self._next + self._next % 2, self._ports.stop - count + 1, 2):
                if all(
                    _binds(port, kind) for port in range(first, first + count) for kind in kinds
                ):
                    self._next = first + count
                    return first
            self._next = self._ports.start
        raise NoPortsError(f"no {count} free ports in a row in {self._ports}")


def free_port(count: int = 1) -> int:
    """Give the first of `count` ports in a row that are free for UDP and for TCP."""
    return _own_block().take(count, (socket.SOCK_DGRAM, socket.SOCK_STREAM))


def free_range(count: int) -> int:
    """Give the even first port of `count` UDP ports in a row that are free."""
    return _own_block().take(count, (socket.SOCK_DGRAM,))


def bind_even_pair() -> tuple[socket.socket, socket.socket]:
    """Bind two UDP sockets, on an even port and on the odd one above it: RTP and RTCP."""
    while True:
        with ExitStack() as stack:
            rtp, rtcp = (
                stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                for _ in range(2)
            )
            rtp.bind((LOOPBACK, 0))
            port = int(rtp.getsockname()[1])
            if port % 2:
                continue
            try:
                rtcp.bind((LOOPBACK, port + 1))
            except OSError:
                continue
            stack.pop_all()
            return rtp, rtcp


def take_block(blocks: range = BLOCKS) -> Block:
    """Take a block until this process ends."""
    for first in random.SystemRandom().sample(blocks, len(blocks)):
        with socket.socket() as mark:
            try:
                mark.bind((LOOPBACK, first))
            except OSError:
                continue
            mark.detach()
            return Block(range(first + 1, first + blocks.step))
    raise NoPortsError(f"{len(blocks)} processes take ports of {blocks} already")


@cache
def _own_block() -> Block:
    return take_block()


def _binds(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
