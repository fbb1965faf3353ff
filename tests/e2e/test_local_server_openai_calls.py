"""The embedded server, all that a call needs: handed on, cut short, cancelled, told what is wrong.

Driven by the official client, and by the SDK's session on its own model and on ours. Each message
is held against the official types: none may fail to parse, and no error may come unasked.
"""

import json
from typing import Any

import pytest

from tests.e2e.test_local_server_openai import OPEN, SPEECH, with_server
from tests.support.local_client import TELEPHONE, TOOLS

openai: Any = pytest.importorskip("openai", reason="the openai package is not installed")
realtime_types: Any = pytest.importorskip("openai.types.realtime")
pydantic: Any = pytest.importorskip("pydantic")

SERVER_EVENT: Any = pydantic.TypeAdapter(realtime_types.RealtimeServerEvent)
BILLING = "Greeting: This is billing.\nPress 1 for your balance: call balance"
# Both packages warn in their own code; only ours is held to no warnings.
pytestmark = pytest.mark.filterwarnings("default")


class Client:
    """The official client's connection, with every message checked."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def until(self, event_type: str) -> list[Any]:
        """Receive events up to the first of a type."""
        events: list[Any] = []
        while not events or events[-1].type != event_type:
            message = await self.connection.recv_bytes()
            SERVER_EVENT.validate_python(json.loads(message))
            events.append(self.connection.parse_event(message))
            assert event_type == "error" or events[-1].type != "error", events[-1]
        return events

    async def press(self, key: str) -> Any:
        """Press a key; give the response that answers it."""
        content = [{"type": "input_text", "text": f"[keys {key}#]"}]
        item = {"type": "message", "role": "user", "content": content}
        await self.connection.conversation.item.create(item=item)
        await self.connection.response.create()
        return (await self.until("response.done"))[-1].response

    async def refused(self, code: str, event_id: str) -> None:
        """Be told that the event of this id was wrong; the session goes on."""
        error = (await self.until("error"))[-1].error
        assert (error.code, error.event_id) == (code, event_id)


def with_client(test: Any, **session: Any) -> None:
    """Run a test with a session of its own, in G.711."""

    async def connected(url: str) -> None:
        official = openai.AsyncOpenAI(
            api_key="any", websocket_base_url=url.removesuffix("/realtime")
        )
        async with official.realtime.connect(model="any") as connection:
            client = Client(connection)
            await connection.session.update(
                session={"type": "realtime", "audio": TELEPHONE, "tools": TOOLS, **session}
            )
            await client.until("session.updated")
            await test(client)

    with_server(connected)


def test_the_official_client_hands_a_call_to_another_agent() -> None:
    async def test(client: Client) -> None:
        await client.connection.response.create()
        await client.until("response.done")
        asked = (await client.press("2")).output[-1]
        assert (asked.type, asked.name) == ("function_call", "transfer_to_operator")
        await client.connection.session.update(
            session={"type": "realtime", "instructions": BILLING, "tools": []}
        )
        output = {"type": "function_call_output", "call_id": asked.call_id, "output": "{}"}
        await client.connection.conversation.item.create(item=output)
        await client.connection.response.create()
        events = await client.until("response.done")
        assert [e.session.instructions for e in events if e.type == "session.updated"] == [BILLING]
        (said,) = events[-1].response.output
        assert said.content[0].transcript

    with_client(test)


def test_the_official_client_cancels_and_cuts_what_was_not_heard() -> None:
    async def test(client: Client) -> None:
        await client.connection.response.create()
        begun = await client.until("response.output_audio.delta")
        await client.connection.response.cancel()
        ended = (await client.until("response.done"))[-1].response
        assert (ended.status, ended.status_details.reason) == ("cancelled", "client_cancelled")
        item_id = begun[-1].item_id
        await client.connection.conversation.item.truncate(
            item_id=item_id, content_index=0, audio_end_ms=20
        )
        cut = (await client.until("conversation.item.truncated"))[-1]
        assert (cut.item_id, cut.audio_end_ms) == (item_id, 20)
        await client.connection.conversation.item.delete(item_id=item_id)
        assert (await client.until("conversation.item.deleted"))[-1].item_id == item_id
        assert (await client.press("1")).output[-1].name == "opening_hours"

    with_client(test)


def test_each_mistake_of_a_client_is_an_error_with_its_events_id_and_ends_nothing() -> None:
    async def test(client: Client) -> None:
        connection = client.connection
        await connection.response.cancel(event_id="late")
        await client.refused("response_cancel_not_active", "late")
        await connection.conversation.item.truncate(
            item_id="nowhere", content_index=0, audio_end_ms=0, event_id="lost"
        )
        error = (await client.until("error"))[-1].error
        assert error.event_id == "lost"
        await connection.send({"type": "session.brand_new", "event_id": "new"})
        error = (await client.until("error"))[-1].error
        assert error.event_id == "new"
        await connection.input_audio_buffer.commit(event_id="empty")
        await client.refused("input_audio_buffer_commit_empty", "empty")
        await connection.response.create()
        await client.until("response.output_audio.delta")
        await connection.response.create(event_id="busy")
        await client.refused("conversation_already_has_active_response", "busy")
        assert (await client.until("response.done"))[-1].response.status == "completed"

    with_client(test)


def model_named(name: str) -> Any:
    """Make the SDK's own model, or ours."""
    if name == "theirs":
        return pytest.importorskip("agents.realtime.openai_realtime").OpenAIRealtimeWebSocketModel()
    return pytest.importorskip("telephony.app.agents_sdk").PhoneRealtimeModel()


