"""What was said before a session, as the items that tell it so."""

from collections.abc import Iterator

from telephony.realtime.client_events import ItemCreate
from telephony.realtime.profiles import SessionStyle
from telephony.realtime.wire import ContentPart, Item
from telephony.voice import PastItem, PastTool, PastWords, Restore

__all__ = ["restore_events"]


def restore_events(restore: Restore, token: str, style: SessionStyle) -> Iterator[ItemCreate]:
    """Give the events that add past items to a conversation, in order.

    Each item keeps the name that we gave it, so that it can be replaced. A tool's call comes with
    its output, or alone while the tool is at work: its result goes to this item then.

    Args:
        restore: What to tell, and where.
        token: Makes the events' ids unique.
        style: Of the server's sessions: beta servers have another name for an agent's words.
    """
    after = restore.after
    for past in restore.items:
        for item in wire_items(past, style):
            event_id = f"past_{token}_{item.id}"
            if after is None:
                yield ItemCreate(event_id=event_id, item=item)
            else:
                yield ItemCreate(event_id=event_id, previous_item_id=after, item=item)
                after = item.id


def wire_items(past: PastItem, style: SessionStyle) -> Iterator[Item]:
    """Give the items that stand for one past item."""
    match past:
        case PastWords(role="caller"):
            part = ContentPart(type="input_text", text=past.text)
            yield Item(type="message", id=past.name, role="user", content=[part])
        case PastWords():
            part = ContentPart(type="text" if style == "beta" else "output_text", text=past.text)
            yield Item(type="message", id=past.name, role="assistant", content=[part])
        case PastTool():
            yield Item(
                type="function_call",
                id=past.name,
                call_id=past.call_id,
                name=past.function,
                arguments=past.arguments,
            )
            if past.output is not None:
                yield Item(
                    type="function_call_output",
                    id=past.output_name,
                    call_id=past.call_id,
                    output=past.output,
                )
