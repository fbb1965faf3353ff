"""Phones whose agents are written for openai-agents; what their sessions tell goes to a file.

Serve one by `telephony serve tests.support.agents_sdk_phones:NAME`; `SDK_EVENTS` names the file,
which gets one JSON object a line.
"""

import json
import os
import time
from typing import Any

from agents import GuardrailFunctionOutput, RunContextWrapper, function_tool, output_guardrail
from agents.realtime import RealtimeAgent, RealtimeRunner, RealtimeSession, realtime_handoff
from agents.realtime.items import RealtimeItem
from agents.realtime.model import RealtimeModel, RealtimePlaybackTracker

from telephony import IncomingCall, Phone, Transfer
from telephony.app.agents_sdk import SdkAgent, hang_up, press_keys, transfer_tool

BLOCKED_SECONDS = 2.0
OPEN = "We are open Monday to Friday, nine to five."
FORBIDDEN = "This is a forbidden story, and it goes on and on for everybody who wants to hear it."
OPERATOR = Transfer("operator", to=os.environ.get("SDK_OPERATOR", "sip:operator@127.0.0.1:5070"))

Context = RunContextWrapper[IncomingCall]


def note(kind: str, **fields: object) -> None:
    """Write a line for the test to read."""
    line = json.dumps({"kind": kind, **fields}, default=str)
    with open(os.environ["SDK_EVENTS"], "a", encoding="utf-8") as file:
        file.write(line + "\n")


@function_tool
async def opening_hours(context: Context) -> str:
    """Say when we are open."""
    note("tool", caller=context.context.caller)
    return OPEN


@function_tool
async def blocks_the_loop() -> str:
    """Wait as nobody should, on the loop of the session."""
    time.sleep(BLOCKED_SECONDS)  # noqa: ASYNC251 - the very mistake that must harm no call
    return "blocked"


@output_guardrail
async def no_stories(
    _context: RunContextWrapper[Any], _agent: Any, output: str
) -> GuardrailFunctionOutput:
    """Trip over what nobody may say."""
    return GuardrailFunctionOutput(output_info=None, tripwire_triggered="forbidden" in output)


def read_menu(context: Context, agent: RealtimeAgent[IncomingCall]) -> str:
    """Give instructions that depend on the call."""
    return f"""
Greeting: Good day {context.context.caller}, this is the {agent.name}. How can I help you?
Press 1 for opening hours: call opening_hours
Press 2 for the operator: call transfer_to_operator
Press 3 for accounts: call transfer_to_billing
Press 4 for goodbye: say "Goodbye." and call hang_up
Press 5 for a story: say "{FORBIDDEN}"
Press 6 for keys: call press_keys
Press 7 for patience: call blocks_the_loop
"""


async def note_handoff(context: RunContextWrapper[Any]) -> None:
    """Write that the call was handed over."""
    note("on_handoff", caller=context.context.caller)


billing = RealtimeAgent[IncomingCall](
    name="billing",
    instructions="Greeting: You are talking to billing. How can I help you?\n"
    'Press 1 for nothing: say "There is nothing to pay."',
)
reception = RealtimeAgent[IncomingCall](
    name="Front desk",
    instructions=read_menu,
    tools=[opening_hours, blocks_the_loop, hang_up, press_keys, transfer_tool(OPERATOR)],
    handoffs=[realtime_handoff(billing, on_handoff=note_handoff)],
    output_guardrails=[no_stories],
)


class NotedTracker(RealtimePlaybackTracker):
    """A playback tracker that says what it was told."""

    def on_play_ms(self, item_id: str, item_content_index: int, ms: float) -> None:
        super().on_play_ms(item_id, item_content_index, ms)
        state = self.get_state()
        note("played", item_id=item_id, ms=state["elapsed_ms"])

    def on_interrupted(self) -> None:
        note("stopped", **self.get_state())
        super().on_interrupted()


async def tell_all(model: RealtimeModel, call: IncomingCall) -> None:
    """Run a session of our own making, and write down all that it tells."""
    runner = RealtimeRunner(
        reception, model=model, config={"guardrails_settings": {"debounce_text_length": 20}}
    )
    options: Any = {"playback_tracker": NotedTracker()}
    session = await runner.run(context=call, model_config=options)
    history: list[RealtimeItem] = []
    try:
        async with session:
            await follow(session, history)
    finally:
        note("over", history=[item.model_dump(exclude_none=True) for item in history])


async def follow(session: RealtimeSession, history: list[RealtimeItem]) -> None:
    """Write down what a session tells, to the end of its call."""
    async for event in session:
        if event.type == "history_added":
            history.append(event.item)
        elif event.type == "history_updated":
            history[:] = event.history
        else:
            fields = described(event)
            note(event.type, **fields)
            if fields.get("status") == "disconnected":
                return


def described(event: Any) -> dict[str, Any]:
    """Give what matters of an event."""
    match event.type:
        case "raw_model_event":
            data = event.data
            row: dict[str, Any] = data.data.model_dump() if data.type == "other" else {}
            return {"event": data.type, "row": row, "status": getattr(data, "status", None)}
        case "tool_end":
            return {"name": event.tool.name, "output": event.output}
        case "handoff":
            return {"to": event.to_agent.name}
        case "guardrail_tripped":
            return {"message": event.message}
        case "audio_interrupted" | "audio_end":
            return {"item_id": event.item_id, "content_index": event.content_index}
        case "error":
            return {"error": str(event.error)}
        case _:
            return {}


phone = Phone()
phone.answer("told", SdkAgent(reception, converse=tell_all))
phone.answer("*", reception.clone(name="Plain desk"))

keyless = Phone()
keyless.answer(
    "*",
    reception.clone(
        name="Keyless desk", tools=[tool for tool in reception.tools if tool is not press_keys]
    ),
)
"""For calls that a provider holds: nobody presses keys in them."""
