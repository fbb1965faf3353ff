"""A core for what is measured, and the others for what is around it."""

import os
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["cores_apart", "give_core"]


@contextmanager
def cores_apart() -> Generator[int | None]:
    """Keep this process and its children off one core until the end, and give that core.

    None where there is but one, or the system does not let us choose.
    """
    if not hasattr(os, "sched_getaffinity"):
        yield None
        return
    before = os.sched_getaffinity(0)
    if len(before) == 1:
        yield None
        return
    core = min(before)
    os.sched_setaffinity(0, before - {core})
    try:
        yield core
    finally:
        os.sched_setaffinity(0, before)


def give_core(pid: int, core: int | None) -> None:
    """Let a process run on that core alone, if there is one to give."""
    if core is not None:
        os.sched_setaffinity(pid, {core})
