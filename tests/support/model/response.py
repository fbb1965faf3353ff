"""The responses of a scripted session: position-coded speech, tool calls, and faults on purpose.

Speech is position-coded audio (`tests/support/position_code.py`): the same octets as mu-law and as
A-law; as PCM16 at 24,000 Hz each of them is decoded and held for three samples.
"""

import asyncio
import base64
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.support.model.conversation import Conversation, Item
from tests.support.model.script import Fault, Response, Script, Speech, ToolCall
from tests.support.model.wire import SAMPLES_PER_MS, ErrorAnswer, Event, Wire
from tests.support.position_code import coded, linear

TRANSCRIPT = "What is said does not matter here."
CHUNKS_AFTER_CUT = 5
"""How many chunks of a cut item the faulty server still sends."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a responder needs of the session around it.

    Attributes:
        next_item_number: Gives each item of each session a number of its own.
        sends_pcm: Tells whether the session's output is PCM16 at 24,000 Hz.
        on_announced: Called when an item was announced, with the ms until its first audio.
        report_speech: Reports that the caller began to speak.
    """

    next_item_number: Callable[[], int]
    sends_pcm: Callable[[], bool]
    on_announced: Callable[[int], None]
    report_speech: Callable[[], Awaitable[None]]


class Responder:
    """Makes one response at a time, and stops it where it is told to."""

    def __init__(
        self, wire: Wire, conversation: Conversation, script: Script, around: Surroundings
    ) -> None:
        self._wire = wire
        self._conversation = conversation
        self._script = script
        self._around = around
        self._responses = list(script.responses)
        self._task: asyncio.Task[None] | None = None
        self._response_id = ""
        self._cancel_reason = ""
        self._echo: Item | None = None
        self._fault_is_due = script.fault is not Fault.NONE
        self._late_audio: asyncio.Task[None] | None = None

    async def create(self, _event: Event) -> None:
        """Answer `response.create` with the next response of the script."""
        if self._is_responding():
            message = "Conversation already has an active response in progress"
            raise ErrorAnswer("conversation_already_has_active_response", message)
        if self._script.echoes:
            await self._begin_echo()
        else:
            self.begin(self._responses.pop(0) if self._responses else ())

    async def cancel(self, _event: Event) -> None:
        """Answer `response.cancel`."""
        if not self._is_responding():
            raise ErrorAnswer("response_cancel_not_active", "no active response found")
        await self.stop("client_cancelled")

    def begin(self, response: Response) -> None:
        """Begin a response; it waits until the one before it is over."""
        self._task = asyncio.create_task(self._respond(response, self._task))

    async def stop(self, reason: str) -> None:
        """End the response under way as cancelled."""
        if self._task is not None and not self._task.done():
            self._cancel_reason = reason
            await _cancelled(self._task)

    async def end(self) -> None:
        """Stop whatever still runs; nothing more is sent."""
        for task in (self._task, self._late_audio):
            if task is not None:
                await _cancelled(task)

    async def echo(self, audio: str, samples: int) -> None:
        """Send audio back that the caller sent, where the script echoes."""
        if self._echo is not None:
            await self._send_delta(self._echo, audio, samples)

    def _is_responding(self) -> bool:
        return self._echo is not None or (self._task is not None and not self._task.done())

    async def _respond(self, response: Response, previous: asyncio.Task[None] | None) -> None:
        if previous is not None:
            await asyncio.gather(previous, return_exceptions=True)
        self._response_id = self._wire.new_id("resp")
        await self._wire.send("response.created", response=self._shown("in_progress"))
        if self._script.fault is Fault.FAILS:
            await self._fail()
            return
        try:
            for index, part in enumerate(response):
                if isinstance(part, Speech):
                    await self._speak(part, index)
                else:
                    await self._call(part, index)
        except asyncio.CancelledError:
            details = {"type": "cancelled", "reason": self._cancel_reason}
            await self._wire.send("response.done", response=self._shown("cancelled", details))
            raise
        await self._wire.send("response.done", response=self._shown("completed"))

    async def _fail(self) -> None:
        error = {"type": "server_error", "code": "overloaded", "message": "Try again later"}
        self._wire.log("misbehaved", fault=self._script.fault.name)
        shown = self._shown("failed", {"type": "failed", "error": error})
        await self._wire.send("response.done", response=shown)

    async def _speak(self, speech: Speech, index: int) -> None:
        item = self._conversation.new("message")
        item.number = self._around.next_item_number()
        self._wire.log("item_started", item_id=item.item_id, number=item.number)
        place = self._place(item, index)
        content = {**place, "content_index": 0}
        shown: Event = {"id": item.item_id, "type": "message", "role": "assistant", "content": []}
        send = self._wire.send
        await send("response.output_item.added", **place, item=shown)
        await send("conversation.item.added", item=shown, previous_item_id=None)
        await send("response.content_part.added", **content, part={"type": "audio"})
        await send("response.output_audio_transcript.delta", **content, delta=TRANSCRIPT)
        self._around.on_announced(speech.first_audio_ms)
        status = "incomplete"
        try:
            await asyncio.sleep(speech.first_audio_ms / 1000)
            await self._stream(speech, item, index)
            status = "completed"
        finally:
            shown = {**shown, "status": status}
            await send("response.output_audio.done", **content)
            await send("response.output_audio_transcript.done", **content, transcript=TRANSCRIPT)
            await send("response.content_part.done", **content, part={"type": "audio"})
            await send("conversation.item.done", item=shown, previous_item_id=None)
            await send("response.output_item.done", **place, item=shown)

    async def _stream(self, speech: Speech, item: Item, index: int) -> None:
        assert item.number is not None
        chunk = speech.chunk_ms * SAMPLES_PER_MS
        audio = coded(item.number, 0, speech.audio_ms * SAMPLES_PER_MS)
        began = time.monotonic()
        for start in range(0, len(audio), chunk):
            sent_ms = start // SAMPLES_PER_MS
            if sent_ms == speech.stall_at_ms:
                await asyncio.sleep(speech.stall_ms / 1000)
                began += speech.stall_ms / 1000
            await self._send_audio(item, audio[start : start + chunk], index)
            if self._fault_is_due and sent_ms >= self._script.fault_at_ms:
                self._fault_is_due = False
                await self._misbehave(item, index)
            if speech.speed:
                due = began + (sent_ms + speech.chunk_ms) / 1000 / speech.speed
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _send_audio(self, item: Item, octets: bytes, index: int) -> None:
        samples = len(octets)
        if self._around.sends_pcm():
            held = (linear(octet).to_bytes(2, "little", signed=True) * 3 for octet in octets)
            octets = b"".join(held)
        await self._send_delta(item, base64.b64encode(octets).decode(), samples, index)

    async def _send_delta(self, item: Item, audio: str, samples: int, index: int = 0) -> None:
        item.samples += samples
        self._wire.log("audio_sent", item_id=item.item_id, samples=samples)
        content = {**self._place(item, index), "content_index": 0}
        await self._wire.send("response.output_audio.delta", **content, delta=audio)

    async def _call(self, tool: ToolCall, index: int) -> None:
        item = self._conversation.new("function_call")
        call_id = self._wire.new_id("call")
        place = self._place(item, index)
        arguments = json.dumps(tool.arguments)
        shown: Event = {"id": item.item_id, "type": "function_call", "call_id": call_id}
        shown |= {"name": tool.name, "arguments": ""}
        self._wire.log("tool_called", name=tool.name)
        send = self._wire.send
        await send("response.output_item.added", **place, item=shown)
        await send("conversation.item.added", item=shown, previous_item_id=None)
        called = {**place, "call_id": call_id}
        await send("response.function_call_arguments.delta", **called, delta=arguments)
        called |= {"arguments": arguments, "name": tool.name}
        await send("response.function_call_arguments.done", **called)
        shown |= {"arguments": arguments, "status": "completed"}
        await send("conversation.item.done", item=shown, previous_item_id=None)
        await send("response.output_item.done", **place, item=shown)

    async def _begin_echo(self) -> None:
        self._response_id = self._wire.new_id("resp")
        await self._wire.send("response.created", response=self._shown("in_progress"))
        item = self._conversation.new("message")
        shown: Event = {"id": item.item_id, "type": "message", "role": "assistant", "content": []}
        await self._wire.send("response.output_item.added", **self._place(item, 0), item=shown)
        self._echo = item

    async def _misbehave(self, item: Item, index: int) -> None:
        content = {**self._place(item, index), "content_index": 0}
        self._wire.log("misbehaved", fault=self._script.fault.name)
        match self._script.fault:
            case Fault.CLOSES:
                await self._wire.close()
            case Fault.BROKEN_JSON:
                await self._wire.send_text('{"type": "response.output_audio.delta", "delta": "')
            case Fault.UNKNOWN_EVENTS:
                await self._wire.send("response.output_smell.delta", **content, delta="roses")
                await self._wire.send_text('{"event_id": "event_0", "delta": []}')
            case Fault.BAD_BASE64:
                broken = {**content, "delta": "?not base64?"}
                await self._wire.send("response.output_audio.delta", **broken)
            case Fault.AUDIO_AFTER_CUT:
                self._late_audio = asyncio.create_task(self._talk_on(item, index))
            case Fault.ITEM_AFTER_CUT:
                self._late_audio = asyncio.create_task(self._begin_late(index + 1))
            case _:
                return

    async def _talk_on(self, item: Item, index: int) -> None:
        """Report speech, then go on with the audio of the item that it cut."""
        assert item.number is not None
        await self._around.report_speech()
        chunk_ms = Speech().chunk_ms
        for _ in range(CHUNKS_AFTER_CUT):
            octets = coded(item.number, item.samples, chunk_ms * SAMPLES_PER_MS)
            await self._send_audio(item, octets, index)
            await asyncio.sleep(chunk_ms / 1000)

    async def _begin_late(self, index: int) -> None:
        """Report speech, then send one more item of the response that it cut."""
        await self._around.report_speech()
        await self._speak(Speech(audio_ms=500, speed=0), index)

    def _place(self, item: Item, index: int) -> Event:
        place: Event = {"response_id": self._response_id, "item_id": item.item_id}
        return place | {"output_index": index}

    def _shown(self, status: str, details: Event | None = None) -> Event:
        response: Event = {"id": self._response_id, "object": "realtime.response", "output": []}
        return response | {"status": status, "status_details": details, "usage": None}


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
