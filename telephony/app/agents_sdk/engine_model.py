"""A phone call as the `RealtimeModel` of a session of openai-agents.

The engine holds the voice session and the audio, and says what happens; the SDK's session decides
and runs the user's code. What differs from a model with a socket of its own, and why:

- Audio never comes here: `audio` events are not emitted and `send_audio` is refused. The leg plays
  and hears; `audio_done` and `audio_interrupted` are told.
- The connection is the line's `[realtime.NAME]`, and the audio format follows the leg.
- The agent speaks first: it is greeting a caller. What is sent to it before that, it answers.
- An interruption is the engine's, at the sample; the playback tracker is told what was sent.
- An answer that would be said over another one waits for its end.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, cast

from agents import UserError
from agents.realtime import RealtimeAgent, RealtimeRunner
from agents.realtime.model import (
    RealtimeModel,
    RealtimeModelConfig,
    RealtimeModelListener,
    RealtimePlaybackTracker,
)
from agents.realtime.model_events import (
    RealtimeModelConnectionStatusEvent,
    RealtimeModelItemUpdatedEvent,
)
from agents.realtime.model_inputs import (
    RealtimeModelSendAudio,
    RealtimeModelSendEvent,
    RealtimeModelSendInterrupt,
    RealtimeModelSendRawMessage,
    RealtimeModelSendSessionUpdate,
    RealtimeModelSendToolOutput,
    RealtimeModelSendUserInput,
)

from telephony.app.agents_sdk.listeners import Listeners
from telephony.app.agents_sdk.row_events import RowEvents
from telephony.app.agents_sdk.sdk_items import output_item, user_parts
from telephony.app.agents_sdk.session_plan import SessionPlan
from telephony.app.phone import IncomingCall
from telephony.app.sdk_link import CallLink
from telephony.call import (
    AddWords,
    CallEventBody,
    ConfigureAgent,
    HangUp,
    InterruptAgent,
    ToolRequested,
    VoicePlan,
)
from telephony.errors import LocalError
from telephony.voice import Picture

__all__ = ["EngineRealtimeModel", "NoCallError", "converse"]

CONNECTION_OPTIONS = ("api_key", "url", "headers", "call_id")
"""Of `RealtimeModelConfig`: on a phone line they are the settings' to say."""
OVER = "disconnected"


class NoCallError(LocalError, AssertionError):
    """The session has not connected; also the `AssertionError` that the SDK raises."""


