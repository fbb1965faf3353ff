"""The scripted caller's ear: when the far end speaks, and how a script waits for it."""

import asyncio
from collections.abc import Awaitable

from telephony.app.demo.ear import Ear
from telephony.units import Nanoseconds
from tests.support.media import agreement, ms

LOUD, SILENT = b"\x20\xa0" * 80, b"\xff" * 160


def hear(ear: Ear, *packets: bytes) -> None:
    for packet in packets:
        ear.received(packet, ms(20 * len(ear.chunks)))


def listening() -> Ear:
    ear = Ear()
    ear.started(agreement(), ms(0))
    return ear


async def waiting(awaited: Awaitable[Nanoseconds]) -> asyncio.Future[Nanoseconds]:
    future = asyncio.ensure_future(awaited)
    await asyncio.sleep(0)
    return future


def test_one_loud_packet_is_no_voice_and_two_are() -> None:
    async def scenario() -> None:
        ear = listening()
        voice = await waiting(ear.hears_voice())
        hear(ear, SILENT, LOUD, SILENT, SILENT)
        await asyncio.sleep(0)
        assert not voice.done()
        hear(ear, LOUD, LOUD)
        assert await voice == ms(80)

    asyncio.run(scenario())


def test_a_voice_may_be_waited_for_until_it_has_lasted() -> None:
    async def scenario() -> None:
        ear = listening()
        hear(ear, LOUD, LOUD)
        voice = await waiting(ear.hears_voice(100))
        hear(ear, SILENT, LOUD, SILENT)
        await asyncio.sleep(0)
        assert not voice.done()
        hear(ear, LOUD)
        assert await voice == ms(0)
        assert ear.speaking_ms() == 100

    asyncio.run(scenario())


def test_silence_ends_the_words() -> None:
    async def scenario() -> None:
        ear = listening()
        assert ear.silent_ms() == 0
        hear(ear, LOUD, LOUD, LOUD)
        silence = await waiting(ear.hears_silence(60))
        hear(ear, SILENT, SILENT)
        await asyncio.sleep(0)
        assert not silence.done()
        hear(ear, SILENT)
        assert await silence == ms(40)
        assert ear.speaking_ms() == 0

    asyncio.run(scenario())


def test_what_was_heard_is_kept_packet_by_packet() -> None:
    async def scenario() -> None:
        ear = listening()
        first = asyncio.ensure_future(ear.hears_any())
        await asyncio.sleep(0)
        hear(ear, LOUD, SILENT)
        await first
        assert bytes(ear.octets) == LOUD + SILENT
        assert [(one.offset, one.octets) for one in ear.chunks] == [(0, 160), (160, 160)]
        assert ear.recorder.received_track.samples == 320

    asyncio.run(scenario())
