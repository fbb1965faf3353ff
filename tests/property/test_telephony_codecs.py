"""Properties that hold for any audio, cut anywhere."""

# pyright: reportUnknownMemberType=false
# numpy's stubs name types that Python 3.11, the version checked for, does not know.

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony_codecs import AudioFormat, decode, encode, fade_out, transcode
from telephony_codecs.plc import Concealer
from telephony_codecs.resample import Resampler

PCM16 = st.binary(max_size=600).map(lambda octets: octets[: len(octets) // 2 * 2])
FORMATS = st.sampled_from(AudioFormat)
LAWS = st.sampled_from([AudioFormat.PCMU, AudioFormat.PCMA])


@given(PCM16, LAWS)
def test_encoding_twice_is_encoding_once(pcm16: bytes, law: AudioFormat) -> None:
    once = encode(pcm16, law)
    assert encode(decode(once, law), law) == once


@given(st.binary(max_size=300), LAWS, LAWS)
def test_transcoding_goes_by_way_of_pcm(
    octets: bytes, source: AudioFormat, to: AudioFormat
) -> None:
    if source is not to:
        assert transcode(octets, source, to) == encode(decode(octets, source), to)


@given(PCM16, FORMATS)
def test_a_fade_never_raises_a_level(pcm16: bytes, audio_format: AudioFormat) -> None:
    octets = encode(pcm16, audio_format)
    before = np.frombuffer(decode(octets, audio_format), "<i2").astype(int)
    after = np.frombuffer(decode(fade_out(octets, audio_format), audio_format), "<i2").astype(int)
    assert len(after) == len(before)
    # A-law has no zero: its 8 stands for it.
    assert np.all(np.abs(after) <= np.maximum(np.abs(before), 8))


@settings(max_examples=40)
@given(st.lists(PCM16, max_size=8), st.sampled_from([(8_000, 24_000), (24_000, 8_000)]))
def test_a_resampler_does_not_see_the_cuts(pieces: list[bytes], rates: tuple[int, int]) -> None:
    parts, whole = Resampler(*rates), Resampler(*rates)
    cut = b"".join([*(parts.convert(piece) for piece in pieces), parts.flush()])
    assert cut == whole.convert(b"".join(pieces)) + whole.flush()


@given(st.lists(st.one_of(PCM16, st.integers(0, 300)), max_size=12))
def test_a_concealer_keeps_the_timeline(steps: list[bytes | int]) -> None:
    """Each step is a frame that came, or a number of samples that did not."""
    concealer = Concealer()
    for step in steps:
        if isinstance(step, bytes):
            assert len(concealer.good(step)) == len(step)
        else:
            assert len(concealer.conceal(step)) == 2 * step
