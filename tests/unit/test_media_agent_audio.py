"""The agent's side of a leg: conversion, positions, interruption, late audio."""

from array import array

import pytest

from telephony.media import AgentAudio, ItemKey, RtpPort
from telephony.media.playout import QUEUE_SECONDS
from telephony.voice import (
    AudioFinished,
    AudioReceived,
    CancelResponse,
    DeleteItem,
    TruncateItem,
    VoiceFormat,
)
from telephony_codecs import AudioFormat, decode_pcmu, transcode
from tests.support.media import PEER, agreement, ms, port, stream

PCMU, PCMA, PCM = VoiceFormat.PCMU, VoiceFormat.PCMA, VoiceFormat.PCM


class Bench:
    """A port and a session that was granted."""

    def __init__(self, granted: VoiceFormat | None = PCMU, *, epoch: int = 0) -> None:
        self.port: RtpPort = port()
        self.up: list[bytes] = []
        self.audio = AgentAudio(self.port, self.up.append)
        self.audio.epoch = epoch
        self.at_ms = 0
        self.caller = stream()
        if granted is not None:
            self.audio.grant(granted, granted)

    def delta(self, audio: bytes, item: str = "a", response: str = "r", index: int = 0) -> bool:
        """Let the session send some of an item."""
        return self.audio.handle_audio(AudioReceived(response, item, index, audio))

    def tick(self, packets: int = 1) -> bytes:
        """Send, and give the payloads."""
        out = b""
        for _ in range(packets):
            packet = self.port.tick(ms(self.at_ms))
            assert packet is not None
            out += packet[12:]
            self.at_ms += 20
        return out


@pytest.fixture
def bench() -> Bench:
    return Bench()


def impulses(samples: int) -> bytes:
    """Make PCM16 at 24,000 Hz with one loud sample every 10 ms."""
    return array("h", [20_000 if at % 240 == 0 else 0 for at in range(samples)]).tobytes()


def loud_places(pcmu: bytes) -> list[int]:
    """Give the places of loud samples."""
    return [at for at, value in enumerate(array("h", decode_pcmu(pcmu))) if value > 4000]


def test_before_the_grant_nothing_goes_up() -> None:
    bench = Bench(None)
    bench.audio.handle_uplink(b"\x01" * 160)
    bench.audio.grant(PCMU, PCMU)
    bench.audio.handle_uplink(b"\x02" * 160)
    assert bench.up == [b"\x02" * 160]


def test_what_goes_up_is_in_the_granted_format() -> None:
    bench = Bench(PCMA)
    bench.audio.handle_uplink(b"\x01" * 160)
    assert bench.up == [transcode(b"\x01" * 160, AudioFormat.PCMU, AudioFormat.PCMA)]


def test_upwards_the_filter_holds_back_once() -> None:
    bench = Bench(PCM)
    bench.audio.handle_uplink(b"\xff" * 8)
    assert bench.up == []
    for _ in range(50):
        bench.audio.handle_uplink(b"\xff" * 160)
    assert 0 < 8008 * 6 - len(b"".join(bench.up)) <= 6 * 17


def test_in_the_legs_own_law_octets_pass_as_they_are(bench: Bench) -> None:
    assert bench.delta(bytes(range(200)))
    bench.audio.handle_audio_finished(AudioFinished("r", "a", 0))
    assert bench.tick(2) == bytes(range(200)) + b"\xff" * 120
    assert bench.port.playout.is_drained


def test_a_pcm_item_keeps_every_sample_in_its_place_and_its_tail() -> None:
    bench = Bench(PCM)
    source = impulses(24_000)
    for at in range(0, len(source), 4321):
        bench.delta(source[at : at + 4321])
    assert bench.port.playout.queued_samples < 8000
    bench.audio.handle_audio_finished(AudioFinished("r", "a", 0))
    assert bench.port.playout.queued_samples == 8000
    assert loud_places(bench.tick(50)) == list(range(0, 8000, 80))
    assert bench.port.playout.is_drained


def test_two_pcm_items_do_not_run_into_each_other() -> None:
    bench = Bench(PCM)
    bench.delta(impulses(4800), item="a")
    bench.delta(impulses(4800), item="b")
    bench.audio.handle_response_finished("r")
    assert loud_places(bench.tick(20)) == [*range(0, 1600, 80), *range(1600, 3200, 80)]
    assert bench.port.playout.is_drained
    assert [row.key for row in bench.port.ledger.rows() if row.offset == 0 and row.key] == [
        ItemKey(0, "a", 0),
        ItemKey(0, "b", 0),
    ]


