"""What outlives a session: told to the next, and cut in its memory where the caller cuts it."""

from telephony.call.agent_turn import AgentTurn
from telephony.call.continuity import GO_ON, Continuity
from telephony.call.progress import Progress
from telephony.media import ItemAudio, ItemKey
from telephony.units import Nanoseconds, SampleCount
from telephony.voice import (
    AgentTranscribed,
    CallerTranscribed,
    DeleteItem,
    ItemPlace,
    PastWords,
    Restore,
    ToolCalled,
)
from tests.support.media import port

NOW = Nanoseconds(0)
PACKET = bytes(160)


def continuity(*, joined: bool = True) -> Continuity:
    made = Continuity(AgentTurn(lambda _command: None, b""), Progress(lambda _row: None))
    if joined:
        made.join(port())
    return made


def say(lasting: Continuity, item_id: str, text: str) -> None:
    lasting.history.handle_event(0, AgentTranscribed("r", item_id, 0, text, is_final=True))


def cut(item_id: str, sent: int, received: int = 1_000, epoch: int = 0) -> ItemAudio:
    key = ItemKey(epoch, item_id, 0)
    return ItemAudio(key, "r", SampleCount(received), SampleCount(sent))


def feed(lasting: Continuity, packets: int) -> None:
    assert lasting.ring is not None
    for _ in range(packets):
        lasting.ring.take(PACKET)


def test_a_call_without_a_leg_of_ours_is_told_by_its_words_alone() -> None:
    lasting = continuity(joined=False)
    lasting.start_turn(ItemPlace(0, "u"), 160)
    lasting.end_turn(0)
    lasting.settle()
    assert lasting.carry().commands == ()
    say(lasting, "a", "Good day")
    carried = lasting.carry()
    assert (carried.audio, carried.hears_turn) == (b"", False)
    assert carried.commands == (Restore(carried.items),)


def test_words_under_way_are_asked_to_go_on() -> None:
    lasting = continuity()
    lasting.turn.handle_response_started("r", NOW)
    assert GO_ON not in lasting.carry().commands, "none were heard"
    lasting.turn.handle_words("r")
    assert lasting.carry().commands == (GO_ON,)


def test_a_turn_without_text_goes_as_audio_and_one_with_text_as_text() -> None:
    lasting = continuity()
    feed(lasting, 10)
    lasting.start_turn(ItemPlace(0, "u"), 3 * 160)
    feed(lasting, 2)
    lasting.end_turn(160)
    carried = lasting.carry()
    assert (len(carried.audio), carried.hears_turn, carried.items) == (5 * 160, True, ())
    lasting.history.handle_event(0, CallerTranscribed("u", "hello", is_final=True))
    carried = lasting.carry()
    assert (len(carried.audio), carried.hears_turn) == (160, False), "what came behind it"
    assert [item.text for item in carried.items if isinstance(item, PastWords)] == ["hello"]


def test_a_cut_of_the_sessions_own_item_is_its_own_to_tell() -> None:
    lasting = continuity()
    say(lasting, "a", "one two three four")
    lasting.carry()
    assert lasting.handle_cut(cut("a", 500), epoch=0) == ()
    (item,) = lasting.history.items()
    assert isinstance(item, PastWords)
    assert item.text == "one two …"


def test_a_cut_of_an_item_that_was_carried_takes_its_place() -> None:
    lasting = continuity()
    say(lasting, "a", "one two three four")
    lasting.history.handle_event(0, ToolCalled("r", "f", "c", "weather", "{}"))
    say(lasting, "b", "one two three four")
    lasting.history.handle_event(0, ToolCalled("r", "f", "d", "weather", "{}"))
    lasting.history.add_output("d", "rain")
    say(lasting, "c", "one two three four")
    lasting.carry()
    places: list[str | None] = []
    for item_id in ("a", "b", "c"):
        deletion, again = lasting.handle_cut(cut(item_id, 500), epoch=1)
        assert isinstance(deletion, DeleteItem)
        assert isinstance(again, Restore)
        (item,) = again.items
        assert (item.name, again.items[0]) == (f"{deletion.item_id}_cut", item)
        places.append(again.after)
    assert places == ["root", "past_2", "past_4_output"]


def test_an_item_that_was_carried_and_of_which_nothing_was_heard_is_deleted() -> None:
    lasting = continuity()
    say(lasting, "a", "one")
    say(lasting, "b", "two")
    lasting.carry()
    assert lasting.handle_cut(cut("a", 0), epoch=1) == (DeleteItem("past_1"),)
    _, again = lasting.handle_cut(cut("b", 900), epoch=1)
    assert isinstance(again, Restore)
    assert again.after == "root"


def test_an_item_that_was_not_carried_is_nobodys_to_be_told_of() -> None:
    lasting = continuity()
    say(lasting, "a", "one")
    assert lasting.handle_cut(cut("a", 500), epoch=1) == ()


def test_more_sent_than_received_is_all_of_it() -> None:
    lasting = continuity()
    say(lasting, "a", "one two")
    lasting.carry()
    lasting.handle_cut(cut("a", 1_040), epoch=1)
    (item,) = lasting.history.items()
    assert isinstance(item, PastWords)
    assert item.text == "one two …"


def test_what_nobody_heard_is_not_carried() -> None:
    lasting = continuity()
    lasting.handle_unheard(ItemKey(0, "a", 0))
    say(lasting, "a", "one two")
    assert lasting.carry().items == ()