class EngineRealtimeModel(RealtimeModel):
    """One call. `RealtimeRunner(agent, model=model)` answers it.

    Args:
        link: The call.
        connection: Where its voice session is.
        known: Follows the instructions of every agent of the call.

    Attributes:
        playback_tracker: Is told what the caller was sent; the session's own if it brings one.
    """

    def __init__(self, link: CallLink, connection: VoicePlan, known: str = "") -> None:
        """Leave the call unanswered."""
        self.playback_tracker = RealtimePlaybackTracker()
        self._link = link
        self._plan = SessionPlan(connection, known)
        self._listeners = Listeners()
        self._reading: asyncio.Task[None] | None = None

    async def connect(self, options: RealtimeModelConfig) -> None:
        """Answer the call, by what the agent asks of its session.

        Raises:
            UserError: It has a session already, the options name another connection, or a setting
                is none that a phone line can have.
            OptionError: A setting is out of range.
        """
        if self._reading is not None:
            raise UserError("the call is answered already: a call has one session")
        named = [
            name for name in CONNECTION_OPTIONS if cast("Mapping[str, Any]", options).get(name)
        ]
        if named:
            raise UserError(
                f"{named[0]} is set, wanted it in [realtime.NAME] of the settings:"
                " that is the connection of a phone line"
            )
        self.playback_tracker = options.get("playback_tracker") or self.playback_tracker
        plan = self._plan.of(options.get("initial_model_settings", {}))
        rows = RowEvents(self.playback_tracker)
        self._listeners.tell(RealtimeModelConnectionStatusEvent("connecting"))
        self._reading = asyncio.get_running_loop().create_task(self._read(rows))
        self._link.answer(plan)

    async def _read(self, rows: RowEvents) -> None:
        async for row in self._link.rows():
            self._note(row)
            self._listeners.tell(*rows.of(row))

    def _note(self, row: CallEventBody) -> None:
        if isinstance(row, ToolRequested):
            self._plan.handle_request(row)

    def add_listener(self, listener: RealtimeModelListener) -> None:
        """Tell somebody what comes, once however often he was added."""
        self._listeners.add(listener)

    def remove_listener(self, listener: RealtimeModelListener) -> None:
        """Tell somebody no more."""
        self._listeners.remove(listener)

    async def send_event(self, event: RealtimeModelSendEvent) -> None:
        """Have the engine do something; of a call that is over it does nothing.

        Raises:
            NoCallError: The call was not answered.
            UserError: It is nothing that a phone line can do.
            ValueError: An interruption contradicts itself.
            TypeError: It is no event that the SDK has.
        """
        self._send(event)

    async def send_event_if(
        self, event: RealtimeModelSendEvent, send_if: Callable[[], bool]
    ) -> bool:
        """Do the same if it is still wanted: nothing can happen in between."""
        if not send_if():
            return False
        self._send(event)
        return True

    def _send(self, event: RealtimeModelSendEvent) -> None:
        if self._reading is None:
            raise NoCallError("Not connected")
        match event:
            case RealtimeModelSendUserInput():
                self._link.command(_words(user_parts(event.user_input)))
            case RealtimeModelSendToolOutput():
                self._give_output(event)
            case RealtimeModelSendInterrupt():
                self._link.command(_interrupt(event))
            case RealtimeModelSendSessionUpdate():
                plan = self._plan.of(event.session_settings)
                self._link.command(ConfigureAgent(plan=plan))
            case RealtimeModelSendAudio():
                raise UserError("the caller's audio comes from the phone line: none can be sent")
            case RealtimeModelSendRawMessage():
                self._send_raw(cast("Mapping[str, Any]", event.message))
            case _:
                _refuse(event)

    def _give_output(self, event: RealtimeModelSendToolOutput) -> None:
        call_id = event.tool_call.call_id
        self._plan.handle_result(call_id)
        self._link.give_result(call_id, event.output, respond=event.start_response)
        item = output_item(event.tool_call, event.output)
        self._listeners.tell(RealtimeModelItemUpdatedEvent(item))

    def _send_raw(self, message: Mapping[str, Any]) -> None:
        """Carry out what has a word of the engine's; the protocol itself is spoken there."""
        match message:
            case {"type": "response.create", **rest} if not rest.get("other_data"):
                self._link.command(AddWords())
            case {"type": "response.cancel", **rest} if not rest.get("other_data"):
                self._link.command(InterruptAgent(stops="response"))
            case _:
                raise UserError(
                    f"raw message {message.get('type')!r}, wanted response.create or"
                    " response.cancel, without options: the engine speaks the protocol itself"
                )

    async def close(self) -> None:
        """Hang up once the agent's words were heard, if the call is not over; then say no more."""
        reading, self._reading = self._reading, None
        if reading is None:
            return
        self._link.command(HangUp(after_words=True, cause="the agent's session was closed"))
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await self._listeners.stop()


def _words(parts: list[dict[str, Any]]) -> AddWords:
    """Put what a user writes and shows into one message."""
    texts = [part["text"] for part in parts if part["type"] == "input_text"]
    pictures = tuple(
        Picture(part["image_url"], part.get("detail", "auto"))
        for part in parts
        if part["type"] == "input_image"
    )
    return AddWords(text="\n".join(texts), pictures=pictures)


def _interrupt(event: RealtimeModelSendInterrupt) -> InterruptAgent:
    """Say what an interruption stops; contradictions are refused as the SDK's own model does."""
    if event.playback_only and (event.cancel_response_only or event.force_response_cancel):
        raise ValueError("playback_only cannot be combined with explicit cancellation modes")
    if event.cancel_response_only and event.response_id is None:
        raise ValueError("cancel_response_only requires response_id")
    if event.cancel_response_only:
        return InterruptAgent(response_id=event.response_id, stops="response")
    stops = "playout" if event.playback_only else "all"
    return InterruptAgent(response_id=event.response_id, stops=stops)


def _refuse(event: object) -> None:
    raise TypeError(f"no event to send: {type(event).__name__}")


async def converse(agent: RealtimeAgent[Any], model: RealtimeModel, call: IncomingCall) -> None:
    """Answer a call by a session as the SDK makes it, to the end of the call.

    Args:
        agent: Who begins.
        model: The call's.
        call: What is known of it: the context of the agents' instructions, tools and hooks.
    """
    session = await RealtimeRunner(agent, model=model).run(context=call)
    async with session:
        async for event in session:
            if event.type == "raw_model_event" and getattr(event.data, "status", "") == OVER:
                break
