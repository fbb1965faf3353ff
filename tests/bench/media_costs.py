"""Prints what media costs per packet and per delta, in microseconds of CPU.

Run from the checkout: `python -m tests.bench.media_costs [--json]`. A figure is the best of seven
runs by `process_time`, the loop included; it is the cost on this machine. `receive` is one RTP
packet in, in order, up to the append; `send` one tick with an item playing; `call_frame` both, as a
call does; `delta` is 100 ms of an item from the session's event into the queue. Sockets, base64 and
JSON are others'.
"""

import gc
import time
from collections.abc import Callable

from telephony.media import AgentAudio, ItemKey, RtpPort
from telephony.units import Nanoseconds
from telephony.voice import AudioReceived, VoiceFormat
from telephony_codecs import AudioFormat
from tests.bench.costs import main_of
from tests.support.media import PACKET, PEER, agreement, ms, port, stream

PACKETS = 10_000
DELTAS = PACKETS // 5
RUNS = 7
DELTA_OCTETS = {VoiceFormat.PCMU: 800, VoiceFormat.PCMA: 800, VoiceFormat.PCM: 4800}
PEER_STREAM = stream()
DATAGRAMS = [PEER_STREAM.packet(bytes(PACKET), PACKET) for _ in range(PACKETS)]
INSTANTS = [ms(index * 20) for index in range(PACKETS)]


class Leg:
    """A leg in mid-call, and what its session was given."""

    def __init__(self, granted: VoiceFormat, leg_format: AudioFormat = AudioFormat.PCMU) -> None:
        self.appended = 0
        self.port: RtpPort = port(agreement(leg_format))
        self.audio = AgentAudio(self.port, self._append)
        self.audio.grant(granted, granted)
        self.port.uplink.sink = self.audio.handle_uplink
        self.port.uplink.start(Nanoseconds(0))
        self.delta = AudioReceived("response", "item", 0, bytes(DELTA_OCTETS[granted]))

    def _append(self, audio: bytes) -> None:
        self.appended += len(audio)

    def queue(self) -> None:
        """Queue all that the ticks take, delta by delta, as the leg's own format."""
        key = ItemKey(0, "item", 0)
        for _ in range(PACKETS // 5 + 1):
            self.port.playout.add(key, "response", bytes(5 * PACKET))


def seconds(made: Leg, loop: Callable[[Leg], None]) -> float:
    """Time one loop over a fresh leg."""
    started = time.process_time()
    loop(made)
    return time.process_time() - started


def receive(leg: Leg) -> None:
    """Take every packet."""
    handle_rtp = leg.port.handle_rtp
    for datagram, now_ns in zip(DATAGRAMS, INSTANTS, strict=True):
        handle_rtp(datagram, PEER, now_ns)
    assert leg.appended >= (PACKETS - 1) * PACKET


def send(leg: Leg) -> None:
    """Give every packet; nothing comes in, and nothing is waited for."""
    tick = leg.port.tick
    for _ in range(PACKETS):
        tick(INSTANTS[0])
    assert leg.port.playout.underruns == 0


def call_frame(leg: Leg) -> None:
    """Take a packet and give one, every 20 ms."""
    handle_rtp, tick = leg.port.handle_rtp, leg.port.tick
    for datagram, now_ns in zip(DATAGRAMS, INSTANTS, strict=True):
        handle_rtp(datagram, PEER, now_ns)
        tick(now_ns)
    assert leg.port.report()["uplink_inserted"] == 0


def deltas(leg: Leg) -> None:
    """Queue deltas of one item."""
    handle_audio, delta = leg.audio.handle_audio, leg.delta
    for _ in range(DELTAS):
        handle_audio(delta)
    assert leg.port.playout.queued_samples > (DELTAS - 1) * 5 * PACKET


def cost(
    loop: Callable[[Leg], None],
    count: int,
    granted: VoiceFormat = VoiceFormat.PCMU,
    leg_format: AudioFormat = AudioFormat.PCMU,
) -> float:
    """Give microseconds per operation, best of the runs."""
    best = float("inf")
    for _ in range(RUNS):
        leg = Leg(granted, leg_format)
        if loop is not deltas:
            leg.queue()
        best = min(best, seconds(leg, loop))
    return round(best / count * 1e6, 3)


def measure() -> dict[str, float]:
    """Give microseconds per operation, by name."""
    gc.disable()
    costs = {
        "receive_pcmu": cost(receive, PACKETS),
        "receive_pcm": cost(receive, PACKETS, VoiceFormat.PCM),
        "send": cost(send, PACKETS),
        "call_frame_pcmu": cost(call_frame, PACKETS),
        "call_frame_pcm": cost(call_frame, PACKETS, VoiceFormat.PCM),
        "delta_pcmu": cost(deltas, DELTAS),
        "delta_pcmu_to_pcma": cost(deltas, DELTAS, VoiceFormat.PCMU, AudioFormat.PCMA),
        "delta_pcm": cost(deltas, DELTAS, VoiceFormat.PCM),
    }
    gc.enable()
    return costs


if __name__ == "__main__":
    main_of(__doc__, measure)
