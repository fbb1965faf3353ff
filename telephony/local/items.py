"""The conversation: its items in order, and the rules for adding, cutting and removing them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from telephony.local.faults import RefusedEventError
from telephony.realtime import ContentPart, Item
from telephony.units import samples_to_ms_floor

__all__ = ["ConversationItems", "Entry", "Part", "entry_from_client"]

MAX_ENTRIES = 1_000
"""Older items are forgotten, as a model's context window does."""
MAX_ID_CHARACTERS = 64
MAX_ECHOED_CHARACTERS = 100
"""How much of an id that does not exist is repeated in the error."""
ROOT = "root"
Value = TypeVar("Value")

Status = Literal["in_progress", "completed", "incomplete"]


@dataclass(slots=True)
class Part:
    """One piece of a message's content."""

    type: str
    """`input_text`, `input_audio`, `output_text` or `output_audio`."""
    text: str | None = None
    """The text, or for audio its transcript; None where there is none."""
    heard: str | None = None
    """What the server understood of the caller's audio, transcribed or not."""
    samples: int = 0
    """Audio sent so far, in samples at `rate_hz`."""
    rate_hz: int = 8_000

    @property
    def is_audio(self) -> bool:
        """Whether it is spoken."""
        return self.type.endswith("_audio")

    @property
    def audio_ms(self) -> int:
        """How much audio it holds, floored."""
        return samples_to_ms_floor(self.samples, self.rate_hz)

    def to_wire(self) -> ContentPart:
        """Write it as the protocol does; audio itself is not given back."""
        if self.is_audio:
            return ContentPart(type=self.type, transcript=self.text)
        return ContentPart(type=self.type, text=self.text or "")


@dataclass(slots=True)
class Entry:
    """One item of the conversation as the server holds it."""

    item_id: str
    type: str
    """`message`, `function_call` or `function_call_output`."""
    role: str | None = None
    status: Status = "completed"
    parts: list[Part] = field(default_factory=list[Part])
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    output: str = ""
    is_answered: bool = False
    """A response has begun since it was added, so it needs no answer any more."""
    previous_id: str | None = None
    """The item it was put behind, None for the first."""

    def to_wire(self) -> Item:
        """Write it as the protocol does, with the fields of its type."""
        if self.type == "message":
            content = [part.to_wire() for part in self.parts]
            return Item(
                id=self.item_id,
                object="realtime.item",
                type=self.type,
                status=self.status,
                role=self.role,
                content=content,
            )
        if self.type == "function_call":
            return Item(
                id=self.item_id,
                object="realtime.item",
                type=self.type,
                status=self.status,
                name=self.name,
                call_id=self.call_id,
                arguments=self.arguments,
            )
        return Item(
            id=self.item_id,
            object="realtime.item",
            type=self.type,
            status=self.status,
            call_id=self.call_id,
            output=self.output,
        )


