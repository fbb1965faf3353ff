"""Values that a state machine's state proves to be there."""

from typing import TypeVar

from telephony.errors import LocalError

__all__ = ["known"]

T = TypeVar("T")


def known(value: T | None) -> T:
    """Give a value that the state of its owner proves to be there.

    Raises:
        LocalError: It is not: a state machine and its executor disagree.
    """
    if value is None:
        raise LocalError("a value that this state needs is not there")
    return value
