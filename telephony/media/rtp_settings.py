"""What an offer and its answer agreed on, as far as RTP is concerned."""

from dataclasses import dataclass

from telephony.rtp import SourcePolicy
from telephony.units import NS_PER_MS, Nanoseconds
from telephony_codecs import AudioFormat

__all__ = ["Address", "RtpPortSettings"]

Address = tuple[str, int]
"""Host and port."""


@dataclass(frozen=True, slots=True)
class RtpPortSettings:
    """One agreement; a re-INVITE makes another."""

    audio_format: AudioFormat
    """What is sent; PCMU or PCMA."""
    payload_type: int
    """To send the audio with."""
    receive_payload_types: dict[int, AudioFormat]
    """Audio that may arrive, each of either law."""
    remote: Address
    """Where RTP goes, unless `is_nat` finds out better."""
    remote_rtcp: Address | None
    policy: SourcePolicy
    event_payload_type_send: int | None = None
    event_payload_type_receive: int | None = None
    comfort_noise_receive: int | None = None
    ptime_ms: int = 20
    is_nat: bool = False
    """Send to where packets come from, not to where SDP says."""
    far_buffer_ns: Nanoseconds = Nanoseconds(40 * NS_PER_MS)
    """What the far end's jitter buffer holds, as far as anyone knows."""
    reorder_wait_ns: Nanoseconds = Nanoseconds(60 * NS_PER_MS)
    """How long a proven gap waits for its packets."""

    @property
    def payload_types(self) -> frozenset[int]:
        """All that may arrive."""
        others = (self.event_payload_type_receive, self.comfort_noise_receive)
        return frozenset(self.receive_payload_types).union(
            number for number in others if number is not None
        )
