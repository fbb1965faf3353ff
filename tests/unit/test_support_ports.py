"""Ports that tests choose: nobody else is given them, here or in another process of the tests."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.child import ROOT, child_environment
from tests.support.ports import (
    BLOCKS,
    LOOPBACK,
    Block,
    NoPortsError,
    bind_even_pair,
    free_port,
    free_range,
    take_block,
)

UDP, TCP = socket.SOCK_DGRAM, socket.SOCK_STREAM
CHOOSE = "from tests.support.ports import free_port; print(free_port())"


@pytest.fixture
def held() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def bind(held: ExitStack, port: int, kind: socket.SocketKind) -> None:
    held.enter_context(socket.socket(socket.AF_INET, kind)).bind((LOOPBACK, port))


def test_a_number_is_not_given_again_before_all_others_were() -> None:
    block = Block(range(free_range(9), 65_536)[:9])
    first = block.take(2, [UDP])
    assert [block.take(2, [UDP]) - first for _ in range(6)] == [2, 4, 6, 0, 2, 4]


@pytest.mark.parametrize("kind", [UDP, TCP])
def test_what_is_bound_is_passed_over(held: ExitStack, kind: socket.SocketKind) -> None:
    first = free_range(8)
    bind(held, first + 1, kind)
    assert Block(range(first, first + 8)).take(4, [UDP, TCP]) == first + 2


def test_too_many_in_a_row_are_refused() -> None:
    first = free_range(4)
    with pytest.raises(NoPortsError, match="no 6 free ports in a row"):
        Block(range(first, first + 4)).take(6, [UDP])


def test_another_process_takes_from_another_block() -> None:
    ours = free_port()
    command = [sys.executable, "-c", CHOOSE]
    environment = child_environment()
    theirs = [
        int(subprocess.check_output(command, cwd=ROOT, env=environment, text=True))
        for _ in range(3)
    ]
    blocks = {(port - BLOCKS.start) // BLOCKS.step for port in theirs}
    assert (ours - BLOCKS.start) // BLOCKS.step not in blocks


def test_a_process_too_many_is_told_so(held: ExitStack) -> None:
    first = free_range(4)
    blocks = range(first, first + 4, 2)
    for port in blocks:
        bind(held, port, TCP)
    with pytest.raises(NoPortsError, match=re.escape(f"2 processes take ports of {blocks}")):
        take_block(blocks)


def test_chosen_ports_are_below_those_that_the_kernel_gives() -> None:
    with socket.socket() as any_port:
        any_port.bind((LOOPBACK, 0))
        assert any_port.getsockname()[1] >= BLOCKS.stop
    assert free_range(2) in range(BLOCKS.start, BLOCKS.stop)


def test_a_pair_is_bound_on_an_even_port_and_the_one_above_it() -> None:
    rtp, rtcp = bind_even_pair()
    with rtp, rtcp:
        port = rtp.getsockname()[1]
        assert port % 2 == 0
        assert rtcp.getsockname()[1] == port + 1