class Conversation:
    """A session of the SDK's with the embedded server, every event of which is kept."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.told: list[Any] = []

    async def until(self, kind: str, times: int = 1) -> Any:
        """Take events until one of a kind came so often; none of them may be an error."""
        async for event in self.session:
            inner = event.data if event.type == "raw_model_event" else event
            self.told.append(inner)
            assert kind == "error" or inner.type not in ("error", "exception"), inner
            times -= inner.type == kind
            if not times:
                return inner
        raise AssertionError(f"the session ended before {kind}")

    async def turns(self, wanted: int) -> None:
        """Take events until so many responses have ended since the call began."""
        so_far = [event.type for event in self.told].count("turn_ended")
        if so_far < wanted:
            await self.until("turn_ended", wanted - so_far)


def with_session(model: str, test: Any) -> None:
    """Run a test with a reception that hands on to billing, on one of the models."""
    realtime: Any = pytest.importorskip(
        "agents.realtime", reason="the openai-agents package is not installed"
    )
    agents: Any = pytest.importorskip("agents")

    async def opening_hours() -> str:
        """Say when we are open."""
        return OPEN

    async def connected(url: str) -> None:
        billing = realtime.RealtimeAgent(name="billing", instructions=BILLING)
        reception = realtime.RealtimeAgent(
            name="reception",
            instructions="Press 1 for opening hours: call opening_hours",
            tools=[agents.function_tool(opening_hours)],
            handoffs=[billing],
        )
        detector = {"type": "server_vad", "interrupt_response": True}
        sound = {
            "input": {**TELEPHONE["input"], "turn_detection": detector},
            "output": TELEPHONE["output"],
        }
        runner = realtime.RealtimeRunner(
            reception, model=model_named(model), config={"model_settings": {"audio": sound}}
        )
        options = {"url": url, "api_key": "any"}
        async with await runner.run(model_config=options) as session:
            await test(Conversation(session))

    with_server(connected)


@pytest.mark.parametrize("model", ["theirs", "ours"])
def test_an_agents_session_calls_a_tool_and_hands_the_call_on(model: str) -> None:
    async def test(talk: Conversation) -> None:
        await talk.session.send_message("[keys 1]")
        done = await talk.until("tool_end")
        assert done.output == OPEN
        await talk.turns(2)
        await talk.session.send_message("I want to talk to billing")
        handed = await talk.until("handoff")
        assert (handed.from_agent.name, handed.to_agent.name) == ("reception", "billing")
        await talk.turns(4)
        updates = [
            event.data["session"]["instructions"]
            for event in talk.told
            if event.type == "raw_server_event" and event.data["type"] == "session.updated"
        ]
        assert updates[-1] == BILLING

    with_session(model, test)


@pytest.mark.parametrize("model", ["theirs", "ours"])
def test_an_agents_session_is_interrupted_by_voice_and_by_hand(model: str) -> None:
    inputs: Any = pytest.importorskip("agents.realtime.model_inputs")

    async def test(talk: Conversation) -> None:
        await talk.session.send_message("[keys 0]")
        await talk.until("audio")
        await talk.session.send_audio(b"\xff" * 4_000 + SPEECH.read_bytes() + b"\xff" * 8_000)
        await talk.until("audio_interrupted")
        await talk.until("turn_ended", 2)
        # What is still told of it may lie behind: let the next words begin first.
        await talk.session.send_message("[keys 0]")
        await talk.until("audio")
        stop = inputs.RealtimeModelSendInterrupt(force_response_cancel=True)
        await talk.session.model.send_event(stop)
        await talk.until("audio_interrupted")
        await talk.until("turn_ended")
        raw = [e.data for e in talk.told if e.type == "raw_server_event"]
        ends = [one["response"]["status"] for one in raw if one["type"] == "response.done"]
        assert ends[-1] == "cancelled"
        cuts = {"conversation.item.truncated", "conversation.item.deleted"}
        assert cuts & {one["type"] for one in raw}

    with_session(model, test)


@pytest.mark.parametrize("model", ["theirs", "ours"])
def test_an_agents_session_is_told_of_an_error_and_goes_on(model: str) -> None:
    inputs: Any = pytest.importorskip("agents.realtime.model_inputs")

    async def test(talk: Conversation) -> None:
        await talk.session.send_message("[keys 1]")
        await talk.turns(2)
        lost = {"item_id": "nowhere", "content_index": 0, "audio_end_ms": 0}
        raw: Any = {"type": "conversation.item.truncate", "other_data": lost}
        await talk.session.model.send_event(inputs.RealtimeModelSendRawMessage(raw))
        # Told once by the model, once by the session.
        error = (await talk.until("error", 2)).error
        assert error.message
        await talk.session.send_message("[keys 1]")
        await talk.turns(4)

    with_session(model, test)
