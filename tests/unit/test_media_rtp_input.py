"""The receiving half: whose packets, in which order, as what."""

from array import array
from math import pi, sin

import pytest

from telephony.media import DigitArrived, MediaEvent, MediaStarted, RtpPortSettings, Uplink
from telephony.media.rtp_input import RtpInput
from telephony.rtp import RtpSender, TelephoneEvent, build_telephone_event
from telephony.units import RtpTimestamp
from telephony_codecs import AudioFormat, encode_pcmu, transcode
from tests.support.media import COMFORT_NOISE, EVENTS, PACKET, PEER, agreement, ms, stream

LOUD = b"\x10" * PACKET
SILENCE = b"\xff" * PACKET


class Bench:
    """An input, what it appended and told, and a peer."""

    def __init__(self, settings: RtpPortSettings | None = None) -> None:
        self.out = bytearray()
        self.told: list[MediaEvent] = []
        self.uplink = Uplink(AudioFormat.PCMU)
        self.uplink.sink = self.out.extend
        self.input = RtpInput(
            settings or agreement(), AudioFormat.PCMU, self.uplink, self.told.append
        )
        self.peer: RtpSender = stream()
        self.at_ms = 0.0

    def receive(self, datagram: bytes) -> None:
        """Let a datagram arrive 20 ms after the one before."""
        self.at_ms += 20
        self.input.handle_rtp(datagram, PEER, ms(self.at_ms))

    def audio(self, payload: bytes = LOUD) -> None:
        """Receive the peer's next packet."""
        self.receive(self.peer.packet(payload, len(payload)))

    def event(
        self, code: int, start: RtpTimestamp, duration: int, *, is_end: bool = False
    ) -> bytes:
        """Make a packet of a key."""
        payload = build_telephone_event(TelephoneEvent(code, is_end, 10, duration))
        return self.peer.event_packet(payload, EVENTS, start)


@pytest.fixture
def bench() -> Bench:
    """Give one whose latch has closed behind two packets."""
    made = Bench()
    made.audio(SILENCE)
    made.audio(SILENCE)
    assert made.told == [MediaStarted()]
    assert made.out == SILENCE * 2
    made.told.clear()
    made.out.clear()
    return made


def test_media_starts_once(bench: Bench) -> None:
    bench.audio()
    assert bench.told == []
    assert bench.out == LOUD
    assert bench.input.statistics is not None
    assert bench.input.statistics.ssrc == 7


def test_the_first_packet_goes_up_once_the_second_has_proven_its_source() -> None:
    bench = Bench()
    bench.audio(b"\x01" * PACKET)
    assert (bytes(bench.out), bench.told) == (b"", [])
    bench.audio(b"\x02" * PACKET)
    assert bytes(bench.out) == b"\x01" * PACKET + b"\x02" * PACKET
    assert [row.arrival_ns for row in bench.uplink.log.rows()] == [ms(20), ms(40)]
    assert (bench.uplink.appended, bench.uplink.span) == (2 * PACKET, 2 * PACKET)
    assert (bench.input.latch.refused, bench.input.reorder.released) == (0, 2)
    assert bench.input.statistics is not None
    assert bench.input.statistics.is_valid


def test_a_key_in_the_first_packet_is_told() -> None:
    bench = Bench()
    start = bench.peer.timestamp
    bench.receive(bench.event(5, start, 160))
    bench.receive(bench.event(5, start, 320))
    assert bench.told == [MediaStarted(), DigitArrived("5", "rtp")]
    assert bytes(bench.out) == SILENCE


def test_a_peer_who_moves_to_another_port_loses_nothing(bench: Bench) -> None:
    bench.at_ms += 2_000
    for octet in (1, 2):
        bench.at_ms += 20
        moved = bench.peer.packet(bytes([octet]) * PACKET, PACKET)
        bench.input.handle_rtp(moved, (PEER[0], PEER[1] + 2), ms(bench.at_ms))
    assert bytes(bench.out) == b"\x01" * PACKET + b"\x02" * PACKET
    assert bench.told == []
    assert (bench.uplink.concealed, bench.input.reorder.lost) == (0, 0)


