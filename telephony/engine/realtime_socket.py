"""Drives one `RealtimeSession` over a WebSocket: frames out at once, frames in as they come.

The socket is ours, not a transport's: so the media tick writes an append with one system call and
no task, queue, lock or copy, and what the kernel has not taken is known in milliseconds.
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from telephony.engine.channel import Channel, PlainChannel
from telephony.engine.keepalive import Keepalive, KeepaliveSettings
from telephony.engine.uplink_writer import (
    UplinkCounters,
    UplinkLimits,
    UplinkWriter,
    reason_of,
)
from telephony.engine.version import PRODUCT
from telephony.engine.websocket_frames import FrameReader
from telephony.engine.websocket_handshake import client_protocol, open_websocket
from telephony.engine.websocket_text import TextFrames
from telephony.errors import LocalError
from telephony.realtime import MAX_MESSAGE_OCTETS, RealtimeSession
from telephony.units import NS_PER_MS, NS_PER_SECOND, Nanoseconds
from telephony.voice import (
    Close,
    Message,
    SessionClosed,
    SessionGranted,
    VoiceCommand,
    VoiceEvent,
    VoiceFormat,
)

__all__ = ["RealtimeSocket", "SocketSettings"]

SLICE_NS = NS_PER_MS
"""How long the reader works before others have their turn."""
GIVES_WAY = 2
"""Turns of the loop that a reader leaves to a slot of the media clock that is due: within two its
timer is heard, in whichever order the kernel names what is ready."""
FAR_OFF_NS = Nanoseconds(1 << 62)
"""The next slot, where no media clock runs."""
NORMAL_CLOSURE, ABNORMAL_CLOSURE, TOO_BIG = 1000, 1006, 1009
"""RFC 6455 section 7.4.1."""


def _far_off() -> Nanoseconds:
    return FAR_OFF_NS


@dataclass(frozen=True, slots=True)
class SocketSettings:
    """What connections to voice models have in common."""

    connect_seconds: float = 10.0
    """For the name's look-up, TCP, TLS and the handshake together."""
    tls: ssl.SSLContext | None = None
    """Whom to trust; None makes a `client_context` for each connection, which costs some 15 ms."""
    next_slot: Callable[[], Nanoseconds] = _far_off
    """When packets are due next: what is read until then must not delay them."""
    uplink: UplinkLimits = field(default_factory=UplinkLimits)
    keepalive: KeepaliveSettings = field(default_factory=KeepaliveSettings)
    user_agent: str = PRODUCT
    max_message_octets: int | None = None
    """A longer one from the server fails the connection (1009); None is what a session takes."""
    on_message: Callable[[bytes], None] | None = None
    """Sees each message of the server as it came, before the session does."""
    on_unanswered_close: Callable[[str], None] | None = None
    """Learns which server, as host:port, did not answer a close of ours in time."""


