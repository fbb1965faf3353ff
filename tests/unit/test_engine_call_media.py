"""A call inside the engine and its packets: when RTCP is said, what the kernel refuses."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from telephony.engine.engine_media import EngineMedia
from telephony.media import AgentAudio, RtpPort
from telephony.rtp import SenderReport, parse_rtcp, parse_rtp
from telephony.voice import AudioReceived, DeleteItem, TruncateItem, VoiceFormat
from tests.support.media import ms, port


class Kernel:
    """Stands in for a leg's sockets: notes what it takes, refuses where told to."""

    def __init__(self) -> None:
        self.is_reachable = True
        self.rtp: list[bytes] = []
        self.rtcp: list[bytes] = []

    def send_rtp(self, packet: bytes, _destination: object) -> bool:
        if self.is_reachable:
            self.rtp.append(packet)
        return self.is_reachable

    def send_rtcp(self, packet: bytes, _destination: object) -> None:
        self.rtcp.append(packet)


def media(leg_port: RtpPort, kernel: Kernel) -> EngineMedia:
    """Give the media half of a call, which is nothing but a leg and its sockets."""
    leg = SimpleNamespace(port=leg_port)
    return EngineMedia(cast(Any, leg), cast(Any, kernel), cast(Any, None))


def test_a_sender_reports_rtp_time_is_that_of_the_packet_which_goes_with_it() -> None:
    kernel = Kernel()
    subject = media(port(), kernel)
    now_ms = 0
    while not kernel.rtcp:
        subject.tick(ms(now_ms))
        now_ms += 20
    report = next(one for one in parse_rtcp(kernel.rtcp[0]) if isinstance(one, SenderReport))
    assert report.rtp_timestamp == parse_rtp(kernel.rtp[-1]).timestamp


def test_what_the_kernel_refused_was_not_sent() -> None:
    kernel, leg_port = Kernel(), port()
    subject = media(leg_port, kernel)
    audio = AgentAudio(leg_port, lambda _octets: None)
    audio.grant(VoiceFormat.PCMU, VoiceFormat.PCMU)
    audio.handle_audio(AudioReceived("r", "a", 0, bytes(1600)))
    audio.handle_audio(AudioReceived("r", "b", 0, bytes(1600)))
    for number, is_reachable in enumerate((True, False, True, False, False)):
        kernel.is_reachable = is_reachable
        subject.tick(ms(20 * number))
    assert audio.interrupt().commands == [TruncateItem("a", 0, 60), DeleteItem("b")]
    report = leg_port.report()
    assert (report["rtp_sent"], report["rtp_unsent"]) == (2, 3)
    kernel.is_reachable = True
    subject.tick(ms(100))
    sequences = [parse_rtp(packet).sequence for packet in kernel.rtp]
    assert sequences == [sequences[0] + step for step in (0, 2, 5)]


def test_an_item_of_which_the_kernel_took_nothing_is_deleted() -> None:
    kernel, leg_port = Kernel(), port()
    subject = media(leg_port, kernel)
    audio = AgentAudio(leg_port, lambda _octets: None)
    audio.grant(VoiceFormat.PCMU, VoiceFormat.PCMU)
    audio.handle_audio(AudioReceived("r", "a", 0, bytes(1600)))
    kernel.is_reachable = False
    for number in range(3):
        subject.tick(ms(20 * number))
    assert audio.interrupt().commands == [DeleteItem("a")]
    assert leg_port.ledger.playing(ms(1000), ms(0)) is None
