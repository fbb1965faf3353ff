"""One session of the scripted model: the GA events of the Realtime protocol, server side.

It grants what `session.update` asks for, learns from the position code in the caller's audio which
call it serves, reports speech when told to, and logs every event of the client.
"""

import asyncio
import base64
import json
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeGuard

from tests.support.model.conversation import Conversation, Item
from tests.support.model.response import Responder, Surroundings
from tests.support.model.script import Fault, Script, ToolCall
from tests.support.model.wire import SAMPLES_PER_MS, ErrorAnswer, Event, Wire
from tests.support.position_code import FRAME_SAMPLES, locate

DEAF_SECONDS = 10.0
PCM_OCTETS_PER_SAMPLE = 6
"""Three samples of two octets at 24,000 Hz for one at 8,000 Hz."""
MAX_UNLOCATED_OCTETS = 1600


def _defaults(number: int) -> Event:
    pcm = {"type": "audio/pcm", "rate": 24000}
    detection = {"type": "server_vad", "create_response": True, "interrupt_response": True}
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": f"sess_{number}",
        "model": "scripted",
        "output_modalities": ["audio"],
        "audio": {
            "input": {"format": pcm, "turn_detection": detection},
            "output": {"format": pcm, "voice": "marin"},
        },
    }


class ModelSession:
    """What the model does in one session.

    Args:
        wire: The way to the client and to the log.
        script: What to do.
        seed: Decides the moments of a script that reports speech on its own.
        next_item_number: Gives each item of each session a number of its own.
    """

    def __init__(
        self, wire: Wire, script: Script, seed: int, next_item_number: Callable[[], int]
    ) -> None:
        self.script = script
        self._wire = wire
        self._random = random.Random(f"{seed}/{wire.session}")
        self._session = _defaults(wire.session)
        self._conversation = Conversation(wire)
        around = Surroundings(
            next_item_number=next_item_number,
            sends_pcm=lambda: self._is_pcm("output"),
            on_announced=self._plan_speech,
            report_speech=self.report_speech,
        )
        self._responder = Responder(wire, self._conversation, script, around)
        self._appended = 0
        self._unlocated = b""
        self._is_deaf_yet = False
        self._timers: set[asyncio.Task[None]] = set()
        self._handlers: dict[str, Callable[[Event], Awaitable[None]]] = {
            "session.update": self._on_session_update,
            "input_audio_buffer.append": self._on_append,
            "input_audio_buffer.commit": self._on_commit,
            "input_audio_buffer.clear": self._on_clear,
            "conversation.item.create": self._conversation.create,
            "conversation.item.retrieve": self._conversation.retrieve,
            "conversation.item.truncate": self._conversation.truncate,
            "conversation.item.delete": self._conversation.delete,
            "response.create": self._responder.create,
            "response.cancel": self._responder.cancel,
        }

    @property
    def number(self) -> int:
        """Counts the sessions of the server."""
        return self._wire.session

    @property
    def call(self) -> int | None:
        """The number of the call that this session serves, once its audio told."""
        return self._wire.call

    async def open(self) -> None:
        """Greet the client, and say when the session will end, where it will."""
        if self.script.lives_s is not None:
            self._session["expires_at"] = int(time.time() + self.script.lives_s)
            self._after(self.script.lives_s * 1000, self._retire)
        await self._wire.send("session.created", session=self._session)

    async def end(self) -> None:
        """Stop whatever still runs."""
        for timer in list(self._timers):
            timer.cancel()
        await asyncio.gather(*self._timers, return_exceptions=True)
        await self._responder.end()

    async def drop(self) -> None:
        """Break the connection off, as a fault would."""
        self._wire.log("dropped")
        await self._wire.close()

    async def _retire(self) -> None:
        self._wire.log("limit_reached")
        await self._wire.close()

    async def receive(self, text: str | bytes) -> None:
        """Take one frame from the client and answer it; no other is read meanwhile."""
        event: Event = json.loads(text)
        kind = str(event.get("type"))
        self._log_client(kind, event)
        try:
            if kind not in self._handlers:
                raise ErrorAnswer("invalid_value", f"unknown type {kind!r}")
            await self._handlers[kind](event)
        except ErrorAnswer as error:
            self._wire.log("error_answered", code=error.code, event=kind)
            wrong: Event = {"type": "invalid_request_error", "code": error.code, "param": None}
            wrong |= {"message": str(error), "event_id": event.get("event_id")}
            await self._wire.send("error", error=wrong)

    async def report_speech(self) -> None:
        """Say that the caller began to speak, and end the response if that interrupts."""
        detection: Event = self._session["audio"]["input"]["turn_detection"] or {}
        item = self._conversation.new("message")
        start_ms = self._appended // SAMPLES_PER_MS
        self._wire.log("speech_started", audio_start_ms=start_ms)
        await self._wire.send(
            "input_audio_buffer.speech_started", item_id=item.item_id, audio_start_ms=start_ms
        )
        if detection.get("interrupt_response", True):
            await self._responder.stop("turn_detected")
        self._after(self.script.speech_lasts_ms, lambda: self._end_speech(item))

    def call_tool(self, name: str, arguments: dict[str, str]) -> None:
        """Call a tool in a response of its own."""
        self._responder.begin((ToolCall(name, arguments),))

    async def _on_session_update(self, event: Event) -> None:
        _merge(self._session, event["session"])
        await asyncio.sleep(self.script.grant_ms / 1000)
        await self._wire.send("session.updated", session=self._session)

    async def _on_append(self, event: Event) -> None:
        octets = base64.b64decode(event["audio"])
        samples = len(octets) // (PCM_OCTETS_PER_SAMPLE if self._is_pcm("input") else 1)
        self._appended += samples
        if self.call is None and not self._is_pcm("input"):
            self._find_call(octets)
        await self._responder.echo(event["audio"], samples)
        if self.script.fault is Fault.STOPS_READING and not self._is_deaf_yet:
            self._is_deaf_yet = self._appended >= self.script.fault_at_ms * SAMPLES_PER_MS
            if self._is_deaf_yet:
                self._wire.log("misbehaved", fault=self.script.fault.name)
                await asyncio.sleep(DEAF_SECONDS)

    async def _on_commit(self, _event: Event) -> None:
        await self._commit(self._conversation.new("message"))

    async def _on_clear(self, _event: Event) -> None:
        await self._wire.send("input_audio_buffer.cleared")

    async def _commit(self, item: Item) -> None:
        await self._wire.send("input_audio_buffer.committed", item_id=item.item_id)
        content = {"role": "user", "content": [{"type": "input_audio", "transcript": None}]}
        await self._conversation.announce(item, content)
        if self.script.transcript:
            await self._wire.send(
                "conversation.item.input_audio_transcription.completed",
                item_id=item.item_id,
                content_index=0,
                transcript=self.script.transcript,
            )

    async def _end_speech(self, item: Item) -> None:
        end_ms = self._appended // SAMPLES_PER_MS
        await self._wire.send(
            "input_audio_buffer.speech_stopped", item_id=item.item_id, audio_end_ms=end_ms
        )
        await self._commit(item)

    def _plan_speech(self, first_audio_ms: int) -> None:
        if self.script.speech_ms is not None:
            moment_ms = first_audio_ms + self._random.uniform(*self.script.speech_ms)
            self._after(max(0.0, moment_ms), self.report_speech)

    def _after(self, ms: float, act: Callable[[], Awaitable[None]]) -> None:
        async def wait_and_act() -> None:
            await asyncio.sleep(ms / 1000)
            await act()

        timer = asyncio.create_task(wait_and_act())
        self._timers.add(timer)
        timer.add_done_callback(self._timers.discard)

    def _find_call(self, octets: bytes) -> None:
        """Learn which call this is from the position code in the caller's audio."""
        self._unlocated = (self._unlocated + octets)[-MAX_UNLOCATED_OCTETS:]
        for at in range(len(self._unlocated) - FRAME_SAMPLES + 1):
            found = locate(self._unlocated[at : at + FRAME_SAMPLES])
            if found is not None:
                self._wire.call = found.item
                self._wire.log("call_known", offset=found.offset - at)
                return

    def _is_pcm(self, direction: str) -> bool:
        return bool(self._session["audio"][direction]["format"]["type"] == "audio/pcm")

    def _log_client(self, kind: str, event: Event) -> None:
        fields: Event = {name: event[name] for name in event if name not in ("type", "audio")}
        if "audio" in event:
            fields["audio_octets"] = len(str(event["audio"])) * 3 // 4
        self._wire.log("client", event=kind, fields=fields)


def _is_object(value: object) -> TypeGuard[Event]:
    return isinstance(value, dict)


def _merge(into: Event, changes: Event) -> None:
    """Change what is named and keep the rest, as `session.update` does; a format is replaced."""
    for name, value in changes.items():
        if name != "format" and _is_object(value) and _is_object(into.get(name)):
            _merge(into[name], value)
        else:
            into[name] = value
