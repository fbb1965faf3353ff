"""The slot timers: on time, never early, no drift, silent after `stop`."""

import asyncio
import os
from collections.abc import Callable
from itertools import pairwise

import pytest

from telephony.engine.clock import monotonic_ns
from telephony.engine.slot_timer import KernelTimer, LoopTimer, SlotTimer, make_slot_timer
from telephony.units import NS_PER_MS, Nanoseconds
from tests.support.void import unless_void

PERIOD_NS = 5 * NS_PER_MS
needs_timerfd = pytest.mark.skipif(
    not hasattr(os, "timerfd_create"), reason="needs Linux and Python 3.13"
)
each_timer = pytest.mark.parametrize("use_kernel", [pytest.param(True, marks=needs_timerfd), False])
STILL_MS = 1.0
"""A callback that the machine holds up for long enough is seen in the period of the next."""


async def woken(use_kernel: bool, calls: int, busy: Callable[[int], None]) -> tuple[int, list[int]]:
    """Let a timer call back some times; gives its first due time, and when it called."""
    loop = asyncio.get_running_loop()
    at_ns: list[int] = []
    done = asyncio.Event()

    def callback() -> None:
        at_ns.append(monotonic_ns())
        busy(len(at_ns))
        if len(at_ns) >= calls:
            timer.stop()
            done.set()

    timer: SlotTimer = make_slot_timer(loop, callback, use_kernel=use_kernel)
    first_ns = Nanoseconds(monotonic_ns() + PERIOD_NS)
    timer.start(first_ns, PERIOD_NS)
    async with asyncio.timeout(30):
        await done.wait()
    await asyncio.sleep(3 * PERIOD_NS / 1e9)
    return first_ns, at_ns


def idle(_count: int) -> None:
    """Do nothing in the callback."""


@each_timer
@unless_void(STILL_MS)
def test_it_calls_back_in_every_period_and_not_before_its_time(use_kernel: bool) -> None:
    first_ns, at_ns = asyncio.run(woken(use_kernel, 20, idle))
    assert len(at_ns) == 20
    periods = [(one - first_ns) // PERIOD_NS for one in at_ns]
    assert periods[0] >= 0
    assert all(after > before for before, after in pairwise(periods))


@each_timer
@unless_void(STILL_MS)
def test_after_a_stall_it_calls_once_and_keeps_the_grid(use_kernel: bool) -> None:
    def stall(count: int) -> None:
        until_ns = monotonic_ns() + (12 * PERIOD_NS if count == 2 else 0)
        while monotonic_ns() < until_ns:
            pass

    first_ns, at_ns = asyncio.run(woken(use_kernel, 5, stall))
    periods = [(one - first_ns) // PERIOD_NS for one in at_ns]
    assert periods[2] - periods[1] >= 12
    assert len(at_ns) == 5
    assert all(after > before for before, after in pairwise(periods))


@each_timer
def test_it_can_be_stopped_before_it_ever_called(use_kernel: bool) -> None:
    async def stop_at_once() -> list[int]:
        called: list[int] = []
        loop = asyncio.get_running_loop()
        timer = make_slot_timer(loop, lambda: called.append(1), use_kernel=use_kernel)
        timer.start(Nanoseconds(monotonic_ns() + PERIOD_NS), PERIOD_NS)
        timer.stop()
        timer.stop()
        await asyncio.sleep(3 * PERIOD_NS / 1e9)
        return called

    assert asyncio.run(stop_at_once()) == []


@needs_timerfd
def test_the_kernel_is_asked_where_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    async def make(*, use_kernel: bool) -> type[object]:
        timer = make_slot_timer(asyncio.get_running_loop(), lambda: None, use_kernel=use_kernel)
        timer.stop()
        return type(timer)

    assert asyncio.run(make(use_kernel=True)) is KernelTimer
    assert asyncio.run(make(use_kernel=False)) is LoopTimer
    monkeypatch.delattr(os, "timerfd_create")
    assert asyncio.run(make(use_kernel=True)) is LoopTimer


def test_a_loop_that_calls_back_early_is_sent_back_to_wait() -> None:
    class EarlyLoop(asyncio.SelectorEventLoop):
        """Calls back the first time 4 ms too soon."""

        is_early = True

        def call_later(self, delay: float, *args: object, **options: object) -> asyncio.TimerHandle:
            if self.is_early:
                self.is_early, delay = False, delay - 0.004
            return super().call_later(delay, *args, **options)  # type: ignore[arg-type]  # as given

    async def first_call() -> tuple[int, int]:
        called = asyncio.get_running_loop().create_future()

        def callback() -> None:
            timer.stop()
            called.set_result(monotonic_ns())

        timer = LoopTimer(asyncio.get_running_loop(), callback)
        first_ns = Nanoseconds(monotonic_ns() + PERIOD_NS)
        timer.start(first_ns, PERIOD_NS)
        at_ns: int = await called
        return first_ns, at_ns

    with asyncio.Runner(loop_factory=EarlyLoop) as runner:
        first_ns, at_ns = runner.run(first_call())
    assert at_ns >= first_ns
