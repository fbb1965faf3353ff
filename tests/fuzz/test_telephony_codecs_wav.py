"""Whatever the octets, the WAV parser returns whole samples or raises its own error."""

from hypothesis import given
from hypothesis import strategies as st

from telephony_codecs import WAV_HEADER_OCTETS, WavAudio, WavEncoding, WavError, parse_wav

AUDIO = WavAudio(WavEncoding.PCM16, 8_000, 1, bytes(range(32)))
FILE = AUDIO.pack()


def parsed(file: bytes) -> WavAudio | None:
    """Parse a file and hold what all audio must be; None where the file is refused."""
    try:
        audio = parse_wav(file)
    except WavError:
        return None
    assert audio.octets in file
    assert len(audio.octets) % (audio.encoding.octets_per_sample * audio.channels) == 0
    assert 1 <= audio.channels <= 8
    assert 1 <= audio.rate_hz <= 384_000
    return audio


@given(st.binary(max_size=200))
def test_what_has_no_format_is_refused(body: bytes) -> None:
    for file in (body, b"RIFF\x00\x00\x00\x00WAVE" + body.replace(b"fmt ", b"")):
        assert parsed(file) is None


@given(st.integers(0, WAV_HEADER_OCTETS - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_header_is_refused_or_tells_of_audio_that_is_there(
    position: int, damage: bytes
) -> None:
    parsed(FILE[:position] + damage + FILE[position + len(damage) :])
    assert parsed(FILE[:position]) is None


@given(st.integers(0, len(AUDIO.octets)), st.binary(max_size=8))
def test_cut_or_damaged_audio_is_read_as_it_is(position: int, damage: bytes) -> None:
    octets = (AUDIO.octets[:position] + damage)[: len(AUDIO.octets)]
    whole = octets[: len(octets) // 2 * 2]
    assert parsed(FILE[:WAV_HEADER_OCTETS] + octets) == WavAudio(AUDIO.encoding, 8_000, 1, whole)


@given(st.binary(max_size=60))
def test_a_chunk_of_another_kind_is_passed_over(body: bytes) -> None:
    chunk = b"LIST" + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2)
    assert parsed(FILE[:12] + chunk + FILE[12:]) == AUDIO
