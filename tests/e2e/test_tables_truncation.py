"""A short form of the truncation table: what the model is told was heard is what left."""

import pytest

from tests.support import capture
from tests.tables.truncation import CASES, run

pytestmark = pytest.mark.peers
MISSING = capture.missing_reason()


@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
def test_a_few_moments_of_each_case_hold() -> None:
    rows = run(moments=8)
    assert [row.name for row in rows] == [case.name for case in CASES]
    assert [row for row in rows if not row.ok] == []
