"""The schema between engine and app: `CallEvent` up, `CallCommand` down, as JSON or as objects.

One line of JSON is one message over a Unix socket; a queue in one process carries the same
objects.
"""

from pydantic import TypeAdapter, ValidationError

from telephony.call.commands import CallCommand
from telephony.call.events import CallEvent
from telephony.errors import RemoteError

__all__ = ["SCHEMA_VERSION", "MessageError", "decode_command", "decode_event", "encode"]

SCHEMA_VERSION = 1
"""Goes up with every change that an older reader would misread."""


class MessageError(RemoteError):
    """The other process sent something that is no message of this schema."""


def encode(message: CallEvent | CallCommand) -> bytes:
    """Write one message as JSON, without a line end."""
    return message.model_dump_json().encode()


_EVENT: TypeAdapter[CallEvent] = TypeAdapter(CallEvent)
_COMMAND: TypeAdapter[CallCommand] = TypeAdapter(CallCommand)


def decode_event(data: bytes) -> CallEvent:
    """Read one event.

    Raises:
        MessageError: The engine sent something else: another version, or damage.
    """
    try:
        return _EVENT.validate_json(data)
    except ValidationError as wrong:
        raise MessageError(_explain(wrong)) from wrong


def decode_command(data: bytes) -> CallCommand:
    """Read one command.

    Raises:
        MessageError: The app sent something else: another version, or damage.
    """
    try:
        return _COMMAND.validate_json(data)
    except ValidationError as wrong:
        raise MessageError(_explain(wrong)) from wrong


def _explain(wrong: ValidationError) -> str:
    first = wrong.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"not a message of schema {SCHEMA_VERSION}: {where}: {first['msg']}"
