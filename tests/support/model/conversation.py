"""The items of a scripted conversation, kept as the hosted server keeps them."""

from dataclasses import dataclass

from tests.support.model.wire import SAMPLES_PER_MS, ErrorAnswer, Event, Wire


@dataclass(slots=True)
class Item:
    """One item.

    Attributes:
        item_id: Its id.
        kind: message, function_call or function_call_output.
        number: Its number in the position code; None where it has no audio of ours.
        samples: Its audio sent, less what was truncated since.
    """

    item_id: str
    kind: str
    number: int | None = None
    samples: int = 0


class Conversation:
    """All items of a session, and what a client may do to them."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._items: dict[str, Item] = {}

    def new(self, kind: str, item_id: str = "") -> Item:
        """Add an item."""
        item = Item(item_id or self._wire.new_id("item"), kind)
        self._items[item.item_id] = item
        return item

    async def announce(self, item: Item, content: Event) -> None:
        """Tell the client of an item that is whole."""
        shown = {**content, "id": item.item_id, "type": item.kind, "status": "completed"}
        await self._wire.send("conversation.item.added", item=shown, previous_item_id=None)
        await self._wire.send("conversation.item.done", item=shown, previous_item_id=None)

    async def create(self, event: Event) -> None:
        """Answer `conversation.item.create`."""
        content: Event = dict(event["item"])
        item = self.new(str(content.pop("type")), str(content.pop("id", "")))
        await self.announce(item, content)

    async def retrieve(self, event: Event) -> None:
        """Answer `conversation.item.retrieve`."""
        item = self._known(event)
        shown = {"id": item.item_id, "type": item.kind, "object": "realtime.item"}
        await self._wire.send("conversation.item.retrieved", item=shown)

    async def truncate(self, event: Event) -> None:
        """Answer `conversation.item.truncate`: whole milliseconds, of audio that was sent."""
        item = self._known(event)
        end_ms = int(event["audio_end_ms"])
        if item.number is None or end_ms <= 0:
            message = "Only model output audio messages can be truncated"
            raise ErrorAnswer("unsupported_content_type", message)
        if end_ms * SAMPLES_PER_MS > item.samples:
            length_ms = item.samples // SAMPLES_PER_MS
            message = f"Audio content of {length_ms}ms is already shorter than {end_ms}ms"
            raise ErrorAnswer("invalid_value", message)
        item.samples = end_ms * SAMPLES_PER_MS
        await self._wire.send(
            "conversation.item.truncated",
            item_id=item.item_id,
            content_index=event["content_index"],
            audio_end_ms=end_ms,
        )

    async def delete(self, event: Event) -> None:
        """Answer `conversation.item.delete`."""
        item = self._known(event)
        del self._items[item.item_id]
        await self._wire.send("conversation.item.deleted", item_id=item.item_id)

    def _known(self, event: Event) -> Item:
        item = self._items.get(str(event.get("item_id")))
        if item is None:
            raise ErrorAnswer("item_not_found", f"no item {event.get('item_id')!r}")
        return item
