"""Prints what each RTP operation of the hot path costs, in microseconds of CPU.

Run from the checkout: `python -m tests.bench.rtp_costs [--json]`. A figure is the best of seven
runs by `process_time`, with the cost of an empty loop taken off; it is the cost on this machine.
"""

import gc
import time
from collections.abc import Callable

from telephony.rtp import (
    DigitSender,
    Latch,
    ReceiverStatistics,
    ReorderBuffer,
    RtpPacket,
    RtpSender,
    SourcePolicy,
    parse_rtp,
)
from telephony.units import NS_PER_MS, Nanoseconds, RtpTimestamp
from tests.bench.costs import main_of

PACKETS = 20_000
RUNS = 7
SAMPLES = 160
PEER = ("192.0.2.10", 4000)
PAYLOAD = bytes(SAMPLES)
Loop = Callable[[], None]


def sender() -> RtpSender:
    """Make a stream."""
    return RtpSender(ssrc=7, payload_type=0, sequence=60_000, timestamp=RtpTimestamp(1 << 31))


def stream_of_datagrams() -> list[bytes]:
    """Make what a stream sends."""
    stream = sender()
    return [stream.packet(PAYLOAD, SAMPLES) for _ in range(PACKETS)]


def arrival(index: int) -> Nanoseconds:
    """Give the arrival time of a packet."""
    return Nanoseconds(index * 20 * NS_PER_MS)


ARRIVALS = [arrival(index) for index in range(PACKETS)]
DATAGRAMS = stream_of_datagrams()
IN_ORDER = [parse_rtp(datagram) for datagram in DATAGRAMS]
SWAPPED = [IN_ORDER[index ^ 1] for index in range(PACKETS)]
ONE_LOST = [packet for index, packet in enumerate(IN_ORDER) if index % 50]


def empty() -> None:
    """Loop only."""
    for _ in range(PACKETS):
        pass


def parse() -> None:
    """Read a plain packet."""
    for datagram in DATAGRAMS:
        parse_rtp(datagram)


def pack() -> None:
    """Head a payload."""
    packet = sender().packet
    for _ in range(PACKETS):
        packet(PAYLOAD, SAMPLES)


def accept() -> None:
    """Let in a packet of the latched source."""
    latch = Latch(SourcePolicy(PEER, frozenset({0})))
    for packet in IN_ORDER:
        latch.accept(PEER, packet, Nanoseconds(0))


def count() -> None:
    """Count a packet in the receiver's statistics."""
    handle = ReceiverStatistics(7, 8000).handle_packet
    for packet, arrival_ns in zip(IN_ORDER, ARRIVALS, strict=True):
        handle(packet.sequence, packet.timestamp, arrival_ns)


def reorder(stream: list[RtpPacket]) -> None:
    """Bring a stream through the reorder buffer."""
    buffer = ReorderBuffer(lambda packet: len(packet.payload))
    handle = buffer.handle_packet
    for packet, arrival_ns in zip(stream, ARRIVALS, strict=False):
        deadline_ns = buffer.next_deadline()
        if deadline_ns is not None and deadline_ns <= arrival_ns:
            buffer.handle_timeout(arrival_ns)
        handle(packet, arrival_ns)


def digits() -> None:
    """Give the packet of one period while digits are sent."""
    subject = DigitSender(clock_rate_hz=8000)
    timestamp = RtpTimestamp(0)
    for _ in range(PACKETS):
        if not subject.is_active:
            subject.queue("0123456789")
        subject.next_packet(timestamp, SAMPLES)
        timestamp = RtpTimestamp(timestamp + SAMPLES)


def receive() -> None:
    """Do all of the receiving side: parse, accept, count, reorder."""
    latch = Latch(SourcePolicy(PEER, frozenset({0})))
    statistics = ReceiverStatistics(7, 8000)
    buffer = ReorderBuffer(lambda packet: len(packet.payload))
    for datagram, arrival_ns in zip(DATAGRAMS, ARRIVALS, strict=True):
        packet = parse_rtp(datagram)
        if latch.accept(PEER, packet, arrival_ns):
            statistics.handle_packet(packet.sequence, packet.timestamp, arrival_ns)
            buffer.handle_packet(packet, arrival_ns)
    assert buffer.released == PACKETS - 1  # without the first, which the latch kept


LOOPS: dict[str, Loop] = {
    "parse": parse,
    "pack": pack,
    "accept": accept,
    "statistics": count,
    "reorder_in_order": lambda: reorder(IN_ORDER),
    "reorder_swapped": lambda: reorder(SWAPPED),
    "reorder_2_percent_lost": lambda: reorder(ONE_LOST),
    "digit_period": digits,
    "receive_all": receive,
}


def seconds(loop: Loop) -> float:
    """Time one loop, best of its runs."""
    best = float("inf")
    for _ in range(RUNS):
        started = time.process_time()
        loop()
        best = min(best, time.process_time() - started)
    return best


def measure() -> dict[str, float]:
    """Give microseconds per operation, by name."""
    gc.disable()
    floor = seconds(empty)
    costs = {name: (seconds(loop) - floor) / PACKETS * 1e6 for name, loop in LOOPS.items()}
    gc.enable()
    return {name: round(cost, 3) for name, cost in costs.items()}


if __name__ == "__main__":
    main_of(__doc__, measure)
