"""The judge: what a caller was sent, by the packets that left, against what the model was told.

It reads a capture of the RTP that arrived at the far end and the log of the scripted model. It
imports nothing of the product, and takes no word of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.support.hearing import SAMPLES_PER_MS, Heard, HeardItem, RtpPacket, hear, parse_rtp
from tests.support.model_log import SentItem, SessionRecord
from tests.support.pcap import read_datagrams


def read_streams(path: Path, ports: Iterable[int]) -> dict[int, list[RtpPacket]]:
    """Read the RTP that a capture holds toward each of `ports`."""
    streams: dict[int, list[RtpPacket]] = {port: [] for port in ports}
    for datagram in read_datagrams(path):
        stream = streams.get(datagram.destination[1])
        if stream is not None and (packet := parse_rtp(datagram)) is not None:
            stream.append(packet)
    return streams


@dataclass(frozen=True, slots=True)
class ItemVerdict:
    """What the model was told of one item, against what left.

    Attributes:
        item_id: The item.
        received_samples: What the model had sent of it.
        sent_samples: What left of it.
        truncated_ms: What the model was told; None for nothing.
        is_deleted: Whether it was deleted.
        error_samples: How far the truncation is off, beyond the flooring to a millisecond: above 0
            it claims more than left.
        faults: What is wrong, in words.
    """

    item_id: str
    received_samples: int
    sent_samples: int
    truncated_ms: int | None
    is_deleted: bool
    error_samples: int
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement over one call.

    Attributes:
        items: Each item that the model sent.
        packets_after: Packets with item audio that left after the model was told of the cut.
        faults: All that is wrong, in words; empty is a pass.
    """

    items: tuple[ItemVerdict, ...]
    packets_after: int
    faults: tuple[str, ...]

    @property
    def worst_error_samples(self) -> int:
        """The truncation error that is farthest from 0."""
        return max((item.error_samples for item in self.items), key=abs, default=0)


MAX_PACKETS_AFTER = 1
"""The one that holds the fade."""


def judge(heard: Heard, record: SessionRecord) -> Verdict:
    """Compare what left with what the model was told."""
    items = tuple(_judge_item(sent, heard.items.get(sent.number)) for sent in record.items)
    faults = [f"{item.item_id}: {fault}" for item in items for fault in item.faults]
    own = {item.number for item in record.items}
    faults += [f"audio of item {number} of another call" for number in heard.items.keys() - own]
    if heard.foreign_octets:
        faults.append(f"{heard.foreign_octets} octets are neither silence nor item audio")
    after = 0
    if record.removal_ns is not None:
        after = sum(time_ns > record.removal_ns for time_ns in heard.packet_times_ns)
    if after > MAX_PACKETS_AFTER:
        faults.append(f"{after} packets with item audio left after the cut")
    return Verdict(items, after, tuple(faults))


def judge_call(packets: Iterable[RtpPacket], record: SessionRecord) -> Verdict:
    """Judge one call by the packets toward its caller and the model's record of it."""
    return judge(hear(packets, record.items), record)


def truncation_error(truncated_ms: int, heard: HeardItem) -> int:
    """Give how many samples a truncation is off, beyond the flooring to whole milliseconds."""
    claimed = truncated_ms * SAMPLES_PER_MS
    most = heard.sent + heard.ends_at_zero
    if claimed > most:
        return claimed - most
    return min(0, claimed + SAMPLES_PER_MS - 1 - heard.sent)


def _judge_item(sent: SentItem, heard: HeardItem | None) -> ItemVerdict:
    heard = heard or HeardItem(sent.number)
    faults: list[str] = []
    error = 0
    if heard.missing:
        faults.append(f"{heard.missing} samples left out or repeated")
    if heard.is_cut_hard:
        faults.append("cut off within the fade")
    if sent.is_deleted:
        if heard.sent:
            faults.append(f"deleted, yet {heard.sent} samples left")
    elif sent.truncated_ms is not None:
        error = truncation_error(sent.truncated_ms, heard)
        if error:
            faults.append(
                f"truncated at {sent.truncated_ms} ms, but {heard.sent} samples left: {error:+d}"
            )
    elif heard.sent + heard.ends_at_zero < sent.samples:
        faults.append(f"{heard.sent} of {sent.samples} samples left, and the model was not told")
    return ItemVerdict(
        sent.item_id,
        sent.samples,
        heard.sent,
        sent.truncated_ms,
        sent.is_deleted,
        error,
        tuple(faults),
    )
