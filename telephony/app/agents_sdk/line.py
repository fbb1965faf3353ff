"""One session of the model: its connection, what goes over it, and what comes of it."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any, cast

from agents.realtime.model import RealtimePlaybackTracker
from agents.realtime.model_events import (
    RealtimeModelAudioInterruptedEvent,
    RealtimeModelItemUpdatedEvent,
    RealtimeModelRawServerEvent,
)
from agents.realtime.model_inputs import (
    RealtimeModelRawClientMessage,
    RealtimeModelSendInterrupt,
    RealtimeModelSendToolOutput,
    RealtimeModelUserInput,
)
from pydantic_core import from_json

from telephony.app.agents_sdk.listeners import Listeners
from telephony.app.agents_sdk.playback import Playback
from telephony.app.agents_sdk.sdk_items import output_item, user_parts
from telephony.app.agents_sdk.sdk_settings import SDK_FORMATS
from telephony.app.agents_sdk.told_events import model_events, written_text
from telephony.engine.clock import monotonic_ns
from telephony.engine.realtime_socket import RealtimeSocket, SocketSettings
from telephony.realtime import Profile, RealtimeSession
from telephony.voice import (
    AudioFinished,
    AudioReceived,
    CancelResponse,
    ClearPlayout,
    CommitAudio,
    Configure,
    DeleteItem,
    ItemCameLate,
    ItemTruncated,
    Respond,
    ResponseFinished,
    ResponseStarted,
    SessionClosed,
    SessionGranted,
    SessionOpened,
    SessionSettings,
    SpeechStarted,
    SpeechStopped,
    ToolResult,
    VoiceEvent,
)

__all__ = ["Line"]

PIECE_OCTETS = 96_000
"""The most audio in one append: 2 s of PCM16, 12 s of G.711."""
DRAIN_SECONDS = 0.01
"""How often it is looked whether audio still waits."""
NOT_TOLD = (
    SessionOpened,
    SessionGranted,
    SpeechStarted,
    SpeechStopped,
    ItemCameLate,
    ItemTruncated,
    SessionClosed,
)
"""What a line acts on itself, or nobody: the messages are told as they are, too."""


class Line:
    """A connection and its session; only `open`, `send_audio` and `close` wait for anything.

    Attributes:
        is_over: Whether the session has ended.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        profile: Profile,
        settings: SocketSettings,
        listeners: Listeners,
        tracker: RealtimePlaybackTracker | None,
        on_end: Callable[["Line", SessionClosed], None],
    ) -> None:
        """Name the server and who listens; nothing is sent before `open`.

        Raises:
            ConfigurationError: The URL cannot be used.
        """
        ids = count(1)
        self.is_over = False
        self._sending = asyncio.Lock()
        self._session = RealtimeSession(lambda: str(next(ids)), profile)
        self._listeners = listeners
        self._tracker = tracker
        self._on_end = on_end
        self._playback = Playback(tracker)
        self._message: Mapping[str, Any] = {}
        self._speaking: str | None = None
        """The response under way."""
        self._silenced: set[str] = set()
        """Responses whose audio is not told any more, until they end."""
        self._socket = RealtimeSocket(
            url,
            headers,
            self._session,
            self._take_event,
            monotonic_ns,
            replace(settings, on_message=self._take_message),
        )

    async def open(self, wanted: SessionSettings) -> None:
        """Connect, and ask for a session in the first message.

        Raises:
            TransportError: It could not be reached, or refused.
        """
        self.configure(wanted)
        await self._socket.connect()

    async def close(self) -> None:
        """End the session: 2 s at most, whatever the server does."""
        await self._socket.close()
        self._playback.end()

    # ---- what goes ------------------------------------------------------------------------------

    def configure(self, wanted: SessionSettings) -> None:
        """Ask for these settings from now on."""
        self._socket.command(Configure(wanted))

    def add_user_input(self, user_input: RealtimeModelUserInput) -> None:
        """Add what a user wrote or shows, and ask for an answer."""
        item = {"type": "message", "role": "user", "content": user_parts(user_input)}
        self._socket.send_raw({"type": "conversation.item.create", "item": item})
        self._socket.command(Respond())

    def add_user_input_if(
        self, user_input: RealtimeModelUserInput, send_if: Callable[[], bool]
    ) -> bool:
        """Do so where it is still wanted and no other answer has been asked for; tell whether."""
        if not send_if() or self._session.awaits_response:
            return False
        self.add_user_input(user_input)
        return True

    async def send_audio(self, audio: bytes, *, commit: bool) -> None:
        """Append audio; returns when it is on its way, so that no program reads far ahead.

        A recording goes in pieces: what waits to be written is bounded, and dropped beyond that.
        """
        async with self._sending:
            for start in range(0, len(audio), PIECE_OCTETS):
                piece = audio[start : start + PIECE_OCTETS]
                self._socket.write_audio(self._session.append_message(piece), len(piece))
                await self._drain()
            if commit:
                self._socket.command(CommitAudio())

    async def _drain(self) -> None:
        while self._socket.waiting_audio_messages and not self.is_over:  # noqa: ASYNC110 - the media path sets no event
            await asyncio.sleep(DRAIN_SECONDS)

    def give_tool_output(self, event: RealtimeModelSendToolOutput) -> None:
        """Hand back what a function said."""
        call = event.tool_call
        self._socket.command(ToolResult(call.call_id, event.output, respond=event.start_response))
        self._listeners.tell(RealtimeModelItemUpdatedEvent(output_item(call, event.output)))

    def send_raw(self, message: RealtimeModelRawClientMessage) -> None:
        """Send an event as it was written; a plain `response.create` waits for its turn.

        Raises:
            BadClientEventError: It is none of the protocol's; nothing was sent.
        """
        event: dict[str, Any] = {"type": message["type"], **message.get("other_data", {})}
        match event:
            case {"type": "response.create", "response": {"instructions": str(words), **rest}} if (
                not rest
            ):
                self._socket.command(Respond(words))
            case {"type": "response.create"} if not event.get("response"):
                self._socket.command(Respond())
            case _:
                self._socket.send_raw(event)

    def interrupt(self, event: RealtimeModelSendInterrupt) -> None:
        """Stop the model: its response, what it says, or both.

        A response that is under way is always cancelled unless `playback_only` is asked for, also
        where the server would do so by itself on speech: nobody has spoken here.

        Raises:
            ValueError: What is asked for contradicts itself.
        """
        if event.playback_only and (event.cancel_response_only or event.force_response_cancel):
            raise ValueError("playback_only cannot be combined with explicit cancellation modes")
        if event.cancel_response_only:
            if event.response_id is None:
                raise ValueError("cancel_response_only requires response_id")
            self._socket.command(CancelResponse(event.response_id))
            return
        if event.response_id is not None and event.response_id == self._speaking:
            self._silenced.add(event.response_id)
        self._stop(event.response_id, cancels=not event.playback_only)
        self._socket.command(ClearPlayout())

    def _stop(self, response_id: str | None, *, cancels: bool, has_cause: bool = False) -> None:
        """Stop what plays; the response first, then the items, oldest first."""
        cut = self._playback.interrupt(monotonic_ns(), response_id)
        wanted = response_id or self._speaking
        if cancels and wanted is not None:
            self._socket.command(CancelResponse(wanted))
        for command in cut.commands:
            self._socket.command(command)
        told = [RealtimeModelAudioInterruptedEvent(p.item_id, p.content_index) for p in cut.parts]
        self._listeners.tell_first(told, has_cause=has_cause)

    # ---- what comes -----------------------------------------------------------------------------

    def _take_message(self, text: bytes) -> None:
        """Pass a message on as it came; what is no JSON object is told as an error instead."""
        self._message = {}
        try:
            message: Any = from_json(text)
        except ValueError:
            return
        if isinstance(message, dict):
            self._message = cast("Mapping[str, Any]", message)
        told = RealtimeModelRawServerEvent(message)
        self._listeners.tell(told, *written_text(self._message))

    def _take_event(self, event: VoiceEvent) -> None:
        """Act on what the session tells, and tell the listeners."""
        match event:
            case SessionGranted():
                self._playback.audio_format = event.output_format
                if self._tracker is not None:
                    self._tracker.set_audio_format(SDK_FORMATS[event.output_format])
            case ItemCameLate():
                self._socket.command(DeleteItem(event.item_id))
            case SpeechStarted():
                self._stop(None, cancels=True, has_cause=True)
            case SessionClosed():
                self.is_over = True
                self._playback.end()
                self._on_end(self, event)
            case _:
                self._note_response(event)
        if not isinstance(event, NOT_TOLD) and not self._is_silenced(event):
            self._listeners.tell(*model_events(event, self._message))

    def _note_response(self, event: VoiceEvent) -> None:
        """Keep in mind which response is under way, and what of its audio came."""
        match event:
            case ResponseStarted():
                self._speaking = event.response_id
            case ResponseFinished():
                self._silenced.discard(event.response_id)
                if self._speaking == event.response_id:
                    self._speaking = None
            case AudioReceived() if not self._is_silenced(event):
                self._playback.take(event, monotonic_ns())
            case AudioFinished():
                self._playback.finish(event.item_id, event.content_index)
            case _:
                pass

    def _is_silenced(self, event: VoiceEvent) -> bool:
        return isinstance(event, AudioReceived) and event.response_id in self._silenced
