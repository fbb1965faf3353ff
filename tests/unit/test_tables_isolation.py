"""The judgement of the isolation table."""

import pytest

from tests.support.hearing import RtpPacket
from tests.tables.isolation import Window, holds_against


def packet(ms: float) -> RtpPacket:
    return RtpPacket(round(ms * 1e6), 0, 0, 0, 0, b"")


@pytest.mark.parametrize(
    ("without", "during", "floors", "holds"),
    [
        (20.5, 22.4, (0.3, 0.3), True),
        (20.5, 22.6, (0.3, 0.3), False),
        (20.5, 23.0, (0.3, 0.9), True),
        (20.5, 22.6, (0.9, 0.3), False),
        (20.5, 0.0, (0.3, 0.3), False),
    ],
    ids=["within", "beyond", "the floor rose", "the floor fell", "no packets at all"],
)
def test_2_ms_are_allowed_beyond_what_the_floor_rose(
    without: float, during: float, floors: tuple[float, float], *, holds: bool
) -> None:
    assert holds_against(without, during, *floors) is holds


def test_only_gaps_within_a_span_count() -> None:
    stream = [packet(ms) for ms in (0, 20, 40, 65, 85)]
    window = Window(spans_ns=[(10_000_000, 70_000_000), (60_000_000, 90_000_000)])
    assert window.gaps_ns([stream]) == [[20_000_000, 25_000_000], [20_000_000]]