def test_what_does_not_parse_or_was_not_agreed_or_comes_from_elsewhere(bench: Bench) -> None:
    bench.receive(b"\x80")
    bench.receive(stream(payload_type=96).packet(LOUD, PACKET))
    bench.input.handle_rtp(bench.peer.packet(LOUD, PACKET), ("198.51.100.1", 9), ms(100))
    assert bench.out == b""
    assert (bench.input.malformed, bench.input.wrong_payload_type) == (1, 1)
    assert bench.input.latch.refused == 1


def test_audio_of_the_other_law_is_brought_to_the_legs(bench: Bench) -> None:
    bench.peer.payload_type = 8
    bench.audio(b"\x2a" * PACKET)
    assert bench.out == transcode(b"\x2a" * PACKET, AudioFormat.PCMA, AudioFormat.PCMU)


def test_a_swapped_pair_is_put_in_order(bench: Bench) -> None:
    first, second = bench.peer.packet(b"\x01" * 160, 160), bench.peer.packet(b"\x02" * 160, 160)
    bench.receive(second)
    assert bench.out == b""
    bench.receive(first)
    assert bench.out == b"\x01" * 160 + b"\x02" * 160


def test_a_loss_is_given_up_after_60_ms_and_late_audio_is_let_go(bench: Bench) -> None:
    missing = bench.peer.packet(LOUD, PACKET)
    bench.audio()
    proven_ms = bench.at_ms
    bench.input.handle_time(ms(proven_ms + 59))
    assert bench.out == b""
    bench.input.handle_time(ms(proven_ms + 60))
    assert len(bench.out) == 320
    assert bench.uplink.concealed == 160
    bench.receive(missing)
    assert len(bench.out) == 320
    assert bench.input.reorder.late == 1


def test_absence_is_filled_as_time_goes_by(bench: Bench) -> None:
    bench.audio()
    bench.input.handle_time(ms(bench.at_ms + 500))
    assert bench.uplink.inserted == 4000 - PACKET


def test_a_stray_packet_of_another_source_spoils_no_statistics(bench: Bench) -> None:
    bench.audio()
    before = bench.input.statistics
    bench.receive(stream(ssrc=8, sequence=5).packet(LOUD, PACKET))
    bench.audio()
    assert bench.input.statistics is before
    assert before is not None
    assert before.received == 3
    assert before.cumulative_lost == 0


def test_a_new_source_gets_statistics_of_its_own(bench: Bench) -> None:
    bench.audio()
    bench.peer = stream(ssrc=8, sequence=500, timestamp=77)
    for _ in range(4):
        bench.audio()
    statistics = bench.input.statistics
    assert statistics is not None
    assert (statistics.ssrc, statistics.received, statistics.cumulative_lost) == (8, 2, 0)
    assert bytes(bench.out) == LOUD * 5
    assert bench.uplink.inserted == 0


def test_a_jump_of_the_same_source_keeps_its_statistics(bench: Bench) -> None:
    before = bench.input.statistics
    bench.peer = stream(sequence=30_000)
    bench.audio()
    bench.audio()
    assert bytes(bench.out) == LOUD * 2
    assert bench.input.statistics is before


def test_a_key_is_told_once_and_is_silence_upwards(bench: Bench) -> None:
    start = bench.peer.timestamp
    for duration, is_end in ((160, False), (320, False), (480, True), (480, True), (480, True)):
        bench.receive(bench.event(5, start, duration, is_end=is_end))
    bench.peer.advance(480)
    bench.audio()
    assert bench.told == [DigitArrived("5", "rtp")]
    assert bytes(bench.out) == SILENCE * 3 + LOUD


def test_tone_beneath_a_key_does_not_go_up(bench: Bench) -> None:
    start = bench.peer.timestamp
    for number in range(1, 5):
        bench.receive(bench.event(5, start, 160 * number, is_end=number == 4))
        bench.audio()
    bench.audio()
    assert bytes(bench.out) == SILENCE * 4 + LOUD
    assert bench.uplink.overlapped == 640


