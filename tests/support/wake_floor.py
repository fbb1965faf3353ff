"""A process that only wakes every 5 ms: how punctual this machine lets anything be, right now.

    python -m tests.support.wake_floor

It prints a JSON line when it runs; each line written to it is answered with `p99_ms` and `worst_ms`
of how late it woke since the line before. It ends with its input.
"""

import gc
import json
import os
import select
import sys
import time
from typing import NamedTuple

from tests.support.child import Child

PERIOD_NS = 5_000_000


class Lateness(NamedTuple):
    """How late it woke: 99 of 100 times by no more than `p99_ms`, at most by `worst_ms`."""

    p99_ms: float
    worst_ms: float


class WakeFloor(Child):
    """The process as a child."""

    def __init__(self) -> None:
        super().__init__([sys.executable, "-m", "tests.support.wake_floor"], stop_seconds=1.0)

    def take(self) -> Lateness:
        """Give how late it woke since this was last asked."""
        return Lateness(**self.ask(""))


def percentile_99(values: list[int]) -> int:
    """Give the value that 99 of 100 do not exceed; 0 where there are none."""
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) * 99 // 100] if ordered else 0


def main() -> None:
    """Wake until the standard input closes."""
    gc.disable()
    print(json.dumps({"ready": True}), flush=True)
    late_ns: list[int] = []
    due_ns = time.monotonic_ns()
    while True:
        due_ns += PERIOD_NS
        time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)
        now_ns = time.monotonic_ns()
        late_ns.append(now_ns - due_ns)
        due_ns += (now_ns - due_ns) // PERIOD_NS * PERIOD_NS
        if not select.select([sys.stdin], [], [], 0)[0]:
            continue
        if not os.read(sys.stdin.fileno(), 65_536):
            return
        told = Lateness(percentile_99(late_ns) / 1e6, max(late_ns) / 1e6)
        late_ns.clear()
        print(json.dumps(told._asdict()), flush=True)


if __name__ == "__main__":
    main()
