"""The one place of the engine that catches what none of its code should raise.

A fault in one call must not stop the media clock or the reading of sockets, which serve all calls:
it is logged, and ends that one call.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

__all__ = ["supervised"]

P = ParamSpec("P")


class Supervised(Protocol):
    """What can be ended by a fault of its own."""

    def fail(self, fault: Exception) -> None:
        """Log the fault, and end."""
        ...


S = TypeVar("S", bound=Supervised)


def supervised(method: Callable[Concatenate[S, P], None]) -> Callable[Concatenate[S, P], None]:
    """Let a fault in a method end its own object, and nothing else."""

    @wraps(method)
    def guarded(self: S, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception as fault:
            self.fail(fault)

    return guarded
