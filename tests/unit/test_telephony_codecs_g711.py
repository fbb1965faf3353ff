"""G.711 against FFmpeg's tables and the standard's own formulas, over every code and sample."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# numpy's stubs name types that Python 3.11, the version checked for, does not know.

import av
import numpy as np
import pytest
from av.audio.codeccontext import AudioCodecContext

from telephony_codecs import (
    AudioFormat,
    decode,
    decode_pcma,
    decode_pcmu,
    encode,
    encode_pcma,
    encode_pcmu,
    fade_out,
    transcode,
)

EVERY_CODE = bytes(range(256))
EVERY_SAMPLE = np.arange(-32768, 32768).astype("<i2")
LAWS = [(AudioFormat.PCMU, "pcm_mulaw"), (AudioFormat.PCMA, "pcm_alaw")]


def ffmpeg_decode(codec: str, octets: bytes) -> bytes:
    context = av.CodecContext.create(codec, "r")
    assert isinstance(context, AudioCodecContext)
    context.sample_rate = 8000
    context.layout = "mono"
    frames = context.decode(av.Packet(octets))
    return b"".join(bytes(frame.planes[0])[: frame.samples * 2] for frame in frames)


def ffmpeg_encode(codec: str, pcm16: bytes) -> bytes:
    context = av.CodecContext.create(codec, "w")
    assert isinstance(context, AudioCodecContext)
    context.sample_rate = 8000
    context.layout = "mono"
    context.format = "s16"
    frame = av.AudioFrame(format="s16", layout="mono", samples=len(pcm16) // 2)
    frame.sample_rate = 8000
    frame.planes[0].update(pcm16)
    return b"".join(map(bytes, context.encode(frame))) + b"".join(map(bytes, context.encode(None)))


def mulaw_by_formula(code: int) -> int:
    """ITU-T G.711 table 2: complement, sign, segment, step; 14 bits, here times 4."""
    code = ~code & 0xFF
    magnitude = ((((code & 0x0F) << 1) + 33) << (code >> 4 & 7)) - 33
    return (-magnitude if code & 0x80 else magnitude) * 4


def alaw_by_formula(code: int) -> int:
    """ITU-T G.711 table 1: even bits inverted, sign, segment, step; 13 bits, here times 8."""
    code ^= 0x55
    segment = code >> 4 & 7
    step = ((code & 0x0F) << 1) + 1
    magnitude = step if segment == 0 else (step + 32) << (segment - 1)
    return (magnitude if code & 0x80 else -magnitude) * 8


def samples(pcm16: bytes) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.frombuffer(pcm16, "<i2").astype(np.int64)


@pytest.mark.parametrize(("law", "codec"), LAWS)
def test_every_code_decodes_as_ffmpeg_does(law: AudioFormat, codec: str) -> None:
    assert decode(EVERY_CODE, law) == ffmpeg_decode(codec, EVERY_CODE)


def test_every_code_decodes_as_the_standard_computes_it() -> None:
    assert samples(decode_pcmu(EVERY_CODE)).tolist() == [mulaw_by_formula(c) for c in EVERY_CODE]
    assert samples(decode_pcma(EVERY_CODE)).tolist() == [alaw_by_formula(c) for c in EVERY_CODE]


def test_every_code_survives_decoding_and_encoding() -> None:
    assert encode_pcma(decode_pcma(EVERY_CODE)) == EVERY_CODE
    # Mu-law has two zeros; the negative one comes back as the positive.
    assert encode_pcmu(decode_pcmu(EVERY_CODE)) == EVERY_CODE.replace(b"\x7f", b"\xff")


@pytest.mark.parametrize(("law", "codec"), LAWS)
def test_every_sample_encodes_as_in_ffmpeg_but_for_its_decision_values(
    law: AudioFormat, codec: str
) -> None:
    """FFmpeg decides at the middle between two codes, the standard at the ends of its segments."""
    pcm16 = EVERY_SAMPLE.tobytes()
    ours = np.frombuffer(decode(encode(pcm16, law), law), "<i2").astype(int)
    theirs = np.frombuffer(decode(ffmpeg_encode(codec, pcm16), law), "<i2").astype(int)
    assert np.count_nonzero(ours != theirs) < 1000
    values = np.unique(ours)
    apart = np.searchsorted(values, ours) - np.searchsorted(values, theirs)
    assert np.abs(apart).max() == 1


def test_no_sample_is_further_from_its_code_than_half_a_step_of_its_segment() -> None:
    """ITU-T G.711: steps double from segment to segment; 3 and 7 are what the lost bits hold."""
    loudest = 32256  # The largest value of both laws' last step.
    pcm16 = EVERY_SAMPLE[np.abs(EVERY_SAMPLE.astype(int)) < loudest]
    mulaw = np.frombuffer(encode_pcmu(pcm16.tobytes()), np.uint8).astype(int)
    error = np.abs(samples(decode_pcmu(mulaw.astype(np.uint8).tobytes())) - pcm16)
    assert np.all(error <= (4 << (~mulaw >> 4 & 7)) + 3)
    alaw = np.frombuffer(encode_pcma(pcm16.tobytes()), np.uint8).astype(int)
    error = np.abs(samples(decode_pcma(alaw.astype(np.uint8).tobytes())) - pcm16)
    assert np.all(error <= (8 << np.maximum((alaw ^ 0x55) >> 4 & 7, 1) - 1) + 7)


@pytest.mark.parametrize("law", [AudioFormat.PCMU, AudioFormat.PCMA])
def test_encoding_never_turns_the_order_of_samples_round(law: AudioFormat) -> None:
    assert np.all(np.diff(samples(decode(encode(EVERY_SAMPLE.tobytes(), law), law))) >= 0)


def to_pcma(octets: bytes) -> bytes:
    return transcode(octets, AudioFormat.PCMU, AudioFormat.PCMA)


def to_pcmu(octets: bytes) -> bytes:
    return transcode(octets, AudioFormat.PCMA, AudioFormat.PCMU)


def test_the_direct_tables_are_decoding_then_encoding() -> None:
    for code in range(256):
        octet = bytes([code])
        assert to_pcma(octet) == encode_pcma(decode_pcmu(octet))
        assert to_pcmu(octet) == encode_pcmu(decode_pcma(octet))


def test_silence_stays_silence_from_law_to_law() -> None:
    assert to_pcma(b"\xff") == b"\xd5"
    # A-law has no zero; its smallest value, 8, is mu-law's second smallest.
    assert to_pcmu(b"\xd5") == b"\xfe"


def test_law_to_law_and_back_moves_a_sample_by_one_step_at_most() -> None:
    there_and_back = to_pcmu(to_pcma(EVERY_CODE))
    codes = np.frombuffer(there_and_back, np.uint8).astype(int)
    moved = np.abs(codes - np.arange(256))
    moved[0x7F] = 0  # The negative zero becomes the positive one.
    assert moved.max() == 1
    assert np.count_nonzero(moved) == 15


TRANSCODED = [
    (AudioFormat.PCMU, AudioFormat.PCMU, b"\x00\xff", b"\x00\xff"),
    (AudioFormat.PCMU, AudioFormat.PCMA, b"\x00\xff", b"\x2a\xd5"),
    (AudioFormat.PCMA, AudioFormat.PCMU, b"\x2a\xd5", b"\x00\xfe"),
    (AudioFormat.PCMU, AudioFormat.PCM8K, b"\xff", b"\x00\x00"),
    (AudioFormat.PCM8K, AudioFormat.PCMA, b"\x00\x00", b"\xd5"),
    (AudioFormat.PCM24K, AudioFormat.PCM24K, b"\x01\x02", b"\x01\x02"),
]


@pytest.mark.parametrize(("source", "target", "octets", "wanted"), TRANSCODED)
def test_transcode(source: AudioFormat, target: AudioFormat, octets: bytes, wanted: bytes) -> None:
    assert transcode(octets, source, target) == wanted


def test_transcode_does_not_change_rates() -> None:
    with pytest.raises(ValueError, match="needs a resampler"):
        transcode(b"\xff", AudioFormat.PCMU, AudioFormat.PCM24K)


@pytest.mark.parametrize("audio_format", AudioFormat)
def test_a_fade_is_a_straight_line_to_zero(audio_format: AudioFormat) -> None:
    length = audio_format.samples_of_ms(5)
    loud = encode(np.full(length, 16000, "<i2").tobytes(), audio_format)
    faded = fade_out(loud, audio_format)
    assert len(faded) == len(loud)
    start = int(samples(decode(loud, audio_format))[0])
    line = start * (length - 1 - np.arange(length)) / length
    error = np.abs(samples(decode(faded, audio_format)) - line)
    # PCM is exact but for rounding; G.711 is off by half a quantising step, 1/32 of the value.
    assert np.all(
        error <= np.maximum(8, line / 32 + 4 if audio_format.octets_per_sample == 1 else 1)
    )
    assert faded.endswith(audio_format.silence_sample)


@pytest.mark.parametrize("audio_format", AudioFormat)
def test_a_fade_keeps_silence_and_takes_any_length(audio_format: AudioFormat) -> None:
    assert fade_out(b"", audio_format) == b""
    one = fade_out(audio_format.silence(1), audio_format)
    assert one == audio_format.silence(1)
    silent = samples(decode(fade_out(audio_format.silence(40), audio_format), audio_format))
    assert np.abs(silent).max() <= 8


def test_a_fade_of_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple"):
        fade_out(b"\x00", AudioFormat.PCM8K)
