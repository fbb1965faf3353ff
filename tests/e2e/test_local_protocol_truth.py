"""The embedded server says what recorded sessions of the hosted one say, in the same order.

The orders are those of `reference/speech.md` section 7. A real client asks over a real WebSocket;
what the turn detector hears is real speech, on a virtual clock, faster than real time.
"""

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable, Coroutine
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect

from telephony.app.local_server import LocalServer
from telephony.local import Speaker
from telephony_codecs import AudioFormat, decode, encode
from telephony_codecs.tones import DIGITS, ToneSource, digit_tone
from tests.support.local_client import (
    TELEPHONE,
    TOOLS,
    Event,
    LocalClient,
    telephone_client,
    tiny_voice,
    types,
)
from tests.support.local_orders import (
    AUDIO_ENDS,
    CALL,
    ITEM,
    MESSAGE_ENDS,
    RESPONSE_BEGINS,
    SPOKEN,
    SPOKEN_ENDS,
    TURN,
)

SPEECH = Path(__file__).parents[1] / "fixtures" / "speech"
SECONDS = 60
RATE_HZ = 8_000
SILENCE = b"\xff" * RATE_HZ
TRANSCRIBED = "conversation.item.input_audio_transcription.completed"

TEXT = ["response.output_text.delta", "response.output_text.done"]


def collapsed(events: list[Event]) -> list[str]:
    """Give the types of events; of the deltas of words and of audio, which alternate, the first."""
    names: list[str] = []
    for event in events:
        if event["type"] not in SPOKEN or event["type"] not in names:
            names.append(event["type"])
    return names


class Talk:
    """A client of the server, over a WebSocket."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, event_type: str, **fields: Any) -> None:
        await self._connection.send(json.dumps({"type": event_type, **fields}))

    async def until(self, event_type: str) -> list[Event]:
        """Read up to the first event of a type."""
        seen: list[Event] = []
        while not seen or seen[-1]["type"] != event_type:
            seen.append(json.loads(await self._connection.recv()))
        return seen

    async def set_up(self, **session: Any) -> list[Event]:
        await self.send("session.update", session={"type": "realtime", **session})
        return await self.until("session.updated")

    async def append(self, audio: bytes) -> None:
        await self.send("input_audio_buffer.append", audio=b64encode(audio).decode())

    async def type(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        await self.send("conversation.item.create", item=item)
        await self.send("response.create")

    async def greeted(self) -> str:
        """Set a call up and let it be greeted; give the greeting's item."""
        await self.set_up(audio=TELEPHONE, tools=TOOLS)
        await self.send("response.create")
        item_id: str = (await self.until("response.done"))[-1]["response"]["output"][0]["id"]
        return item_id


def talking(story: Callable[[Talk], Coroutine[Any, Any, None]]) -> None:
    """Let a client talk to a server of its own, up to its greeting."""

    async def run() -> None:
        server = LocalServer(Speaker(tiny_voice(200)))
        url = await server.start("127.0.0.1", 0)
        try:
            async with connect(url) as connection:
                talk = Talk(connection)
                assert types(await talk.until("session.created")) == ["session.created"]
                await story(talk)
        finally:
            await server.close()

    asyncio.run(asyncio.wait_for(run(), SECONDS))


def test_connect_and_update() -> None:
    async def story(talk: Talk) -> None:
        assert types(await talk.set_up(instructions="Be kind.")) == ["session.updated"]

    talking(story)


def test_text_turn() -> None:
    async def story(talk: Talk) -> None:
        await talk.set_up(audio=TELEPHONE, tools=TOOLS, output_modalities=["text"])
        await talk.type("[keys 0]")
        assert types(await talk.until("response.done")) == [
            *ITEM,
            *RESPONSE_BEGINS,
            *TEXT,
            *MESSAGE_ENDS,
            "response.done",
        ]

    talking(story)


def test_text_turn_that_is_answered_aloud() -> None:
    async def story(talk: Talk) -> None:
        await talk.set_up(audio=TELEPHONE, tools=TOOLS)
        await talk.type("[keys 0]")
        said = collapsed(await talk.until("response.done"))
        assert said == [*ITEM, *RESPONSE_BEGINS, *SPOKEN, *SPOKEN_ENDS]

    talking(story)


def test_audio_turn() -> None:
    async def story(talk: Talk) -> None:
        await talk.greeted()
        await talk.set_up(audio={"input": {"transcription": {"model": "any"}}})
        await talk.append(SILENCE + speech("yes_please") + SILENCE)
        said = collapsed(await talk.until("response.done"))
        heard_at = said.index(TRANSCRIBED)
        assert said.index("response.created") < heard_at < said.index("response.output_audio.done")
        said.remove(TRANSCRIBED)
        assert said == [*TURN, *RESPONSE_BEGINS, *SPOKEN, *SPOKEN_ENDS]

    talking(story)


