"""The uplink log: from an offset in the appended audio to an instant."""

from telephony.media import UplinkLog, UplinkRow
from telephony.media.uplink_log import ROWS
from telephony.units import RtpTimestamp, SampleCount
from tests.support.media import ms


def test_a_sample_was_made_before_its_packet_arrived() -> None:
    log = UplinkLog()
    log.append(0, RtpTimestamp(0xFFFFFF60), ms(100))
    log.append(160, RtpTimestamp(0), ms(130))
    assert log.rows() == [
        UplinkRow(SampleCount(0), RtpTimestamp(0xFFFFFF60), ms(100)),
        UplinkRow(SampleCount(160), RtpTimestamp(0), ms(130)),
    ]
    assert log.instant_of(0, 320, 8000) == ms(80)
    assert log.instant_of(80, 320, 8000) == ms(90)
    assert log.instant_of(160, 320, 8000) == ms(110)
    assert log.instant_of(319, 320, 8000) == ms(130) - 125_000


def test_an_offset_that_was_not_appended_yet_is_now() -> None:
    log = UplinkLog()
    log.append(0, RtpTimestamp(0), ms(100))
    assert log.instant_of(1000, 160, 8000) == ms(100)


def test_before_the_rows_kept_nothing_is_known() -> None:
    log = UplinkLog()
    assert log.instant_of(0, 0, 8000) is None
    for index in range(ROWS + 1):
        log.append(index * 160, RtpTimestamp(index * 160), ms(index * 20))
    assert log.instant_of(159, (ROWS + 1) * 160, 8000) is None
    assert log.instant_of(160, (ROWS + 1) * 160, 8000) == ms(0)
    assert len(log.rows()) == ROWS


def logged(count: int) -> UplinkLog:
    """Log packets of 20 ms, one each 20 ms."""
    log = UplinkLog()
    for index in range(count):
        log.append(index * 160, RtpTimestamp(index * 160), ms(index * 20))
    return log


def test_what_was_dropped_unwritten_leaves_the_log_and_the_rest_moves_down() -> None:
    log = logged(10)
    assert log.drop(3, 2, 1600) == 480
    assert [(row.offset, row.rtp_timestamp) for row in log.rows()] == [
        *((index * 160, index * 160) for index in range(5)),
        (5 * 160, 8 * 160),
        (6 * 160, 9 * 160),
    ]
    assert log.instant_of(5 * 160 - 1, 1120, 8000) == ms(80) - 125_000
    assert log.instant_of(5 * 160, 1120, 8000) == ms(140)


def test_all_that_waits_may_be_dropped() -> None:
    log = logged(4)
    assert log.drop(4, 0, 640) == 640
    assert log.rows() == []
    assert log.drop(1, 0, 0) == 0


def test_a_drop_from_a_full_log_brings_no_old_row_back() -> None:
    log = logged(ROWS + 10)
    assert log.drop(4, 1, (ROWS + 10) * 160) == 640
    rows = log.rows()
    assert len(rows) == ROWS - 4
    assert rows[0].offset == 10 * 160
    for index in range(5):
        log.append((ROWS + 6 + index) * 160, RtpTimestamp(0), ms(0))
    offsets = [row.offset for row in log.rows()]
    assert offsets == [(index + 11) * 160 for index in range(ROWS)]


def test_more_dropped_than_the_log_holds_is_bounded() -> None:
    log = logged(3)
    assert log.drop(5, 1, 480) == 320
    assert [(row.offset, row.rtp_timestamp) for row in log.rows()] == [(0, 320)]
    assert log.drop(1, 2, 160) == 0
