"""One direction of a bad network: loses, delays, jitters, reorders and duplicates by seed.

Sans-I/O: packets go in by `push`, come out by `pop_due`, and the same seed does the same each time.
"""

import heapq
import random
from dataclasses import dataclass, fields

NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Impairments:
    """What a link does to its packets; the default does nothing.

    Attributes:
        loss: Share of packets lost, 0 to 1.
        loss_burst: Mean number of packets lost in a row. 1 loses each packet for itself; above 1 a
            Gilbert-Elliott chain loses the same share in bursts of that mean length.
        delay_ms: What every packet waits.
        jitter_ms: What a packet waits beyond that: uniform from 0 to here, without overtaking.
        reorder: Share of packets held back for `reorder_ms`, so that later ones overtake them.
        reorder_ms: How long such a packet is held back.
        duplicate: Share of packets delivered twice.
    """

    loss: float = 0.0
    loss_burst: float = 1.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    reorder: float = 0.0
    reorder_ms: float = 50.0
    duplicate: float = 0.0

    def __post_init__(self) -> None:
        for name in ("loss", "reorder", "duplicate"):
            share = getattr(self, name)
            if not 0 <= share <= 1:
                raise ValueError(f"{name} is a share from 0 to 1, not {share}")
        for name in ("delay_ms", "jitter_ms", "reorder_ms"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} may not be negative")
        if self.loss_burst < 1:
            raise ValueError(f"a burst of loss holds one packet or more, not {self.loss_burst}")


@dataclass(slots=True)
class Counts:
    """What became of the packets of one direction."""

    received: int = 0
    lost: int = 0
    reordered: int = 0
    duplicated: int = 0
    delivered: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        names = [field.name for field in fields(self)]
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in names})


class NetworkEmulator:
    """A queue of packets, each with the time at which it comes out."""

    def __init__(self, impairments: Impairments, seed: int | str) -> None:
        self.counts = Counts()
        self._impairments = impairments
        self._random = random.Random(seed)
        self._queue: list[tuple[int, int, bytes]] = []
        self._order = 0
        self._last_due_ns = 0
        self._is_in_loss_burst = False

    def push(self, packet: bytes, now_ns: int) -> None:
        """Take one packet in at `now_ns`."""
        self.counts.received += 1
        if self._loses():
            self.counts.lost += 1
            return
        is_held_back = self._random.random() < self._impairments.reorder
        is_duplicated = self._random.random() < self._impairments.duplicate
        due_ns = self._due_ns(now_ns, is_held_back=is_held_back)
        self._put(packet, due_ns)
        if is_held_back:
            self.counts.reordered += 1
        if is_duplicated:
            self.counts.duplicated += 1
            self._put(packet, due_ns)

    def pop_due(self, now_ns: int) -> list[bytes]:
        """Give every packet that is due at `now_ns`, in the order of delivery."""
        due: list[bytes] = []
        while self._queue and self._queue[0][0] <= now_ns:
            due.append(heapq.heappop(self._queue)[2])
        self.counts.delivered += len(due)
        return due

    def next_deadline(self) -> int | None:
        """Give the time at which the next packet is due, in ns; None when none waits."""
        return self._queue[0][0] if self._queue else None

    def _loses(self) -> bool:
        share, burst = self._impairments.loss, self._impairments.loss_burst
        if burst == 1 or share in (0, 1):
            return self._random.random() < share
        leaves_burst = 1 / burst
        if self._is_in_loss_burst:
            self._is_in_loss_burst = self._random.random() >= leaves_burst
        else:
            self._is_in_loss_burst = self._random.random() < share * leaves_burst / (1 - share)
        return self._is_in_loss_burst

    def _due_ns(self, now_ns: int, *, is_held_back: bool) -> int:
        wait_ms = self._impairments.delay_ms + self._random.random() * self._impairments.jitter_ms
        due_ns = max(now_ns + round(wait_ms * NS_PER_MS), self._last_due_ns)
        if is_held_back:
            return due_ns + round(self._impairments.reorder_ms * NS_PER_MS)
        self._last_due_ns = due_ns
        return due_ns

    def _put(self, packet: bytes, due_ns: int) -> None:
        self._order += 1
        heapq.heappush(self._queue, (due_ns, self._order, packet))