def test_the_end_of_another_response_ends_no_item() -> None:
    bench = Bench(PCM)
    bench.delta(impulses(4800))
    bench.audio.handle_response_finished("earlier")
    bench.audio.handle_audio_finished(AudioFinished("r", "earlier", 0))
    assert bench.port.playout.queued_samples < 1600
    bench.audio.handle_response_finished("r")
    assert bench.port.playout.queued_samples == 1600


def test_an_interruption_in_a_pcm_session_is_exact_and_leaks_nothing_into_the_next_item() -> None:
    bench = Bench(PCM)
    bench.delta(impulses(24_000))
    bench.tick(5)
    interrupted = bench.audio.interrupt()
    assert interrupted.commands == [TruncateItem("a", 0, 105)]
    assert interrupted.cut[0].sent_samples == 840
    bench.delta(bytes(9600), item="b")
    assert loud_places(bench.tick(2)[40:]) == []


def test_audio_of_a_cut_item_does_not_disturb_the_one_being_converted() -> None:
    disturbed, undisturbed = Bench(PCM), Bench(PCM)
    for bench in (disturbed, undisturbed):
        bench.delta(impulses(2400), item="a")
        bench.audio.interrupt()
    noise = array("h", [at * at * 7919 % 30_011 - 15_000 for at in range(6000)]).tobytes()
    for at in range(0, len(noise), 960):
        undisturbed.delta(noise[at : at + 960], item="b")
        disturbed.delta(noise[at : at + 960], item="b")
        disturbed.delta(noise[at : at + 960], item="a")
    assert disturbed.tick(12) == undisturbed.tick(12)
    assert disturbed.port.playout.refused_samples > 0


def test_a_grant_again_in_the_same_formats_changes_nothing() -> None:
    bench = Bench(PCM)
    source = impulses(9600)
    bench.delta(source[:9600])
    bench.audio.grant(PCM, PCM)
    bench.delta(source[9600:])
    bench.audio.handle_audio_finished(AudioFinished("r", "a", 0))
    assert loud_places(bench.tick(20)) == list(range(0, 3200, 80))


def test_a_grant_in_other_formats_lets_the_item_end_where_it_was() -> None:
    bench = Bench(PCM)
    bench.delta(impulses(4800))
    bench.audio.grant(PCMU, PCMA)
    assert bench.port.playout.queued_samples == 1600
    bench.delta(transcode(b"\x01" * 160, AudioFormat.PCMU, AudioFormat.PCMA))
    assert bench.tick(11)[-160:] == b"\x01" * 160


def test_a_full_queue_asks_for_a_cancel_once(bench: Bench) -> None:
    assert bench.delta(bytes(QUEUE_SECONDS * 8000))
    assert not bench.delta(b"\xff")
    assert bench.delta(b"\xff")


def test_plain(bench: Bench) -> None:
    bench.audio.active_response_id = "r"
    bench.delta(bytes(8000))
    bench.tick(10)
    interrupted = bench.audio.interrupt()
    assert interrupted.commands == [CancelResponse("r"), TruncateItem("a", 0, 205)]
    assert bench.audio.active_response_id is None
    assert bench.audio.interrupt().commands == []


