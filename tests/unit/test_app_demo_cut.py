"""The demo's judge of a cut: what arrived of an item, counted in samples."""

import random
from dataclasses import replace

import pytest

from telephony.app.demo.cut import HeardItem, follow_item
from telephony.app.demo.observed import HeardChunk
from telephony_codecs import AudioFormat, fade_out

PACKET = 160
SILENCE = b"\xff"
SOUND = random.Random(7)
ITEM = bytes(SOUND.choice([*range(0x10, 0x60), *range(0x90, 0xE0)]) for _ in range(20 * PACKET))
"""Sound without a quiet sample."""


def packets(heard: bytes) -> list[HeardChunk]:
    return [
        HeardChunk(offset=at, octets=len(heard[at : at + PACKET]), wall=at / 8000)
        for at in range(0, len(heard), PACKET)
    ]


def cut(item: bytes, whole_packets: int, *, fade: int = 40, before: int = 3) -> bytes:
    """Make what a caller hears of an item that is flushed after some whole packets."""
    sent = item[: whole_packets * PACKET]
    ramp = fade_out(item[len(sent) : len(sent) + fade], AudioFormat.PCMU)
    last = ramp + SILENCE * (PACKET - len(ramp))
    return SILENCE * (before * PACKET) + sent + last + SILENCE * (10 * PACKET)


def follow(heard: bytes, item: bytes = ITEM) -> HeardItem:
    found = follow_item(heard, packets(heard), item)
    assert found is not None
    return found


def test_an_item_that_arrived_whole() -> None:
    found = follow(SILENCE * 480 + ITEM + SILENCE * 800)
    assert found == HeardItem(480, 480 + len(ITEM), len(ITEM), len(ITEM), 0, 0, is_whole=True)


@pytest.mark.parametrize("whole_packets", [4, 5, 12, 19])
def test_a_cut_counts_its_fade(whole_packets: int) -> None:
    found = follow(cut(ITEM, whole_packets))
    samples = whole_packets * PACKET + 40
    assert (found.earliest, found.latest, found.fade_samples) == (samples, samples, 40)
    assert found.end == 480 + samples
    assert not found.is_whole


def test_a_fade_over_the_end_of_an_item_is_shorter() -> None:
    item = ITEM[: 5 * PACKET + 24]
    found = follow(cut(item, 5), item)
    assert (found.latest, found.fade_samples) == (len(item), 24)


def test_a_hard_cut_has_no_fade() -> None:
    found = follow(cut(ITEM, 6, fade=0))
    assert (found.earliest, found.latest, found.fade_samples) == (960, 960, 0)


def test_a_cut_in_a_pause_leaves_a_range() -> None:
    item = ITEM[:800] + SILENCE * 1600 + ITEM[800:2400]
    found = follow(cut(item, 8, fade=0), item)
    assert (found.earliest, found.latest) == (800, 2400)
    assert [found.nearest(one) for one in (700, 1280, 3000)] == [800, 1280, 2400]


def test_item_audio_that_goes_on_after_the_cut_is_no_fade() -> None:
    heard = SILENCE * 480 + ITEM[:960] + ITEM[1000:1160] + SILENCE * 1600
    assert follow(heard).fade_samples == 0


def test_silence_inside_an_item_that_is_not_its_own_is_a_gap() -> None:
    heard = SILENCE * 480 + ITEM[:960] + SILENCE * 320 + ITEM[960:] + SILENCE * 160
    found = follow(heard)
    assert found.is_whole
    assert found.gap_samples == 320
    assert found.end == 480 + 320 + len(ITEM)


def test_an_item_is_searched_for_behind_the_one_before() -> None:
    heard = cut(ITEM, 5) + SILENCE * 160 + ITEM
    first = follow(heard)
    second = follow_item(heard, packets(heard), ITEM, first.end)
    assert second is not None
    assert second.start > first.end
    assert second.is_whole


@pytest.mark.parametrize("item", [b"", ITEM[::-1]])
def test_an_item_that_never_arrived(item: bytes) -> None:
    heard = cut(ITEM, 5)
    assert follow_item(heard, packets(heard), item) is None


def test_a_recording_that_stops_inside_an_item() -> None:
    heard = SILENCE * 160 + ITEM[:1000]
    found = follow(heard)
    assert (found.latest, found.is_whole) == (1000, False)
    assert replace(found, earliest=1000) == found