def test_tool_and_its_result() -> None:
    async def story(talk: Talk) -> None:
        await talk.greeted()
        await talk.type("[keys 1#]")
        called = await talk.until("response.done")
        spoken = [*RESPONSE_BEGINS, *SPOKEN, *AUDIO_ENDS, *MESSAGE_ENDS]
        assert collapsed(called) == [*ITEM, *spoken, *CALL, "response.done"]
        call = called[-1]["response"]["output"][-1]
        item = {"type": "function_call_output", "call_id": call["call_id"], "output": '"9 to 5"'}
        await talk.send("conversation.item.create", item=item)
        await talk.send("response.create")
        said = collapsed(await talk.until("response.done"))
        assert said == [*ITEM, *RESPONSE_BEGINS, *SPOKEN, *SPOKEN_ENDS]

    talking(story)


def test_interruption_and_truncation() -> None:
    async def story(talk: Talk) -> None:
        await talk.set_up(audio=TELEPHONE, tools=TOOLS)
        await talk.send("response.create")
        [*_, delta] = await talk.until("response.output_audio.delta")
        await talk.append(SILENCE + speech("stop"))
        stopped = await talk.until("response.done")
        at = types(stopped).index("input_audio_buffer.speech_started")
        assert types(stopped)[at:] == [TURN[0], *SPOKEN_ENDS]
        response = stopped[-1]["response"]
        assert (response["status"], response["output"][0]["status"]) == ("cancelled", "incomplete")
        assert response["status_details"]["reason"] == "turn_detected"
        cut = {"item_id": delta["item_id"], "content_index": 0, "audio_end_ms": 1}
        await talk.send("conversation.item.truncate", **cut)
        [truncated] = await talk.until("conversation.item.truncated")
        assert {name: truncated[name] for name in cut} == cut

    talking(story)


def test_interruption_when_all_the_audio_has_been_sent_is_only_truncated() -> None:
    async def story(talk: Talk) -> None:
        item_id = await talk.greeted()
        await talk.append(SILENCE + speech("stop"))
        await talk.send(
            "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=1
        )
        said = types(await talk.until("conversation.item.truncated"))
        assert said == [TURN[0], "conversation.item.truncated"]

    talking(story)


def test_cancel() -> None:
    async def story(talk: Talk) -> None:
        await talk.set_up(audio=TELEPHONE, tools=TOOLS)
        await talk.send("response.create")
        await talk.until("response.output_audio.delta")
        await talk.send("response.cancel")
        said = await talk.until("response.done")
        at = types(said).index("response.output_audio.done")
        assert types(said)[at:] == [*SPOKEN_ENDS]
        details = said[-1]["response"]["status_details"]
        assert details == {"type": "cancelled", "reason": "client_cancelled"}

    talking(story)


def test_deletion_and_retrieval() -> None:
    async def story(talk: Talk) -> None:
        item_id = await talk.greeted()
        await talk.send("conversation.item.retrieve", item_id=item_id)
        [retrieved] = await talk.until("conversation.item.retrieved")
        assert retrieved["item"]["id"] == item_id
        await talk.send("conversation.item.delete", item_id=item_id)
        [deleted] = await talk.until("conversation.item.deleted")
        assert deleted["item_id"] == item_id

    talking(story)


USERS = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
CUT = {"item_id": "users", "content_index": 0, "audio_end_ms": 0}
WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "nothing to cancel": ("response.cancel", {}, "response_cancel_not_active"),
    "the caller's words": ("conversation.item.truncate", CUT, "unsupported_content_type"),
    "a type of nobody": ("vendor.news", {}, "invalid_value"),
    "no type of session": ("session.update", {"session": {}}, "missing_required_parameter"),
}


@pytest.mark.parametrize(("event_type", "fields", "code"), WRONG.values(), ids=WRONG.keys())
def test_an_error_names_its_event_and_leaves_the_session_open(
    event_type: str, fields: dict[str, Any], code: str
) -> None:
    async def story(talk: Talk) -> None:
        await talk.send("conversation.item.create", item={"id": "users", **USERS})
        await talk.until("conversation.item.done")
        await talk.send(event_type, **fields, event_id="mine")
        [wrong] = await talk.until("error")
        assert (wrong["error"]["code"], wrong["error"]["event_id"]) == (code, "mine")
        assert types(await talk.set_up()) == ["session.updated"]

    talking(story)


