"""The realtime table judges rows as it says, puts mutations back, and leaves no row out."""

import base64
from types import ModuleType

import pytest

from tests.support import realtime_rig
from tests.support.realtime_rig import Rig
from tests.support.realtime_rows import Replace, RowTest, replaced, row, row_tests
from tests.tables import realtime_rows
from tests.tables.realtime_rows import Verdict, declared_rows, judge, places, run
from tests.tables.row import Row


def encode_nothing(octets: bytes) -> bytes:
    """Stands for a behaviour that is switched off."""
    del octets
    return b"?"


WRONG = Replace("base64.b64encode", encode_nothing)
HARMLESS = Replace("base64.b64encode", base64.b64encode)


def is_right() -> None:
    assert base64.b64encode(b"abc") == b"YWJj"


def is_wrong() -> None:
    pytest.fail("as ever")


def declared(*mutations: Replace, fails: bool = False, missing: str = "") -> RowTest:
    return RowTest("Z1", is_wrong if fails else is_right, mutations, missing)


def test_the_reference_has_a_hundred_rows_and_49_gaps() -> None:
    listed = list(places())
    assert len({place.number for place in listed}) == 100
    assert sum(place.has_gap for place in listed) == 49
    assert sum(place.is_adapters for place in listed) == 19


def test_each_row_that_is_not_the_adapters_has_its_test_and_a_mended_gap_its_mutation() -> None:
    tests = declared_rows()
    assert set(tests) >= {place.number for place in places() if not place.is_adapters}
    bare = [
        place.number
        for place in places()
        if place.has_gap
        and (one := tests.get(place.number)) is not None
        and not (one.missing or one.mutations)
    ]
    assert bare == []


@pytest.mark.parametrize(
    ("one", "has_gap", "holds", "mutation"),
    [
        (declared(), False, True, ""),
        (declared(), True, False, "none"),
        (declared(WRONG), True, True, "caught"),
        (declared(HARMLESS), True, False, "not caught"),
        (declared(WRONG), False, True, "caught"),
        (declared(WRONG, fails=True), True, False, ""),
    ],
)
def test_a_row_holds_where_its_test_passes_and_fails_once_mutated(
    one: RowTest, *, has_gap: bool, holds: bool, mutation: str
) -> None:
    verdict = judge(one, has_gap=has_gap)
    assert (verdict.holds, verdict.mutation) == (holds, mutation)


def test_a_missing_row_says_what_is_missing_and_one_that_passes_is_stale() -> None:
    lacking = declared(fails=True, missing="row Z1: all")
    assert judge(lacking, has_gap=True) == Verdict(holds=False, why="missing: row Z1: all")
    assert judge(declared(missing="row Z1: all"), has_gap=True).why == "mark is stale"


def test_mutations_are_put_back_whatever_happens() -> None:
    kept, wait, doc = base64.b64encode, realtime_rig.WAIT_SECONDS, ModuleType.__doc__
    mutations = (WRONG, Replace("tests.support.realtime_rig.Rig.sent", None))

    def fail_while_mutated() -> None:
        with replaced(mutations):
            assert base64.b64encode(b"") == b"?"
            assert Rig.sent is None
            assert wait > realtime_rig.WAIT_SECONDS
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        fail_while_mutated()
    assert (base64.b64encode, realtime_rig.WAIT_SECONDS, ModuleType.__doc__) == (kept, wait, doc)
    assert callable(Rig.sent)


def test_a_mutation_of_a_name_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError, match="b65encode"), replaced([Replace("base64.b65encode", None)]):
        pass


def test_a_story_becomes_a_test_that_takes_nothing_and_keeps_its_mark() -> None:
    @row("Z2", WRONG)
    async def test_Z2_story(rig: Rig) -> None:  # noqa: N802
        """What it is for."""
        assert rig.told == []

    module = ModuleType("rows")
    vars(module)[test_Z2_story.__name__] = pytest.mark.xfail(reason="row Z2: soon")(test_Z2_story)
    (found,) = row_tests(module)
    assert (found.number, found.mutations, found.missing) == ("Z2", (WRONG,), "row Z2: soon")
    assert found.test.__doc__ == "What it is for."
    found.test()


def one_row(module: ModuleType) -> list[RowTest]:
    del module
    return [declared()]


def test_two_tests_of_one_row_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realtime_rows, "row_tests", one_row)
    with pytest.raises(ValueError, match="not the one test of Z1"):
        declared_rows()


def test_a_row_without_a_test_is_missing_and_the_adapters_say_where_they_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(realtime_rows, "declared_rows", dict[str, RowTest])
    monkeypatch.setattr(realtime_rows, "has_agents", lambda: False)
    asked: list[tuple[str, ...]] = []

    def nowhere(*asked_for: str) -> list[Row]:
        asked.append(asked_for)
        return []

    monkeypatch.setattr(realtime_rows, "rows_from_there", nowhere)
    (adapters,), (ours,) = run(only="N5"), run(only="D4")
    assert (adapters.ok, ours.ok) == (False, False)
    assert "sh tests/run.sh realtime-rows" in str(adapters.figures["why"])
    assert ours.figures["why"] == "missing: a test"
    assert asked == [("realtime-rows", "--adapter", "1", "--only", "N5")]


def test_the_adapters_rows_are_those_of_the_environment_that_has_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = Row("N5", ok=True)

    def from_there(*_asked_for: str) -> list[Row]:
        return [there]

    monkeypatch.setattr(realtime_rows, "declared_rows", dict[str, RowTest])
    monkeypatch.setattr(realtime_rows, "has_agents", lambda: False)
    monkeypatch.setattr(realtime_rows, "rows_from_there", from_there)
    assert run(only="N5") == [there]
    assert len(run(adapter=1)) == 19
