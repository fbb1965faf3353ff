"""The event log numbers its rows, and marks a text that comes after its item was cut."""

from telephony.call import (
    CallEventBody,
    EventLog,
    ItemDeletedFromMemory,
    ItemTruncatedAt,
    PlayoutFinished,
    SpeechTranscribed,
)
from telephony.units import Nanoseconds

SAID = SpeechTranscribed(role="agent", item_id="i1", text="Welcome to the shop")
TRUNCATED = ItemTruncatedAt(
    item_id="i1",
    content_index=0,
    audio_end_ms=10,
    sent_samples=80,
    received_samples=800,
    rate_hz=8000,
)
DELETED = ItemDeletedFromMemory(item_id="i1", received_samples=800)


def is_cut(*payloads: CallEventBody) -> bool:
    """Tell whether the last of some rows, a transcript, is marked."""
    log = EventLog("e1", Nanoseconds(0), 0.0)
    rows = [log.row(one, Nanoseconds(0)) for one in payloads]
    assert isinstance(rows[-1].payload, SpeechTranscribed)
    assert rows[-1].payload.text == SAID.text, "the log keeps it whole"
    return rows[-1].payload.is_cut


def test_rows_are_numbered_and_stamped_on_both_clocks() -> None:
    log = EventLog("e1-1", Nanoseconds(5), 100.0)
    first = log.row(PlayoutFinished(), Nanoseconds(5))
    second = log.row(PlayoutFinished(), Nanoseconds(1_500_000_005))
    assert (first.call_id, first.seq, first.t_ns, first.wall) == ("e1-1", 0, 0, 100.0)
    assert (second.seq, second.t_ns, second.wall) == (1, 1_500_000_000, 101.5)
    assert log.rows_written == 2


def test_a_text_after_the_cut_of_its_item_is_marked() -> None:
    assert is_cut(TRUNCATED, SAID)
    assert is_cut(DELETED, SAID)


def test_a_text_of_an_item_that_was_not_cut_is_not_marked() -> None:
    assert not is_cut(SAID)
    other = SAID.model_copy(update={"item_id": "i2"})
    assert not is_cut(TRUNCATED, other)
