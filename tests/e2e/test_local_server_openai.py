"""The embedded server against clients that are not ours: `openai` and `openai-agents`, unmodified.

Neither is a dependency: install both into an environment of its own to run this.
"""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from telephony.app.local_server import LocalServer
from telephony.local import Speaker, Voice
from tests.support.local_client import TELEPHONE, TOOLS

openai: Any = pytest.importorskip("openai", reason="the openai package is not installed")

SPEECH = Path(__file__).parents[1] / "fixtures" / "speech" / "stop.ulaw"
SECONDS = 30
OPEN = "We are open Monday to Friday, nine to five."

# Both packages warn in their own code; only ours is held to no warnings.
pytestmark = pytest.mark.filterwarnings("default")


def with_server(test: Callable[[str], Coroutine[Any, Any, None]]) -> None:
    """Run a test against a server of its own, with a limit to its time."""

    async def served() -> None:
        server = LocalServer(Speaker(Voice.load()))
        url = await server.start("127.0.0.1", 0)
        try:
            await asyncio.wait_for(test(url), SECONDS)
        finally:
            await server.close()

    asyncio.run(served())


async def until(connection: Any, event_type: str) -> list[Any]:
    """Receive events up to the first of a type; none of them may be an error."""
    events: list[Any] = []
    while not events or events[-1].type != event_type:
        events.append(await connection.recv())
        assert events[-1].type != "error", events[-1].error
    return events


def audio_of(events: list[Any]) -> bytes:
    """Give the audio among events."""
    deltas = [event.delta for event in events if event.type == "response.output_audio.delta"]
    return b"".join(map(b64decode, deltas))


def test_every_event_of_a_call_is_one_that_openai_knows() -> None:
    pytest.importorskip("pydantic")
    realtime: Any = pytest.importorskip("openai.types.realtime")
    adapter: Any = pytest.importorskip("pydantic").TypeAdapter(realtime.RealtimeServerEvent)

    async def test(url: str) -> None:
        client = openai.AsyncOpenAI(api_key="any", websocket_base_url=url.removesuffix("/realtime"))
        async with client.realtime.connect(model="any") as connection:
            (created,) = await until(connection, "session.created")
            assert created.session.audio.input.turn_detection.silence_duration_ms == 500
            transcribed = {**TELEPHONE["input"], "transcription": {"model": "whisper-1"}}
            await connection.session.update(
                session={
                    "type": "realtime",
                    "audio": {**TELEPHONE, "input": transcribed},
                    "tools": TOOLS,
                }
            )
            seen = await until(connection, "session.updated")
            seen += await greet_and_interrupt(connection)
            seen += await call_and_answer(connection)
            for event in seen:
                adapter.validate_python(event.model_dump(exclude_unset=True))

    with_server(test)


async def greet_and_interrupt(connection: Any) -> list[Any]:
    """Hear the greeting begin, speak into it, truncate it, hear the answer."""
    await connection.response.create()
    begun = await until(connection, "response.output_audio.delta")
    spoken = b"\xff" * 8_000 + SPEECH.read_bytes() + b"\xff" * 8_000
    await connection.input_audio_buffer.append(audio=b64encode(spoken).decode())
    stopped = await until(connection, "response.done")
    assert stopped[-1].response.status == "cancelled"
    assert stopped[-1].response.status_details.reason == "turn_detected"
    answered = await until(connection, "response.done")
    names = [event.type for event in answered]
    assert names[:2] == ["input_audio_buffer.speech_stopped", "input_audio_buffer.committed"]
    transcript = "conversation.item.input_audio_transcription.completed"
    assert names.index("response.created") < names.index(transcript)
    heard_ms = len(audio_of(begun)) // 8
    item_id = begun[-1].item_id
    await connection.conversation.item.truncate(
        item_id=item_id, content_index=0, audio_end_ms=heard_ms
    )
    truncated = await until(connection, "conversation.item.truncated")
    await connection.conversation.item.retrieve(item_id=item_id)
    kept = await until(connection, "conversation.item.retrieved")
    assert kept[-1].item.content[0].transcript is None
    return [*begun, *stopped, *answered, *truncated, *kept]


async def call_and_answer(connection: Any) -> list[Any]:
    """Press a key, run the tool that it calls, hear the result spoken."""
    content = [{"type": "input_text", "text": "[keys 1#]"}]
    await connection.conversation.item.create(
        item={"type": "message", "role": "user", "content": content}
    )
    await connection.response.create()
    asked = await until(connection, "response.done")
    call = asked[-1].response.output[-1]
    assert (call.type, call.name, call.arguments) == ("function_call", "opening_hours", "{}")
    await connection.conversation.item.create(
        item={"type": "function_call_output", "call_id": call.call_id, "output": OPEN}
    )
    await connection.response.create()
    told = await until(connection, "response.done")
    assert audio_of(told).startswith(Voice.load().prompt("opening_hours"))
    assert told[-1].response.output[0].content[0].transcript.startswith(OPEN)
    return [*asked, *told]


def test_an_agents_session_runs_on_it() -> None:
    realtime: Any = pytest.importorskip(
        "agents.realtime", reason="the openai-agents package is not installed"
    )
    agents: Any = pytest.importorskip("agents")

    def opening_hours() -> str:
        """Say when we are open."""
        return OPEN

    async def test(url: str) -> None:
        agent = realtime.RealtimeAgent(
            name="reception", instructions="", tools=[agents.function_tool(opening_hours)]
        )
        settings = {
            "audio": {
                "input": {
                    **TELEPHONE["input"],
                    "turn_detection": {"type": "server_vad", "interrupt_response": True},
                },
                "output": TELEPHONE["output"],
            }
        }
        runner = realtime.RealtimeRunner(agent, config={"model_settings": settings})
        session = await runner.run(model_config={"url": url, "api_key": "any"})
        seen: list[str] = []
        raw: list[Any] = []
        async with session:
            await session.send_message("What are your opening hours?")
            await listen(session, seen, raw, "turn_ended", 2)
            assert "tool_end" in seen
            spoken = b"\xff" * 4_000 + SPEECH.read_bytes() + b"\xff" * 8_000
            await session.send_message("[keys 0]")
            await listen(session, seen, raw, "audio", 1)
            await session.send_audio(spoken)
            await listen(session, seen, raw, "audio_interrupted", 1)
            await listen(session, seen, raw, "turn_ended", 2)
        assert "error" not in seen
        assert "conversation.item.retrieved" in raw

    with_server(test)


async def listen(session: Any, seen: list[str], raw: list[Any], name: str, times: int) -> None:
    """Take the session's events until one has come so many times."""
    async for event in session:
        kind = event.type
        if kind == "raw_model_event":
            kind = event.data.type
            if kind == "raw_server_event":
                raw.append(event.data.data.get("type"))
        seen.append(kind)
        assert kind != "error", event
        times -= kind == name
        if not times:
            return
