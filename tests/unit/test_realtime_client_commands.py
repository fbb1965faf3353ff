"""What our side says: commands as events, and events written by hand."""

import json

import pytest

from telephony.realtime.client_commands import BadClientEventError, client_event, raw_message
from telephony.realtime.wire import write_event
from telephony.voice import AddText, Picture


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"type": "conversation.item.delete"}, r"item\.delete: item_id: Field required"),
        ({"type": "of_tomorrow"}, "'of_tomorrow' is no event type"),
        ({}, "has no type"),
        ({"type": "response.create", "response": {1, object()}}, "cannot be written as JSON"),
    ],
)
def test_an_event_that_no_server_would_take_is_its_writers_fault(
    event: dict[str, object], said: str
) -> None:
    with pytest.raises(BadClientEventError, match=said):
        raw_message(event)


def test_an_event_goes_out_as_it_was_written_with_what_has_no_model() -> None:
    event = {"type": "response.create", "response": {"conversation": "none", "of": "tomorrow"}}
    assert json.loads(raw_message(event)) == event


def test_pictures_follow_the_text_in_one_item() -> None:
    event = client_event(AddText("look", pictures=(Picture("data:a"), Picture("data:b"))), "1")
    assert [part["type"] for part in json.loads(write_event(event))["item"]["content"]] == [
        "input_text",
        "input_image",
        "input_image",
    ]
