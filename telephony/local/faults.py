"""What a client did wrong, in the words of the protocol's `error` event."""

from telephony.errors import RemoteError

__all__ = ["RefusedEventError"]


class RefusedEventError(RemoteError):
    """A client event was refused; the session goes on.

    Attributes:
        code: The protocol's machine-readable code, such as "invalid_value".
        param: The field at fault, such as "session.type"; None when it is none in particular.
    """

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        """Say what was refused and why, in the protocol's code and in words."""
        super().__init__(message)
        self.code = code
        self.param = param
