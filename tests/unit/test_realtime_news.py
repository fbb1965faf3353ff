"""What an event of the server tells by itself, row by row."""

import json

import pytest

from telephony.realtime.events import parse_server_event
from telephony.realtime.news import news_of
from telephony.realtime.wire import MalformedEventError
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

SAID = {"id": "u1", "type": "message", "role": "user", "content": [{"type": "input_audio"}]}
ROWS: tuple[tuple[dict[str, object], list[VoiceEvent]], ...] = (
    ({"type": "session.created", "session": {}}, [SessionOpened("")]),
    ({"type": "session.created", "session": {"id": "s", "expires_at": 7}}, [SessionOpened("s", 7)]),
    ({"type": "session.created", "session": {"expires_at": "soon"}}, [SessionOpened("")]),
    ({"type": "session.created", "session": {"expires_at": 10**400}}, [SessionOpened("")]),
    ({"type": "session.created", "session": {"expires_at": -1}}, [SessionOpened("")]),
    (
        {"type": "conversation.item.truncated", "item_id": "i", "audio_end_ms": 5},
        [ItemTruncated("i", 0, 5)],
    ),
    ({"type": "conversation.item.deleted", "item_id": "i"}, [ItemDeleted("i")]),
    ({"type": "input_audio_buffer.timeout_triggered"}, [IdleTimedOut("", 0, 0)]),
    ({"type": "input_audio_buffer.dtmf_event_received", "event": "D"}, [DigitReceived("D")]),
    (
        {"type": "output_audio_buffer.cleared", "response_id": "r"},
        [PlayoutReported("r", "cleared")],
    ),
    (
        {"type": "rate_limits.updated", "rate_limits": [{"name": "requests"}, {}]},
        [
            RateLimitUpdated("requests", None, None, None),
            RateLimitUpdated("", None, None, None),
        ],
    ),
    ({"type": "rate_limits.updated"}, []),
    (
        {"type": "conversation.item.added", "item": SAID},
        [ItemUpdated("u1", "user", "in_progress", None, ())],
    ),
    (
        {"type": "conversation.item.done", "item": {**SAID, "status": "incomplete"}},
        [ItemUpdated("u1", "user", "incomplete", None, ())],
    ),
    (
        {"type": "response.output_item.done", "item": {"id": "i", "type": "message"}},
        [ItemUpdated("i", "assistant", "completed", None, ())],
    ),
    (
        {"type": "response.output_item.done", "item": {"type": "mcp_call", "output": "x" * 999}},
        [ToolServed("", "", "", "", "x" * 500)],
    ),
    ({"type": "response.output_item.added", "item": {"id": "i", "type": "mcp_call"}}, []),
    ({"type": "response.mcp_call.in_progress"}, []),
    (
        {"type": "response.mcp_call.failed"},
        [VoiceErrorReceived("tool_server_failed", "a call of one of its tools failed")],
    ),
    (
        {"type": "mcp_list_tools.failed"},
        [VoiceErrorReceived("tool_server_unreachable", "it did not say what tools it has")],
    ),
    ({"type": "conversation.item.done", "item": {"type": "message"}}, []),
    ({"type": "input_audio_buffer.cleared"}, []),
)


@pytest.mark.parametrize(("event", "told"), ROWS)
def test_an_event_tells(event: dict[str, object], told: list[VoiceEvent]) -> None:
    assert list(news_of(parse_server_event(json.dumps(event)))) == told


@pytest.mark.parametrize("key", ["12", "", "x", 5])
def test_what_is_no_key_is_refused(key: object) -> None:
    event = {"type": "input_audio_buffer.dtmf_event_received", "event": key}
    with pytest.raises(MalformedEventError):
        parse_server_event(json.dumps(event))


def test_a_blank_before_a_type_is_nothing_new() -> None:
    text = b'{"type": " response.audio.done", "item_id": "i"}'
    assert parse_server_event(text).type == "response.output_audio.done"
    assert parse_server_event(b'{"type": " of_tomorrow "}').type == "of_tomorrow"
