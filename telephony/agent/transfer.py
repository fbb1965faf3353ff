"""`Transfer`: hands the caller to a person, as a tool that the model may call."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from telephony.agent.names import HANDOFF_PREFIX, check_name
from telephony.errors import ConfigurationError

__all__ = ["Transfer", "TransferMode"]

TransferMode = Literal["blind", "attended", "bridge"]
AVAILABLE_MODES: Final = ("blind",)
TARGET: Final = re.compile(r"(?:sips?|tel):[!#-;=?-~]+", re.IGNORECASE)
"""A URI of these schemes in printable ASCII, without what would end it inside a header."""
DEFAULT_TIMEOUT_S: Final = 32.0
"""64 x T1: without a word from the other side by then, nobody knows how it ended."""
MAX_TIMEOUT_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Transfer:
    """A way out of the call to somebody outside.

    Attributes:
        name: Names the function `transfer_to_<name>`.
        to: A `sip:`, `sips:` or `tel:` URI; `[transfer] allow` has to let it through.
        mode: "blind": REFER, and the call is theirs. "attended" and "bridge" are reserved.
        announce: What the agent says first, or None.
        timeout_s: How long to wait for the outcome, in seconds.
        description: What the model reads about whom this reaches and for what.

    Raises:
        ConfigurationError: A value cannot be used.
    """

    name: str
    to: str
    mode: TransferMode = "blind"
    announce: str | None = None
    timeout_s: float = DEFAULT_TIMEOUT_S
    description: str = ""

    def __post_init__(self) -> None:
        """Refuse what could not be carried out."""
        check_name(self.name, "name of a transfer", prefix=HANDOFF_PREFIX)
        if TARGET.fullmatch(self.to) is None:
            raise ConfigurationError(
                f"transfer {self.name!r}: to is {self.to!r}, wanted a sip:, sips: or tel: URI"
            )
        if self.mode not in AVAILABLE_MODES:
            raise ConfigurationError(
                f"transfer {self.name!r}: mode is {self.mode!r}, wanted 'blind',"
                " the only one there is yet"
            )
        if not 0 < self.timeout_s <= MAX_TIMEOUT_S:
            raise ConfigurationError(
                f"transfer {self.name!r}: timeout_s is {self.timeout_s!r},"
                f" wanted above 0 to {MAX_TIMEOUT_S:g}"
            )
