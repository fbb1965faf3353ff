"""Events of the server that change nothing in the session: what they tell, in the port's words."""

from collections.abc import Iterator

from telephony.realtime import events
from telephony.realtime.outcomes import shown
from telephony.realtime.wire import Item
from telephony.voice import (
    DigitReceived,
    IdleTimedOut,
    ItemDeleted,
    ItemTruncated,
    ItemUpdated,
    PlayoutReported,
    RateLimitUpdated,
    SessionOpened,
    ToolServed,
    VoiceErrorReceived,
    VoiceEvent,
)

__all__ = ["news_of"]

END_OF_TIME = 2**40
"""Of a server's clock, in Unix seconds; what is behind it is none of its times."""


def news_of(event: events.ServerEvent) -> Iterator[VoiceEvent]:
    """Give what an event tells by itself, nothing for one that does not."""
    match event:
        case events.SessionCreated():
            expires_at = event.session.get("expires_at")
            is_time = isinstance(expires_at, int) and 0 < expires_at < END_OF_TIME
            yield SessionOpened(
                session_id=shown(event.session.get("id")),
                expires_at=expires_at if is_time else None,
            )
        case events.ItemTruncatedEvent():
            yield ItemTruncated(event.item_id, event.content_index, event.audio_end_ms)
        case events.ItemDeletedEvent():
            yield ItemDeleted(event.item_id)
        case events.TimeoutTriggered():
            yield IdleTimedOut(event.item_id, event.audio_start_ms, event.audio_end_ms)
        case events.DigitEvent():
            yield DigitReceived(event.event)
        case events.OutputBufferEvent():
            yield PlayoutReported(event.response_id, event.state)
        case events.RateLimitsUpdated():
            for limit in event.rate_limits:
                yield RateLimitUpdated(
                    shown(limit.name), limit.limit, limit.remaining, limit.reset_seconds
                )
        case _:
            yield from item_news_of(event)


def item_news_of(event: events.ServerEvent) -> Iterator[VoiceEvent]:
    """Give what an event tells of an item or of what works on one."""
    match event:
        case events.OutputItemDone(item=Item(type="mcp_call") as item):
            yield ToolServed(
                item_id=item.id or "",
                server=shown(item.server_label),
                name=shown(item.name),
                arguments=shown(item.arguments),
                output=shown(item.output),
            )
        case events.ToolServerEvent(type="mcp_list_tools.failed"):
            yield VoiceErrorReceived("tool_server_unreachable", "it did not say what tools it has")
        case events.ToolServerEvent(type="response.mcp_call.failed"):
            yield VoiceErrorReceived("tool_server_failed", "a call of one of its tools failed")
        case events.OutputItemAdded() | events.ItemAdded():
            yield from updated_message(event.item, event, "in_progress")
        case events.OutputItemDone() | events.ItemDone() | events.ItemRetrieved():
            yield from updated_message(event.item, event, "completed")
        case _:
            pass


def updated_message(item: Item, event: events.ServerEvent, status: str) -> Iterator[ItemUpdated]:
    """Give a message as it now stands; items of other kinds are told as what they mean.

    Args:
        item: The event's.
        event: It may say where the item stands in the conversation.
        status: What holds where the item does not say.
    """
    if item.type != "message" or not item.id:
        return
    said = (part.transcript if part.text is None else part.text for part in item.content or ())
    place = event.previous_item_id if isinstance(event, events.ItemEventBase) else None
    yield ItemUpdated(
        item_id=item.id,
        role=item.role or "assistant",
        status=item.status or status,
        previous_item_id=place,
        texts=tuple(text for text in said if text is not None),
    )
