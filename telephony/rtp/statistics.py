"""What one received stream is like: who sends, how much is lost, how unevenly it comes.

Source: RFC 3550 appendices A.1 (sequence validation), A.3 (loss) and A.8 (jitter).
"""

from telephony.rtp.serial import timestamp_distance
from telephony.units import NS_PER_SECOND, Nanoseconds, RtpTimestamp

__all__ = ["ReceiverStatistics"]

MIN_SEQUENTIAL = 2
"""Packets in sequence before a source is valid (RFC 3550 A.1)."""
MAX_DROPOUT = 3000
"""Steps forward that still count as loss: a minute at 50 packets a second (RFC 3550 A.1)."""
MAX_MISORDER = 100
"""Steps back that still count as reordering: 2 s (RFC 3550 A.1)."""
SEQUENCE_MODULUS = 1 << 16
NO_SEQUENCE = -1
"""A value that no 16-bit sequence number equals."""
MAX_CUMULATIVE_LOST = 0x7FFFFF
MIN_CUMULATIVE_LOST = -0x800000
JITTER_SHIFT = 4
"""The gain of 1/16, kept as a scaled integer (RFC 3550 A.8)."""


class ReceiverStatistics:
    """Statistics of one SSRC; make a new one when the SSRC or the clock rate changes.

    Attributes:
        ssrc: The source described.
        clock_rate_hz: Of its RTP timestamps: 8,000 for G.711 and, by RFC 3551, for G.722.
        received: Packets counted since the source became valid; duplicates count again.
    """

    __slots__ = (
        "_bad_sequence",
        "_base_sequence",
        "_cycles",
        "_expected_prior",
        "_jitter_scaled",
        "_last_arrival_ns",
        "_last_timestamp",
        "_max_sequence",
        "_probation",
        "_received_prior",
        "clock_rate_hz",
        "received",
        "ssrc",
    )

    def __init__(self, ssrc: int, clock_rate_hz: int) -> None:
        """Start with the source on probation."""
        self.ssrc = ssrc
        self.clock_rate_hz = clock_rate_hz
        self._probation = MIN_SEQUENTIAL
        self._restart(0)

    def _restart(self, sequence: int) -> None:
        """Count anew from `sequence` (RFC 3550 A.1, init_seq)."""
        self._base_sequence = sequence
        self._max_sequence = sequence
        self._cycles = 0
        self._bad_sequence = NO_SEQUENCE
        self.received = 0
        self._received_prior = 0
        self._expected_prior = 0
        self._jitter_scaled = 0
        self._last_arrival_ns = -1
        self._last_timestamp = 0

    @property
    def is_valid(self) -> bool:
        """Whether two packets in sequence have come, so that this is a source to report on."""
        return self._probation == 0

    @property
    def extended_highest_sequence(self) -> int:
        """The highest sequence number with its cycles, 32 bits (RFC 3550 section 6.4.1)."""
        return (self._cycles + self._max_sequence) & 0xFFFFFFFF

    @property
    def expected(self) -> int:
        """Packets that the sequence numbers span, the highest included; 0 while on probation."""
        if self._probation:
            return 0
        return self._cycles + self._max_sequence - self._base_sequence + 1

    @property
    def cumulative_lost(self) -> int:
        """Expected less received, within 24 signed bits; below zero after duplicates (A.3)."""
        lost = self.expected - self.received
        return max(MIN_CUMULATIVE_LOST, min(lost, MAX_CUMULATIVE_LOST))

    @property
    def jitter(self) -> int:
        """Mean deviation of packet spacing, in timestamp units (RFC 3550 section 6.4.1 and A.8)."""
        return self._jitter_scaled >> JITTER_SHIFT

    def handle_packet(
        self,
        sequence: int,
        timestamp: RtpTimestamp,
        arrival_ns: Nanoseconds,
        *,
        is_paced: bool = True,
    ) -> bool:
        """Count one packet of this source, in the order of arrival.

        Args:
            sequence: 16 bits, from the packet.
            timestamp: From the packet.
            arrival_ns: When it arrived, by the kernel's stamp where there is one.
            is_paced: False for a packet whose timestamp is not its sampling instant, as in digit
                events (RFC 4733 section 2.2.1): it is counted, and left out of the jitter.

        Returns:
            Whether the packet counts; False on probation and for a lone far jump.
        """
        step = (sequence - self._max_sequence) & 0xFFFF
        if self._probation or step >= MAX_DROPOUT:
            if not self._validate(sequence, step):
                return False
        else:
            if sequence < self._max_sequence:  # the RFC's test for a wrap, after a forward step
                self._cycles += SEQUENCE_MODULUS
            self._max_sequence = sequence
        self.received += 1
        if is_paced:
            self._update_jitter(timestamp, arrival_ns)
        return True

    def _validate(self, sequence: int, step: int) -> bool:
        """Judge all but a plain forward step (RFC 3550 A.1, update_seq)."""
        if self._probation:
            if sequence != (self._max_sequence + 1) & 0xFFFF:
                self._probation = MIN_SEQUENTIAL
            self._probation -= 1
            if self._probation == 0:
                self._restart(sequence)
                return True
            self._max_sequence = sequence
            return False
        if step > SEQUENCE_MODULUS - MAX_MISORDER:
            return True  # a reordered packet, or the copy of one
        if sequence == self._bad_sequence:
            self._restart(sequence)  # two in sequence after a jump: the sender started anew
            return True
        self._bad_sequence = (sequence + 1) & 0xFFFF
        return False

    def _update_jitter(self, timestamp: RtpTimestamp, arrival_ns: Nanoseconds) -> None:
        """Weigh in one interval: |its length by arrival - its length by timestamp|."""
        last_ns = self._last_arrival_ns
        if last_ns >= 0:
            elapsed = (arrival_ns - last_ns) * self.clock_rate_hz // NS_PER_SECOND
            deviation = abs(elapsed - timestamp_distance(timestamp, self._last_timestamp))
            scaled = self._jitter_scaled
            self._jitter_scaled = scaled + deviation - ((scaled + 8) >> JITTER_SHIFT)
        self._last_arrival_ns = arrival_ns
        self._last_timestamp = timestamp

    def take_fraction_lost(self) -> int:
        """Give the loss since the previous call, in 256ths, and begin the next interval (A.3)."""
        expected = self.expected
        expected_interval = expected - self._expected_prior
        received_interval = self.received - self._received_prior
        self._expected_prior = expected
        self._received_prior = self.received
        lost_interval = expected_interval - received_interval
        if expected_interval == 0 or lost_interval <= 0:
            return 0
        return (lost_interval << 8) // expected_interval
