"""Items, usage and errors in the SDK's shapes; what a server writes wrongly harms nobody."""

from typing import Any, cast

import pytest

pytest.importorskip("agents", reason="the extra `agents` is not installed")

from telephony.app.agents_sdk.sdk_items import (
    called_item,
    error_object,
    message_item,
    output_item,
    tool_call,
    usage_event,
    user_parts,
)
from telephony.voice import ToolCalled

CALLED = ToolCalled("r1", "i1", "c1", "opening_hours", '{"day": "Monday"}')


def test_an_assistants_parts_have_the_sdks_names() -> None:
    content = [
        {"type": "output_audio", "transcript": "Hello"},
        {"type": "output_text", "text": "there"},
        "noise",
    ]
    item = message_item({"id": "i1", "type": "message", "role": "assistant", "content": content})
    assert [(part.type) for part in item.content] == ["audio", "text"]
    assert (item.item_id, item.status, item.content[0].transcript) == ("i1", "in_progress", "Hello")


def test_a_users_parts_stay_and_the_place_is_told() -> None:
    content = [{"type": "input_audio", "transcript": None}, {"type": "input_text", "text": "hi"}]
    item = message_item(
        {"id": "u1", "role": "user", "content": content, "status": "strange"},
        previous_item_id="i0",
        status="completed",
    )
    assert (item.role, item.previous_item_id, item.status) == ("user", "i0", "completed")
    assert [part.type for part in item.content] == ["input_audio", "input_text"]


@pytest.mark.parametrize(
    "item",
    [
        {"type": "function_call", "id": "f1"},
        {"role": "tool", "content": []},
        {"role": "user", "content": [{"type": "smell"}]},
        {"role": 7},
    ],
)
def test_what_the_sdk_cannot_hold_is_no_item(item: dict[str, Any]) -> None:
    assert message_item(item) is None


def test_content_that_is_no_list_is_none() -> None:
    assert message_item({"id": "i1", "role": "user", "content": 7}).content == []


def test_a_call_is_an_item_before_and_after_its_output() -> None:
    call = tool_call(CALLED)
    assert (call.call_id, call.name, call.arguments, call.id) == (
        "c1",
        "opening_hours",
        '{"day": "Monday"}',
        "i1",
    )
    before, after = called_item(CALLED), output_item(call, "nine to five")
    assert (before.status, before.output) == ("in_progress", None)
    assert (after.status, after.output) == ("completed", "nine to five")
    assert before.item_id == after.item_id == "i1"


def test_what_a_user_shows_is_kept_and_what_nobody_could_take_is_left_out() -> None:
    assert user_parts("hello") == [{"type": "input_text", "text": "hello"}]
    content: Any = [
        {"type": "input_text", "text": "look"},
        {"type": "input_text", "text": None},
        {"type": "input_image", "image_url": "data:,", "detail": "huge"},
        {"type": "input_image", "image_url": "data:,", "detail": "low"},
        {"type": "input_image"},
        {"type": "input_smell"},
        7,
    ]
    assert user_parts({"type": "message", "role": "user", "content": content}) == [
        {"type": "input_text", "text": "look"},
        {"type": "input_image", "image_url": "data:,"},
        {"type": "input_image", "image_url": "data:,", "detail": "low"},
    ]
    with pytest.raises(TypeError):
        user_parts(cast("Any", 7))


def test_usage_is_summed_as_the_sdk_sums_it() -> None:
    event = usage_event(
        {
            "input_tokens": 10,
            "output_tokens": 5,
            "input_token_details": {
                "audio_tokens": 7,
                "cached_tokens": 2,
                "cached_tokens_details": {"text_tokens": 2},
            },
            "output_token_details": {"audio_tokens": 4, "text_tokens": "many"},
        }
    )
    assert (event.usage.requests, event.usage.total_tokens) == (1, 15)
    assert event.usage.input_tokens_details.cached_tokens == 2
    inner, outer = event.input_tokens_details, event.output_tokens_details
    assert inner is not None
    assert inner.cached_tokens_details is not None
    assert (inner.audio_tokens, inner.cached_tokens_details.text_tokens) == (7, 2)
    assert outer is not None
    assert (outer.audio_tokens, outer.text_tokens) == (4, None)


def test_usage_without_details_has_none() -> None:
    event = usage_event({"total_tokens": 3})
    assert event.usage.total_tokens == 3
    assert (event.input_tokens_details, event.output_tokens_details) == (None, None)


def test_an_error_of_ours_looks_like_the_servers() -> None:
    error = error_object("bad_audio", "not base64")
    assert (error.type, error.code, error.message) == ("client_error", "bad_audio", "not base64")
