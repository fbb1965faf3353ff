"""Whatever the octets, the WAV parser returns whole samples or raises its own error."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from telephony_codecs import WavAudio, WavEncoding, WavError, parse_wav

VALID = WavAudio(WavEncoding.PCM16, 8_000, 1, bytes(32)).pack()


def check(file: bytes) -> None:
    with contextlib.suppress(WavError):
        audio = parse_wav(file)
        assert len(audio.octets) % (audio.encoding.octets_per_sample * audio.channels) == 0


@given(st.binary(max_size=200))
def test_any_octets(body: bytes) -> None:
    check(body)
    check(b"RIFF\x00\x00\x00\x00WAVE" + body)


@given(st.integers(0, len(VALID) - 1), st.binary(min_size=1, max_size=8))
def test_a_valid_file_with_damage(position: int, damage: bytes) -> None:
    check(VALID[:position] + damage + VALID[position + len(damage) :])
    check(VALID[:position])
