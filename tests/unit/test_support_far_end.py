"""The judge accepts what is true, and flags each way of being wrong."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.far_end import Verdict, judge_call, read_streams, truncation_error
from tests.support.hearing import HeardItem, RtpPacket, hear, parse_rtp
from tests.support.model_log import SentItem, SessionRecord, summarize
from tests.support.pcap import Datagram, write_pcap
from tests.support.position_code import coded, linear

MS = 1_000_000
PACKET = 160
SILENCE = b"\xff" * PACKET
START_NS = 1_000_000 * MS


def encode(sample: int) -> int:
    """Encode by looking for the nearest octet: slow, and independent of any encoder."""
    return min(range(256), key=lambda octet: (abs(linear(octet) - sample), octet == 0x7F))


def faded(octets: bytes, *, last_gain: float = 1 / 40) -> bytes:
    """Ramp octets down linearly to `last_gain`, then fill the packet with silence."""
    count = len(octets)
    step = (1 - last_gain) / (count - 1) if count > 1 else 0
    gains = [1 - step * index for index in range(count)]
    ramp = bytes(
        encode(round(linear(each) * gain)) for each, gain in zip(octets, gains, strict=True)
    )
    return (ramp + SILENCE)[:PACKET]


def packetize(payloads: Sequence[bytes], *, first_sequence: int = 65530) -> list[RtpPacket]:
    """Make a stream of 20 ms packets; both its counters wrap."""
    first_timestamp = 2**32 - 10 * PACKET
    return [
        RtpPacket(
            time_ns=START_NS + index * 20 * MS,
            sequence=first_sequence + index & 0xFFFF,
            timestamp=first_timestamp + index * PACKET & 0xFFFFFFFF,
            ssrc=7,
            payload_type=0,
            payload=payload,
        )
        for index, payload in enumerate(payloads)
    ]


def split(audio: bytes) -> list[bytes]:
    """Cut audio into packets, the last one filled with silence."""
    whole = audio + b"\xff" * (-len(audio) % PACKET)
    return [whole[at : at + PACKET] for at in range(0, len(whole), PACKET)]


def record_of(*items: SentItem, removal_ns: int | None = None) -> SessionRecord:
    return SessionRecord(1, items=list(items), removal_ns=removal_ns)


def interrupted(*, packets: int, truncated_ms: int | None, last_gain: float = 1 / 40) -> Verdict:
    """Judge a call whose one item of 2 s was cut after `packets` packets and a fade."""
    sent = packets * PACKET
    payloads = [SILENCE, *split(coded(3, 0, sent)), faded(coded(3, sent, 40), last_gain=last_gain)]
    item = SentItem("item_3", 3, 16_000, truncated_ms)
    cut_ns = START_NS + (packets + 1) * 20 * MS - 1
    return judge_call(packetize([*payloads, SILENCE, SILENCE]), record_of(item, removal_ns=cut_ns))


@pytest.mark.parametrize("last_gain", [1 / 40, 0.0])
@pytest.mark.parametrize("packets", range(1, 40, 3))
def test_a_true_truncation_passes_with_either_kind_of_ramp(packets: int, last_gain: float) -> None:
    verdict = interrupted(packets=packets, truncated_ms=packets * 20 + 5, last_gain=last_gain)
    assert verdict.faults == ()
    assert verdict.worst_error_samples == 0
    assert verdict.packets_after == 1
    assert verdict.items[0].sent_samples in (packets * PACKET + 40, packets * PACKET + 39)


@pytest.mark.parametrize(("claimed_ms", "error"), [(226, 8), (224, -1), (220, -33), (400, 1400)])
def test_a_wrong_truncation_is_flagged_with_its_error(claimed_ms: int, error: int) -> None:
    verdict = interrupted(packets=11, truncated_ms=claimed_ms)
    assert verdict.worst_error_samples == error
    assert len(verdict.faults) == 1
    assert f"truncated at {claimed_ms} ms" in verdict.faults[0]


def test_an_interruption_that_the_model_is_not_told_of_is_flagged() -> None:
    verdict = interrupted(packets=11, truncated_ms=None)
    assert "the model was not told" in verdict.faults[0]


def test_audio_that_goes_on_after_the_cut_is_flagged() -> None:
    item = SentItem("item_3", 3, 16_000, truncated_ms=200)
    packets = packetize(split(coded(3, 0, 1600)))
    verdict = judge_call(packets, record_of(item, removal_ns=START_NS + 150 * MS))
    assert verdict.packets_after == 2
    assert verdict.faults == ("2 packets with item audio left after the cut",)


def test_a_stall_is_a_break_and_no_fault() -> None:
    payloads = [*split(coded(3, 0, 1000)), SILENCE, SILENCE, *split(coded(3, 1000, 1400))]
    item = SentItem("item_3", 3, 2400)
    heard = hear(packetize(payloads), [item])
    assert heard.items[3].sent == 2400
    assert heard.items[3].breaks == 1
    assert judge_call(packetize(payloads), record_of(item)).faults == ()


def test_a_few_octets_before_a_stall_are_found() -> None:
    for few in range(1, 8):
        payloads = [*split(coded(3, 0, 160 + few)), SILENCE, *split(coded(3, 160 + few, 800))]
        heard = hear(packetize(payloads), [SentItem("item_3", 3, 960 + few)])
        assert heard.items[3].sent == 960 + few
        assert heard.foreign_octets == 0


def test_two_items_share_a_packet() -> None:
    payloads = split(coded(3, 0, 1003) + coded(4, 0, 605))
    items = [SentItem("item_3", 3, 1003), SentItem("item_4", 4, 605)]
    verdict = judge_call(packetize(payloads), record_of(*items))
    assert verdict.faults == ()
    assert [item.sent_samples for item in verdict.items] == [1003, 605]


def test_a_fade_may_cross_from_one_item_into_the_next() -> None:
    audio = coded(3, 0, 1615) + coded(4, 0, 800)
    payloads = [*split(audio[:1600]), faded(audio[1600:1640]), SILENCE]
    items = [SentItem("item_3", 3, 1615), SentItem("item_4", 4, 800, truncated_ms=3)]
    verdict = judge_call(packetize(payloads), record_of(*items))
    assert verdict.faults == ()
    assert [item.sent_samples for item in verdict.items] == [1615, 25]


def test_unheard_items_must_be_deleted() -> None:
    packets = packetize([SILENCE] * 5)
    kept = judge_call(packets, record_of(SentItem("item_3", 3, 800)))
    assert kept.faults == ("item_3: 0 of 800 samples left, and the model was not told",)
    assert judge_call(packets, record_of(SentItem("item_3", 3, 800, is_deleted=True))).faults == ()
    assert judge_call(packets, record_of(SentItem("item_3", 3, 0))).faults == ()


def test_a_deleted_item_may_not_have_been_heard() -> None:
    packets = packetize(split(coded(3, 0, 320)))
    verdict = judge_call(packets, record_of(SentItem("item_3", 3, 800, is_deleted=True)))
    assert verdict.faults == ("item_3: deleted, yet 320 samples left",)


def test_samples_left_out_are_flagged() -> None:
    payloads = [*split(coded(3, 0, 320)), *split(coded(3, 480, 320))]
    verdict = judge_call(packetize(payloads), record_of(SentItem("item_3", 3, 800)))
    assert verdict.faults == ("item_3: 160 samples left out or repeated",)


def test_a_repeated_packet_of_audio_is_flagged() -> None:
    payloads = [*split(coded(3, 0, 320)), *split(coded(3, 160, 640))]
    verdict = judge_call(packetize(payloads), record_of(SentItem("item_3", 3, 800)))
    assert verdict.faults == ("item_3: 160 samples left out or repeated",)


def test_a_fade_that_does_not_come_down_is_flagged() -> None:
    verdict = interrupted(packets=11, truncated_ms=225, last_gain=0.6)
    assert "cut off within the fade" in verdict.faults[0]


def test_audio_of_another_call_and_other_sounds_are_flagged() -> None:
    payloads = [*split(coded(9, 0, 160)), bytes(range(0x20, 0x60)) * 2]
    verdict = judge_call(packetize(payloads), record_of())
    assert "audio of item 9 of another call" in verdict.faults
    assert "128 octets are neither silence nor item audio" in verdict.faults


def test_order_duplicates_and_losses_in_the_capture_are_seen() -> None:
    packets = packetize(split(coded(3, 0, 1600)))
    shuffled = random.Random(1).sample(packets, len(packets))
    assert hear([*shuffled, *packets], [SentItem("a", 3, 1600)]).items[3].sent == 1600
    heard = hear([*packets[:4], *packets[6:]], [SentItem("a", 3, 1600)])
    assert heard.lost_packets == 2
    assert heard.items[3].missing == 320
    assert heard.max_gap_ns == 60 * MS


def test_telephone_events_are_counted_and_not_heard() -> None:
    packets = packetize(split(coded(3, 0, 800)))
    event = packets[2]._replace(payload_type=101, payload=b"\x01\x0a\x00\xa0")
    later = [packet._replace(sequence=packet.sequence + 1) for packet in packets[2:]]
    heard = hear([*packets[:2], event, *later], [SentItem("a", 3, 800)])
    assert heard.event_packets == 1
    assert heard.items[3].sent == 800
    assert heard.items[3].breaks == 0


def test_flooring_is_no_error_and_a_ramp_to_zero_leaves_one_sample_open() -> None:
    heard = HeardItem(1, sent=807)
    assert [truncation_error(ms, heard) for ms in (99, 100, 101)] == [-8, 0, 1]
    heard.ends_at_zero = True
    assert truncation_error(101, heard) == 0


def rtp(sequence: int, payload: bytes, *, first: int = 0x80) -> bytes:
    head = bytes([first, 0]) + sequence.to_bytes(2, "big") + (sequence * 160).to_bytes(4, "big")
    return head + bytes(4) + payload


def test_a_capture_is_read_by_port(tmp_path: Path) -> None:
    sent = [
        ("10.0.0.1", 5, rtp(1, SILENCE)),
        ("10.0.0.1", 6, rtp(2, SILENCE)),
        ("10.0.0.1", 5, bytes([0x80, 200]) + bytes(26)),
        ("10.0.0.1", 5, b"keep-alive"),
    ]
    datagrams = [Datagram(9, ("10.0.0.2", 1), (host, port), data) for host, port, data in sent]
    write_pcap(tmp_path / "x.pcap", datagrams)
    streams = read_streams(tmp_path / "x.pcap", [5, 7])
    assert [packet.sequence for packet in streams[5]] == [1]
    assert streams[7] == []


def test_padding_extension_and_sources_are_no_audio() -> None:
    padded = rtp(1, b"audio" + b"\x00\x00\x03", first=0xA0)
    extended = rtp(1, b"\xbe\xde\x00\x01ABCDaudio", first=0x90)
    mixed = rtp(1, b"srcAaudio", first=0x81)
    for data in (padded, extended, mixed):
        packet = parse_rtp(Datagram(0, ("a", 1), ("b", 2), data))
        assert packet is not None
        assert packet.payload == b"audio"


def test_the_log_is_summed_up_by_session() -> None:
    stamp: dict[str, object] = {"session": 1, "call": None, "t_ns": 1, "wall_ns": 5}

    def client(event: str, **fields: object) -> dict[str, object]:
        return {**stamp, "wall_ns": 9, "kind": "client", "event": event, "fields": fields}

    rows = [
        {**stamp, "kind": "opened"},
        {**stamp, "call": 12, "kind": "item_started", "item_id": "a", "number": 3},
        {**stamp, "call": 12, "kind": "audio_sent", "item_id": "a", "samples": 800},
        {**stamp, "call": 12, "kind": "audio_sent", "item_id": "a", "samples": 400},
        {**stamp, "call": 12, "kind": "item_started", "item_id": "b", "number": 4},
        {**stamp, "call": 12, "kind": "speech_started"},
        {**stamp, "session": 2, "kind": "audio_sent", "item_id": "echo", "samples": 8},
        client("response.cancel"),
        client("conversation.item.truncate", item_id="a", audio_end_ms=90),
        client("conversation.item.delete", item_id="b"),
        {**stamp, "kind": "error_answered", "code": "response_cancel_not_active"},
        {**stamp, "kind": "closed", "code": 1000},
    ]
    first, second = summarize(rows)
    assert first.items == [SentItem("a", 3, 1200, 90), SentItem("b", 4, 0, None, is_deleted=True)]
    assert (first.call, first.speech_ns, first.removal_ns) == (12, 5, 9)
    assert (first.cancellations, first.errors) == (1, ["response_cancel_not_active"])
    assert first.events["response.cancel"] == 1
    assert first.close_code == 1000
    assert (second.session, second.items) == (2, [])
