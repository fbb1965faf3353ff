"""The recorded calls are what their index says, to the octet where nothing was lost."""

import hashlib
from typing import Any

import pytest

from tests.support.hearing import RtpPacket, in_order
from tests.support.recordings import FOLDER, index, recorded

MAX_OCTETS = 3_000_000
PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8}
TELEPHONE_EVENT = 101
SPEECH = FOLDER.parent / "speech"
ENTRIES = index()


def named(entry: dict[str, Any]) -> str:
    return str(entry["name"])


def audio_of(packets: list[RtpPacket]) -> bytes:
    """Put payloads where their timestamps say; what is missing stays silent."""
    voice = [packet for packet in packets if packet.payload_type in PAYLOAD_TYPES.values()]
    begin = voice[0].timestamp
    places = [(packet.timestamp - begin & 0xFFFFFFFF, packet.payload) for packet in voice]
    audio = bytearray(b"\xff" * max(at + len(payload) for at, payload in places))
    for at, payload in places:
        audio[at : at + len(payload)] = payload
    return bytes(audio)


def test_they_are_small_and_each_has_its_provenance() -> None:
    files = sorted(FOLDER.glob("*.pcap"))
    assert [path.stem for path in files] == sorted(named(entry) for entry in ENTRIES)
    assert sum(path.stat().st_size for path in files) < MAX_OCTETS
    provenance = (FOLDER / "PROVENANCE.md").read_text()
    assert [path.name for path in files if path.name not in provenance] == []


@pytest.mark.parametrize("entry", ENTRIES, ids=named)
def test_a_recording_is_what_the_index_says(entry: dict[str, Any]) -> None:
    path = FOLDER / f"{entry['name']}.pcap"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"]
    call = recorded(entry["name"])
    packets = call.packets_to_agent()
    assert len(packets) == entry["packets_to_agent"]
    assert len({packet.ssrc for packet in packets}) == 1
    voice = [p for p in packets if p.payload_type == PAYLOAD_TYPES[entry["codec"]]]
    assert {len(packet.payload) for packet in voice} == {entry["ptime_ms"] * 8}
    assert len(call.from_agent()) == entry["packets_from_agent"] > 100
    assert bool(call.rtcp_to_agent()) == (entry["caller"] == "baresip")
    assert "m=audio" in call.offer


@pytest.mark.parametrize("entry", ENTRIES, ids=named)
def test_pcmu_that_lost_nothing_holds_the_speech_octet_for_octet(entry: dict[str, Any]) -> None:
    audio = audio_of(in_order(recorded(entry["name"]).packets_to_agent()))
    for told in entry["caller_says"]:
        speech = (SPEECH / f"{told['utterance']}.ulaw").read_bytes()
        begin = round(told["begin_ms"] * 8)
        heard = audio[begin : begin + len(speech)]
        if entry["codec"] == "PCMU" and not entry["impairments"]["loss"]:
            assert heard == speech
        else:
            assert len(heard) == len(speech)
            assert len(set(heard)) > 40


def test_the_rough_link_lost_reordered_and_duplicated() -> None:
    packets = recorded("loss-reorder-duplicates").packets_to_agent()
    ordered = in_order(packets)
    missing = (ordered[-1].sequence - ordered[0].sequence & 0xFFFF) + 1 - len(ordered)
    assert 0.03 < missing / len(ordered) < 0.07
    assert len(packets) - len(ordered) > 10
    assert [packet.sequence for packet in packets] != [packet.sequence for packet in ordered]


def test_the_digits_were_sent_as_telephone_events() -> None:
    (entry,) = (entry for entry in ENTRIES if entry["digits"])
    events = [
        packet
        for packet in recorded(entry["name"]).packets_to_agent()
        if packet.payload_type == TELEPHONE_EVENT
    ]
    keys = dict.fromkeys((packet.timestamp, packet.payload[0]) for packet in events)
    assert ["0123456789*#"[code] for _, code in keys] == [
        pressed["digit"] for pressed in entry["digits"]
    ]
    assert all(packet.payload[1] & 0x80 for packet in events[-3:])


def test_the_caller_talks_over_the_agent() -> None:
    (entry,) = (entry for entry in ENTRIES if entry["agent_says"])
    agent, caller = entry["agent_says"][0], entry["caller_says"][0]
    assert agent["begin_ms"] < caller["begin_ms"] < caller["end_ms"] < agent["end_ms"]
    from_agent = recorded(entry["name"]).from_agent()
    assert len({datagram.payload[12:] for datagram in from_agent}) > 300
