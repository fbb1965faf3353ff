"""Every error that this package raises, as one tree.

    TelephonyError
    ├── LocalError              we, or the user of this package, misused an interface
    │   └── ConfigurationError  a setting is wrong: names file, key, value seen and value wanted
    ├── RemoteError             the peer broke its protocol; carries a SIP status to answer with
    ├── TransportError          a socket could not be opened, or broke
    └── TransactionTimeout      a SIP transaction got no answer; names the RFC 3261 timer

A parser raises its own subclass of `RemoteError` and nothing else. Messages give the value seen,
the value wanted and the section of the standard; never secrets, audio or whole bodies.
"""

__all__ = [
    "ConfigurationError",
    "LocalError",
    "RemoteError",
    "TelephonyError",
    "TransactionTimeout",
    "TransportError",
]


class TelephonyError(Exception):
    """The root: catch it to catch whatever this package raises on purpose."""


class LocalError(TelephonyError):
    """Our side is at fault: an interface was used against its contract."""


class ConfigurationError(LocalError):
    """A setting is wrong; the message names its file, key, value seen and value wanted."""


class RemoteError(TelephonyError):
    """The peer broke its protocol.

    Attributes:
        sip_status: The SIP response status that answers such a fault, 400 to 699.
    """

    def __init__(self, message: str, *, sip_status: int = 400) -> None:
        """Say what was seen and what was wanted, and the status that answers it."""
        super().__init__(message)
        self.sip_status = sip_status


class TransportError(TelephonyError):
    """A socket could not be opened, refused the address, or broke."""


class TransactionTimeout(TelephonyError):  # noqa: N818 - the RFC's own word
    """A SIP transaction ended without an answer.

    Attributes:
        timer: The RFC 3261 timer that fired: "B", "F" or "H".
    """

    def __init__(self, message: str, *, timer: str) -> None:
        """Say which request went unanswered and which timer ended it."""
        super().__init__(message)
        self.timer = timer
