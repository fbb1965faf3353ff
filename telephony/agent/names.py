"""The names that a model calls functions by, and how declarations complain about them."""

import re
from typing import Final

from telephony.errors import ConfigurationError

__all__ = ["HANDOFF_PREFIX", "check_name"]

HANDOFF_PREFIX: Final = "transfer_to_"
MAX_NAME_CHARACTERS: Final = 64
"""Of a function's name, by the Realtime protocol; a handoff's prefix counts."""
NAME: Final = re.compile(r"[A-Za-z0-9_-]+")


def check_name(name: str, what: str, *, prefix: str = "") -> None:
    """Refuse a name that could not be part of a function's name.

    Args:
        name: As the user wrote it.
        what: Names the declaration in the message.
        prefix: What is put in front to make the function's name.

    Raises:
        ConfigurationError: It is empty, too long, or has other characters.
    """
    longest = MAX_NAME_CHARACTERS - len(prefix)
    if NAME.fullmatch(name) is None or len(name) > longest:
        raise ConfigurationError(
            f"{what} is {name!r}, wanted 1 to {longest} letters, digits, '_' or '-'"
        )