class RealtimeSocket:
    """One session's connection. Everything but `connect` and `close` returns at once."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        session: RealtimeSession,
        on_event: Callable[[VoiceEvent], None],
        clock: Callable[[], Nanoseconds],
        settings: SocketSettings | None = None,
    ) -> None:
        """Name the server and the session; nothing is sent before `connect`.

        Args:
            url: `ws://host[:port]/path[?query]`, or `wss://` for TLS.
            headers: Sent with the handshake, such as Authorization; shown nowhere.
            session: Told what comes, asked what goes.
            on_event: Called for each event of the session, never from within `write_audio`.
            clock: The monotonic clock.
            settings: None takes the defaults.

        Raises:
            ConfigurationError: The URL cannot be used.
        """
        self._frame_text = TextFrames().frame
        self._session = session
        self._on_event = on_event
        self._clock = clock
        self._settings = settings or SocketSettings()
        self._limit = self._settings.max_message_octets or MAX_MESSAGE_OCTETS
        self._protocol = client_protocol(url, max_message_octets=self._limit)
        self._read = FrameReader(self._protocol, self._limit).read
        self._headers = {"User-Agent": self._settings.user_agent, **headers}
        self._on_message = self._settings.on_message
        self._connection: socket.socket | None = None
        self._channel: Channel = PlainChannel()
        self._keepalive = Keepalive(self._settings.keepalive, self._ping, self._lost)
        self._writer: UplinkWriter | None = None
        self._was_dialled = self._is_open = self._wants_close = False
        self._messages: deque[bytes] = deque()
        self._ending: tuple[int, str] | None = None
        self._is_draining = False
        self._given_way = 0
        self._armed: Nanoseconds | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closed = asyncio.Event()

    @property
    def uplink_backlog_ms(self) -> float:
        """Audio that the server's side has not acknowledged: ours and the kernel's."""
        return 0.0 if self._writer is None else self._writer.backlog_ms

    @property
    def waiting_audio_messages(self) -> int:
        """Appends that wait whole on our side: the ones that `write_audio` may drop."""
        return 0 if self._writer is None else self._writer.waiting_audio_messages

    def counters(self) -> dict[str, int]:
        """Give what happened so far, of the uplink and of the session; each only grows."""
        uplink = UplinkCounters() if self._writer is None else self._writer.counters
        counted = {**asdict(uplink), **asdict(self._session.counters)}
        return {name: int(value) for name, value in counted.items()}

    async def connect(self) -> None:
        """Open the connection; the session's events follow, from here and from the loop.

        Raises:
            LocalError: It was called before: a socket serves one connection.
            ConfigurationError: A header or the host cannot be used.
            HandshakeRefusedError: The server answered with another status than 101.
            TlsError: The server is not trusted, or speaks no TLS that we do.
            TransportError: It could not be reached in time, or does not speak WebSocket.
        """
        if self._was_dialled:
            raise LocalError("connect was called a second time, wanted once per socket")
        self._was_dialled = True
        try:
            opened = await open_websocket(
                self._protocol,
                self._headers,
                timeout_s=self._settings.connect_seconds,
                tls=self._settings.tls,
            )
        except BaseException:
            self._closed.set()
            raise
        connection = opened.connection
        if self._closed.is_set():
            connection.close()
            return
        self._connection, self._channel = connection, opened.channel
        self._writer = UplinkWriter(
            connection, self._settings.uplink, self._clock, self._lost, opened.channel
        )
        self._is_open = True
        asyncio.get_running_loop().add_reader(connection, self._on_readable)
        self._keepalive.start()
        self._drain()
        self._take(opened.received, is_end=opened.is_ended)

    def write_audio(self, message: bytes, audio_octets: int) -> int:
        """Write an append, for the media tick: one system call, and no event before it returns.

        Args:
            message: Of `session.append_message`.
            audio_octets: How much audio is in it.

        Returns:
            How many of the oldest waiting appends were dropped to make room, usually 0.
        """
        writer = self._writer
        if writer is None or not self._is_open:
            return 0
        if not self._session.owns_audio:
            self._session.counters.audio_withheld += 1
            return 0
        return writer.write_audio(self._frame_text(message), audio_octets)

    def command(self, command: VoiceCommand) -> None:
        """Give the session a command and send what comes of it.

        Before the connection is open it waits for that; once the session is over it does nothing.
        """
        if self._closed.is_set():
            return
        self._session.handle_command(command, self._clock())
        if self._connection is not None:
            self._wants_close = self._wants_close or isinstance(command, Close)
            self._drain()
        elif isinstance(command, Close):
            self._session.handle_closed(NORMAL_CLOSURE, "closed before it was open", self._clock())
            self._drain()

    def send_raw(self, event: Mapping[str, Any]) -> None:
        """Send an event of the protocol as it is, once the connection is open.

        Raises:
            BadClientEventError: The event is not one of the protocol's; nothing was sent.
        """
        self._session.send_raw(event)
        if self._connection is not None:
            self._drain()

    async def close(self) -> None:
        """End the session and wait for it: 2 s at most, whatever the server does."""
        self.command(Close())
        await self._closed.wait()

    def _on_readable(self) -> None:
        if self._connection is None or self._messages or self._gives_way():
            return
        channel = self._channel
        try:
            received, is_end = channel.unseal(self._connection.recv(channel.receive_octets))
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(reason_of(error))
            return
        if answer := channel.take_answer():
            assert self._writer is not None
            self._writer.write_sealed(answer)
        if received:
            self._keepalive.note_sign_of_life()
        self._take(received, is_end=is_end)

    def _take(self, received: bytes, *, is_end: bool) -> None:
        """Take some octets, and notice whether they were the last."""
        self._messages += self._read(received)
        protocol = self._protocol
        if is_end:
            protocol.receive_eof()
        if protocol.close_rcvd is not None:
            self._ending = (protocol.close_rcvd.code, protocol.close_rcvd.reason)
        elif is_end:
            self._ending = (ABNORMAL_CLOSURE, "the server hung up")
        elif protocol.close_sent is not None and self._is_open:
            code = protocol.close_sent.code
            self._ending = (code, fault_of(code, self._limit))
        # From here on nothing may be sent, whatever the messages before the end draw forth.
        self._is_open = self._is_open and self._ending is None
        self._send_protocol_frames()
        self._handle_messages()

    def _gives_way(self) -> bool:
        """Tell whether to leave this turn of the loop to packets that are due; never for long."""
        if self._given_way < GIVES_WAY and self._clock() >= self._settings.next_slot():
            self._given_way += 1
            return True
        self._given_way = 0
        return False

    def _go_on(self) -> None:
        if self._gives_way():
            asyncio.get_running_loop().call_soon(self._go_on)
        else:
            self._handle_messages()

    def _handle_messages(self) -> None:
        """Hand messages to the session for 1 ms or until the next slot, at least one of them."""
        now_ns = self._clock()
        until_ns = min(now_ns + SLICE_NS, self._settings.next_slot())
        try:
            while self._messages and self._connection is not None:
                message = self._messages.popleft()
                if self._on_message is not None:
                    self._on_message(message)
                self._session.handle_message(message, now_ns)
                self._pass_on()
                now_ns = self._clock()
                if now_ns >= until_ns:
                    break
        finally:
            self._arm()
            if self._messages and self._connection is not None:
                asyncio.get_running_loop().call_soon(self._go_on)
        if not self._messages and self._ending is not None:
            self._end(*self._ending)

    def _drain(self) -> None:
        """Send and tell what the session has for us, and wake when it wants to be called."""
        if not self._is_draining:
            self._pass_on()
            self._arm()

    def _pass_on(self) -> None:
        """Send and tell what the session has for us; what an event draws forth comes after it."""
        self._is_draining = True
        try:
            while (output := self._session.poll_output()) is not None:
                if isinstance(output, Message):
                    self._send(output)
                else:
                    self._tell(output)
        finally:
            self._is_draining = False
        if self._wants_close and self._is_open:
            self._start_close()

    def _send(self, message: Message) -> None:
        if self._writer is not None and self._is_open:
            self._protocol.send_text(message.text)
            frame = self._protocol.data_to_send()[0]
            self._writer.write_message(frame, after_audio=message.after_audio)

    def _tell(self, event: VoiceEvent) -> None:
        if isinstance(event, SessionGranted) and self._writer is not None:
            self._writer.audio_octets_per_ms = octets_per_ms(event.input_format)
        elif isinstance(event, SessionClosed):
            self._release()
            self._check_close()
        self._on_event(event)

    def _start_close(self) -> None:
        assert self._writer is not None
        self._is_open = False
        self._keepalive.stop()
        self._protocol.send_close(NORMAL_CLOSURE)
        self._writer.forget_audio()
        self._send_protocol_frames()

    def _ping(self) -> None:
        if self._ending is None:
            self._protocol.send_ping(b"")
            self._send_protocol_frames()

    def _send_protocol_frames(self) -> None:
        """Write what the protocol itself has to say: pings, pongs, and its half of a close."""
        for frame in self._protocol.data_to_send():
            if frame and self._writer is not None:
                self._writer.write_message(frame)

    def _arm(self) -> None:
        deadline = None if self._connection is None else self._session.next_deadline()
        if deadline == self._armed:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._armed = deadline
        if deadline is not None:
            seconds = max(0, deadline - self._clock()) / NS_PER_SECOND
            self._timer = asyncio.get_running_loop().call_later(seconds, self._on_timer)

    def _on_timer(self) -> None:
        self._armed = self._timer = None
        self._session.handle_timer(self._clock())
        self._drain()

    def _lost(self, reason: str) -> None:
        self._end(ABNORMAL_CLOSURE, reason)

    def _end(self, code: int, reason: str) -> None:
        if self._connection is not None:
            self._session.handle_closed(code, reason, self._clock())
            self._drain()

    def _check_close(self) -> None:
        tell = self._settings.on_unanswered_close
        if self._session.is_close_unanswered and tell is not None:
            tell(f"{self._protocol.uri.host}:{self._protocol.uri.port}")

    def _release(self) -> None:
        """Let go of the socket; `SessionClosed` is on its way to our user."""
        connection, self._connection, self._is_open = self._connection, None, False
        self._closed.set()
        self._messages.clear()
        self._keepalive.stop()
        if self._writer is not None:
            self._writer.say_goodbye()
        if connection is not None:
            asyncio.get_running_loop().remove_reader(connection)
            connection.close()


def fault_of(code: int, max_message_octets: int) -> str:
    """Say in words why we closed a connection by ourselves.

    Args:
        code: What the close said.
        max_message_octets: The longest message that we take.
    """
    if code == TOO_BIG:
        return f"the server sent a message longer than {max_message_octets / 2**20:g} MiB"
    return "the server broke the WebSocket protocol"


def octets_per_ms(audio_format: VoiceFormat) -> float:
    """Say how much one millisecond of a format takes."""
    return audio_format.rate_hz * audio_format.octets_per_sample / 1000
