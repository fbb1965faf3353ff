"""The conversation's items: order, truncation, and what a client may add."""

from collections.abc import Callable

import pytest

from telephony.local.faults import RefusedEventError
from telephony.local.items import ConversationItems, Entry, Part, entry_from_client
from telephony.realtime import ContentPart, Item


def spoken(item_id: str, samples: int, rate_hz: int = 8_000) -> Entry:
    """Make an item of the agent's speech."""
    part = Part("output_audio", "words", samples=samples, rate_hz=rate_hz)
    return Entry(item_id, "message", role="assistant", parts=[part], is_answered=True)


def ids(conversation: ConversationItems) -> list[str]:
    """Give the items' ids in order."""
    return [entry.item_id for entry in conversation]


def test_items_go_last_first_or_behind_another() -> None:
    conversation = ConversationItems()
    assert conversation.last_id is None
    conversation.add(Entry("a", "message"))
    conversation.add(Entry("b", "message"))
    conversation.add(Entry("c", "message"), "root")
    conversation.add(Entry("d", "message"), "a")
    assert ids(conversation) == ["c", "a", "d", "b"]
    assert conversation.retrieve("d").previous_id == "a"
    assert conversation.retrieve("c").previous_id is None
    assert conversation.last_id == "b"


def test_a_thousand_items_are_kept() -> None:
    conversation = ConversationItems()
    for number in range(1_003):
        conversation.add(Entry(f"item{number}", "message"))
    assert ids(conversation)[0] == "item3"
    assert len(ids(conversation)) == 1_000
    with pytest.raises(RefusedEventError):
        conversation.retrieve("item0")


def test_a_deleted_item_is_gone() -> None:
    conversation = ConversationItems()
    conversation.add(Entry("a", "message"))
    conversation.delete("a")
    assert ids(conversation) == []


UNKNOWN = "x" * 200
LOOKUPS: dict[str, Callable[[ConversationItems], object]] = {
    "retrieve": lambda conversation: conversation.retrieve(UNKNOWN),
    "delete": lambda conversation: conversation.delete(UNKNOWN),
    "truncate": lambda conversation: conversation.truncate(UNKNOWN, 0, 0),
    "create": lambda conversation: conversation.add(Entry("a", "message"), UNKNOWN),
}


@pytest.mark.parametrize("verb", LOOKUPS)
def test_an_unknown_item_is_refused_by_the_code_of_the_verb(verb: str) -> None:
    with pytest.raises(RefusedEventError, match=r"'x{100}' does not exist") as refused:
        LOOKUPS[verb](ConversationItems())
    assert refused.value.code == f"item_{verb}_invalid_item_id"


def test_an_id_that_is_taken_is_refused() -> None:
    conversation = ConversationItems()
    conversation.add(Entry("a", "message"))
    with pytest.raises(RefusedEventError) as refused:
        conversation.add(Entry("a", "message"))
    assert (refused.value.code, refused.value.param) == ("item_create_duplicate_item_id", "item.id")


@pytest.mark.parametrize(("rate_hz", "samples"), [(8_000, 12_800), (24_000, 38_400)])
def test_truncation_cuts_the_audio_and_forgets_the_transcript(rate_hz: int, samples: int) -> None:
    conversation = ConversationItems()
    conversation.add(spoken("a", samples, rate_hz))
    conversation.truncate("a", 0, 1_600)
    conversation.truncate("a", 0, 900)
    part = conversation.retrieve("a").parts[0]
    assert (part.audio_ms, part.text) == (900, None)
    with pytest.raises(RefusedEventError, match="900ms is already shorter than 901ms"):
        conversation.truncate("a", 0, 901)
    conversation.truncate("a", 0, 0)
    with pytest.raises(RefusedEventError, match="Only model output audio"):
        conversation.truncate("a", 0, 0)


def test_truncation_past_the_end_is_refused() -> None:
    conversation = ConversationItems()
    conversation.add(spoken("a", 12_807))
    with pytest.raises(RefusedEventError) as refused:
        conversation.truncate("a", 0, 1_601)
    assert str(refused.value) == "Audio content of 1600ms is already shorter than 1601ms"
    assert (refused.value.code, refused.value.param) == ("invalid_value", "audio_end_ms")


def test_truncation_to_a_negative_length_is_refused() -> None:
    conversation = ConversationItems()
    conversation.add(spoken("a", 800))
    with pytest.raises(RefusedEventError) as refused:
        conversation.truncate("a", 0, -1)
    assert refused.value.param == "audio_end_ms"


