"""Uplink: the caller's timeline, and what is made up for."""

from array import array

import pytest

from telephony.media import Uplink, UplinkSettings
from telephony.rtp import LostSpan, add_samples
from telephony.units import Nanoseconds, RtpTimestamp
from telephony_codecs import AudioFormat, decode_pcmu, encode_pcmu
from telephony_codecs.plc import Concealer
from tests.support.media import PACKET, ms

FORMAT = AudioFormat.PCMU
START = RtpTimestamp((1 << 32) - 320)


def silence(samples: int) -> bytes:
    """Make silence."""
    return FORMAT.silence(samples)


class Bench:
    """An uplink, what it appended, and a peer who sends 20 ms at a time."""

    def __init__(self, settings: UplinkSettings | None = None) -> None:
        self.uplink = Uplink(FORMAT, settings)
        self.out = bytearray()
        self.uplink.sink = self.out.extend
        self.timestamp = START

    def audio(self, at_ms: float, octet: int = 0x40, samples: int = PACKET) -> None:
        """Hand the next packet in."""
        self.uplink.handle_audio(bytes([octet]) * samples, self.timestamp, ms(at_ms))
        self.pass_by(samples)

    def pass_by(self, samples: int) -> None:
        """Let the peer's clock run without a packet."""
        self.timestamp = add_samples(self.timestamp, samples)

    def lost(self, samples: int, at_ms: float) -> None:
        """Lose the next packets."""
        self.uplink.handle_lost(
            LostSpan(0, -(-samples // PACKET), self.timestamp, samples), ms(at_ms)
        )
        self.pass_by(samples)

    def counted(self, *names: str) -> list[int]:
        """Hold the invariant, and give some counters."""
        uplink = self.uplink
        assert uplink.appended == uplink.span + uplink.inserted - uplink.dropped == len(self.out)
        return [getattr(uplink, name) for name in names]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_without_a_sink_audio_goes_nowhere_and_is_counted() -> None:
    uplink, out = Uplink(FORMAT), bytearray()
    uplink.handle_audio(b"\x40" * PACKET, START, ms(0))
    assert (uplink.appended, len(uplink.log.rows())) == (PACKET, 1)
    uplink.sink = out.extend
    uplink.handle_audio(b"\x41" * PACKET, add_samples(START, PACKET), ms(20))
    assert bytes(out) == b"\x41" * PACKET


def test_audio_in_order_passes_as_it_is_across_the_wrap(bench: Bench) -> None:
    for number in range(5):
        bench.audio(number * 20, octet=number)
    assert bytes(bench.out) == b"".join(bytes([number]) * PACKET for number in range(5))
    assert bench.counted("span", "inserted", "dropped") == [800, 0, 0]
    rows = bench.uplink.log.rows()
    assert [(row.offset, row.rtp_timestamp) for row in rows[:3]] == [
        (0, START),
        (160, (1 << 32) - 160),
        (320, 0),
    ]
    assert bench.uplink.instant_of(320) == ms(20)


def test_an_empty_packet_is_nothing(bench: Bench) -> None:
    bench.audio(0)
    bench.audio(20, samples=0)
    bench.pass_by(7)
    bench.audio(40, samples=0)
    assert bytes(bench.out[160:]) == silence(7)
    assert len(bench.uplink.log.rows()) == 2
    assert bench.counted("span") == [167]


def tone(samples: int) -> bytes:
    """Make 200 Hz."""
    return encode_pcmu(
        array("h", [8000 if at % 40 < 20 else -8000 for at in range(samples)]).tobytes()
    )


def loud(octets: bytes) -> bool:
    """Say whether there is sound."""
    return max(map(abs, array("h", decode_pcmu(octets)))) > 1000


def test_a_loss_is_concealed_and_the_next_packet_blended(bench: Bench) -> None:
    for number in range(8):
        bench.uplink.handle_audio(tone(PACKET), bench.timestamp, ms(number * 20))
        bench.pass_by(PACKET)
    bench.lost(PACKET, 220)
    before = len(bench.out)
    assert loud(bytes(bench.out[before - PACKET :]))
    bench.uplink.handle_audio(tone(PACKET), bench.timestamp, ms(220))
    assert bytes(bench.out[before:]) != tone(PACKET)
    assert bytes(bench.out[-40:]) == tone(PACKET)[-40:]
    assert bench.counted("span", "concealed", "inserted", "dropped") == [10 * PACKET, PACKET, 0, 0]


def speak(bench: Bench, packets: int) -> None:
    """Hand in a tone."""
    for _ in range(packets):
        bench.uplink.handle_audio(tone(PACKET), bench.timestamp, ms(0))
        bench.pass_by(PACKET)


def test_a_concealment_is_made_from_the_last_six_payloads(bench: Bench) -> None:
    payloads = [bytes([0x20 + number]) * PACKET for number in range(8)]
    for payload in payloads:
        bench.uplink.handle_audio(payload, bench.timestamp, ms(0))
        bench.pass_by(PACKET)
    oracle = Concealer()
    for payload in payloads[-6:]:
        oracle.good(decode_pcmu(payload))
    bench.lost(PACKET, 100)
    assert bytes(bench.out[-PACKET:]) == encode_pcmu(oracle.conceal(PACKET))


def test_nothing_is_concealed_from_the_audio_before_a_key_or_comfort_noise(bench: Bench) -> None:
    speak(bench, 8)
    bench.uplink.handle_digit(bench.timestamp, PACKET, ms(0))
    bench.pass_by(PACKET)
    bench.lost(PACKET, 60)
    assert not loud(bytes(bench.out[-PACKET:]))
    speak(bench, 8)
    bench.uplink.handle_comfort_noise(bench.timestamp, ms(60))
    bench.lost(PACKET, 120)
    assert not loud(bytes(bench.out[-PACKET:]))


def test_audio_behind_a_key_is_not_blended_with_a_concealment_before_it(bench: Bench) -> None:
    speak(bench, 8)
    bench.lost(PACKET, 60)
    bench.uplink.handle_digit(bench.timestamp, PACKET, ms(80))
    bench.pass_by(PACKET)
    bench.audio(100, octet=0x33)
    assert bytes(bench.out[-PACKET:]) == b"\x33" * PACKET


def test_another_timeline_is_not_blended_with_a_concealment_before_it(bench: Bench) -> None:
    speak(bench, 8)
    bench.lost(PACKET, 60)
    bench.uplink.handle_resync()
    bench.audio(100, octet=0x33)
    assert bytes(bench.out[-PACKET:]) == b"\x33" * PACKET


def test_a_long_loss_is_concealed_for_60_ms_then_silent(bench: Bench) -> None:
    for number in range(8):
        bench.uplink.handle_audio(tone(PACKET), bench.timestamp, ms(number * 20))
        bench.pass_by(PACKET)
    bench.lost(800, 300)
    assert bytes(bench.out[-320:]) == silence(320)
    assert loud(bytes(bench.out[-800:-320]))
    assert bench.counted("concealed", "span") == [480, 8 * PACKET + 800]


def test_two_losses_in_a_row_are_one_to_the_concealment(bench: Bench) -> None:
    for _ in range(8):
        bench.uplink.handle_audio(tone(PACKET), bench.timestamp, ms(0))
        bench.pass_by(PACKET)
    bench.lost(480, 100)
    bench.lost(480, 160)
    assert not loud(bytes(bench.out[-480:]))  # it had faded by then
    assert bench.counted("concealed") == [960]


def test_a_loss_without_samples_or_of_covered_time_is_nothing(bench: Bench) -> None:
    bench.audio(0)
    bench.uplink.handle_lost(LostSpan(0, 3, bench.timestamp, 0), ms(20))
    bench.uplink.handle_lost(LostSpan(0, 1, START, 80), ms(20))
    assert bench.counted("appended", "concealed") == [160, 0]


def test_a_loss_longer_than_ten_seconds_is_another_timeline(bench: Bench) -> None:
    bench.audio(0)
    bench.lost(80_001, 100)
    bench.audio(100)
    assert bench.counted("appended", "span") == [320, 320]


def test_a_gap_between_timestamps_is_silence_and_shows_dtx(bench: Bench) -> None:
    bench.audio(0)
    bench.pass_by(480)
    bench.audio(80)
    assert bytes(bench.out) == b"\x40" * 160 + silence(480) + b"\x40" * 160
    assert bench.uplink.has_dtx
    assert bench.counted("span", "inserted") == [800, 0]


def test_a_gap_of_40_ms_shows_dtx(bench: Bench) -> None:
    bench.audio(0)
    bench.pass_by(320)
    bench.audio(60)
    assert bench.uplink.has_dtx


def test_a_small_gap_does_not_show_dtx(bench: Bench) -> None:
    bench.audio(0)
    bench.pass_by(160)
    bench.audio(40)
    assert not bench.uplink.has_dtx
    assert bench.counted("span") == [480]


def test_the_gap_behind_a_digit_does_not_show_dtx(bench: Bench) -> None:
    bench.audio(0)
    bench.uplink.handle_digit(bench.timestamp, 800, ms(100))
    bench.pass_by(800 + 480)
    bench.audio(180)
    assert not bench.uplink.has_dtx
    assert bench.counted("span") == [160 + 800 + 480 + 160]


def test_audio_for_a_covered_time_is_cut(bench: Bench) -> None:
    bench.audio(0)
    bench.uplink.handle_audio(b"\x01" * 160, add_samples(bench.timestamp, -100), ms(20))
    assert bytes(bench.out) == b"\x40" * 160 + b"\x01" * 60
    assert bench.counted("overlapped", "span") == [100, 220]
    bench.uplink.handle_audio(b"\x02" * 160, add_samples(START, 10), ms(40))
    assert bench.counted("overlapped", "span") == [260, 220]


@pytest.mark.parametrize("jump", [80_001, -1601, 1 << 31])
def test_a_far_jump_is_another_timeline(bench: Bench, jump: int) -> None:
    bench.audio(0)
    bench.pass_by(jump)
    bench.audio(20)
    bench.audio(40)
    assert not bench.uplink.has_dtx
    assert bench.counted("appended", "span", "overlapped") == [480, 480, 0]


def test_after_a_resync_the_timestamp_owes_nothing(bench: Bench) -> None:
    bench.audio(0)
    bench.uplink.handle_resync()
    bench.pass_by(8000)
    bench.audio(20)
    assert bench.counted("appended", "inserted") == [320, 0]


def test_a_digit_is_silence_as_long_as_its_reports_say(bench: Bench) -> None:
    bench.audio(0)
    start = bench.timestamp
    for duration in (160, 320, 320, 480, 480, 480, 160):
        bench.uplink.handle_digit(start, duration, ms(20))
    assert bytes(bench.out[160:]) == silence(480)
    bench.pass_by(480)
    bench.audio(80)
    assert bench.counted("span") == [800]


def test_a_digit_as_the_first_of_a_stream_starts_the_timeline(bench: Bench) -> None:
    bench.uplink.handle_digit(START, 160, ms(0))
    bench.uplink.handle_digit(START, 400, ms(30))
    assert bench.counted("appended") == [240]


def test_comfort_noise_shows_dtx_and_covers_the_time_before_it(bench: Bench) -> None:
    bench.audio(0)
    bench.uplink.handle_comfort_noise(bench.timestamp, ms(20))
    assert bench.uplink.has_dtx
    assert bench.counted("appended") == [160]
    bench.pass_by(1200)
    bench.uplink.handle_comfort_noise(bench.timestamp, ms(170))
    assert bytes(bench.out[160:]) == silence(1200)
    assert bench.counted("span") == [1360]


def tick(bench: Bench, first_ms: int, last_ms: int) -> None:
    """Tick every 20 ms, both ends included."""
    for at_ms in range(first_ms, last_ms + 1, 20):
        bench.uplink.handle_tick(ms(at_ms))


def test_before_the_start_absence_is_nothing(bench: Bench) -> None:
    tick(bench, 0, 2000)
    assert bench.counted("appended") == [0]


def test_from_the_start_on_absence_is_filled(bench: Bench) -> None:
    bench.uplink.start(ms(0))
    tick(bench, 20, 1000)
    assert bench.counted("appended", "inserted") == [8000, 8000]


def test_packets_that_stay_away_400_ms_are_replaced_in_real_time(bench: Bench) -> None:
    bench.audio(0)
    tick(bench, 20, 400)
    assert bench.counted("inserted") == [0]
    bench.uplink.handle_tick(ms(401))
    assert bench.counted("inserted") == [401 * 8 - PACKET]
    bench.uplink.handle_tick(ms(401))
    tick(bench, 420, 1000)
    assert bench.counted("inserted") == [8000 - PACKET]
    rows = bench.uplink.log.rows()
    assert rows[1].rtp_timestamp == bench.timestamp
    assert rows[2].rtp_timestamp == add_samples(bench.timestamp, 401 * 8 - PACKET)


def test_filling_leaves_open_what_the_last_packet_was_long(bench: Bench) -> None:
    bench.audio(0)
    bench.audio(20, samples=240)
    bench.uplink.handle_tick(ms(421))
    assert bench.counted("inserted") == [401 * 8 - 240]


def test_a_key_that_is_down_is_no_absence(bench: Bench) -> None:
    bench.audio(0)
    bench.uplink.handle_digit(bench.timestamp, 800, ms(300))
    bench.uplink.handle_tick(ms(600))
    assert bench.counted("inserted") == [0]


def test_a_silence_longer_than_its_filling_goes_on_behind_it(bench: Bench) -> None:
    bench.audio(0)
    tick(bench, 20, 420)
    bench.pass_by(4000)
    bench.audio(520)
    assert bench.counted("inserted", "span") == [0, PACKET + 4000 + PACKET]
    row = bench.uplink.log.rows()[-2]
    assert (row.offset, row.rtp_timestamp) == (PACKET + 3200, add_samples(START, PACKET + 3200))


def test_a_peer_that_has_shown_dtx_is_waited_for_100_ms(bench: Bench) -> None:
    bench.audio(0)
    bench.uplink.handle_comfort_noise(bench.timestamp, ms(20))
    tick(bench, 40, 120)
    assert bench.counted("inserted") == [0]
    bench.uplink.handle_tick(ms(140))
    assert bench.counted("inserted") == [120 * 8 - PACKET]


def test_the_settings_say_how_long_to_wait() -> None:
    bench = Bench(UplinkSettings(starvation_ns=ms(200), starvation_dtx_ns=ms(60)))
    bench.audio(0)
    bench.uplink.handle_tick(ms(220))
    assert bench.counted("inserted") == [220 * 8 - PACKET]


def test_filling_stands_for_the_silence_that_the_timestamps_then_show(bench: Bench) -> None:
    bench.audio(0)
    tick(bench, 20, 1000)
    bench.pass_by(8000 - PACKET)
    bench.audio(1000)
    assert bench.counted("span", "inserted", "dropped") == [8160, 0, 0]
    assert len(bench.out) == 8160


def test_filling_beyond_that_silence_stays_inserted_and_no_word_is_lost(bench: Bench) -> None:
    bench.audio(0)
    bench.uplink.handle_speech_stopped(ms(0))
    tick(bench, 20, 1000)
    bench.pass_by(8000 - PACKET - 100)
    bench.audio(1000, octet=0x11)
    bench.audio(1020, octet=0x12)
    assert bytes(bench.out[-320:]) == b"\x11" * 160 + b"\x12" * 160
    assert bench.counted("inserted", "dropped") == [100, 0]


def test_late_packets_after_a_fill_are_appended_behind_it(bench: Bench) -> None:
    bench.uplink.handle_speech_stopped(ms(-500))
    bench.uplink.handle_speech_started()
    bench.audio(0)
    tick(bench, 20, 1000)
    for number in range(50):
        bench.audio(1001, octet=number)
    assert bytes(bench.out[-50 * 160 :]) == b"".join(bytes([n]) * 160 for n in range(50))
    assert bench.counted("span", "inserted", "dropped") == [51 * 160, 8000 - PACKET, 0]


def test_late_packets_are_dropped_where_the_fill_followed_the_end_of_speech(bench: Bench) -> None:
    bench.audio(0)
    bench.uplink.handle_speech_stopped(ms(0))
    tick(bench, 20, 420)
    assert bench.uplink.inserted == 420 * 8 - PACKET == 3200
    for number in range(19):
        bench.audio(421, octet=number)
    bench.audio(421, octet=0x77)
    assert bench.counted("dropped", "appended") == [20 * 160, 160 + 3200]
    bench.audio(421, octet=0x78, samples=240)
    assert bytes(bench.out[160 + 3200 :]) == b"\x78" * 240
    assert bench.counted("dropped", "inserted", "span") == [3200, 3200, 160 + 20 * 160 + 240]


def test_a_late_packet_of_which_filling_covers_a_part_is_appended_in_part(bench: Bench) -> None:
    bench.audio(0, samples=80)
    bench.uplink.handle_speech_stopped(ms(0))
    bench.uplink.handle_tick(ms(401))
    filled = 401 * 8 - 80
    bench.audio(402, octet=0x11, samples=filled + 60)
    assert bytes(bench.out[-60:]) == b"\x11" * 60
    row = bench.uplink.log.rows()[-1]
    assert row.rtp_timestamp == add_samples(START, 80 + filled)
    assert bench.counted("dropped") == [filled]


@pytest.mark.parametrize("stopped_ms", [200, 500])
def test_speech_that_ends_within_the_stall_may_have_gone_on_so_nothing_is_dropped(
    bench: Bench, stopped_ms: int
) -> None:
    bench.uplink.handle_speech_started()
    bench.audio(0)
    tick(bench, 20, stopped_ms)
    bench.uplink.handle_speech_stopped(ms(stopped_ms))
    tick(bench, stopped_ms + 20, 1000)
    bench.audio(1001, octet=0x33)
    assert bytes(bench.out[-160:]) == b"\x33" * 160
    assert bench.counted("dropped") == [0]


def test_a_loss_inside_a_late_burst_is_covered_by_the_filling(bench: Bench) -> None:
    bench.audio(0)
    bench.uplink.handle_speech_stopped(ms(0))
    tick(bench, 20, 420)
    bench.lost(320, 421)
    assert bench.counted("concealed", "inserted") == [0, 3200 - 320]
    for _ in range(18):
        bench.audio(421)
    assert bench.counted("dropped") == [3200 - 320]
    bench.audio(421, octet=0x55)
    assert bytes(bench.out[-PACKET:]) == b"\x55" * PACKET
    assert bench.counted("dropped") == [3200 - 320]


def test_a_stream_that_begins_anew_after_a_fill_loses_nothing(bench: Bench) -> None:
    bench.audio(0)
    bench.uplink.handle_speech_stopped(ms(0))
    tick(bench, 20, 1000)
    bench.uplink.handle_resync()
    bench.pass_by(123)
    bench.audio(1001, octet=0x33)
    assert bench.counted("dropped") == [0]
    assert bytes(bench.out[-160:]) == b"\x33" * 160


def test_a_packet_within_the_period_that_filling_leaves_open_needs_none() -> None:
    bench = Bench(UplinkSettings(starvation_ns=Nanoseconds(0)))
    bench.audio(0)
    bench.uplink.handle_tick(ms(10))
    assert bench.counted("inserted") == [0]
    bench.uplink.handle_tick(ms(21))
    assert bench.counted("inserted") == [8]


def test_behind_the_gate_audio_is_dropped_and_absence_not_filled(bench: Bench) -> None:
    bench.audio(0)
    bench.uplink.gate()
    assert bench.uplink.is_gated
    bench.audio(20)
    bench.pass_by(160)
    bench.audio(60)
    bench.lost(160, 100)
    bench.uplink.handle_digit(bench.timestamp, 160, ms(140))
    tick(bench, 160, 2000)
    assert bench.counted("appended", "span", "dropped", "inserted") == [160, 960, 800, 0]
    bench.uplink.open(ms(2000))
    assert not bench.uplink.is_gated
    tick(bench, 2020, 2400)
    assert bench.counted("appended") == [160]
    bench.pass_by(12_345)
    bench.audio(2400)
    assert bench.counted("appended") == [320]


def test_opening_before_any_packet_waits_for_nothing(bench: Bench) -> None:
    bench.uplink.open(ms(0))
    tick(bench, 0, 1000)
    assert bench.counted("appended") == [0]


def test_an_instant_out_of_reach_is_unknown(bench: Bench) -> None:
    assert bench.uplink.instant_of(0) is None
    for number in range(1_501):
        bench.audio(number * 20)
    assert bench.uplink.instant_of(0) is None
    assert bench.uplink.instant_of(PACKET) == ms(0)


def test_audio_dropped_before_it_was_written_counts_as_dropped(bench: Bench) -> None:
    """A blocked way to the model: of six packets two were written and two dropped."""
    for number in range(6):
        bench.audio(number * 20, octet=number)
    bench.uplink.handle_backlog_dropped(2, 2)
    del bench.out[320:640]
    assert bench.counted("span", "inserted", "dropped", "appended") == [960, 0, 320, 640]
    assert bench.uplink.instant_of(319) == ms(20) - 125_000
    assert bench.uplink.instant_of(320) == ms(60)
    assert bench.uplink.instant_of(480) == ms(80)


def test_a_sink_may_drop_while_it_is_given_audio() -> None:
    uplink, given = Uplink(FORMAT), 0

    def sink(_octets: bytes) -> None:
        nonlocal given
        given += 1
        if given > 3:
            uplink.handle_backlog_dropped(1, 3)

    uplink.sink = sink
    for number in range(10):
        uplink.handle_audio(b"\x40" * PACKET, add_samples(START, number * PACKET), ms(number * 20))
    assert (uplink.span, uplink.appended, uplink.dropped) == (1600, 480, 1120)
    assert [row.offset for row in uplink.log.rows()] == [0, 160, 320]
    assert uplink.instant_of(0) == ms(120)
