"""Reading /proc: processor time, memory, time without a core."""

import os
import sys
import time

import pytest

from telephony.app.bench.usage import (
    read_cpu_seconds,
    read_resident_octets,
    read_waited_seconds,
    sample_usage,
)
from telephony.errors import LocalError

STAT = (
    "42 (odd) name (x)) S 1 42 42 0 -1 4194304 900 0 3 0 250 75 9 9 20 0 3 0 1234 1000 500"
    " 18446744073709551615 1 1 0 0 0 0 0 16781312 16386 0 0 0 17 1 0 0 0 0 0\n"
)
needs_proc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's /proc")


def test_times_are_found_behind_a_name_with_parentheses() -> None:
    assert read_cpu_seconds(STAT, 100) == (2.5, 0.75)


def test_ticks_have_the_length_that_the_system_says() -> None:
    assert read_cpu_seconds(STAT, 1000) == (0.25, 0.075)


def test_resident_set_is_in_octets() -> None:
    assert read_resident_octets("Name:\tx\nVmHWM:\t 9000 kB\nVmRSS:\t 8000 kB\n") == 8_192_000


def test_a_process_without_memory_has_none() -> None:
    assert read_resident_octets("Name:\tx\nState:\tZ (zombie)\n") == 0


def test_waiting_is_the_second_number() -> None:
    assert read_waited_seconds("1000000000 250000000 17\n") == 0.25


@needs_proc
def test_work_of_our_own_is_seen() -> None:
    before = sample_usage(os.getpid())
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    after = sample_usage(os.getpid())
    spent = after.user_s + after.system_s - before.user_s - before.system_s
    assert 0.08 <= spent < 5.0
    assert after.at_ns > before.at_ns
    assert after.resident_octets > 1_000_000


@needs_proc
def test_a_process_that_is_not_there_is_named() -> None:
    with pytest.raises(LocalError, match="cannot measure process 0"):
        sample_usage(0)
