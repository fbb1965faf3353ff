"""Rows F1-F4 and F6: where the caller is in an item. F5 is the adapter's.

We differ as a whole, on purpose: there is no tracker to be told of playback and no estimate from
the time of arrival. The position is the ledger's: samples that left our socket.
"""
# ruff: noqa: N802

from collections.abc import Iterator
from itertools import product

from telephony.media import ItemAudio
from telephony.media.interruption import Interruption
from telephony.voice import SessionGranted, VoiceFormat
from telephony_codecs import AudioFormat
from tests.support.media import agreement, port
from tests.support.realtime_rig import (
    Rig,
    Talk,
    delta,
    response_created,
    speech_started,
    types,
    updated,
)
from tests.support.realtime_rows import Replace, row

RAMP_MS = 5
"""Of the item goes out behind the interruption, ramped to zero; it counts as sent."""
SECOND_MS = 1000
SPELLINGS: dict[VoiceFormat, tuple[object, ...]] = {
    VoiceFormat.PCMU: ({"type": "audio/pcmu"}, "g711_ulaw", "pcmu", "audio/pcmu"),
    VoiceFormat.PCMA: ({"type": "audio/pcma"}, "g711_alaw", "pcma", "audio/pcma"),
    VoiceFormat.PCM: ({"type": "audio/pcm", "rate": 24000}, {"type": "audio/pcm"}, "pcm16", "pcm"),
}


def octets(audio_format: VoiceFormat, ms: int) -> bytes:
    """So much audio of a format."""
    return bytes(ms * audio_format.rate_hz * audio_format.octets_per_sample // 1000)


def count_what_arrived(interruption: Interruption) -> Iterator[tuple[ItemAudio, int]]:
    """Take all that arrived as played since, as an estimate from the time of arrival does."""
    for item in interruption.cut:
        yield item, item.received_samples


def count_time(interruption: Interruption) -> Iterator[tuple[ItemAudio, int]]:
    """Take the time since the first delta as played, though nothing was left to be played."""
    for item in interruption.cut:
        yield item, item.sent_samples + SECOND_MS * interruption.rate_hz // 1000


async def speak(talk: Talk, ms: int, item_id: str = "i1") -> None:
    """Have the model say so much, of a response that goes on."""
    await talk.rig.sent()
    await talk.rig.says(response_created("r1"), delta(bytes(8 * ms), item_id))


@row("F1")
async def test_F1_what_was_sent_decides_also_where_nothing_was(rig: Rig) -> None:
    talk = Talk(rig)
    await talk.begin()
    await speak(talk, SECOND_MS)
    await rig.says(speech_started())
    cancel, delete = await rig.sent()
    assert (cancel["type"], delete["type"]) == ("response.cancel", "conversation.item.delete")
    assert delete["item_id"] == "i1"


@row("F2", Replace("telephony.media.interruption._heard", count_what_arrived))
async def test_F2_time_that_passes_while_nothing_is_sent_is_not_playback(rig: Rig) -> None:
    talk = Talk(rig)
    await talk.begin()
    await speak(talk, SECOND_MS)
    talk.play(3)
    talk.port.set_direction(sends=False)
    talk.play(200)
    talk.port.set_direction(sends=True)
    await rig.says(speech_started())
    truncate = (await rig.sent())[-1]
    assert truncate["audio_end_ms"] == 60, "what was not being spoken needs no ramp"


@row("F3")
async def test_F3_without_any_audio_there_is_no_position(rig: Rig) -> None:
    talk = Talk(rig)
    await talk.begin()
    await rig.says(speech_started())
    assert await rig.sent() == []


@row("F4", Replace("telephony.media.interruption._heard", count_time))
async def test_F4_silence_behind_an_item_adds_nothing_to_it(rig: Rig) -> None:
    talk = Talk(rig)
    await talk.begin()
    await speak(talk, 90)
    talk.play(50)
    await rig.says(speech_started())
    truncate = (await rig.sent())[-1]
    assert truncate["type"] == "conversation.item.truncate"
    assert truncate["audio_end_ms"] == 90


@row(
    "F6",
    Replace(
        "telephony.realtime.session_body.AUDIO_FORMATS",
        dict.fromkeys(("audio/pcmu", "pcmu", "g711_ulaw"), "pcm"),
    ),
)
async def test_F6_a_length_is_right_in_every_spelling_of_the_format(rig: Rig) -> None:
    legs = (AudioFormat.PCMU, AudioFormat.PCMA)
    talk = Talk(rig)
    await talk.begin()
    cases = [
        (leg, granted, spelling)
        for leg, granted in product(legs, SPELLINGS)
        for spelling in SPELLINGS[granted]
    ]
    for number, (leg, granted, spelling) in enumerate(cases):
        item, response = f"i{number}", f"r{number}"
        talk.port = port(agreement(leg))
        talk.conversation.join(talk.port)
        is_old = isinstance(spelling, str)
        flat = {"input_audio_format": spelling, "output_audio_format": spelling}
        nested = {"audio": {way: {"format": spelling} for way in ("input", "output")}}
        await rig.says(updated(flat if is_old else nested))
        assert rig.of(SessionGranted)[-1] == SessionGranted(granted, granted)
        await rig.says(response_created(response), delta(octets(granted, 200), item, response))
        talk.play(3)
        await rig.says(speech_started())
        truncate = (await rig.sent())[-1]
        assert types([truncate]) == ["conversation.item.truncate"], (spelling, truncate)
        assert truncate["audio_end_ms"] == 60 + RAMP_MS, spelling
        await rig.says({"type": "response.done", "response": {"id": response}})
