"""What every message of the Realtime protocol shares: the base model, its errors, its objects.

Source: the Realtime API reference, GA dialect. A field that was not set is left out when written;
a field set to None is written as null: the protocol tells the two apart ("leave it" and "none").
"""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from telephony.errors import RemoteError

__all__ = [
    "MAX_ID_CHARACTERS",
    "ContentPart",
    "ErrorDetail",
    "Id",
    "Item",
    "MalformedEventError",
    "ResponseObject",
    "TypedWireModel",
    "WireModel",
    "event_id_of",
    "parse_tagged",
    "write_event",
]

SHOWN_TYPE_CHARACTERS = 100
"""How much of a type that a peer made up is repeated in events and messages."""

MAX_ID_CHARACTERS = 512
"""Servers' own take some thirty; hundreds of ids are kept in mind for each call."""
Id = Annotated[str, Field(max_length=MAX_ID_CHARACTERS)]


class MalformedEventError(RemoteError):
    """A message is not JSON, has no type, or lacks what its type needs: the sender is at fault.

    Attributes:
        code: The protocol's word for it: "invalid_json", "unknown_event_type",
            "missing_required_parameter" or "invalid_value".
        param: Dotted path of the field at fault, "type" for the type itself, "" where none is.
        event_type: The type the message gave, "" where it gave none.
    """

    def __init__(self, message: str, *, code: str, param: str = "", event_type: str = "") -> None:
        """Say what was wrong, never with the value seen: it may hold audio or words."""
        super().__init__(message)
        self.code = code
        self.param = param
        self.event_type = event_type


class WireModel(BaseModel):
    """An object of the protocol: unknown fields are ignored, absent ones differ from null."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class TypedWireModel(WireModel):
    """An object that says what it is in `type`, which is written even where it was defaulted."""

    def model_post_init(self, context: Any, /) -> None:  # noqa: ARG002 - pydantic's signature
        """Count `type` among the fields that were set."""
        self.model_fields_set.add("type")


class ContentPart(TypedWireModel):
    """One piece of an item: `input_text`, `input_audio`, `output_audio` and so on."""

    type: str = ""
    text: str | None = None
    transcript: str | None = None
    audio: str | None = None
    """Base64."""
    image_url: str | None = None
    """A `data:` URL."""
    detail: str | None = None


class Item(TypedWireModel):
    """One entry of the conversation: such as a `message` or a `function_call`."""

    id: Id | None = None
    object: str | None = None
    type: str = ""
    status: str | None = None
    """`completed`, `in_progress` or `incomplete`; some servers leave it out."""
    role: str | None = None
    content: list[ContentPart] | None = None
    call_id: Id | None = None
    name: str | None = None
    arguments: str | None = None
    """JSON text, as the model wrote it."""
    output: str | None = None
    server_label: str | None = None
    """Of an `mcp_call`: the server of tools that the provider called."""


class ErrorDetail(WireModel):
    """What an `error` event holds; servers disagree on which of its fields they fill."""

    type: str | None = None
    code: str | None = None
    message: str | None = None
    param: str | None = None
    event_id: str | None = None
    """The client event that caused it, where the server says so."""


class ResponseObject(WireModel):
    """A response, as it begins or as it ended."""

    id: Id = ""
    object: str | None = None
    status: str | None = None
    """`in_progress`, `completed`, `cancelled`, `incomplete` or `failed`."""
    status_details: Any = None
    """An object with `reason` or `error`; one server puts a string here."""
    output: list[Item] | None = None
    usage: Any = None
    metadata: Any = None


Event = TypeVar("Event")


def parse_tagged(adapter: TypeAdapter[Event], text: bytes | str) -> Event:
    """Read one message into the model that its `type` names.

    Args:
        adapter: A union discriminated by `type`.
        text: The message as it stood in its frame, UTF-8.

    Raises:
        MalformedEventError: The sender is at fault; its `code` says how.
    """
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        raise explain(error) from None


def explain(error: ValidationError) -> MalformedEventError:
    """Turn pydantic's first complaint into ours, without the values it saw."""
    first = error.errors(include_url=False, include_input=False)[0]
    kind = first["type"]
    if kind == "json_invalid":
        return MalformedEventError("the message is not valid JSON", code="invalid_json")
    if kind == "union_tag_invalid":
        seen = str(first.get("ctx", {}).get("tag", ""))[:SHOWN_TYPE_CHARACTERS]
        return MalformedEventError(
            f"{seen!r} is no event type of this protocol",
            code="unknown_event_type",
            param="type",
            event_type=seen,
        )
    if kind == "union_tag_not_found":
        return MalformedEventError(
            "the message has no type", code="missing_required_parameter", param="type"
        )
    if not first["loc"]:
        return MalformedEventError("the message is not a JSON object", code="invalid_json")
    event_type, *path = (str(step) for step in first["loc"])
    param = ".".join(path)
    return MalformedEventError(
        f"{event_type}: {param}: {first['msg']}",
        code="missing_required_parameter" if kind == "missing" else "invalid_value",
        param=param,
        event_type=event_type,
    )


def write_event(event: WireModel) -> bytes:
    """Give the message for one event: UTF-8 JSON, unset fields left out, explicit nulls kept."""
    return event.model_dump_json(exclude_unset=True).encode()


def event_id_of(text: bytes | str) -> str | None:
    """Find the `event_id` of a message that could not be read, so that an error can name it.

    Returns:
        The id, None where there is none to be found.
    """
    try:
        message: object = from_json(text)
    except ValueError:
        return None
    match message:
        case {"event_id": str(event_id)}:
            return event_id
        case _:
            return None
