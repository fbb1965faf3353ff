"""What bad Realtime servers do, one story for each thing that a server can do wrong.

Where the call goes on, a story is: the agent greets, the server does what is wrong, the agent says
more. `GREETING` and `MORE` are the octets of the two, so that what is heard can be told apart.
"""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

from websockets.frames import Frame, Opcode

from tests.support.bad_server import Event, Line, Story

KEY = "not-a-key-0123456789"
"""What opens the servers; no row and no line may hold it."""
WORDS = "my pin is 4711"
"""What a caller said; no row and no line about a fault may repeat it."""
AUDIO = base64.b64encode(bytes(range(1, 121))).decode()
"""Nor what he sounded like."""
GREETING, MORE = 0x33, 0x44
MORE_IN_PCMA = 0x6C
"""What is `MORE` in mu-law."""
HEARD_SECONDS = 0.9
"""After so long the greeting has been heard, and a bit of silence."""
MEGABYTE = 1024 * 1024
HELD_SECONDS = 60.0
"""Longer than any call here."""


def refuses(status: int, *headers: str) -> Story:
    """Refuse the upgrade."""

    async def story(line: Line) -> None:
        await line.refuse(status, *headers)

    return story


async def answers_no_upgrade(line: Line) -> None:
    await line.request()
    await asyncio.sleep(HELD_SECONDS)


async def says_nothing(line: Line) -> None:
    await line.accept()


async def grants_nothing(line: Line) -> None:
    await line.accept()
    await line.say({"type": "session.created", "session": {"id": "sess_1"}})


async def grants_late(line: Line) -> None:
    await grants_nothing(line)
    await asyncio.sleep(4.0)
    await line.grant()
    await line.asked()
    await line.speak(GREETING, "r1", "i1")


async def answers_nothing(line: Line) -> None:
    await line.greet()


async def greets(line: Line) -> None:
    """Do all that is right, until the greeting has been heard."""
    await line.greet()
    await line.asked()
    await line.speak(GREETING, "r1", "i1")
    await asyncio.sleep(HEARD_SECONDS)


async def resumes(line: Line) -> None:
    """Go on with a call that has lost its session: what is asked for first was said there."""
    await line.greet()
    await asyncio.sleep(0.2)
    await line.speak(MORE, "r1", "i1")


def in_between(wrong: Callable[[Line], Awaitable[None]], **more: Any) -> Story:
    """Do something wrong between a greeting and more words."""

    async def story(line: Line) -> None:
        await greets(line)
        await wrong(line)
        await line.speak(
            more.get("octet", MORE), more.get("response_id", "r2"), more.get("item_id", "i2")
        )

    return story


async def nothing(line: Line) -> None:
    """Do nothing wrong."""
    del line


def says(*events: Event) -> Callable[[Line], Awaitable[None]]:
    async def wrong(line: Line) -> None:
        await line.say(*events)

    return wrong


def says_octets(message: bytes, *, is_binary: bool = False, times: int = 1) -> Story:
    async def wrong(line: Line) -> None:
        for _ in range(times):
            await line.say_octets(message, is_binary=is_binary)

    return wrong


# ---- ends -------------------------------------------------------------------------------------


def closes(code: int, reason: str) -> Story:
    """Close in mid-call."""

    async def story(line: Line) -> None:
        await greets(line)
        await line.send_close(code, reason)

    return story


async def grants_and_closes(line: Line) -> None:
    """The grant draws forth a wish for a greeting, which finds the WebSocket closing."""
    await grants_nothing(line)
    update = await line.event("session.update")
    await line.say({"type": "session.updated", "session": update["session"]}, closing=1011)


async def hangs_up(line: Line) -> None:
    await greets(line)
    line.hang_up()


async def breaks_the_connection(line: Line) -> None:
    await greets(line)
    line.reset()


async def sends_20_megabytes(line: Line) -> None:
    await greets(line)
    await line.say_octets(bytes(20 * MEGABYTE))


async def sends_20_megabytes_in_fragments(line: Line) -> None:
    await greets(line)
    for number in range(20):
        opcode = Opcode.CONT if number else Opcode.TEXT
        await line.send_raw(Frame(opcode, b" " * MEGABYTE, fin=False).serialize(mask=False))