@pytest.mark.parametrize(
    ("entry", "content_index"),
    [
        (spoken("a", 0), 0),
        (spoken("a", 800), 1),
        (spoken("a", 800), -1),
        (Entry("a", "message", role="user", parts=[Part("input_audio", samples=800)]), 0),
        (Entry("a", "message", role="assistant", parts=[Part("output_text", "x")]), 0),
        (Entry("a", "function_call"), 0),
    ],
)
def test_only_the_agents_audio_can_be_truncated(entry: Entry, content_index: int) -> None:
    conversation = ConversationItems()
    conversation.add(entry)
    with pytest.raises(RefusedEventError) as refused:
        conversation.truncate("a", content_index, 0)
    assert refused.value.code == "unsupported_content_type"


def test_each_type_of_item_is_written_with_its_own_fields() -> None:
    call = Entry("b", "function_call", name="f", call_id="c", arguments="{}").to_wire()
    assert call.model_dump(exclude_unset=True) == {
        "id": "b",
        "object": "realtime.item",
        "type": "function_call",
        "status": "completed",
        "name": "f",
        "call_id": "c",
        "arguments": "{}",
    }
    output = Entry("d", "function_call_output", call_id="c", output="x").to_wire()
    assert output.model_dump(exclude_unset=True) == {
        "id": "d",
        "object": "realtime.item",
        "type": "function_call_output",
        "status": "completed",
        "call_id": "c",
        "output": "x",
    }
    message = Entry("e", "message", role="user", parts=[Part("input_text"), Part("input_audio")])
    assert message.to_wire().model_dump(exclude_unset=True)["content"] == [
        {"type": "input_text", "text": ""},
        {"type": "input_audio", "transcript": None},
    ]


def test_a_result_needs_its_call() -> None:
    conversation = ConversationItems()
    conversation.add(Entry("a", "function_call", name="f", call_id="c"))
    conversation.require_call("c")
    assert conversation.function_name("c") == "f"
    with pytest.raises(RefusedEventError) as refused:
        conversation.require_call("d")
    assert refused.value.code == "invalid_tool_call_id"


def test_items_are_unanswered_once() -> None:
    conversation = ConversationItems()
    conversation.add(Entry("a", "message", role="user"))
    conversation.add(spoken("b", 1))
    assert [entry.item_id for entry in conversation.take_unanswered()] == ["a"]
    assert conversation.take_unanswered() == []


def test_a_clients_messages_become_entries() -> None:
    text, audio = (
        ContentPart(type="input_text", text="hi"),
        ContentPart(type="input_audio", transcript="ho"),
    )
    entry = entry_from_client(Item(type="message", role="user", content=[text, audio]), "new")
    assert (entry.item_id, entry.is_answered) == ("new", False)
    assert [(part.type, part.text) for part in entry.parts] == [
        ("input_text", "hi"),
        ("input_audio", "ho"),
    ]
    system = Item(id="mine", type="message", role="system", content=[text])
    assert (
        entry_from_client(system, "new").item_id,
        entry_from_client(system, "").is_answered,
    ) == (
        "mine",
        True,
    )


def test_a_clients_calls_and_results_become_entries() -> None:
    call = entry_from_client(Item(type="function_call", call_id="c", name="f"), "a")
    assert (call.name, call.arguments, call.is_answered) == ("f", "{}", True)
    output = entry_from_client(Item(type="function_call_output", call_id="c", output=""), "a")
    assert (output.output, output.is_answered) == ("", False)


@pytest.mark.parametrize(
    ("item", "code", "param"),
    [
        (Item(type="poem"), "invalid_value", "item.type"),
        (Item(id="x" * 65, type="message"), "invalid_value", "item.id"),
        (Item(type="message"), "missing_required_parameter", "item.role"),
        (Item(type="message", role="user"), "missing_required_parameter", "item.content"),
        (Item(type="message", role="king", content=[]), "invalid_value", "item.role"),
        (
            Item(type="message", role="assistant", content=[ContentPart(type="output_audio")]),
            "invalid_value",
            "item.content[0].type",
        ),
        (Item(type="function_call", call_id="c"), "missing_required_parameter", "item.name"),
        (
            Item(type="function_call_output", call_id="c"),
            "missing_required_parameter",
            "item.output",
        ),
    ],
)
def test_what_a_client_may_not_add_is_refused(item: Item, code: str, param: str) -> None:
    with pytest.raises(RefusedEventError) as refused:
        entry_from_client(item, "new")
    assert (refused.value.code, refused.value.param) == (code, param)