class ConversationItems:
    """The items of one session, in order."""

    def __init__(self) -> None:
        """Begin empty."""
        self._entries: dict[str, Entry] = {}
        self._order: list[str] = []

    def __iter__(self) -> Iterator[Entry]:
        """Walk the items from the first to the last."""
        return (self._entries[item_id] for item_id in self._order)

    @property
    def last_id(self) -> str | None:
        """The id of the last item, None at the start."""
        return self._order[-1] if self._order else None

    def add(self, entry: Entry, previous_item_id: str | None = None) -> None:
        """Put an item in its place and note in it which item that follows.

        Args:
            entry: The item; its id must be new.
            previous_item_id: The item it follows; "root" puts it first, None last.

        Raises:
            RefusedEventError: The id is taken or no item is called so; the client's fault.
        """
        if entry.item_id in self._entries:
            message = f"Error adding item: an item with id '{entry.item_id}' already exists."
            raise RefusedEventError("item_create_duplicate_item_id", message, "item.id")
        if previous_item_id is None:
            place = len(self._order)
        elif previous_item_id == ROOT:
            place = 0
        else:
            self._find(previous_item_id, "create", "adding", "previous_item_id")
            place = self._order.index(previous_item_id) + 1
        self._order.insert(place, entry.item_id)
        self._entries[entry.item_id] = entry
        entry.previous_id = self._order[place - 1] if place else None
        if len(self._order) > MAX_ENTRIES:
            del self._entries[self._order.pop(0)]

    def retrieve(self, item_id: str) -> Entry:
        """Give an item.

        Raises:
            RefusedEventError: There is no such item; the client's fault.
        """
        return self._find(item_id, "retrieve", "retrieving", "item_id")

    def delete(self, item_id: str) -> None:
        """Remove an item.

        Raises:
            RefusedEventError: There is no such item; the client's fault.
        """
        self._find(item_id, "delete", "deleting", "item_id")
        del self._entries[item_id]
        self._order.remove(item_id)

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        """Cut an item to the audio the caller was played, and forget its transcript.

        Raises:
            RefusedEventError: There is no such item, it is not the agent's audio, or its audio is
                shorter than that; the client's fault.
        """
        entry = self._find(item_id, "truncate", "truncating", "item_id")
        part = entry.parts[content_index] if 0 <= content_index < len(entry.parts) else None
        if entry.role != "assistant" or part is None or not part.is_audio or not part.samples:
            message = "Only model output audio messages can be truncated"
            raise RefusedEventError("unsupported_content_type", message, "item_id")
        if audio_end_ms < 0:
            message = f"Invalid value for 'audio_end_ms': {audio_end_ms} is negative."
            raise RefusedEventError("invalid_value", message, "audio_end_ms")
        if audio_end_ms > part.audio_ms:
            message = f"Audio content of {part.audio_ms}ms is already shorter than {audio_end_ms}ms"
            raise RefusedEventError("invalid_value", message, "audio_end_ms")
        part.samples = audio_end_ms * part.rate_hz // 1000
        part.text = None

    def function_name(self, call_id: str) -> str | None:
        """Name the function that a call was for, None for a call that was never made."""
        calls = (entry for entry in self if entry.type == "function_call")
        return next((entry.name for entry in calls if entry.call_id == call_id), None)

    def require_call(self, call_id: str) -> None:
        """Make sure that a result answers a call.

        Raises:
            RefusedEventError: No function was called under that id; the client's fault.
        """
        if self.function_name(call_id) is None:
            shown = call_id[:MAX_ECHOED_CHARACTERS]
            message = f"Tool call ID '{shown}' not found in conversation."
            raise RefusedEventError("invalid_tool_call_id", message, "item.call_id")

    def take_unanswered(self) -> list[Entry]:
        """Give the items that no response has answered yet, and count them as answered."""
        unanswered = [entry for entry in self if not entry.is_answered]
        for entry in unanswered:
            entry.is_answered = True
        return unanswered

    def _find(self, item_id: str, verb: str, doing: str, param: str) -> Entry:
        entry = self._entries.get(item_id)
        if entry is None:
            shown = item_id[:MAX_ECHOED_CHARACTERS]
            message = f"Error {doing} item: the item with id '{shown}' does not exist."
            raise RefusedEventError(f"item_{verb}_invalid_item_id", message, param)
        return entry


CONTENT_TYPES = {
    "user": frozenset({"input_text", "input_audio", "input_image"}),
    "system": frozenset({"input_text"}),
    "assistant": frozenset({"output_text"}),
}
"""What each role's messages may hold when the client adds them: never the agent's audio."""


def entry_from_client(item: Item, item_id: str) -> Entry:
    """Make an entry of an item that the client adds.

    Args:
        item: As the client sent it.
        item_id: Its id where the client gave none.

    Raises:
        RefusedEventError: It is of no type that a client may add, or lacks what its type needs.
    """
    item_id = item.id or item_id
    if len(item_id) > MAX_ID_CHARACTERS:
        message = f"Invalid 'item.id': longer than {MAX_ID_CHARACTERS} characters."
        raise RefusedEventError("invalid_value", message, "item.id")
    match item.type:
        case "message":
            return _message_from_client(item, item_id)
        case "function_call_output":
            call_id = _required(item.call_id, "item.call_id")
            output = _required(item.output, "item.output")
            return Entry(item_id, item.type, call_id=call_id, output=output)
        case "function_call":
            return Entry(
                item_id,
                item.type,
                call_id=_required(item.call_id, "item.call_id"),
                name=_required(item.name, "item.name"),
                arguments=item.arguments or "{}",
                is_answered=True,
            )
        case other:
            message = f"Invalid value: '{other[:MAX_ECHOED_CHARACTERS]}' is no item type."
            raise RefusedEventError("invalid_value", message, "item.type")


def _message_from_client(item: Item, item_id: str) -> Entry:
    role = _required(item.role, "item.role")
    allowed = CONTENT_TYPES.get(role)
    if allowed is None:
        message = f"Invalid value: '{role[:MAX_ECHOED_CHARACTERS]}' is no role."
        raise RefusedEventError("invalid_value", message, "item.role")
    content = _required(item.content, "item.content")
    for index, part in enumerate(content):
        if part.type not in allowed:
            message = (
                f"Invalid value: '{part.type[:MAX_ECHOED_CHARACTERS]}'. "
                f"Supported values are: {sorted(allowed)}."
            )
            raise RefusedEventError("invalid_value", message, f"item.content[{index}].type")
    parts = [
        Part(part.type, part.transcript if part.type == "input_audio" else part.text)
        for part in content
    ]
    return Entry(item_id, item.type, role, parts=parts, is_answered=role != "user")


def _required(value: Value | None, param: str) -> Value:
    if value is None:
        message = f"Missing required parameter: '{param}'."
        raise RefusedEventError("missing_required_parameter", message, param)
    return value