async def masks_its_frames(line: Line) -> None:
    """RFC 6455 section 5.1 forbids it to a server."""
    await greets(line)
    await line.send_raw(b"\x81\x81mask\x00")


async def stops_reading(line: Line) -> None:
    await greets(line)
    line.stop_reading()
    await asyncio.sleep(HELD_SECONDS)


async def answers_no_close(line: Line) -> None:
    await line.greet()
    await line.asked()
    await line.speak(GREETING, "r1", "i1")
    await line.awaits_close()
    await asyncio.sleep(HELD_SECONDS)


# ---- errors -----------------------------------------------------------------------------------


async def warns_of_the_update(line: Line) -> None:
    """An error that names our `session.update`, which is granted all the same."""
    update_id = line.heard[0]["event_id"]
    await line.say(
        {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "code": "unknown_parameter",
                "message": "Unknown parameter: 'session.speed'.",
                "event_id": update_id,
            },
        }
    )


async def refuses_the_greeting(line: Line) -> None:
    await line.greet()
    asked = await line.asked()
    error = {"code": "server_busy", "message": "Try again.", "event_id": asked["event_id"]}
    await line.say({"type": "error", "error": error})


# ---- formats ----------------------------------------------------------------------------------


def formatted(kind: str) -> dict[str, Any]:
    return {"audio": {way: {"format": {"type": kind}} for way in ("input", "output")}}


async def grants_pcma(line: Line) -> None:
    await line.greet(**formatted("audio/pcma"))
    await line.asked()
    await line.speak(MORE_IN_PCMA, "r1", "i1")


async def changes_to_pcma(line: Line) -> None:
    await line.say(line.updated(**formatted("audio/pcma")))


async def changes_to_opus(line: Line) -> None:
    await line.say(line.updated(**formatted("audio/opus")))


# ---- ids --------------------------------------------------------------------------------------


async def sends_audio_after_done(line: Line) -> None:
    await line.say(line.delta(MORE, "r1", "i1"))


async def sends_audio_of_nothing_known(line: Line) -> None:
    await greets(line)
    await line.say(line.delta(MORE, "r9", "i9", ms=600))


async def cuts_a_response_and_begins_it_again(line: Line) -> None:
    """The response that the caller interrupts and the one that answers him share their ids."""
    await line.greet()
    await line.asked()
    await line.speak(GREETING, "r1", "i1", ms=2000, is_done=False)
    await asyncio.sleep(0.5)
    await line.say(
        {
            "type": "input_audio_buffer.speech_started",
            "item_id": "u1",
            "audio_start_ms": 0,
        },
        {"type": "response.done", "response": {"id": "r1", "status": "cancelled", "output": []}},
        {"type": "input_audio_buffer.speech_stopped", "item_id": "u1", "audio_end_ms": 100},
    )
    await asyncio.sleep(0.3)
    await line.speak(MORE, "r1", "i1")


async def repeats_event_ids(line: Line) -> None:
    line.event_id = "event_1"
    await greets(line)
    await line.speak(MORE, "r2", "i2")


def function_call(response_id: str, item_id: str, call_id: str) -> list[Event]:
    item = {
        "id": item_id,
        "type": "function_call",
        "status": "completed",
        "call_id": call_id,
        "name": "order_status",
        "arguments": json.dumps({"order": response_id}),
    }
    response = {"id": response_id, "status": "completed", "output": [item]}
    return [
        {"type": "response.created", "response": {"id": response_id}},
        {"type": "response.output_item.added", "response_id": response_id, "item": item},
        {"type": "response.output_item.done", "response_id": response_id, "item": item},
        {"type": "response.done", "response": response},
    ]


async def repeats_call_ids(line: Line) -> None:
    """Two calls of a function, each awaited, under one id."""
    await line.greet()
    await line.asked()
    await line.say(*function_call("r1", "f1", "call_1"))
    await line.asked()
    await line.say(*function_call("r2", "f2", "call_1"))
    await line.asked()
    await line.speak(MORE, "r3", "i3")
