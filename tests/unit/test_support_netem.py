"""The network emulator does what its settings say, the same for the same seed."""

import itertools

import pytest

from tests.support.netem import Counts, Impairments, NetworkEmulator

MS = 1_000_000
PACKETS = 20_000


def carry(impairments: Impairments, seed: int = 1, count: int = PACKETS) -> list[tuple[int, int]]:
    """Send numbered packets 20 ms apart; give (number, arrival in ns) in the order of arrival."""
    link = NetworkEmulator(impairments, seed)
    arrived: list[tuple[int, int]] = []

    def deliver(until_ns: int) -> None:
        while (due_ns := link.next_deadline()) is not None and due_ns <= until_ns:
            arrived.extend((int(packet), due_ns) for packet in link.pop_due(due_ns))

    for number in range(count):
        now_ns = number * 20 * MS
        deliver(now_ns)
        link.push(str(number).encode(), now_ns)
    deliver(count * 20 * MS + 10_000 * MS)
    assert link.next_deadline() is None
    assert link.counts.delivered == len(arrived)
    assert link.counts.received == count
    assert len(arrived) == count - link.counts.lost + link.counts.duplicated
    return arrived


def numbers(arrived: list[tuple[int, int]]) -> list[int]:
    return [number for number, _ in arrived]


def test_a_clean_link_delivers_everything_in_order_at_once() -> None:
    assert carry(Impairments(), count=100) == [(n, n * 20 * MS) for n in range(100)]


def test_a_packet_is_not_due_before_its_delay() -> None:
    link = NetworkEmulator(Impairments(delay_ms=30), seed=1)
    link.push(b"x", 0)
    assert link.next_deadline() == 30 * MS
    assert link.pop_due(30 * MS - 1) == []
    assert link.pop_due(30 * MS) == [b"x"]


def test_jitter_stays_within_its_bounds_and_never_reorders() -> None:
    arrived = carry(Impairments(delay_ms=10, jitter_ms=60))
    assert numbers(arrived) == list(range(PACKETS))
    waits = [arrival_ns - number * 20 * MS for number, arrival_ns in arrived]
    assert min(waits) >= 10 * MS
    assert max(waits) <= 70 * MS
    assert max(waits) - min(waits) > 50 * MS


def test_loss_takes_its_share() -> None:
    kept = len(carry(Impairments(loss=0.05)))
    assert 0.045 < 1 - kept / PACKETS < 0.055


def test_bursts_lose_the_same_share_in_longer_runs() -> None:
    arrived = numbers(carry(Impairments(loss=0.05, loss_burst=4)))
    gaps = [after - before - 1 for before, after in itertools.pairwise(arrived)]
    bursts = [gap for gap in gaps if gap]
    assert 0.04 < 1 - len(arrived) / PACKETS < 0.06
    assert 3.4 < sum(bursts) / len(bursts) < 4.6


def test_all_and_none_may_be_lost_in_bursts() -> None:
    assert carry(Impairments(loss=1, loss_burst=3), count=50) == []
    assert len(carry(Impairments(loss=0, loss_burst=3), count=50)) == 50


def test_reordering_lets_later_packets_overtake() -> None:
    arrived = carry(Impairments(reorder=0.1, reorder_ms=50))
    assert sorted(numbers(arrived)) == list(range(PACKETS))
    held_back = [n for n, arrival_ns in arrived if arrival_ns == n * 20 * MS + 50 * MS]
    assert 0.09 < len(held_back) / PACKETS < 0.11
    assert numbers(arrived) != list(range(PACKETS))


def test_duplicates_arrive_twice() -> None:
    arrived = numbers(carry(Impairments(duplicate=0.1)))
    assert 0.09 < len(arrived) / PACKETS - 1 < 0.11
    assert sorted(set(arrived)) == list(range(PACKETS))


def test_the_seed_decides_everything() -> None:
    rough = Impairments(
        loss=0.1, loss_burst=2, delay_ms=5, jitter_ms=30, reorder=0.1, duplicate=0.1
    )
    assert carry(rough, seed=7, count=500) == carry(rough, seed=7, count=500)
    assert carry(rough, seed=7, count=500) != carry(rough, seed=8, count=500)


def test_counts_add_up() -> None:
    assert Counts(1, 2, 3, 4, 5) + Counts(10, 20, 30, 40, 50) == Counts(11, 22, 33, 44, 55)


@pytest.mark.parametrize(
    "wrong",
    [{"loss": 1.1}, {"reorder": -0.1}, {"duplicate": 2}, {"delay_ms": -1}, {"loss_burst": 0.5}],
)
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)).split("_")[-1]):
        Impairments(**wrong)
