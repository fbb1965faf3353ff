"""The model that openai-agents drives: a session of ours behind the SDK's interface."""

from collections.abc import Callable
from typing import Any

from agents import UserError
from agents.realtime import model_events
from agents.realtime.model import RealtimeModel, RealtimeModelConfig, RealtimeModelListener
from agents.realtime.model_events import (
    RealtimeModelConnectionStatusEvent,
    RealtimeModelExceptionEvent,
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
from agents.realtime.openai_realtime import TransportConfig

from telephony.app.agents_sdk.endpoint import api_key, headers_of, socket_settings, url_of
from telephony.app.agents_sdk.line import Line
from telephony.app.agents_sdk.listeners import Listeners
from telephony.app.agents_sdk.sdk_settings import DEFAULT_MODEL, session_settings
from telephony.engine.realtime_socket import SocketSettings
from telephony.errors import LocalError, TransportError
from telephony.realtime import profile_of
from telephony.voice import SessionClosed

__all__ = [
    "AlreadyConnectedError",
    "AttachedRealtimeModel",
    "NotConnectedError",
    "PhoneRealtimeModel",
]

END_OF_STREAM: Any = getattr(model_events, "RealtimeModelEndOfStreamEvent", None)
"""How the SDK's session learns that nothing follows; 0.21 has no word for it."""


class AlreadyConnectedError(LocalError, AssertionError):
    """The model has a session, or is about to; also the `AssertionError` that the SDK raises."""


class NotConnectedError(LocalError, AssertionError):
    """The model has no session; also the `AssertionError` that the SDK raises."""


class PhoneRealtimeModel(RealtimeModel):
    """A `RealtimeModel` on the realtime client of this package.

    Give it to `RealtimeRunner(agent, model=PhoneRealtimeModel())` in place of the SDK's own model;
    agents, tools, handoffs and guardrails stay as they are. What differs, and why:

    - One `response.create` at a time, held back while the caller speaks.
    - An interruption cuts each item to what was heard, and deletes what was not heard at all.
    - A slow or raising listener neither stops the socket nor the other listeners.
    - An unknown event, bad JSON or a failed response is told (`other`, `error`) and ends nothing.
    - A voice is not asked for again once the model has spoken: servers refuse such an update.

    Attributes:
        model: The model's name; one named to `connect` holds from then on.
    """

    def __init__(
        self, *, transport: SocketSettings | TransportConfig | None = None, dialect: str = "openai"
    ) -> None:
        """Begin without a socket, a task or a listener.

        Args:
            transport: Time-outs and limits of the connection, as ours or as the SDK's mapping.
            dialect: What server it is: `openai`, `azure`, `xai`, `localai`, `speaches`, `generic`.

        Raises:
            ConfigurationError: There is no such dialect.
        """
        self.model = DEFAULT_MODEL
        self._settings = socket_settings(transport)
        self._profile = profile_of(dialect)
        self._listeners = Listeners()
        self._line: Line | None = None
        self._is_connecting = False
        self._owns_audio = True

    async def connect(self, options: RealtimeModelConfig) -> None:
        """Open a session; its events may come before this returns.

        Raises:
            AlreadyConnectedError: There is one, or another call of this is under way.
            UserError: There is no key, or the options contradict each other.
            OptionError: A setting of the model is out of range.
            HandshakeRefusedError: The server answered with another status than 101.
            TransportError: It could not be reached in time, or does not speak WebSocket.
        """
        if self._is_connecting or self._line is not None:
            raise AlreadyConnectedError("Already connected")
        self._is_connecting, before = True, self.model
        try:
            await self._connect(options)
        except BaseException:
            self.model, self._line = before, None
            raise
        finally:
            self._is_connecting = False

    async def _connect(self, options: RealtimeModelConfig) -> None:
        wanted = options.get("initial_model_settings", {})
        call_id, model_name = options.get("call_id"), wanted.get("model_name")
        if call_id and model_name:
            raise UserError(
                "Cannot specify both `call_id` and `model_name` "
                "when attaching to an existing realtime call."
            )
        self.model = model_name or self.model
        key = await api_key(options)
        self._owns_audio = not call_id
        line = self._line = Line(
            url_of(options, self.model, self._profile),
            headers_of(options, key, self._profile),
            self._profile,
            self._settings,
            self._listeners,
            options.get("playback_tracker"),
            self._take_end,
        )
        await line.open(session_settings(wanted, owns_audio=self._owns_audio))
        if line.is_over and self._line is not line:
            raise NotConnectedError("closed while it was connecting")

    def _take_end(self, line: Line, closed: SessionClosed) -> None:
        """Learn that a session is over; where that was not our wish, the listeners do, too."""
        if self._line is not line:
            return
        self._line = None
        reason = f"the server ended the session: {closed.code} {closed.reason}".rstrip()
        over = RealtimeModelExceptionEvent(
            TransportError(reason), context="WebSocket connection closed unexpectedly"
        )
        status = RealtimeModelConnectionStatusEvent("disconnected")
        if closed.is_clean and END_OF_STREAM is not None:
            self._listeners.tell(status, END_OF_STREAM())
        else:
            self._listeners.tell(over, status)

    def add_listener(self, listener: RealtimeModelListener) -> None:
        """Tell somebody what comes, once however often he was added."""
        self._listeners.add(listener)

    def remove_listener(self, listener: RealtimeModelListener) -> None:
        """Tell somebody no more."""
        self._listeners.remove(listener)

    async def send_event(self, event: RealtimeModelSendEvent) -> None:
        """Send something.

        Raises:
            NotConnectedError: There is no session.
            TypeError: It is no event that the SDK has.
            BadClientEventError: A raw message is none of the protocol's; nothing was sent.
            ValueError: An interruption contradicts itself.
            LocalError: Audio for a call that is the provider's own.
        """
        match event:
            case RealtimeModelSendAudio():
                if not self._owns_audio:
                    raise LocalError("the caller's audio is the provider's: none can be sent")
                await self._connected().send_audio(event.audio, commit=event.commit)
            case RealtimeModelSendUserInput():
                self._connected().add_user_input(event.user_input)
            case RealtimeModelSendToolOutput():
                self._connected().give_tool_output(event)
            case RealtimeModelSendInterrupt():
                self._connected().interrupt(event)
            case RealtimeModelSendSessionUpdate():
                wanted = session_settings(event.session_settings, owns_audio=self._owns_audio)
                self._connected().configure(wanted)
            case RealtimeModelSendRawMessage():
                self._connected().send_raw(event.message)
            case _:
                _refuse(event)

    async def send_event_if(
        self, event: RealtimeModelSendEvent, send_if: Callable[[], bool]
    ) -> bool:
        """Send what a user wrote if it is still wanted: nothing can happen in between.

        Returns:
            Whether it was sent: not for other events, and not while an answer is awaited anyhow.
        """
        if not isinstance(event, RealtimeModelSendUserInput):
            return False
        return self._connected().add_user_input_if(event.user_input, send_if)

    def _connected(self) -> Line:
        if self._line is None:
            raise NotConnectedError("Not connected")
        return self._line

    async def close(self) -> None:
        """End the session within 2 s; a second call does nothing."""
        line, self._line = self._line, None
        if line is not None:
            await line.close()
        await self._listeners.stop()


def _refuse(event: object) -> None:
    raise TypeError(f"no event to send: {type(event).__name__}")


class AttachedRealtimeModel(PhoneRealtimeModel):
    """The same for a call at the provider: it attaches by `call_id`, and sends no audio."""

    async def connect(self, options: RealtimeModelConfig) -> None:
        """Attach to the call.

        Raises:
            UserError: No call is named; else as any model does.
        """
        if not options.get("call_id"):
            raise UserError("AttachedRealtimeModel needs `call_id` in the model configuration.")
        await super().connect(options)
