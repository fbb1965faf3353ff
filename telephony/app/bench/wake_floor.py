"""A process that only wakes every 5 ms: the least lateness that this machine allows, now.

Run as `python -m telephony.app.bench.wake_floor`; it has the scheduling class that it inherits,
which is the engine's. Pacing is judged against it: what the scheduler does to it, it does to all.
"""

import gc
import sys
import time

from telephony.app.bench.command_pipe import say
from telephony.app.bench.messages import COMMANDS, Done, Floor, MeasureFloor
from telephony.app.bench.quantiles import quantile_ms

__all__ = ["lateness_of_waking", "main"]

PERIOD_NS = 5_000_000
NS_PER_SECOND = 1_000_000_000


def lateness_of_waking(seconds: float) -> list[int]:
    """Sleep to each mark of an absolute 5 ms grid, and give how late each waking was.

    Returns:
        Nanoseconds, ascending; at least one.
    """
    late: list[int] = []
    due_ns = time.monotonic_ns()
    end_ns = due_ns + round(seconds * NS_PER_SECOND)
    while True:
        due_ns += PERIOD_NS
        time.sleep(max(0, due_ns - time.monotonic_ns()) / NS_PER_SECOND)
        now_ns = time.monotonic_ns()
        late.append(now_ns - due_ns)
        if now_ns >= end_ns:
            return sorted(late)
        due_ns += (now_ns - due_ns) // PERIOD_NS * PERIOD_NS


def main() -> None:
    """Measure as told until standard input closes."""
    gc.freeze()
    gc.disable()
    say(Done())
    for line in filter(str.strip, sys.stdin):
        command = COMMANDS.validate_json(line)
        assert isinstance(command, MeasureFloor)
        late = lateness_of_waking(command.seconds)
        p50, p99, p99_9 = (quantile_ms(late, share) or 0.0 for share in (0.5, 0.99, 0.999))
        say(Floor(p50_ms=p50, p99_ms=p99, p99_9_ms=p99_9))


if __name__ == "__main__":
    main()
