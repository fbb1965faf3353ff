"""How loud audio is."""

from telephony_codecs._audioop import audioop
from telephony_codecs.formats import AudioFormat
from telephony_codecs.g711 import PCM16_WIDTH, decode

__all__ = ["rms"]


def rms(octets: bytes, audio_format: AudioFormat) -> int:
    """Give the root mean square of audio in PCM16 units, 0 to 32,768; 0.2 us for 20 ms of PCM."""
    return audioop.rms(decode(octets, audio_format), PCM16_WIDTH)
