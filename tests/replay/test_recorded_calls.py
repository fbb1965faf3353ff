"""Recorded calls played again: on the virtual clock, and through sockets, to one timeline.

On the virtual clock everything is exact. Through sockets the caller's speech must be found within
two packets on its RTP timeline; what depends on the moment may be off by two packets, a slot of the
media clock and as much as this process itself was late. A caller who was very late did not send the
recorded call: what that run does not show is void, and the call is made again, a few times.
"""

import asyncio
import gc
from dataclasses import replace

import pytest

from telephony.local import Speaker, Voice
from telephony.rtp.serial import timestamp_distance
from telephony_codecs import AudioFormat
from tests.support.expectations import expectation, names, play_virtually, told
from tests.support.pcap import Datagram
from tests.support.recordings import RecordedCall, index, recorded
from tests.support.socket_call import SocketCall, play_over_sockets
from tests.support.timeline import counters_of, differences, moments_of, unlike_what_was_sent
from tests.support.virtual_call import PlayedCall

ENTRIES = {str(entry["name"]): entry for entry in index()}
NAMES = names()
TELEPHONE_EVENT = 101
SLOT_MS = 5
VOID_MS = 150
ATTEMPTS = 5


@pytest.fixture(scope="module")
def speaker() -> Speaker:
    return Speaker(Voice.load())


@pytest.fixture(scope="module")
def virtual(speaker: Speaker) -> dict[str, PlayedCall]:
    return {name: play_virtually(recorded(name), speaker) for name in NAMES}


@pytest.fixture(scope="module")
def runs(virtual: dict[str, PlayedCall]) -> dict[str, SocketCall]:
    """Play all calls at once, and again those that show nothing for the machine stood still."""
    played: dict[str, SocketCall] = {}
    wanted = NAMES
    gc.collect()
    gc.freeze()  # what the tests before left behind would stop both ends for longer than a packet
    try:
        for _ in range(ATTEMPTS):
            again = asyncio.run(play_over_sockets([recorded(name) for name in wanted]))
            played |= dict(zip(wanted, again, strict=True))
            wanted = [name for name in wanted if is_void(name, played[name], virtual[name])]
            if not wanted:
                break
    finally:
        gc.unfreeze()
    return played


@pytest.fixture
def run(name: str, runs: dict[str, SocketCall]) -> SocketCall:
    return runs[name]


def is_void(name: str, run: SocketCall, virtual: PlayedCall) -> bool:
    """Tell whether a run is not the expected one, and the caller was too late for it to be."""
    faults = timeline_faults(name, run) or truncation_faults(name, run, virtual)
    return bool(faults) and run.late_ms > VOID_MS


def assert_none(faults: list[str], run: SocketCall) -> None:
    """Hold that nothing is wrong; skip where the caller was too late in each attempt."""
    if faults and run.late_ms > VOID_MS:
        pytest.skip(f"this machine stood still for {run.late_ms:.0f} ms, in {ATTEMPTS} attempts")
    assert faults == [], f"this process was late by up to {run.late_ms:.1f} ms"


def timeline_faults(name: str, run: SocketCall) -> list[str]:
    """List where a run in real time is off the expected timeline."""
    expected = expectation(name)
    two_packets_ms = 2 * ENTRIES[name]["ptime_ms"]
    return differences(
        moments_of(run.rows, run.origin_ns, expected["uplink_begins_ms"]),
        expected["timeline"],
        position_ms=two_packets_ms,
        time_ms=two_packets_ms + SLOT_MS + run.late_ms,
    )


def truncation_faults(name: str, run: SocketCall, virtual: PlayedCall) -> list[str]:
    """List the truncations of a run that are not what the caller got."""
    timeline = moments_of(run.rows, run.origin_ns, expectation(name)["uplink_begins_ms"])
    if not any(moment["event"] == "cut" for moment in timeline):
        return ["nothing was cut"]
    items = list(virtual.items.values())
    return unlike_what_was_sent(timeline, items, run.stream, format_of(name))


def format_of(name: str) -> AudioFormat:
    return AudioFormat.PCMA if ENTRIES[name]["codec"] == "PCMA" else AudioFormat.PCMU


def stream_of(played: PlayedCall) -> bytes:
    return b"".join(packet[12:] for _, packet in played.sent)


