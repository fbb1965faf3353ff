"""The figures of the resampler that the design holds, and that chunks make no difference."""

# pyright: reportUnknownMemberType=false
# numpy's stubs name types that Python 3.11, the version checked for, does not know.

import gc
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from telephony_codecs import resample
from telephony_codecs.resample import Resampler

HOLDINGS = """
from os import listdir, sysconf
from telephony_codecs.resample import Resampler

def resident():
    with open("/proc/self/statm") as pages:
        return int(pages.read().split()[1]) * sysconf("SC_PAGE_SIZE")

Resampler(24_000, 8_000).convert(bytes(48_000))
threads, before = len(listdir("/proc/self/task")), resident()
held = [Resampler(24_000, 8_000) for _ in range(100)]
for one in held:
    one.convert(bytes(48_000))
print(len(listdir("/proc/self/task")) - threads, (resident() - before) // len(held))
"""
AMPLITUDE = 16000
SECONDS = 1
RATES = (8_000, 16_000, 24_000, 48_000)
WAYS = list(permutations(RATES, 2))


def sine(hz: float, rate_hz: int) -> bytes:
    at = np.arange(rate_hz * SECONDS)
    wave = np.rint(AMPLITUDE * np.sin(2 * np.pi * hz * at / rate_hz))
    return bytes(wave.astype("<i2").tobytes())


def noise(samples: int, seed: int) -> bytes:
    return np.random.default_rng(seed).integers(-20000, 20000, samples).astype("<i2").tobytes()


def convert_whole(pcm16: bytes, from_rate: int, to_rate: int) -> bytes:
    resampler = Resampler(from_rate, to_rate)
    return resampler.convert(pcm16) + resampler.flush()


