"""Whose RTP a leg takes, and what its port is told of an agreement."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from telephony.media import RtpPortSettings, SourcePolicy, leg_format
from telephony.sdp import AgreedAudio
from telephony.units import NS_PER_MS, Nanoseconds

__all__ = ["MediaPolicy"]


@dataclass(frozen=True, slots=True)
class MediaPolicy:
    """Whose RTP a leg takes."""

    is_nat: bool = False
    """Trust where packets come from above what the description says, within these bounds."""
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Where the trunk's media may come from."""
    far_buffer_ns: Nanoseconds = Nanoseconds(40 * NS_PER_MS)
    """What the far end's jitter buffer is taken to hold."""
    reorder_wait_ns: Nanoseconds = Nanoseconds(60 * NS_PER_MS)
    """How long a missing packet is waited for."""

    def port_settings(self, audio: AgreedAudio, source: str | None) -> RtpPortSettings:
        """Give the settings of a port for what was agreed on.

        Args:
            audio: The agreement.
            source: Where the far end's signalling comes from; None where we sent ours first.
        """
        receive = {codec.payload_type: leg_format(codec.name) for codec in audio.receive_codecs}
        others = (audio.telephone_event_receive, audio.comfort_noise_receive)
        payload_types = {*receive, *(number for number in others if number is not None)}
        remote = (audio.remote.host, audio.remote.port)
        rtcp = audio.remote_rtcp
        policy = SourcePolicy(
            announced=remote,
            payload_types=frozenset(payload_types),
            signalling_host=source if self.is_nat else None,
            networks=self.networks if self.is_nat else (),
        )
        return RtpPortSettings(
            audio_format=leg_format(audio.send_codec.name),
            payload_type=audio.send_codec.payload_type,
            receive_payload_types=receive,
            remote=remote,
            remote_rtcp=(rtcp.host, rtcp.port) if rtcp else None,
            policy=policy,
            event_payload_type_send=audio.telephone_event_send,
            event_payload_type_receive=audio.telephone_event_receive,
            comfort_noise_receive=audio.comfort_noise_receive,
            ptime_ms=audio.ptime_ms,
            is_nat=self.is_nat,
            far_buffer_ns=self.far_buffer_ns,
            reorder_wait_ns=self.reorder_wait_ns,
        )