def spoken_once(name: str, call: RecordedCall) -> Datagram:
    """Find a packet in the midst of speech that came once, as did both of its neighbours."""
    said = ENTRIES[name]["caller_says"][0]
    middle = round((said["begin_ms"] + said["end_ms"]) / 2 / ENTRIES[name]["ptime_ms"])
    packets = call.to_agent()
    numbers = [int.from_bytes(each.payload[2:4], "big") for each in packets]
    return next(
        packet
        for packet, number in zip(packets[middle:], numbers[middle:], strict=True)
        if [numbers.count(number + step & 0xFFFF) for step in (-1, 0, 1)] == [1, 1, 1]
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_call_has_its_expected_timeline(
    name: str, virtual: dict[str, PlayedCall]
) -> None:
    assert told(recorded(name), virtual[name]) == expectation(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_call_plays_the_same_again(name: str, virtual: dict[str, PlayedCall]) -> None:
    assert play_virtually(recorded(name)) == virtual[name]


@pytest.mark.parametrize("name", NAMES)
def test_each_truncation_is_what_left(name: str, virtual: dict[str, PlayedCall]) -> None:
    played, timeline = virtual[name], expectation(name)["timeline"]
    items = list(played.items.values())
    assert unlike_what_was_sent(timeline, items, stream_of(played), format_of(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_appended_lies_on_the_callers_timeline(
    name: str, virtual: dict[str, PlayedCall]
) -> None:
    played = virtual[name]
    first = played.uplink_rows[0]
    for row in played.uplink_rows:
        assert timestamp_distance(row.rtp_timestamp, first.rtp_timestamp) == row.offset
    assert len(played.uplink) == counters_of(played.rows)["uplink_appended"]


@pytest.mark.parametrize("off", [-1, 1])
@pytest.mark.parametrize("name", NAMES)
def test_truncations_that_are_off_by_a_sample_are_found(
    name: str, off: int, virtual: dict[str, PlayedCall]
) -> None:
    played = virtual[name]
    wrong = [moment.copy() for moment in expectation(name)["timeline"]]
    for cut in (moment for moment in wrong if moment["event"] == "cut"):
        cut["sent_samples"] += off
    items = list(played.items.values())
    found = unlike_what_was_sent(wrong, items, stream_of(played), format_of(name))
    assert any("ramp" in fault or "one piece" in fault for fault in found)


@pytest.mark.parametrize("name", NAMES)
def test_one_flipped_bit_is_another_call(name: str, speaker: Speaker) -> None:
    call = recorded(name)
    spoken = spoken_once(name, call)
    flipped = spoken._replace(payload=spoken.payload[:-1] + bytes([spoken.payload[-1] ^ 1]))
    datagrams = tuple(flipped if each is spoken else each for each in call.datagrams)
    found = told(call, play_virtually(replace(call, datagrams=datagrams), speaker))
    assert found["uplink_sha256"] != expectation(name)["uplink_sha256"]
    assert found["counters"] == expectation(name)["counters"]


@pytest.mark.parametrize("name", NAMES)
def test_one_dropped_packet_is_another_call(name: str, speaker: Speaker) -> None:
    call, counters = recorded(name), expectation(name)["counters"]
    dropped = spoken_once(name, call)
    datagrams = tuple(each for each in call.datagrams if each is not dropped)
    found = told(call, play_virtually(replace(call, datagrams=datagrams), speaker))
    assert found["uplink_sha256"] != expectation(name)["uplink_sha256"]
    assert found["counters"]["rtp_lost"] == counters["rtp_lost"] + 1
    assert found["counters"]["uplink_appended"] == counters["uplink_appended"]
    samples = ENTRIES[name]["ptime_ms"] * 8
    assert found["counters"]["uplink_concealed"] == counters["uplink_concealed"] + samples


def test_what_sounds_beneath_a_key_is_not_appended(speaker: Speaker) -> None:
    call = recorded("digits")
    packets = call.to_agent()
    kinds = [packet.payload[1] & 0x7F for packet in packets]
    beneath = packets[kinds.index(TELEPHONE_EVENT) + 3]
    assert kinds[packets.index(beneath)] == 0
    loud = beneath._replace(payload=beneath.payload[:12] + bytes(len(beneath.payload) - 12))
    datagrams = tuple(loud if each is beneath else each for each in call.datagrams)
    found = told(call, play_virtually(replace(call, datagrams=datagrams), speaker))
    assert found == expectation("digits")


@pytest.mark.parametrize("name", NAMES)
def test_through_sockets_it_has_the_same_timeline(name: str, run: SocketCall) -> None:
    assert_none(timeline_faults(name, run), run)


@pytest.mark.parametrize("name", NAMES)
def test_through_sockets_each_truncation_is_what_the_caller_got(
    name: str, run: SocketCall, virtual: dict[str, PlayedCall]
) -> None:
    assert_none(truncation_faults(name, run, virtual[name]), run)


@pytest.mark.parametrize("name", NAMES)
def test_through_sockets_the_sums_hold(name: str, run: SocketCall) -> None:
    counters, expected = counters_of(run.rows), expectation(name)["counters"]
    ptime_ms: int = ENTRIES[name]["ptime_ms"]
    span, inserted = counters["uplink_span"], counters["uplink_inserted"]
    assert counters["uplink_appended"] == span + inserted - counters["uplink_dropped"]
    assert counters["rtp_refused"] == expected["rtp_refused"]
    # The BYE may overtake what the last slots of the media clock would have read.
    unread = 2 + int(run.late_ms / ptime_ms)
    assert 0 <= expected["rtp_received"] - counters["rtp_received"] <= unread
    assert 0 <= expected["uplink_span"] - span <= unread * ptime_ms * 8
    for count in ("rtp_lost", "rtp_duplicate"):
        assert abs(expected[count] - counters[count]) <= (unread if expected[count] else 0)
