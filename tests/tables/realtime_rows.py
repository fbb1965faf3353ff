"""Table realtime-rows: the behaviours of the Realtime client, and that each test of one can fail.

The rows are those of `reference/realtime.md`, section (a). Each row's test runs here as it does
under pytest, over a real WebSocket. Where the reference names a defect, the row's mutation then
switches the behaviour off, and the same test has to fail. A row whose test is marked as expected to
fail is missing, and its mark says what the product lacks. Rows of the SDK's own surface need
openai-agents: they run in the environment that `sh tests/run.sh realtime-rows` makes for it.
"""

import importlib
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.agents_environment import HOW_TO_RUN, has_agents, rows_from_there
from tests.support.realtime_rows import RowTest, replaced, row_tests
from tests.tables.row import Row

TESTS = "test_realtime_rows_*.py"
SECTIONS = {
    "A": (4, {1, 4}),
    "B": (22, {1, 5, 9, 10, 16, 17, 21, 22}),
    "C": (4, {3, 4}),
    "D": (7, {3, 4, 5, 7}),
    "E": (9, {1, 2, 3, 4, 5, 8, 9}),
    "F": (6, {2, 4, 5, 6}),
    "G": (8, {3, 4, 5, 6, 8}),
    "H": (4, {1, 3, 4}),
    "I": (3, {1}),
    "J": (6, {1, 3}),
    "K": (10, {2, 3, 4, 6, 10}),
    "L": (4, set[int]()),
    "M": (8, {1, 2, 3}),
    "N": (5, {1, 2, 4}),
}
"""How many rows each letter has, and which of them name a defect of the origin class."""
ADAPTER = {
    "A": {1, 2, 3, 4},
    "B": {1, 2, 3, 4, 5, 6, 7},
    "C": {1, 2, 3, 4},
    "E": {7, 8},
    "F": {5},
    "N": {5},
}
"""Rows about the SDK's own Python surface: the adapter's to show."""
SHOWN_CHARACTERS = 90


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one row.

    Attributes:
        holds: Whether its test passes and, where it has a gap, fails once mutated.
        mutation: "caught", "not caught" or "none", where there has to be one.
        why: What is missing or wrong.
    """

    holds: bool
    mutation: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A row of the reference.

    Attributes:
        number: Such as "D4".
        has_gap: Whether the origin class falls short here.
        is_adapters: Whether the SDK's adapter has to show it.
    """

    number: str
    has_gap: bool
    is_adapters: bool


def places() -> Iterator[Place]:
    """Give every row, in the reference's order."""
    for letter, (count, gaps) in SECTIONS.items():
        for index in range(1, count + 1):
            yield Place(f"{letter}{index}", index in gaps, index in ADAPTER.get(letter, ()))


def declared_rows() -> dict[str, RowTest]:
    """Find every row's test.

    Raises:
        ValueError: Two tests claim one row, or a test's name is not its row's.
    """
    found: dict[str, RowTest] = {}
    for path in sorted((Path(__file__).parents[1] / "e2e").glob(TESTS)):
        try:
            module = importlib.import_module(f"tests.e2e.{path.stem}")
        except pytest.skip.Exception:
            continue  # what it needs is not installed here
        for one in row_tests(module):
            name = one.test.__name__
            if one.number in found or not name.startswith(f"test_{one.number}_"):
                raise ValueError(f"{path.name}: {name} is not the one test of {one.number}")
            found[one.number] = one
    return found


def failure_of(one: RowTest) -> str:
    """Run a test; give why it failed, nothing where it passed."""
    try:
        one.test()
    except (Exception, pytest.fail.Exception) as failed:  # whatever a test may raise
        where = traceback.extract_tb(failed.__traceback__)[-1]
        words = str(failed).splitlines() or [where.line or where.name]
        return f"{type(failed).__name__}: {words[0]}"[:SHOWN_CHARACTERS]
    return ""


def judge(one: RowTest, *, has_gap: bool) -> Verdict:
    """Run a row's test as it is and, where that is due, with the row's behaviour switched off."""
    failure = failure_of(one)
    if one.missing:
        return Verdict(holds=False, why=f"missing: {one.missing}" if failure else "mark is stale")
    if failure:
        return Verdict(holds=False, why=failure)
    if not one.mutations:
        return Verdict(holds=not has_gap, mutation="none" if has_gap else "")
    with replaced(one.mutations):
        failure = failure_of(one)
    return Verdict(bool(failure), "caught" if failure else "not caught", failure)


def run(only: str = "", adapter: int = 0) -> list[Row]:
    """Judge every row, or those whose number begins as `only` says; 1 takes the adapter's alone."""
    tests = declared_rows()
    wanted = [
        place
        for place in places()
        if place.number.startswith(only) and (place.is_adapters or not adapter)
    ]
    there: dict[str, Row] = {}
    if not has_agents() and any(place.is_adapters for place in wanted):
        rows = rows_from_there("realtime-rows", "--adapter", "1", "--only", only)
        there = {row.name: row for row in rows}
    return [there.get(place.number) or row_of(place, tests.get(place.number)) for place in wanted]


def row_of(place: Place, one: RowTest | None) -> Row:
    """Judge one row."""
    if one is None:
        lacks = HOW_TO_RUN.format(table="realtime-rows") if place.is_adapters else "a test"
        verdict = Verdict(holds=False, why=f"missing: {lacks}")
    else:
        verdict = judge(one, has_gap=place.has_gap)
    gap = "gap" if place.has_gap else ""
    figures = {"gap": gap, "mutation": verdict.mutation, "why": verdict.why}
    return Row(place.number, verdict.holds, {**figures})
