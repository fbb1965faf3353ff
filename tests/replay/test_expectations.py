"""The expected timelines say what the captures hold, as read without the product.

The index tells what the recorded caller said and pressed; the packets are read by a parser of the
tests' own.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from tests.support.expectations import Expectation, expectation, names
from tests.support.hearing import RtpPacket, in_order
from tests.support.recordings import FOLDER, index, recorded
from tests.support.timeline import Moment

ENTRIES = {str(entry["name"]): entry for entry in index()}
NAMES = names()
UNDISTURBED = [name for name in NAMES if not ENTRIES[name]["impairments"]["loss"]]
TELEPHONE_EVENT = 101
PREFIX_PADDING_MS, ONSET_MS, SILENCE_MS = 300, 60, 500
"""Of the turn detection: a start is told so much before the onset that it took so much to see."""
GAP_WAIT_MS = 60
"""Of the reorder buffer."""
LEAD_IN_MS, LEAD_OUT_MS = 60, 200
"""Words begin softly and end softly: an utterance is audible this much later, and ends earlier."""


def let_in(name: str) -> list[RtpPacket]:
    """Give what can be let in, in order of arrival: all up to the BYE."""
    call = recorded(name)
    return [each for each in call.packets_to_agent() if each.time_ns < call.bye_ns]


def settled(name: str) -> list[RtpPacket]:
    """Put them in order, each once, up to a gap that the BYE left no time to give up."""
    ordered, limit_ns = in_order(let_in(name)), recorded(name).bye_ns - GAP_WAIT_MS * 1_000_000
    for at, (before, after) in enumerate(pairwise(ordered)):
        is_gap = after.sequence != before.sequence + 1 & 0xFFFF
        if is_gap and min(each.time_ns for each in ordered[at + 1 :]) > limit_ns:
            return ordered[: at + 1]
    return ordered


def of(expected: Expectation, event: str) -> list[Moment]:
    return [moment for moment in expected["timeline"] if moment["event"] == event]


def test_every_recording_has_its_expectation() -> None:
    told = sorted(path.name.removesuffix(".expected.json") for path in FOLDER.glob("*.json"))
    assert told == sorted([*NAMES, "index.json"])


@pytest.mark.parametrize("name", NAMES)
def test_the_counters_are_those_of_the_packets(name: str) -> None:
    counters, packets, ordered = expectation(name)["counters"], let_in(name), settled(name)
    voice = [each for each in ordered if each.payload_type != TELEPHONE_EVENT]
    samples = ENTRIES[name]["ptime_ms"] * 8
    span = (voice[-1].timestamp - voice[0].timestamp & 0xFFFFFFFF) + samples
    missing = (ordered[-1].sequence - ordered[0].sequence & 0xFFFF) + 1 - len(ordered)
    assert counters["rtp_refused"] == 0
    assert counters["rtp_received"] == len(packets)
    assert counters["rtp_duplicate"] == len(packets) - len({each.sequence for each in packets})
    assert counters["rtp_lost"] == missing
    assert counters["uplink_span"] == span
    assert counters["uplink_concealed"] == missing * samples
    assert counters["rtp_late"] == counters["uplink_inserted"] == counters["uplink_dropped"] == 0


@pytest.mark.parametrize("name", NAMES)
def test_speech_is_where_the_caller_spoke(name: str) -> None:
    expected = expectation(name)
    starts = [moment["rtp_ms"] for moment in of(expected, "speech started")]
    stops = [moment["rtp_ms"] for moment in of(expected, "speech stopped")]
    said: list[dict[str, Any]] = ENTRIES[name]["caller_says"]
    assert len(starts) == len(stops)
    for utterance in said:
        begin_ms, end_ms = utterance["begin_ms"], utterance["end_ms"] + SILENCE_MS
        assert any(0 <= at - begin_ms + PREFIX_PADDING_MS <= LEAD_IN_MS for at in starts)
        assert any(0 <= end_ms - at <= LEAD_OUT_MS for at in stops)
    spoken = [(each["begin_ms"] - PREFIX_PADDING_MS, each["end_ms"] + SILENCE_MS) for each in said]
    turns = list(zip(starts, stops, strict=True))
    assert all(any(a <= start < stop <= b for a, b in spoken) for start, stop in turns)


@pytest.mark.parametrize("name", UNDISTURBED)
def test_speech_is_told_with_the_packet_that_shows_it(name: str) -> None:
    expected, packets = expectation(name), recorded(name).packets_to_agent()
    voice = [each for each in packets if each.payload_type != TELEPHONE_EVENT]
    ptime_ms: int = ENTRIES[name]["ptime_ms"]

    def arrival_ms(rtp_ms: int) -> float:
        """Say when the packet came that ends at this place, or holds it."""
        packet = voice[math.ceil(rtp_ms / ptime_ms) - 1]
        return (packet.time_ns - voice[0].time_ns) / 1e6

    for start in of(expected, "speech started"):
        seen_ms = start["rtp_ms"] + PREFIX_PADDING_MS + ONSET_MS
        assert start["at_ms"] == pytest.approx(arrival_ms(seen_ms), abs=0.001)
    for stop in of(expected, "speech stopped"):
        assert stop["at_ms"] == pytest.approx(arrival_ms(stop["rtp_ms"]), abs=0.001)


def test_digits_are_told_when_their_events_begin() -> None:
    packets = recorded("digits").packets_to_agent()
    firsts: dict[int, RtpPacket] = {}
    for packet in packets:
        if packet.payload_type == TELEPHONE_EVENT:
            firsts.setdefault(packet.timestamp, packet)
    told = of(expectation("digits"), "digit")
    assert [(moment["digit"], moment["method"]) for moment in told] == [
        ("0123456789*#"[packet.payload[0]], "rtp") for packet in firsts.values()
    ]
    for moment, packet, pressed in zip(
        told, firsts.values(), ENTRIES["digits"]["digits"], strict=True
    ):
        assert moment["digit"] == pressed["digit"]
        assert moment["at_ms"] == pytest.approx((packet.time_ns - packets[0].time_ns) / 1e6)
        assert moment["at_ms"] == pytest.approx(pressed["pressed_ms"], abs=50)
    assert [moment["keys"] for moment in of(expectation("digits"), "keys")] == ["12#"]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_cut_but_by_speech_or_a_key(name: str) -> None:
    timeline: Sequence[Moment] = expectation(name)["timeline"]
    cuts = [pair for pair in pairwise(timeline) if pair[1]["event"] == "cut"]
    assert [cut["item"] for _, cut in cuts] == list(range(len(cuts)))
    for cause, cut in cuts:
        assert cause["event"] in ("speech started", "digit")
        assert cut["at_ms"] == cause["at_ms"]


def test_the_greeting_is_cut_where_the_caller_talks_over_it() -> None:
    cut = of(expectation("talk-over"), "cut")[0]
    begins_ms = ENTRIES["talk-over"]["caller_says"][0]["begin_ms"]
    assert cut["item"] == 0
    assert begins_ms < cut["at_ms"] < begins_ms + 100
    assert 0 < cut["at_ms"] - cut["sent_samples"] / 8 < 3 * ENTRIES["talk-over"]["ptime_ms"]
