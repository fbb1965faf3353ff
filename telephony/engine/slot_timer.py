"""Wakes the media clock at each slot: by the kernel's own timer where there is one.

An event loop rounds its waiting up to a whole millisecond, so a timer of the loop is half a
millisecond late on average and a whole one at worst, and it comes after everything that is ready to
be read. A `timerfd` (Linux, Python 3.13) is a descriptor that becomes readable at the very
nanosecond, once for each period, without being armed again.
"""

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any, Protocol

from telephony.engine.clock import monotonic_ns
from telephony.units import NS_PER_SECOND, Nanoseconds

__all__ = ["KernelTimer", "LoopTimer", "SlotTimer", "make_slot_timer"]

EXPIRATIONS_OCTETS = 8
"""What a timerfd gives to read: how many periods have passed."""
_os: Any = os
"""Its timerfd functions are new in Python 3.13, and Linux's alone."""


class SlotTimer(Protocol):
    """Calls back at first_ns, and each period after it; one call may stand for several periods."""

    def start(self, first_ns: Nanoseconds, period_ns: int) -> None:
        """Begin; never calls back before its time."""
        ...

    def stop(self) -> None:
        """Call back no more."""
        ...


class KernelTimer:
    """A timerfd in the event loop.

    Args:
        loop: Waits for it.
        callback: Called at each period.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        """Open the descriptor; nothing happens before `start`."""
        self._loop = loop
        self._callback = callback
        self._descriptor: int | None = _os.timerfd_create(
            time.CLOCK_MONOTONIC, flags=_os.TFD_NONBLOCK | _os.TFD_CLOEXEC
        )

    def start(self, first_ns: Nanoseconds, period_ns: int) -> None:
        """Begin."""
        assert self._descriptor is not None
        self._loop.add_reader(self._descriptor, self._fire)
        _os.timerfd_settime_ns(
            self._descriptor, flags=_os.TFD_TIMER_ABSTIME, initial=first_ns, interval=period_ns
        )

    def stop(self) -> None:
        """Call back no more, and close the descriptor."""
        if self._descriptor is not None:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def _fire(self) -> None:
        assert self._descriptor is not None
        os.read(self._descriptor, EXPIRATIONS_OCTETS)
        self._callback()


class LoopTimer:
    """A timer of the event loop, armed anew for each period: everywhere else.

    Args:
        loop: Calls back.
        callback: Called at each period.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        """Stand still until `start`."""
        self._loop = loop
        self._callback = callback
        self._handle: asyncio.TimerHandle | None = None
        self._due_ns = 0
        self._period_ns = 0

    def start(self, first_ns: Nanoseconds, period_ns: int) -> None:
        """Begin."""
        self._due_ns = first_ns
        self._period_ns = period_ns
        self._arm()

    def stop(self) -> None:
        """Call back no more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _arm(self) -> None:
        delay_ns = max(0, self._due_ns - monotonic_ns())
        self._handle = self._loop.call_later(delay_ns / NS_PER_SECOND, self._fire)

    def _fire(self) -> None:
        behind_ns = monotonic_ns() - self._due_ns
        if behind_ns < 0:  # a loop may call back early, by its clock's resolution
            self._arm()
            return
        self._due_ns += (behind_ns // self._period_ns + 1) * self._period_ns
        self._arm()
        self._callback()


def make_slot_timer(
    loop: asyncio.AbstractEventLoop, callback: Callable[[], None], *, use_kernel: bool = True
) -> SlotTimer:
    """Make the better of the two.

    Args:
        loop: The running loop.
        callback: Called at each period.
        use_kernel: False forces the loop's timer.
    """
    if use_kernel and hasattr(os, "timerfd_create"):
        return KernelTimer(loop, callback)
    return LoopTimer(loop, callback)