def test_two_items_queued(bench: Bench) -> None:
    bench.audio.active_response_id = "r2"
    bench.delta(bytes(400), item="a", response="r1")
    bench.audio.handle_response_finished("r1")
    assert bench.audio.active_response_id == "r2"
    bench.delta(bytes(400), item="b", response="r2", index=1)
    bench.delta(bytes(400), item="c", response="r2")
    bench.tick(3)
    assert bench.audio.interrupt().commands == [
        CancelResponse("r2"),
        TruncateItem("b", 1, (80 + 40) // 8),
        DeleteItem("c"),
    ]


def test_what_was_heard_of_an_item_stays_where_its_next_part_was_not(bench: Bench) -> None:
    bench.delta(bytes(320), item="a")
    bench.audio.handle_audio_finished(AudioFinished("r", "a", 0))
    bench.tick(2)
    bench.delta(bytes(800), item="a", index=1)
    bench.delta(bytes(800), item="b")
    interrupted = bench.audio.interrupt()
    assert interrupted.commands == [TruncateItem("a", 1, 0), DeleteItem("b")]


def test_before_the_first_audio_of_a_response_it_is_cancelled_only(bench: Bench) -> None:
    bench.audio.active_response_id = "r"
    assert bench.audio.interrupt().commands == [CancelResponse("r")]


def test_after_the_last_there_is_nothing_to_tell(bench: Bench) -> None:
    bench.audio.active_response_id = "r"
    bench.delta(bytes(320))
    bench.audio.handle_audio_finished(AudioFinished("r", "a", 0))
    bench.audio.handle_response_finished("r")
    bench.tick(3)
    assert bench.audio.interrupt().commands == []


def test_audio_of_an_item_that_was_cut_is_refused(bench: Bench) -> None:
    bench.audio.active_response_id = "r"
    bench.delta(bytes(800), item="a")
    bench.tick()
    bench.audio.interrupt()
    assert bench.delta(bytes(800), item="a")
    assert bench.port.playout.refused_samples == 800
    assert bench.delta(bytes(800), item="c", response="next")
    assert bench.port.playout.queued_samples == 800 + 40


def test_another_session_leaves_an_older_ones_items_alone() -> None:
    bench = Bench()
    bench.delta(bytes(480), item="a")
    bench.tick()
    second = AgentAudio(bench.port, bench.up.append)
    second.epoch = 1
    second.grant(PCMU, PCMU)
    second.handle_audio(AudioReceived("r", "a", 0, bytes(800)))
    assert second.interrupt().commands == [DeleteItem("a")]


def test_with_another_session_an_older_ones_items_are_said_and_over(bench: Bench) -> None:
    bench.delta(bytes(480), item="a")
    bench.tick()
    AgentAudio(bench.port, bench.up.append)
    assert bench.tick(2) == bytes(320)
    assert bench.port.playout.is_drained


def talk(bench: Bench, packets: int) -> None:
    """Let the caller send, and us, for so many periods; each packet arrives with its tick."""
    bench.port.uplink.sink = bench.audio.handle_uplink
    for _ in range(packets):
        packet = bench.caller.packet(bytes(160), 160)
        bench.port.handle_rtp(packet, PEER, ms(bench.at_ms))
        bench.tick()


def test_reacted_cuts_at_what_was_playing_at_the_onset() -> None:
    bench = Bench()
    bench.delta(bytes(8000))
    talk(bench, 20)
    interrupted = bench.audio.interrupt(audio_start_ms=200, truncate_at="reacted")
    # The first packet, here at 0 ms, was made from -20 ms on, so 200 ms of it all were made at
    # 180 ms; heard by then: what was sent at 140 ms.
    assert interrupted.commands == [TruncateItem("a", 0, 140)]
    assert interrupted.cut[0].sent_samples == 3200 + 40


def test_reacted_before_anything_was_heard_leaves_nothing_heard() -> None:
    bench = Bench()
    talk(bench, 10)
    bench.delta(bytes(8000))
    talk(bench, 5)
    interrupted = bench.audio.interrupt(audio_start_ms=100, truncate_at="reacted")
    assert interrupted.commands == [TruncateItem("a", 0, 0)]


def test_reacted_counts_from_what_this_session_was_given() -> None:
    bench = Bench(None)
    talk(bench, 11)  # 200 ms that no session got
    bench.audio.grant(PCMU, PCMU)
    bench.delta(bytes(8000))
    talk(bench, 20)
    # The grant came at 220 ms; its first packet, of 220 ms on, came then, so 100 ms are at 300 ms.
    assert bench.audio.interrupt(audio_start_ms=100, truncate_at="reacted").commands == [
        TruncateItem("a", 0, 300 - 40 - 220)
    ]


def test_reacted_at_an_unknown_instant_falls_back_to_sent(bench: Bench) -> None:
    bench.delta(bytes(8000))
    bench.tick(10)
    assert bench.audio.interrupt(audio_start_ms=0, truncate_at="reacted").commands == [
        TruncateItem("a", 0, 205)
    ]
    bench.delta(bytes(8000), item="b")
    bench.tick(10)
    assert bench.audio.interrupt(truncate_at="reacted").commands == [
        TruncateItem("b", 0, (120 + 9 * 160 + 40) // 8)
    ]


def test_a_leg_of_the_other_law_is_converted_to() -> None:
    bench = Bench(None)
    bench.port = port(agreement(AudioFormat.PCMA))
    bench.audio = AgentAudio(bench.port, bench.up.append)
    bench.audio.grant(PCMU, PCMU)
    bench.delta(b"\x01" * 160)
    assert bench.tick() == transcode(b"\x01" * 160, AudioFormat.PCMU, AudioFormat.PCMA)