def test_tone_ahead_of_a_keys_reports_does_not_go_up(bench: Bench) -> None:
    start = bench.peer.timestamp
    bench.receive(bench.event(5, start, 40))
    bench.audio()
    bench.receive(bench.event(5, start, 200, is_end=True))
    bench.audio()
    assert bytes(bench.out) == SILENCE + b"\xff" * 40 + LOUD[40:]


def test_a_key_whose_end_never_comes_masks_no_more_after_150_ms(bench: Bench) -> None:
    bench.receive(bench.event(5, bench.peer.timestamp, 160))
    bench.peer.advance(160)
    bench.input.handle_time(ms(bench.at_ms + 149))
    bench.audio()
    bench.input.handle_time(ms(bench.at_ms + 150))
    bench.audio()
    assert bytes(bench.out) == SILENCE * 2 + LOUD


def test_a_late_key_is_still_news(bench: Bench) -> None:
    late = bench.event(7, bench.peer.timestamp, 160, is_end=True)
    bench.audio()
    bench.input.handle_time(ms(bench.at_ms + 60))
    bench.receive(late)
    assert bench.told == [DigitArrived("7", "rtp")]


def test_the_lost_repeats_of_a_keys_end_are_no_gap(bench: Bench) -> None:
    start = bench.peer.timestamp
    bench.receive(bench.event(5, start, 160, is_end=True))
    bench.event(5, start, 160, is_end=True)
    bench.peer.advance(160)
    bench.audio()
    bench.input.handle_time(ms(bench.at_ms + 60))
    assert bytes(bench.out) == SILENCE + LOUD
    assert bench.uplink.concealed == 0


def test_a_damaged_key_is_counted_and_nothing_else(bench: Bench) -> None:
    bench.receive(bench.peer.event_packet(b"\x05\x00\x00", EVENTS, bench.peer.timestamp))
    bench.peer.event_packet(b"", EVENTS, bench.peer.timestamp)  # lost
    bench.audio()
    bench.input.handle_time(ms(bench.at_ms + 60))
    assert bench.told == []
    assert bench.input.malformed == 1
    assert bytes(bench.out) == LOUD


def test_comfort_noise_shows_dtx_and_has_no_length(bench: Bench) -> None:
    bench.receive(bench.peer.event_packet(b"\x40", COMFORT_NOISE, bench.peer.timestamp))
    bench.event(5, bench.peer.timestamp, 0)  # lost
    bench.audio()
    bench.input.handle_time(ms(bench.at_ms + 60))
    assert bench.uplink.has_dtx
    assert bytes(bench.out) == LOUD


def dtmf(samples: int) -> bytes:
    """Make the two tones of key 5, 770 and 1336 Hz."""
    values = [
        round(8000 * (sin(2 * pi * 770 * at / 8000) + sin(2 * pi * 1336 * at / 8000)))
        for at in range(samples)
    ]
    return encode_pcmu(array("h", values).tobytes())


def test_without_telephone_event_keys_are_heard_in_band() -> None:
    bench = Bench(agreement(has_events=False))
    tones = dtmf(1600)
    bench.audio(SILENCE)
    for at in range(0, 1600, 160):
        bench.audio(tones[at : at + 160])
    for _ in range(5):
        bench.audio(SILENCE)
    assert bench.told == [MediaStarted(), DigitArrived("5", "inband")]


def test_an_agreement_on_telephone_event_ends_the_in_band_detector_and_back() -> None:
    bench = Bench(agreement(has_events=False))
    bench.audio(SILENCE)
    bench.audio(SILENCE)
    bench.input.renegotiate(agreement(), ms(50))
    tones = dtmf(1600)
    for at in range(0, 1600, 160):
        bench.audio(tones[at : at + 160])
    assert bench.told == [MediaStarted()]
    for _ in range(2):
        bench.input.renegotiate(agreement(has_events=False), ms(300))
    for at in range(0, 1600, 160):
        bench.audio(tones[at : at + 160])
    assert bench.told == [MediaStarted(), DigitArrived("5", "inband")]
    bench.receive(bench.event(1, bench.peer.timestamp, 160))
    assert bench.input.wrong_payload_type == 1
