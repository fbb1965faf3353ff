"""The schema between engine and app: `EngineMessage` up, `CallCommand` down, as JSON or objects.

One line of JSON is one message over a Unix socket; a queue in one process carries the same
objects.
"""

from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from telephony.call.commands import CallCommand
from telephony.call.events import CallEvent
from telephony.call.report import EngineReport
from telephony.errors import RemoteError

__all__ = [
    "SCHEMA_VERSION",
    "EngineMessage",
    "MessageError",
    "decode_command",
    "decode_event",
    "encode",
]

SCHEMA_VERSION = 1
"""Goes up with every change that an older reader would misread."""


EngineMessage = CallEvent | EngineReport
"""What an engine sends: what happens to its calls, and once a second how it does."""


class MessageError(RemoteError):
    """The other process sent something that is no message of this schema."""


def encode(message: EngineMessage | CallCommand) -> bytes:
    """Write one message as JSON, without a line end."""
    return message.model_dump_json().encode()


_EVENT: TypeAdapter[EngineMessage] = TypeAdapter(
    Annotated[EngineMessage, Field(union_mode="left_to_right")]
)
_COMMAND: TypeAdapter[CallCommand] = TypeAdapter(CallCommand)


def decode_event(data: bytes) -> EngineMessage:
    """Read one message of an engine.

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
