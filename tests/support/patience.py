"""How long a test waits: long enough for a slow machine, and no longer than it takes."""

import time
from collections.abc import Callable

PATIENCE_SECONDS = 30.0
POLL_SECONDS = 0.02


def wait_until(
    is_so: Callable[[], object],
    seconds: float = PATIENCE_SECONDS,
    *,
    what: Callable[[], str] = lambda: "it did not come about",
) -> None:
    """Wait for a condition; `what` says what is wrong where it does not come about."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise AssertionError(what())
        time.sleep(POLL_SECONDS)
