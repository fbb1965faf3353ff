"""Converters: exact positions, whatever the chunks."""

from array import array

import pytest

from telephony.media import audio_format_of, converter, leg_format, voice_format_of
from telephony.voice import VoiceFormat
from telephony_codecs import AudioFormat, decode_pcmu, transcode

PCM, PCMU, PCMA = AudioFormat.PCM24K, AudioFormat.PCMU, AudioFormat.PCMA


def test_formats_have_names_on_both_sides() -> None:
    assert leg_format("pcmu") is PCMU
    assert leg_format("PCMA") is PCMA
    with pytest.raises(KeyError):
        leg_format("G729")
    assert [audio_format_of(one) for one in VoiceFormat] == [
        {"pcmu": PCMU, "pcma": PCMA, "pcm": PCM}[one.name.lower()] for one in VoiceFormat
    ]
    assert voice_format_of(PCMU) is VoiceFormat.PCMU
    assert voice_format_of(PCMA) is VoiceFormat.PCMA
    assert voice_format_of(AudioFormat.PCM8K) is VoiceFormat.PCM


def test_the_same_format_needs_no_converter() -> None:
    assert converter(PCMU, PCMU) is None


def test_between_the_laws_nothing_is_held_back() -> None:
    law = converter(PCMU, PCMA)
    assert law is not None
    octets = bytes(range(256))
    assert law.convert(octets) == transcode(octets, PCMU, PCMA)
    law.reset()
    assert law.flush() == b""


def impulses(samples: int, every: int) -> bytes:
    """Make PCM16 with one loud sample now and then."""
    return array("h", [20_000 if at % every == 0 else 0 for at in range(samples)]).tobytes()


def test_every_sample_keeps_its_place_through_the_resampler() -> None:
    down = converter(PCM, PCMU)
    assert down is not None
    source = impulses(24_000, every=2400)[4800 * 2 :]  # impulses at 0, 2400, ... of what is left
    out = b"".join(down.convert(source[at : at + 1000]) for at in range(0, len(source), 1000))
    out += down.flush()
    loudness = array("h", decode_pcmu(out))
    loud = [at for at, value in enumerate(loudness) if value > 4000]
    assert loud == list(range(0, 6400, 800))
    assert len(out) == 6400


@pytest.mark.parametrize("samples", [1, 30, 100, 118, 2401, 2402, 2422, 24_000])
def test_all_out_is_the_floor_of_a_third(samples: int) -> None:
    down = converter(PCM, PCMU)
    assert down is not None
    for _ in range(2):  # the second item owes nothing to the first
        out = down.convert(impulses(samples, every=7)) + down.flush()
        assert len(out) <= samples // 3
        assert len(out) == samples // 3 or samples < 48


def test_a_chunk_may_end_inside_a_sample() -> None:
    source = impulses(2400, every=50)
    whole, torn = converter(PCM, PCMU), converter(PCM, PCMU)
    assert whole is not None
    assert torn is not None
    expected = whole.convert(source) + whole.flush()
    out = b"".join(torn.convert(source[at : at + 333]) for at in range(0, len(source), 333))
    assert out + torn.flush() == expected


def test_a_reset_forgets_the_tail() -> None:
    down = converter(PCM, PCMU)
    assert down is not None
    down.convert(impulses(240, every=3) + b"\x01")
    down.reset()
    assert down.convert(bytes(4800)) + down.flush() == b"\xff" * 800


def test_upwards_three_for_one() -> None:
    up = converter(PCMA, PCM)
    assert up is not None
    out = b"".join(up.convert(b"\xd5" * 160) for _ in range(50))
    assert 0 < 48_000 - len(out) <= 2 * 3 * 17
    assert len(out + up.flush()) == 48_000
