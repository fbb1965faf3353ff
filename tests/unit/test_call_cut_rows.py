"""The rows of an interruption: each has the counts of its own part of its own item."""

from telephony.call.cut_rows import row_of_cut
from telephony.call.events import ItemDeletedFromMemory, ItemTruncatedAt
from telephony.media import Interrupted, ItemAudio, ItemKey
from telephony.units import SampleCount
from telephony.voice import CancelResponse, DeleteItem, TruncateItem


def part(epoch: int, name: str, index: int, sent: int, received: int) -> ItemAudio:
    """Make a part as a flush gives it."""
    return ItemAudio(ItemKey(epoch, name, index), "r", SampleCount(received), SampleCount(sent))


INTERRUPTED = Interrupted(
    epoch=1,
    cut=[
        part(0, "a", 0, 11, 12),
        part(1, "a", 0, 800, 1600),
        part(1, "a", 1, 0, 400),
        part(0, "b", 0, 0, 13),
        part(1, "b", 0, 0, 100),
        part(1, "b", 1, 0, 200),
    ],
    commands=[],
)


def test_a_truncation_has_the_counts_of_the_part_that_it_cuts() -> None:
    rows = [
        row_of_cut(TruncateItem("a", index, ms), INTERRUPTED, 8000)
        for index, ms in ((0, 100), (1, 0))
    ]
    assert rows == [
        ItemTruncatedAt(
            item_id="a",
            content_index=index,
            audio_end_ms=end_ms,
            sent_samples=sent,
            received_samples=received,
            rate_hz=8000,
        )
        for index, end_ms, sent, received in ((0, 100, 800, 1600), (1, 0, 0, 400))
    ]


def test_a_deletion_has_what_came_of_all_parts_in_this_session() -> None:
    row = row_of_cut(DeleteItem("b"), INTERRUPTED, 8000)
    assert row == ItemDeletedFromMemory(item_id="b", received_samples=300)


def test_any_other_command_has_no_row() -> None:
    assert row_of_cut(CancelResponse("r"), INTERRUPTED, 8000) is None
