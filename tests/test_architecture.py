"""The table of who may import whom (design: the house) holds."""

from pathlib import Path

from tests.support.architecture import violations

ROOT = Path(__file__).parent.parent


def test_no_import_points_against_the_table() -> None:
    assert violations(ROOT) == []
