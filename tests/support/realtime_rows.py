"""Declares the test of one row of the realtime table, and what proves that it can fail.

    @row("D4", Replace("telephony.realtime.session.CLEAN_CODES", frozenset()))
    async def test_D4_a_clean_close_ends_the_stream(rig: Rig) -> None: ...

The rows are those of `reference/realtime.md`, section (a): A1 to N5. A mutation switches the row's
behaviour off in the test's own process: the name given is bound to something else for one run.
"""

import importlib
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from tests.support import realtime_rig
from tests.support.realtime_rig import Rig

__all__ = ["Replace", "RowTest", "replaced", "row", "row_tests"]

ROW = "realtime_row"
MUTATED_WAIT_SECONDS = 2.0
"""How long a mutated test waits for what may never come: it passed without the mutation."""

Owner = ModuleType | type
"""What holds a name."""
Story = Callable[[Rig], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Replace:
    """Binds another value to a name.

    Attributes:
        target: Dotted path: a module's name, or an attribute of a class in it.
        value: What it is for the time being.
    """

    target: str
    value: object


@dataclass(frozen=True, slots=True)
class RowTest:
    """One row's test.

    Attributes:
        number: The row's, such as "D4".
        test: Takes nothing; raises where the row does not hold.
        mutations: Switch the row's behaviour off, all together; none for a row without a gap.
        missing: Why the test is expected to fail, where it is: what the product lacks.
    """

    number: str
    test: Callable[[], None]
    mutations: tuple[Replace, ...]
    missing: str


def row(number: str, *mutations: Replace) -> Callable[[Story], Callable[[], None]]:
    """Make a story with a rig the test of a row; its name has to carry the row's number."""

    def declare(story: Story) -> Callable[[], None]:
        def test() -> None:
            realtime_rig.run(story)

        # Not functools.wraps: pytest would take the story's parameter for a fixture.
        test.__name__ = test.__qualname__ = story.__name__
        test.__module__, test.__doc__ = story.__module__, story.__doc__
        test.__dict__[ROW] = (number, mutations)
        return test

    return declare


def row_tests(module: ModuleType) -> Iterator[RowTest]:
    """Find the rows' tests in a module, in the order written."""
    for name, test in vars(module).items():
        declared = getattr(test, ROW, None)
        if declared is not None and name.startswith("test_"):
            number, mutations = declared
            reasons = (
                mark.kwargs["reason"]
                for mark in getattr(test, "pytestmark", ())
                if mark.name == "xfail"
            )
            yield RowTest(number, test, mutations, next(reasons, ""))


@contextmanager
def replaced(mutations: Iterable[Replace]) -> Generator[None]:
    """Apply mutations, and put back what was there, whatever happens."""
    waits_less = Replace(f"{realtime_rig.__name__}.WAIT_SECONDS", MUTATED_WAIT_SECONDS)
    undo: list[tuple[Owner, str, object]] = []
    try:
        for mutation in (*mutations, waits_less):
            owner, name = _owner(mutation.target)
            undo.append((owner, name, vars(owner)[name]))
            setattr(owner, name, mutation.value)
        yield
    finally:
        for owner, name, value in reversed(undo):
            setattr(owner, name, value)


def _owner(target: str) -> tuple[Owner, str]:
    """Find the module or class that holds a name."""
    path, _, name = target.rpartition(".")
    try:
        return importlib.import_module(path), name
    except ModuleNotFoundError:
        module, _, held = path.rpartition(".")
        owner: type = getattr(importlib.import_module(module), held)
        return owner, name
