"""What cannot be read is the sender's fault, and the error says how without the values seen."""

import pytest

from telephony.realtime.client_events import InputAudioBufferCommit, ItemCreate, parse_client_event
from telephony.realtime.events import parse_server_event
from telephony.realtime.wire import Item, MalformedEventError, event_id_of, write_event

REFUSED = [
    (b"", "invalid_json", "", ""),
    (b'{"type":', "invalid_json", "", ""),
    (b'{"type":"error\xff"}', "invalid_json", "", ""),
    (b"[]", "invalid_json", "", ""),
    (b'"response.create"', "invalid_json", "", ""),
    (b"{}", "missing_required_parameter", "type", ""),
    (b'{"type":"no.such.event"}', "unknown_event_type", "type", "no.such.event"),
    (b'{"type":7}', "unknown_event_type", "type", "7"),
    (
        b'{"type":"session.update","session":{}}',
        "missing_required_parameter",
        "session.type",
        "session.update",
    ),
    (
        b'{"type":"conversation.item.delete","item_id":["secret"]}',
        "invalid_value",
        "item_id",
        "conversation.item.delete",
    ),
]


@pytest.mark.parametrize(("text", "code", "param", "event_type"), REFUSED)
def test_a_malformed_message_names_its_fault(
    text: bytes, code: str, param: str, event_type: str
) -> None:
    with pytest.raises(MalformedEventError) as caught:
        parse_client_event(text)
    assert (caught.value.code, caught.value.param) == (code, param)
    assert caught.value.event_type == event_type
    assert "secret" not in str(caught.value)


def test_a_type_made_up_by_the_peer_is_repeated_only_in_part() -> None:
    with pytest.raises(MalformedEventError) as caught:
        parse_client_event(b'{"type":"%s"}' % (b"x" * 5000))
    assert caught.value.event_type == "x" * 100
    assert len(str(caught.value)) < 200


def test_the_type_is_written_and_what_was_not_set_is_not() -> None:
    assert write_event(InputAudioBufferCommit()) == b'{"type":"input_audio_buffer.commit"}'


def test_an_explicit_null_is_written_as_null() -> None:
    event = ItemCreate(previous_item_id=None, item=Item(type="message", id="i"))
    assert write_event(event) == (
        b'{"type":"conversation.item.create","previous_item_id":null,'
        b'"item":{"id":"i","type":"message"}}'
    )


@pytest.mark.parametrize(
    ("text", "event_id"),
    [
        (b'{"event_id":"e1","type":"nonsense"}', "e1"),
        (b'{"event_id":5}', None),
        (b"[1]", None),
        (b"{", None),
        (b"\xff", None),
    ],
)
def test_the_id_of_an_unreadable_message_is_found_where_there_is_one(
    text: bytes, event_id: str | None
) -> None:
    assert event_id_of(text) == event_id


def test_the_server_side_refuses_in_the_same_words() -> None:
    with pytest.raises(MalformedEventError, match="not valid JSON"):
        parse_server_event(b"nonsense")
