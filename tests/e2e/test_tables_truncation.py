"""A short form of the truncation table: what the model is told was heard is what left."""

import pytest

from tests.support import capture
from tests.tables.truncation import CASES, run

pytestmark = pytest.mark.peers
MISSING = capture.missing_reason()
GATED = (
    "plain",
    "2 s stall",
    "two items queued",
    "before the first audio",
    "after the last",
    "during hold",
)


@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
def test_a_few_moments_of_each_case_hold() -> None:
    rows = run(moments=8, only=",".join(GATED))
    assert [row.name for row in rows] == list(GATED)
    assert [row for row in rows if not row.ok] == []


def test_the_gate_knows_every_case_it_names() -> None:
    assert set(GATED) <= {case.name for case in CASES}
