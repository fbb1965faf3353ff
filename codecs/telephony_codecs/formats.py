"""What audio a stream of octets holds: its rate, its sample size, its silence."""

from enum import Enum

__all__ = ["AudioFormat"]

MS_PER_SECOND = 1000


class AudioFormat(Enum):
    """A mono audio format that calls and voice sessions use.

    Source: RFC 3551 sections 4.5.14 (PCMU, PCMA); the PCM formats are linear, 16 bits,
    little-endian.

    Attributes:
        rate_hz: Samples per second.
        octets_per_sample: 1 for G.711, 2 for PCM16.
        silence_sample: The octets of one sample of silence.
    """

    rate_hz: int
    octets_per_sample: int
    silence_sample: bytes

    PCMU = (8_000, 1, b"\xff")
    PCMA = (8_000, 1, b"\xd5")
    PCM8K = (8_000, 2, b"\x00\x00")
    PCM24K = (24_000, 2, b"\x00\x00")

    def __init__(self, rate_hz: int, octets_per_sample: int, silence_sample: bytes) -> None:
        """Spread a member's value over its attributes."""
        self.rate_hz = rate_hz
        self.octets_per_sample = octets_per_sample
        self.silence_sample = silence_sample

    def octets(self, samples: int) -> int:
        """Give the number of octets that hold `samples` samples."""
        return samples * self.octets_per_sample

    def samples(self, octets: int) -> int:
        """Give the number of whole samples in `octets` octets; half a sample does not count."""
        return octets // self.octets_per_sample

    def samples_of_ms(self, ms: float) -> int:
        """Give the number of whole samples in `ms` milliseconds, floored."""
        return int(ms * self.rate_hz // MS_PER_SECOND)

    def octets_of_ms(self, ms: float) -> int:
        """Give the number of octets in `ms` milliseconds, floored to a whole sample."""
        return self.samples_of_ms(ms) * self.octets_per_sample

    def silence(self, samples: int) -> bytes:
        """Give `samples` samples of digital silence."""
        return self.silence_sample * samples
