"""The pure function of decision 6, case by case."""

from collections.abc import Collection

from telephony.media import Interruption, ItemAudio, ItemKey, Position, interrupt
from telephony.units import SampleCount
from telephony.voice import CancelResponse, DeleteItem, TruncateItem, VoiceCommand


def item(
    name: str, sent: int, received: int = 80_000, *, epoch: int = 0, content_index: int = 0
) -> ItemAudio:
    """Make an item as a flush gives it."""
    key = ItemKey(epoch, name, content_index)
    return ItemAudio(key, "response", SampleCount(received), SampleCount(sent))


def commands(
    *cut: ItemAudio,
    active: str | None = None,
    reacted: Position | None = None,
    epoch: int = 0,
    rate_hz: int = 8000,
    begun: Collection[str] = (),
) -> list[VoiceCommand]:
    """Decide."""
    return interrupt(
        Interruption(
            cut=cut,
            rate_hz=rate_hz,
            epoch=epoch,
            active_response_id=active,
            begun=begun,
            reacted=reacted,
        )
    )


def test_an_item_under_way_is_truncated_at_what_was_sent_floored_to_a_millisecond() -> None:
    assert commands(item("a", 8007)) == [TruncateItem("a", 0, 1000)]
    assert commands(item("a", 8008, content_index=2)) == [TruncateItem("a", 2, 1001)]
    assert commands(item("a", 24_023), rate_hz=24_000) == [TruncateItem("a", 0, 1000)]


def test_cancel_goes_first_then_items_oldest_first() -> None:
    assert commands(item("a", 8000), item("b", 0), item("c", 0), active="r") == [
        CancelResponse("r"),
        TruncateItem("a", 0, 1000),
        DeleteItem("b"),
        DeleteItem("c"),
    ]


def test_where_nothing_came_the_response_is_cancelled_and_no_item_touched() -> None:
    assert commands(active="r") == [CancelResponse("r")]
    assert commands() == []


def test_a_truncation_is_clamped_to_what_was_received() -> None:
    assert commands(item("a", 900, received=800)) == [TruncateItem("a", 0, 100)]


def test_an_item_of_an_older_session_is_left_alone() -> None:
    assert commands(item("a", 8000), item("b", 0), item("c", 80, epoch=1), epoch=1) == [
        TruncateItem("c", 0, 10)
    ]


def test_reacted_cuts_where_the_caller_was_and_all_behind_at_its_start() -> None:
    reacted = Position(ItemKey(0, "b", 0), SampleCount(400))
    assert commands(
        item("a", 800), item("b", 800), item("c", 800), item("d", 0), reacted=reacted
    ) == [
        TruncateItem("a", 0, 100),
        TruncateItem("b", 0, 50),
        TruncateItem("c", 0, 0),
        DeleteItem("d"),
    ]


def test_reacted_never_says_more_than_was_sent() -> None:
    reacted = Position(ItemKey(0, "a", 0), SampleCount(4000))
    assert commands(item("a", 800), reacted=reacted) == [TruncateItem("a", 0, 100)]


def test_a_reaction_to_an_item_no_longer_queued_leaves_those_behind_it_unheard() -> None:
    reacted = Position(ItemKey(0, "before", 0), SampleCount(4000))
    assert commands(item("a", 800), reacted=reacted) == [TruncateItem("a", 0, 0)]


def test_a_part_behind_one_that_was_heard_whole_is_truncated_at_its_start() -> None:
    unheard = item("a", 0, content_index=1)
    assert commands(unheard, item("b", 0), begun={"a"}) == [
        TruncateItem("a", 1, 0),
        DeleteItem("b"),
    ]


def test_where_a_part_is_cut_those_behind_it_are_truncated_at_their_start() -> None:
    parts = [item("a", sent, content_index=index) for index, sent in enumerate((800, 0, 0))]
    assert commands(*parts) == [
        TruncateItem("a", 0, 100),
        TruncateItem("a", 1, 0),
        TruncateItem("a", 2, 0),
    ]


def test_an_item_none_of_whose_parts_was_sent_is_deleted_once() -> None:
    assert commands(item("a", 0), item("a", 0, content_index=1)) == [DeleteItem("a")]


def test_an_older_sessions_item_of_the_same_name_says_nothing_of_ours() -> None:
    assert commands(item("a", 800), item("a", 0, epoch=1), epoch=1) == [DeleteItem("a")]