def steady(pcm16: bytes) -> NDArray[np.float64]:
    """Leave out the first and last tenth, where the filter starts and ends."""
    samples = np.frombuffer(pcm16, "<i2").astype(float)
    return samples[len(samples) // 10 : -len(samples) // 10]


def level_db(pcm16: bytes, hz: float, rate_hz: int) -> float:
    """Measure one frequency against `AMPLITUDE`, through a Hann window."""
    samples = steady(pcm16)
    window = np.hanning(len(samples))
    turn = np.exp(-2j * np.pi * hz / rate_hz * np.arange(len(samples)))
    peak = 2 * abs(np.sum(samples * window * turn)) / np.sum(window)
    return 20 * float(np.log10(max(peak, 1e-3) / AMPLITUDE))


@pytest.mark.parametrize(("from_rate", "to_rate"), [(8_000, 24_000), (24_000, 8_000)])
@pytest.mark.parametrize("hz", [300, 1000, 2000, 3000, 3400])
def test_the_telephone_band_passes_within_a_tenth_of_a_decibel(
    hz: int, from_rate: int, to_rate: int
) -> None:
    out = convert_whole(sine(hz, from_rate), from_rate, to_rate)
    assert level_db(out, hz, to_rate) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("hz", [300, 1000, 2000, 3000, 3400])
def test_images_above_4_khz_are_70_db_down(hz: int) -> None:
    out = convert_whole(sine(hz, 8_000), 8_000, 24_000)
    for image in (8_000 - hz, 8_000 + hz, 12_000 - (hz - 4_000) % 8_000):
        if image not in (hz, 12_000):
            assert level_db(out, image, 24_000) < -70


@pytest.mark.parametrize("hz", [4600, 5000, 6000, 7000, 8300, 11000])
def test_what_is_above_the_telephone_band_does_not_fold_into_it(hz: int) -> None:
    out = convert_whole(sine(hz, 24_000), 24_000, 8_000)
    alias = abs((hz + 4_000) % 8_000 - 4_000)
    assert level_db(out, alias, 8_000) < -70
    assert 20 * np.log10(max(np.abs(steady(out)).max(), 1) / AMPLITUDE) < -60


def test_the_measure_sees_an_image_when_there_is_one() -> None:
    held = np.repeat(np.frombuffer(sine(3000, 8_000), "<i2"), 3).tobytes()
    assert level_db(held, 5000, 24_000) > -20


@pytest.mark.parametrize(("from_rate", "to_rate"), WAYS)
def test_chunks_and_whole_are_the_same_bit_for_bit(from_rate: int, to_rate: int) -> None:
    pcm16 = noise(from_rate, seed=from_rate + to_rate)
    whole = convert_whole(pcm16, from_rate, to_rate)
    sizes = np.random.default_rng(7).choice([1, 2, 7, 40, 160, 480, 481, 2400], 2000)
    resampler = Resampler(from_rate, to_rate)
    pieces: list[bytes] = []
    position = 0
    for size in sizes:
        pieces.append(resampler.convert(pcm16[position : position + int(size) * 2]))
        position += int(size) * 2
    pieces += [resampler.convert(pcm16[position:]), resampler.flush()]
    assert b"".join(pieces) == whole
    assert len(whole) == len(pcm16) * to_rate // from_rate


@pytest.mark.parametrize(("from_rate", "to_rate"), WAYS)
def test_the_delay_is_known_and_at_most_2_ms(from_rate: int, to_rate: int) -> None:
    resampler = Resampler(from_rate, to_rate)
    frame = from_rate // 50
    given = 0
    for _ in range(10):
        given += len(resampler.convert(noise(frame, seed=1))) // 2
    held_back = 10 * frame * to_rate // from_rate - given
    assert held_back in (resampler.delay_samples, resampler.delay_samples + 1)
    assert resampler.delay_samples * 1000 / to_rate <= 2.0
    assert len(resampler.flush()) // 2 == held_back


def test_output_stands_where_the_input_stood() -> None:
    out = np.frombuffer(convert_whole(sine(1000, 8_000), 8_000, 24_000), "<i2").astype(int)
    wanted = np.frombuffer(sine(1000, 24_000), "<i2").astype(int)
    inner = slice(2400, -2400)
    assert np.abs(out[inner] - wanted[inner]).max() <= 4


def test_a_flush_and_a_reset_both_begin_a_new_stream() -> None:
    pcm16 = noise(800, seed=3)
    fresh = convert_whole(pcm16, 8_000, 24_000)
    resampler = Resampler(8_000, 24_000)
    resampler.convert(noise(333, seed=4))
    resampler.flush()
    assert resampler.convert(pcm16) + resampler.flush() == fresh
    resampler.convert(noise(333, seed=4))
    resampler.reset()
    assert resampler.flush() == b""
    assert resampler.convert(pcm16) + resampler.flush() == fresh


def test_too_little_for_any_output_is_kept() -> None:
    resampler = Resampler(24_000, 8_000)
    assert resampler.convert(b"") == b""
    assert resampler.convert(b"\x01\x00") == b""
    assert len(resampler.convert(bytes(2 * 480))) == 2 * (160 - resampler.delay_samples)


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="not whole PCM16 samples"):
        Resampler(8_000, 24_000).convert(b"\x00")


@pytest.mark.parametrize(("from_rate", "to_rate"), [(8_000, 8_000), (0, 8_000), (8_000, -1)])
def test_rates_that_make_no_sense_are_refused(from_rate: int, to_rate: int) -> None:
    with pytest.raises(ValueError, match="cannot resample"):
        Resampler(from_rate, to_rate)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="/proc is Linux's")
def test_a_resampler_holds_no_thread_and_little_memory_whatever_the_length_of_its_chunks() -> None:
    root = Path(resample.__file__).parents[1]
    child = [sys.executable, "-c", HOLDINGS]
    told = subprocess.run(child, cwd=root, capture_output=True, text=True, check=True).stdout
    threads, octets = map(int, told.split())
    assert threads == 0
    assert octets < 250_000


@pytest.mark.parametrize("way_out", ["flush", "reset", "let go"])
def test_a_stream_that_is_over_leaves_no_work_for_the_garbage_collector(way_out: str) -> None:
    gc.collect()
    resampler = Resampler(24_000, 8_000)
    resampler.convert(bytes(960))
    if way_out == "flush":
        resampler.flush()
    elif way_out == "reset":
        resampler.reset()
    else:
        del resampler
    assert gc.collect() == 0
