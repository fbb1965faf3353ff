"""Attempts in real time that a machine which stood still makes void, and that are made again."""

import functools
from collections.abc import Callable
from typing import ParamSpec

import pytest

from tests.support.wake_floor import WakeFloor

ATTEMPTS = 4

P = ParamSpec("P")


def unless_void(
    still_ms: float, attempts: int = ATTEMPTS, *, floor: Callable[[], WakeFloor] = WakeFloor
) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Make a test again that failed while the machine stood still for over `still_ms`.

    A test that passes has passed, and one that fails on a machine that was punctual has failed. One
    whose attempts were all void is skipped, and says so.
    """

    def decorate(test: Callable[P, None]) -> Callable[P, None]:
        @functools.wraps(test)
        def attempted(*args: P.args, **kwargs: P.kwargs) -> None:
            worst: list[float] = []
            while len(worst) < attempts:
                with floor() as beside:
                    try:
                        return test(*args, **kwargs)
                    except AssertionError:
                        worst.append(beside.take().worst_ms)
                        if worst[-1] <= still_ms:
                            raise
            stalls = ", ".join(f"{ms:.0f} ms" for ms in worst)
            pytest.skip(f"void: this machine stood still in each attempt: {stalls}")

        return attempted

    return decorate
