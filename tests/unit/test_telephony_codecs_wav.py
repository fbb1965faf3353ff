"""WAV files against the standard library's reader and writer, by hand, and broken."""

import io
import struct
import wave

import pytest

from telephony_codecs import (
    WAV_HEADER_OCTETS,
    WavAudio,
    WavEncoding,
    WavError,
    parse_wav,
    wav_header,
)


@pytest.mark.parametrize(("rate_hz", "channels"), [(8_000, 1), (24_000, 1), (8_000, 2)])
def test_the_standard_library_reads_what_we_write(rate_hz: int, channels: int) -> None:
    octets = bytes(range(240)) * 2
    file = WavAudio(WavEncoding.PCM16, rate_hz, channels, octets).pack()
    with wave.open(io.BytesIO(file)) as reader:
        assert reader.getframerate() == rate_hz
        assert reader.getnchannels() == channels
        assert reader.getsampwidth() == 2
        assert reader.readframes(10_000) == octets


def test_we_read_what_the_standard_library_writes() -> None:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(2)
        writer.setsampwidth(2)
        writer.setframerate(16_000)
        writer.writeframes(bytes(range(200)))
    wanted = WavAudio(WavEncoding.PCM16, 16_000, 2, bytes(range(200)))
    assert parse_wav(file.getvalue()) == wanted


ROUND_TRIPS = [
    WavAudio(WavEncoding.PCMU, 8_000, 1, b"\xff\x00\x80"),
    WavAudio(WavEncoding.PCMA, 8_000, 2, b"\xd5\x55\x01\x02"),
    WavAudio(WavEncoding.PCM16, 24_000, 1, b""),
]


@pytest.mark.parametrize("audio", ROUND_TRIPS)
def test_round_trip(audio: WavAudio) -> None:
    file = audio.pack()
    assert len(file) % 2 == 0
    assert struct.unpack_from("<I", file, 4) == (len(file) - 8,)
    assert parse_wav(file) == audio


def test_a_header_has_one_length_whatever_it_says() -> None:
    for octets in (0, 7, 1 << 20, 1 << 40):
        header = wav_header(WavEncoding.PCMU, 8_000, 1, octets)
        assert len(header) == WAV_HEADER_OCTETS


def test_chunks_between_are_skipped_and_extensible_is_understood() -> None:
    body = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 8_000, 8_000, 1, 8, 22, 8, 4)
    body += struct.pack("<H", 7) + bytes(14)
    file = b"RIFF\x00\x00\x00\x00WAVE"
    file += b"LIST" + struct.pack("<I", 3) + b"abc\x00"
    file += b"fmt " + struct.pack("<I", len(body)) + body
    file += b"data" + struct.pack("<I", 2) + b"\x01\x02"
    assert parse_wav(file) == WavAudio(WavEncoding.PCMU, 8_000, 1, b"\x01\x02")


def test_a_cut_file_gives_the_whole_samples_it_has() -> None:
    file = WavAudio(WavEncoding.PCM16, 8_000, 2, bytes(40)).pack()
    assert len(parse_wav(file[:-5]).octets) == 32


def fmt(tag: int, channels: int, rate_hz: int, bits: int) -> bytes:
    chunk = struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz, 1, bits)
    return b"RIFF\x00\x00\x00\x00WAVEfmt " + struct.pack("<I", len(chunk)) + chunk


BROKEN = [
    (b"", "not a RIFF"),
    (b"RIFX\x00\x00\x00\x00WAVE", "not a RIFF"),
    (b"RIFF\x00\x00\x00\x00AVI ", "not a RIFF"),
    (b"RIFF\x00\x00\x00\x00WAVE", "no data chunk"),
    (b"RIFF\x00\x00\x00\x00WAVEdata\x02\x00\x00\x00ab", "before the fmt chunk"),
    (b"RIFF\x00\x00\x00\x00WAVEfmt \x02\x00\x00\x00ab", "the fmt chunk has 2 octets"),
    (fmt(1, 1, 8_000, 16), "no data chunk"),
    (fmt(3, 1, 8_000, 32), "format tag 3"),
    (fmt(0xFFFE, 1, 8_000, 8), "format tag 65534"),
    (fmt(1, 1, 8_000, 8), "8 bits per sample"),
    (fmt(1, 0, 8_000, 16), "0 channels"),
    (fmt(7, 9, 8_000, 8), "9 channels"),
    (fmt(7, 1, 0, 8), "at 0 Hz"),
]


@pytest.mark.parametrize(("file", "says"), BROKEN)
def test_a_broken_file_is_refused_with_the_reason(file: bytes, says: str) -> None:
    with pytest.raises(WavError, match=says):
        parse_wav(file)
