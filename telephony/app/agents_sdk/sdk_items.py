"""Items of a conversation, usage and errors, in the SDK's shapes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from agents.realtime.items import RealtimeMessageItem, RealtimeToolCallItem
from agents.realtime.model_events import (
    RealtimeModelCachedTokensDetails,
    RealtimeModelInputTokensDetails,
    RealtimeModelOutputTokensDetails,
    RealtimeModelToolCallEvent,
    RealtimeModelUsageEvent,
)
from agents.realtime.model_inputs import RealtimeModelUserInput
from agents.usage import Usage
from openai.types.realtime import RealtimeError
from pydantic import TypeAdapter, ValidationError

from telephony.voice import ToolCalled

__all__ = [
    "called_item",
    "error_object",
    "message_item",
    "output_item",
    "tool_call",
    "usage_event",
    "user_parts",
]

MESSAGE: Final[TypeAdapter[Any]] = TypeAdapter(RealtimeMessageItem)
"""Made once a process: it costs some milliseconds."""
STATUSES: Final = frozenset({"in_progress", "completed", "incomplete"})
DETAILS: Final = frozenset({"auto", "low", "high"})
SPOKEN: Final = frozenset({"audio", "output_audio"})
WRITTEN: Final = frozenset({"text", "output_text"})


def message_item(
    item: Mapping[str, Any], *, previous_item_id: str | None = None, status: str = "in_progress"
) -> Any:
    """Turn a message of the protocol into the SDK's.

    Args:
        item: With `id`, `role`, `content` and `status`; what cannot be read is left out.
        previous_item_id: The one before it, where the server says so.
        status: What holds where the item does not say.

    Returns:
        A `RealtimeMessageItem`, None where the item is no message that the SDK can hold.
    """
    if item.get("type", "message") != "message":
        return None
    said = item.get("status")
    try:
        return MESSAGE.validate_python(
            {
                "item_id": item.get("id") or "",
                "previous_item_id": previous_item_id,
                "type": "message",
                "role": item.get("role") or "assistant",
                "content": list(_parts(item.get("content"))),
                "status": said if said in STATUSES else status,
            }
        )
    except ValidationError:
        return None


def _parts(content: object) -> Iterator[dict[str, Any]]:
    """Give the parts under the names that the SDK's items have for them."""
    for part in cast("Sequence[Any]", content) if isinstance(content, list) else ():
        if not isinstance(part, Mapping):
            continue
        given = cast("Mapping[str, Any]", part)
        kind = given.get("type")
        if kind in SPOKEN:
            audio, transcript = given.get("audio"), given.get("transcript")
            yield {"type": "audio", "audio": audio, "transcript": transcript}
        elif kind in WRITTEN:
            yield {"type": "text", "text": given.get("text")}
        else:
            yield dict(given)


def tool_call(called: ToolCalled) -> RealtimeModelToolCallEvent:
    """Turn a call of a function into the event by which the SDK's session runs it."""
    return RealtimeModelToolCallEvent(
        call_id=called.call_id, name=called.name, arguments=called.arguments, id=called.item_id
    )


def called_item(called: ToolCalled) -> RealtimeToolCallItem:
    """Give a call of a function as an item that has no output yet."""
    return _call_item(tool_call(called), None)


def output_item(call: RealtimeModelToolCallEvent, output: str) -> RealtimeToolCallItem:
    """Give a call of a function with what came of it."""
    return _call_item(call, output)


def _call_item(call: RealtimeModelToolCallEvent, output: str | None) -> RealtimeToolCallItem:
    return RealtimeToolCallItem(
        item_id=call.id or "",
        previous_item_id=call.previous_item_id,
        call_id=call.call_id,
        type="function_call",
        status="in_progress" if output is None else "completed",
        arguments=call.arguments,
        name=call.name,
        output=output,
    )


def user_parts(user_input: RealtimeModelUserInput) -> list[dict[str, Any]]:
    """Give the parts of what a user writes or shows; those that no server would take are left out.

    Raises:
        TypeError: It is neither text nor a message.
    """
    if isinstance(user_input, str):
        return [{"type": "input_text", "text": user_input}]
    given: Any = user_input
    if not isinstance(given, Mapping):
        raise TypeError(f"the user's input is {type(given).__name__}, wanted str or a message")
    content: Any = cast("Mapping[str, Any]", given).get("content") or ()
    return [part for said in content if (part := _user_part(said)) is not None]


def _user_part(said: Any) -> dict[str, Any] | None:
    match said:
        case {"type": "input_text", "text": str(text)}:
            return {"type": "input_text", "text": text}
        case {"type": "input_image", "image_url": str(url), **rest} if url:
            detail = rest.get("detail")
            shown = {"detail": detail} if detail in DETAILS else {}
            return {"type": "input_image", "image_url": url, **shown}
        case _:
            return None


def usage_event(usage: Mapping[str, Any]) -> RealtimeModelUsageEvent:
    """Give what a response used; what the server does not say, or says wrongly, is not counted."""
    tokens_in, tokens_out = _count(usage, "input_tokens"), _count(usage, "output_tokens")
    total = _count(usage, "total_tokens")
    inner, outer = _inside(usage, "input_token_details"), _inside(usage, "output_token_details")
    cached = _inside(inner, "cached_tokens_details")
    summed = Usage(
        requests=1,
        input_tokens=tokens_in or 0,
        output_tokens=tokens_out or 0,
        total_tokens=(tokens_in or 0) + (tokens_out or 0) if total is None else total,
    )
    summed.input_tokens_details.cached_tokens = _count(inner, "cached_tokens") or 0
    cached_details = RealtimeModelCachedTokensDetails(
        text_tokens=_count(cached, "text_tokens"),
        audio_tokens=_count(cached, "audio_tokens"),
        image_tokens=_count(cached, "image_tokens"),
    )
    input_details = RealtimeModelInputTokensDetails(
        text_tokens=_count(inner, "text_tokens"),
        audio_tokens=_count(inner, "audio_tokens"),
        image_tokens=_count(inner, "image_tokens"),
        cached_tokens=_count(inner, "cached_tokens"),
        cached_tokens_details=cached_details if cached else None,
    )
    output_details = RealtimeModelOutputTokensDetails(
        text_tokens=_count(outer, "text_tokens"), audio_tokens=_count(outer, "audio_tokens")
    )
    return RealtimeModelUsageEvent(
        usage=summed,
        input_tokens_details=input_details if inner else None,
        output_tokens_details=output_details if outer else None,
    )


def _count(of: Mapping[str, Any], name: str) -> int | None:
    said = of.get(name)
    return said if isinstance(said, int) else None


def _inside(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    said = of.get(name)
    return cast("Mapping[str, Any]", said) if isinstance(said, Mapping) else {}


def error_object(
    code: str, message: str, *, kind: str = "client_error", event_id: str | None = None
) -> RealtimeError:
    """Give an error in the shape that users of the SDK read, whoever found it.

    Args:
        code: The server's, or ours where its bytes were wrong.
        message: In words.
        kind: Its `type`; `client_error` where we found it.
        event_id: Of the event that it answers, where the server says so.
    """
    return RealtimeError(type=kind, code=code, message=message, event_id=event_id)
