"""`Transfer`: hands the caller to a person, as a tool that the model may call."""

import re
from dataclasses import dataclass
from typing import Final

from telephony.agent.names import HANDOFF_PREFIX, check_name
from telephony.errors import ConfigurationError

__all__ = ["Transfer"]

TARGET: Final = re.compile(r"(?:sips?|tel):[!#-;=?-~]+", re.IGNORECASE)
"""A URI of these schemes in printable ASCII, without what would end it inside a header."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """A way out of the call to somebody outside: REFER, and the call is theirs.

    Attributes:
        name: Names the function `transfer_to_<name>`.
        to: A `sip:`, `sips:` or `tel:` URI; `[transfer] allow` has to let it through.
        description: What the model reads about whom this reaches and for what.

    Raises:
        ConfigurationError: A value cannot be used.
    """

    name: str
    to: str
    description: str = ""

    def __post_init__(self) -> None:
        """Refuse what could not be carried out."""
        check_name(self.name, "name of a transfer", prefix=HANDOFF_PREFIX)
        if TARGET.fullmatch(self.to) is None:
            raise ConfigurationError(
                f"transfer {self.name!r}: to is {self.to!r}, wanted a sip:, sips: or tel: URI"
            )
