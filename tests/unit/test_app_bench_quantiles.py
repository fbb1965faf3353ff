"""Quantiles: nearest rank, never interpolated."""

import pytest

from telephony.app.bench.quantiles import quantile, quantile_ms

HUNDRED = list(range(1, 101))


@pytest.mark.parametrize(
    ("share", "wanted"), [(0.0, 1), (0.01, 1), (0.5, 50), (0.501, 51), (0.99, 99), (1.0, 100)]
)
def test_quantile_is_the_nearest_rank(share: float, wanted: int) -> None:
    assert quantile(HUNDRED, share) == wanted


def test_quantile_of_one_value_is_that_value() -> None:
    assert [quantile([7], share) for share in (0.0, 0.5, 0.999, 1.0)] == [7] * 4


def test_quantile_ms_turns_nanoseconds_into_milliseconds() -> None:
    assert quantile_ms([1_500_000], 0.99) == 1.5


def test_nothing_measured_has_no_quantile() -> None:
    assert quantile_ms([], 0.5) is None
