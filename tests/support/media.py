"""Makes RTP ports and the streams that reach them, with every random start fixed."""

from telephony.media import RtpPort, RtpPortSettings, UplinkSettings
from telephony.rtp import RtcpReporter, RtpSender, SourcePolicy
from telephony.units import NS_PER_MS, Nanoseconds, RtpTimestamp
from telephony_codecs import AudioFormat

PEER = ("192.0.2.10", 4000)
PEER_RTCP = ("192.0.2.10", 4001)
EVENTS = 101
COMFORT_NOISE = 13
PACKET = 160
"""Samples of 20 ms."""


def ms(milliseconds: float) -> Nanoseconds:
    """Give an instant of the test's clock."""
    return Nanoseconds(round(milliseconds * NS_PER_MS))


def stream(**fields: int) -> RtpSender:
    """Make a peer's stream."""
    values = {"ssrc": 7, "payload_type": 0, "sequence": 65_530, "timestamp": (1 << 32) - 400}
    values |= fields
    return RtpSender(
        ssrc=values["ssrc"],
        payload_type=values["payload_type"],
        sequence=values["sequence"],
        timestamp=RtpTimestamp(values["timestamp"]),
    )


def agreement(
    audio_format: AudioFormat = AudioFormat.PCMU,
    *,
    ptime_ms: int = 20,
    has_events: bool = True,
    is_nat: bool = False,
) -> RtpPortSettings:
    """Make what an offer and its answer agreed on: both laws may come in."""
    receive = {0: AudioFormat.PCMU, 8: AudioFormat.PCMA}
    events = EVENTS if has_events else None
    return RtpPortSettings(
        audio_format=audio_format,
        payload_type=0 if audio_format is AudioFormat.PCMU else 8,
        receive_payload_types=receive,
        remote=PEER,
        remote_rtcp=PEER_RTCP,
        policy=SourcePolicy(
            PEER, frozenset({0, 8, COMFORT_NOISE, EVENTS}), signalling_host="192.0.2.99"
        ),
        event_payload_type_send=events,
        event_payload_type_receive=events,
        comfort_noise_receive=COMFORT_NOISE,
        ptime_ms=ptime_ms,
        is_nat=is_nat,
    )


def port(
    settings: RtpPortSettings | None = None, *, uplink: UplinkSettings | None = None
) -> RtpPort:
    """Make a leg's port."""
    return RtpPort(
        settings or agreement(),
        stream(ssrc=99, sequence=10, timestamp=1000),
        RtcpReporter(cname="leg", random=lambda: 0.5, now_ns=Nanoseconds(0)),
        uplink,
    )
