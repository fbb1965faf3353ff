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
