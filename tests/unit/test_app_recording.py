"""A call's recording: both directions on one clock, holes filled, keys as tones."""

import numpy as np
import pytest

from telephony.app.recording import RATE_HZ, CallRecorder, Track, lay, stereo_wav
from telephony.media import RtpPortSettings
from telephony.units import Nanoseconds
from telephony_codecs import AudioFormat, encode, parse_wav
from telephony_codecs.digits import DigitDetector
from tests.support.media import EVENTS, agreement, ms

TWENTY = np.full(160, 1000, "<i2").tobytes()


def packet(payload: bytes, payload_type: int = 0) -> bytes:
    return bytes([0x80, payload_type]) + bytes(10) + payload


def recorder(settings: RtpPortSettings | None = None) -> CallRecorder:
    made = CallRecorder()
    made.started(settings or agreement(), ms(0))
    return made


def test_jitter_is_no_hole() -> None:
    track = Track()
    for at in (0, 35, 41, 60, 110):
        track.append(TWENTY, ms(at))
    assert track.samples == 5 * 160


def test_a_hole_becomes_silence() -> None:
    track = Track()
    track.append(TWENTY, ms(100))
    track.append(TWENTY, ms(1100))
    pcm = np.frombuffer(track.pcm16, "<i2")
    assert len(pcm) == RATE_HZ + 160
    assert not pcm[160:RATE_HZ].any()
    assert (pcm[RATE_HZ:] == 1000).all()


def test_tracks_are_laid_at_their_times_and_clipped() -> None:
    loud = np.full(80, 30_000, "<i2").tobytes()
    early, late = Track(ms(10), bytearray(loud)), Track(ms(15), bytearray(loud))
    mixed = lay([early, late, Track()], Nanoseconds(0))
    assert len(mixed) == 200
    assert not mixed[:80].any()
    assert (mixed[80:120] == 30_000).all()
    assert (mixed[120:160] == 32_767).all()
    assert (mixed[160:] == 30_000).all()


@pytest.mark.parametrize("law", [AudioFormat.PCMU, AudioFormat.PCMA])
def test_a_call_is_recorded_left_and_right_on_one_clock(law: AudioFormat) -> None:
    settings = agreement(law)
    made = recorder(settings)
    audio = encode(TWENTY, law)
    made.sent(packet(audio, settings.payload_type), ms(100))
    made.received(audio, ms(150))
    wav = parse_wav(made.wav())
    assert (wav.channels, wav.rate_hz) == (2, RATE_HZ)
    frames = np.frombuffer(wav.octets, "<i2").reshape(-1, 2)
    assert len(frames) == 400 + 160
    assert np.allclose(frames[:160, 0], 1000, atol=40)
    assert not frames[160:, 0].any()
    assert not frames[:400, 1].any()
    assert np.allclose(frames[400:, 1], 1000, atol=40)


def test_a_key_is_recorded_as_its_tone_and_ends() -> None:
    made = recorder()
    for at in range(6):
        made.sent(packet(bytes([5, 10, 0, at]), EVENTS), ms(20 * at))
    made.sent(packet(bytes([5, 0x8A, 4, 0]), EVENTS), ms(120))
    made.sent(packet(bytes([200, 0, 0, 0]), EVENTS), ms(140))
    pcm16 = bytes(made.sent_track.pcm16)
    assert not any(pcm16[6 * 320 :])
    heard = DigitDetector().feed(pcm16)
    assert [one.digit for one in heard] == ["5"]


def test_nothing_is_recorded_before_the_media_is_agreed() -> None:
    made = CallRecorder()
    made.sent(packet(b"\x00" * 160), ms(0))
    made.received(b"\x00" * 160, ms(0))
    assert len(parse_wav(made.wav()).octets) == 0


def test_the_shorter_side_ends_in_silence() -> None:
    left, right = np.ones(3, np.int16), np.ones(5, np.int16)
    frames = np.frombuffer(parse_wav(stereo_wav(left, right)).octets, "<i2").reshape(-1, 2)
    assert frames.tolist() == [[1, 1], [1, 1], [1, 1], [0, 1], [0, 1]]


def test_a_law_agreed_on_later_is_that_of_what_we_send_alone() -> None:
    made = recorder(agreement(AudioFormat.PCMU))
    later = agreement(AudioFormat.PCMA)
    made.started(later, ms(20))
    made.sent(packet(encode(TWENTY, AudioFormat.PCMA), later.payload_type), ms(100))
    made.received(encode(TWENTY, AudioFormat.PCMU), ms(100))
    for track in (made.sent_track, made.received_track):
        pcm = np.frombuffer(track.pcm16, "<i2")
        assert len(pcm) == 160
        assert np.abs(pcm - 1000).max() < 40
