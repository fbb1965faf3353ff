"""Any 8 octets of position-coded audio tell the item and the offset, and nothing else does."""

import random

import pytest

from tests.support.position_code import (
    DIGITS,
    FRAME_SAMPLES,
    FRAMES,
    ITEMS,
    MARKER,
    SILENT,
    Position,
    coded,
    linear,
    locate,
    whole_item,
)

MINUTE = 480_000


def test_every_window_of_a_minute_tells_its_offset() -> None:
    audio = coded(1234, 0, MINUTE)
    for offset in range(MINUTE - FRAME_SAMPLES + 1):
        found = locate(audio[offset : offset + FRAME_SAMPLES])
        assert found == Position(1234, offset)


def test_windows_tell_the_item_at_every_phase_and_carry() -> None:
    pick = random.Random(1)
    carries = [frame * FRAME_SAMPLES for frame in (0, 63, 64, 4095, 4096, FRAMES - 2)]
    for item in [0, 1, 63, 64, ITEMS - 1, *pick.sample(range(ITEMS), 50)]:
        for near in carries:
            for offset in range(near, near + FRAME_SAMPLES):
                assert locate(coded(item, offset, FRAME_SAMPLES)) == Position(item, offset)


def test_a_window_over_a_boundary_never_names_a_wrong_place() -> None:
    pick = random.Random(2)
    refused = 0
    for _ in range(5000):
        before, after = pick.sample(range(ITEMS), 2)
        length = pick.randrange(FRAME_SAMPLES, MINUTE)
        taken = pick.randrange(1, FRAME_SAMPLES)
        window = coded(before, length - taken, taken) + coded(after, 0, FRAME_SAMPLES - taken)
        found = locate(window)
        refused += found is None
        assert found in (None, Position(before, length - taken))
    assert refused > 4500


def test_silence_noise_and_part_of_a_window_are_no_position() -> None:
    pick = random.Random(3)
    assert locate(bytes([0xFF] * FRAME_SAMPLES)) is None
    assert locate(coded(1, 0, FRAME_SAMPLES - 1)) is None
    assert locate(coded(1, 0, FRAME_SAMPLES - 1) + b"\xff") is None
    alphabet = bytes([MARKER]) + DIGITS
    noise = [bytes(pick.choices(alphabet, k=FRAME_SAMPLES)) for _ in range(20_000)]
    assert sum(locate(window) is not None for window in noise) < 5


def test_one_wrong_octet_spoils_a_window() -> None:
    audio = coded(7, 1000, FRAME_SAMPLES)
    for index in range(FRAME_SAMPLES):
        changed = bytearray(audio)
        changed[index] = DIGITS[(DIGITS.find(audio[index]) + 1) % len(DIGITS)]
        assert locate(bytes(changed)) != Position(7, 1000)


def test_no_octet_is_silent_nor_becomes_so_in_a_fade() -> None:
    assert len({*DIGITS, MARKER}) == 65
    assert not SILENT & {*DIGITS, MARKER}
    assert min(abs(linear(octet)) for octet in (*DIGITS, MARKER)) / 40 > 8


def test_linear_is_g711() -> None:
    assert [linear(octet) for octet in (0xFF, 0x7F, 0xFE, 0x7E, 0x80, 0x00)] == [
        *(0, 0, 8, -8),
        *(32124, -32124),
    ]


def test_pieces_are_parts_of_the_whole() -> None:
    whole = whole_item(5, 1003)
    assert len(whole) == 1003
    assert coded(5, 501, 502) == whole[501:]
    assert coded(5, 501, 0) == b""


@pytest.mark.parametrize(("item", "start", "count"), [(ITEMS, 0, 8), (-1, 0, 8), (0, -1, 8)])
def test_what_the_code_cannot_hold_is_refused(item: int, start: int, count: int) -> None:
    with pytest.raises(ValueError, match="no code for item"):
        coded(item, start, count)
    with pytest.raises(ValueError, match="no code for item"):
        coded(0, FRAMES * FRAME_SAMPLES, 1)
