"""How evenly a stream of RTP arrived: gaps against the packet time, and holes in its timeline."""

from array import array
from collections.abc import Sequence
from itertools import pairwise

__all__ = ["ArrivedStream", "gap_errors_ns", "lateness_ns", "timeline_jumps"]

SEQUENCES = 1 << 16
TIMESTAMPS = 1 << 32


class ArrivedStream:
    """The packets of one stream, in the order of their arrival, as three parallel columns."""

    __slots__ = ("arrivals_ns", "sequences", "timestamps")

    def __init__(self) -> None:
        """Start without a packet."""
        self.arrivals_ns = array("q")
        """Monotonic time, by the kernel's own stamp where it gives one."""
        self.sequences = array("H")
        self.timestamps = array("L")

    def add(self, arrival_ns: int, sequence: int, timestamp: int) -> None:
        """Note one packet."""
        self.arrivals_ns.append(arrival_ns)
        self.sequences.append(sequence)
        self.timestamps.append(timestamp)


def gap_errors_ns(arrivals_ns: Sequence[int], period_ns: int) -> list[int]:
    """Give |gap - period| for each two packets that came one after the other.

    A packet that was skipped counts as an error of a whole period: the listener's buffer runs dry
    all the same.
    """
    return [abs(after - before - period_ns) for before, after in pairwise(arrivals_ns)]


def lateness_ns(stream: ArrivedStream, samples: int, period_ns: int) -> list[int]:
    """Give how far each packet is behind the best even grid that its own stream allows.

    Args:
        stream: One stream.
        samples: Of one packet, on the RTP clock.
        period_ns: Of one packet.

    Returns:
        One value per packet, at least one of them 0; a skipped packet leaves its place empty.
    """
    if not stream.timestamps:
        return []
    start = stream.timestamps[0]
    offsets = [
        arrival_ns - (timestamp - start) % TIMESTAMPS * period_ns // samples
        for arrival_ns, timestamp in zip(stream.arrivals_ns, stream.timestamps, strict=True)
    ]
    earliest = min(offsets)
    return [offset - earliest for offset in offsets]


def timeline_jumps(stream: ArrivedStream, samples: int) -> tuple[int, int]:
    """Count packets that were lost, and places where the RTP timestamp did not follow.

    Args:
        stream: One stream.
        samples: Of one packet, on the RTP clock.

    Returns:
        Sequence numbers that never came, and pairs of neighbours whose timestamps are not as many
        packets apart as their sequence numbers (RFC 3550 section 5.1).
    """
    lost = jumps = 0
    packets = zip(stream.sequences, stream.timestamps, strict=True)
    for (sequence, timestamp), (next_sequence, next_timestamp) in pairwise(packets):
        steps = (next_sequence - sequence) % SEQUENCES
        lost += steps - 1
        jumps += (next_timestamp - timestamp - steps * samples) % TIMESTAMPS != 0
    return lost, jumps
