"""What the ledger keeps, and where it says that a listener is."""

from telephony.media import ItemKey, Ledger, LedgerRow, Position, RowKind
from telephony.media.ledger import ROWS
from telephony.units import Nanoseconds, RtpTimestamp, SampleCount
from tests.support.media import ms

ITEM = ItemKey(0, "item_1", 0)
NOW = Nanoseconds(0)


def test_rows_come_back_as_written_oldest_first() -> None:
    ledger = Ledger(8000)
    ledger.append(RtpTimestamp(0xFFFFFFFF), ms(20), ITEM, 320, 160)
    ledger.append(RtpTimestamp(159), ms(40), RowKind.UNDERRUN, 0, 160)
    assert ledger.rows() == [
        LedgerRow(RtpTimestamp(0xFFFFFFFF), ms(20), ITEM, SampleCount(320), 160, RowKind.AUDIO),
        LedgerRow(RtpTimestamp(159), ms(40), None, SampleCount(0), 160, RowKind.UNDERRUN),
    ]
    assert ledger.last is RowKind.UNDERRUN


def test_only_the_last_rows_are_kept() -> None:
    ledger = Ledger(8000)
    for index in range(ROWS + 3):
        ledger.append(RtpTimestamp(index), ms(index), ITEM, index, 1)
    rows = ledger.rows()
    assert [row.offset for row in rows] == list(range(3, ROWS + 3))
    assert ledger.last == ITEM


def test_a_listener_hears_what_was_sent_a_delay_ago() -> None:
    ledger = Ledger(8000)
    ledger.append(RtpTimestamp(0), ms(100), ITEM, 0, 160)
    ledger.append(RtpTimestamp(160), ms(120), ITEM, 160, 160)
    assert ledger.playing(ms(170), ms(40)) == Position(ITEM, SampleCount(240))
    assert ledger.playing(ms(130), ms(40)) is None
    assert ledger.playing(ms(100), ms(0)) == Position(ITEM, SampleCount(0))


def test_a_listener_in_a_gap_is_at_the_end_of_the_audio_before_it() -> None:
    ledger = Ledger(8000)
    ledger.append(RtpTimestamp(0), ms(0), ITEM, 0, 160)
    ledger.append(RtpTimestamp(160), ms(20), RowKind.HOLD, 0, 160)
    assert ledger.playing(ms(500), ms(0)) == Position(ITEM, SampleCount(160))


def test_without_item_audio_nobody_is_anywhere() -> None:
    ledger = Ledger(8000)
    assert ledger.playing(ms(500), NOW) is None
    ledger.append(RtpTimestamp(0), ms(0), RowKind.PROMPT, 0, 160)
    assert ledger.playing(ms(500), NOW) is None


def test_a_packet_that_is_revoked_was_heard_by_nobody() -> None:
    ledger = Ledger(8000)
    assert ledger.revoke() == []
    ledger.append(RtpTimestamp(0), ms(0), ITEM, 0, 160)
    ledger.append(RtpTimestamp(160), ms(20), ITEM, 160, 100)
    ledger.append(RtpTimestamp(160), ms(32.5), RowKind.SILENCE, 0, 60)
    assert [(row.key, row.offset, row.samples) for row in ledger.revoke()] == [
        (ITEM, 160, 100),
        (None, 0, 60),
    ]
    assert [row.kind for row in ledger.rows()] == [
        RowKind.AUDIO,
        RowKind.UNSENT,
        RowKind.UNSENT,
    ]
    assert ledger.last is RowKind.UNSENT
    assert ledger.playing(ms(1000), ms(0)) == Position(ITEM, SampleCount(160))