def test_a_second_response_is_an_error_and_the_first_goes_on() -> None:
    async def story(talk: Talk) -> None:
        await talk.set_up(audio=TELEPHONE, tools=TOOLS)
        await talk.send("response.create")
        await talk.send("response.create", event_id="second")
        *_, wrong = await talk.until("error")
        assert wrong["error"]["event_id"] == "second"
        assert wrong["error"]["code"] == "conversation_already_has_active_response"
        assert types(await talk.until("response.done"))[-2:] == SPOKEN_ENDS[-2:]

    talking(story)


def speech(name: str) -> bytes:
    return (SPEECH / f"{name}.ulaw").read_bytes()


def samples_of(octets: bytes) -> NDArray[np.float64]:
    return np.frombuffer(decode(octets, AudioFormat.PCMU), "<i2").astype(np.float64)


@cache
def speech_level(name: str) -> float:
    """The RMS of a recording without its pauses: of frames within 26 dB of the loudest."""
    samples = samples_of(speech(name))
    frames = samples[: samples.size // 160 * 160].reshape(-1, 160)
    levels = np.sqrt((frames**2).mean(axis=1))
    return float(np.sqrt((frames[levels > levels.max() / 20] ** 2).mean()))


def telephone_noise(samples: int, level: float, seed: int) -> NDArray[np.float64]:
    """White noise in a telephone's band, from 300 to 3,400 Hz."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(samples))
    hertz = np.fft.rfftfreq(samples, 1 / RATE_HZ)
    spectrum[(hertz < 300) | (hertz > 3_400)] = 0
    noise = np.fft.irfft(spectrum, samples)
    return np.asarray(noise / noise.std() * level)


def in_noise(octets: bytes, level: float, seed: int = 1) -> bytes:
    """Add noise of a level to a telephone's audio."""
    clean = samples_of(octets)
    both = clean + telephone_noise(clean.size, level, seed)
    return encode(np.clip(both, -32_768, 32_767).astype("<i2").tobytes(), AudioFormat.PCMU)


def turns_in(octets: bytes) -> list[tuple[int, int]]:
    """Let a session hear a call; give when each turn began and ended, in ms."""
    client = telephone_client()
    client.update(audio={"input": {"turn_detection": {"create_response": False}}})
    said: list[Event] = []
    for start in range(0, len(octets), 160):
        said += client.append(octets[start : start + 160])
        client.pass_ms(20)
    assert types(said) == TURN * (len(types(said)) // len(TURN)), "a turn is whole"
    began = [e["audio_start_ms"] for e in said if e["type"] == TURN[0]]
    ended = [e["audio_end_ms"] for e in said if e["type"] == TURN[1]]
    return list(zip(began, ended, strict=True))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", ["hear_me", "invoice", "stop", "yes_please", "no_thanks"])
def test_a_turn_in_noise_of_15_db_is_one_turn_at_its_place(name: str, seed: int) -> None:
    call = SILENCE * 2 + speech(name) + SILENCE * 2
    [(began, ended)] = turns_in(call)
    [noisy] = turns_in(in_noise(call, speech_level(name) / 10 ** (15 / 20), seed))
    assert noisy[0] == pytest.approx(began, abs=200)
    assert noisy[1] == pytest.approx(ended, abs=300)


def test_a_monologue_in_noise_of_15_db_has_the_turns_it_has_without() -> None:
    call = SILENCE + speech("monologue") + SILENCE
    noisy = turns_in(in_noise(call, speech_level("monologue") / 10 ** (15 / 20)))
    assert len(noisy) == len(turns_in(call)) == 4


@pytest.mark.parametrize("level", [0, 8, 60, 400])
def test_a_minute_without_a_caller_has_no_turn(level: float) -> None:
    minute = SILENCE * 60
    assert turns_in(in_noise(minute, level) if level else minute) == []


@pytest.mark.parametrize("noise", [0, 300])
@pytest.mark.parametrize("ms", [50, 100, 400])
def test_digits_alone_are_no_turn(ms: int, noise: float) -> None:
    pause = SILENCE[: 8 * 80]
    dialled = b"".join(
        encode(ToneSource(digit_tone(digit), RATE_HZ).read(8 * ms), AudioFormat.PCMU) + pause
        for digit in DIGITS
    )
    call = SILENCE + dialled + SILENCE
    assert turns_in(in_noise(call, noise) if noise else call) == []


def test_digits_in_the_callers_audio_interrupt_no_words() -> None:
    client: LocalClient = telephone_client()
    client.send("response.create")
    tone = encode(ToneSource(digit_tone("5"), RATE_HZ).read(8 * 200), AudioFormat.PCMU)
    said = client.append(SILENCE[:1_600] + tone + SILENCE[:1_600])
    said += client.finish()
    assert said[-1]["response"]["status"] == "completed"
