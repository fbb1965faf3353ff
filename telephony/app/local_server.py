"""The embedded realtime server's sockets: WebSocket connections, one `LocalSession` behind each.

Source: RFC 6455, by websockets' Sans-I/O protocol straight on asyncio's transports: no task, queue
or lock per connection, one timer per session that is speaking. A client that reads too slowly is
waited for, one that does not read at all is dropped.
"""

import asyncio
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, cast
from urllib.parse import parse_qs

import structlog
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import SEND_EOF, State
from websockets.server import ServerProtocol

from telephony.app.addresses import host_in_uri
from telephony.app.local_hosted import LocalHostedCall
from telephony.config import is_loopback
from telephony.errors import ConfigurationError, TransportError
from telephony.local import LocalSession, LogLine, Speaker, Voice
from telephony.units import NS_PER_SECOND, Nanoseconds

__all__ = ["LocalServer", "run", "serve_local"]

PATH = "/v1/realtime"
MAX_MESSAGE_OCTETS = 16 * 1024 * 1024
"""The protocol allows an append of 15 MiB of base64."""
MAX_SESSIONS = 1_000
MAX_UNSENT_OCTETS = 8 * 1024 * 1024
"""More than the longest answer in the widest format: who leaves that much unread is gone."""
KERNEL_BUFFER_OCTETS = 64 * 1024
"""Keeps a client that does not read from hiding behind megabytes of the kernel's own buffer."""
HANDSHAKE_SECONDS = 10.0
CLOSE_SECONDS = 1.0
NORMAL_CLOSURE, GOING_AWAY, UNSUPPORTED_DATA = 1000, 1001, 1003
NO_SUCH_CALL = '{"error":{"type":"invalid_request_error","code":"call_id_not_found"}}\n'
MAX_PORT = 65_535

log = structlog.get_logger("telephony.local")


class LocalServer:
    """Accepts clients and gives each its session."""

    def __init__(self, speaker: Speaker) -> None:
        """Prepare; `start` opens the socket.

        Args:
            speaker: The voice of all sessions.
        """
        self.speaker = speaker
        self.connections: set[_Connection] = set()
        self._hosted: dict[str, LocalHostedCall] = {}
        self._server: asyncio.Server | None = None
        self._emptied: asyncio.Event | None = None

    async def start(self, host: str, port: int) -> str:
        """Listen for clients.

        Args:
            host: The address to bind; clients are not authenticated, so better a loopback one.
            port: The port, 0 for any that is free.

        Returns:
            The URL that clients connect to.

        Raises:
            TransportError: The address cannot be bound.
        """
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: _Connection(self, loop), host, port)
        except OSError as error:
            raise TransportError(f"cannot listen on {host}:{port}: {error}") from error
        address = cast("tuple[str, int]", self._server.sockets[0].getsockname())
        if not is_loopback(address[0]):
            log.warning("clients are not authenticated", host=address[0])
        return f"ws://{host_in_uri(address[0])}:{address[1]}{PATH}"

    def hold_call(
        self,
        call_id: str,
        accepted: Mapping[str, Any],
        on_message: Callable[[bytes], None] = lambda _text: None,
    ) -> LocalHostedCall:
        """Hold a call, as a provider does: clients attach to its session by `?call_id=`.

        Args:
            call_id: Its name.
            accepted: The session it was accepted with, as the protocol writes it.
            on_message: Is shown each message of a client.

        Raises:
            RefusedEventError: It cannot be accepted so; whoever accepts it is at fault.
        """
        self._hosted = {name: call for name, call in self._hosted.items() if not call.is_over}
        token = secrets.token_hex(6)
        call = LocalHostedCall(call_id, token, self.speaker, accepted, on_message)
        self._hosted[call_id] = call
        return call

    def held_call(self, call_id: str) -> LocalHostedCall | None:
        """Find a call that is held and not over."""
        call = self._hosted.get(call_id)
        return None if call is None or call.is_over else call

    async def close(self) -> None:
        """Stop listening and end every session, within a second."""
        if self._server is not None:
            self._server.close()
        for call in self._hosted.values():
            call.hang_up("the server is stopping")
        for connection in list(self.connections):
            connection.go_away()
        if self.connections:
            self._emptied = asyncio.Event()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._emptied.wait(), CLOSE_SECONDS)
        for connection in list(self.connections):
            connection.abort()
        await asyncio.sleep(0)  # an aborted transport reports its end on the loop's next turn

    def forget(self, connection: "_Connection") -> None:
        """Learn that a connection has ended."""
        self.connections.discard(connection)
        if not self.connections and self._emptied is not None:
            self._emptied.set()


class _Connection(asyncio.Protocol):
    """One client: bytes in, frames to its session, the session's messages out."""

    def __init__(self, server: LocalServer, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._loop = loop
        # A browser names its origin: no page that the user happens to visit may talk to us.
        self._protocol = ServerProtocol(origins=[None], max_size=MAX_MESSAGE_OCTETS)
        self._session: LocalSession | None = None
        self._held: LocalHostedCall | None = None
        self._fragments: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._armed_ns: Nanoseconds | None = None
        self._is_paused = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        sock: socket.socket = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_OCTETS)
        self._server.connections.add(self)
        self._timer = self._loop.call_later(HANDSHAKE_SECONDS, self.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.forget(self)
        self._cancel_timer()
        if self._held is not None:
            self._held.detach(self)
        if self._session is not None:
            cause = str(exc) if exc is not None else None
            log.info("session closed", clients=len(self._server.connections), cause=cause)

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        self._take_events()

    def eof_received(self) -> None:
        self._protocol.receive_eof()
        self._take_events()

    def pause_writing(self) -> None:
        self._is_paused = True
        self._cancel_timer()

    def resume_writing(self) -> None:
        self._is_paused = False
        self._on_timer()

    def go_away(self) -> None:
        """Tell the client that the server stops."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(GOING_AWAY, "the server is stopping")
            self._write()
        else:
            self._transport.close()

    def send_text(self, text: bytes) -> None:
        """Send a message of the session of a call that is held."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_text(text)
            self._write()

    def say_goodbye(self, reason: str) -> None:
        """Close cleanly: the call is over."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(NORMAL_CLOSURE, reason)
            self._write()

    def abort(self) -> None:
        """Drop the connection at once."""
        self._transport.abort()

    def _take_events(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._shake_hands(event)
            elif isinstance(event, Frame):
                self._take_frame(event)
        self._drain()

    def _shake_hands(self, request: Request) -> None:
        path, _, query = request.path.partition("?")
        (call_id,) = parse_qs(query).get("call_id", [None])[:1]
        if path.rstrip("/") != PATH:
            response = self._protocol.reject(404, f"Connect to {PATH}.\n")
        elif call_id is not None and self._server.held_call(call_id) is None:
            response = self._protocol.reject(404, NO_SUCH_CALL)
        elif len(self._server.connections) > MAX_SESSIONS:
            response = self._protocol.reject(503, "Too many sessions.\n")
        else:
            response = self._protocol.accept(request)
        self._protocol.send_response(response)
        if self._protocol.state is State.OPEN:
            self._cancel_timer()
            if call_id is None:
                self._session = LocalSession(secrets.token_hex(6), self._server.speaker)
                return
            self._held = self._server.held_call(call_id)
            assert self._held is not None
            self._write()
            self._held.attach(self)

    def _take_frame(self, frame: Frame) -> None:
        """Put a message together; control frames are the protocol's own affair."""
        if frame.opcode is Opcode.BINARY:
            self._protocol.fail(UNSUPPORTED_DATA, "the protocol is text")
        elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._fragments.append(bytes(frame.data))
            if frame.fin:
                text = b"".join(self._fragments)
                self._fragments.clear()
                if self._session is not None:
                    self._session.handle_message(text, self._now_ns())
                elif self._held is not None:
                    self._held.handle_message(text)

    def _on_timer(self) -> None:
        self._cancel_timer()
        if self._session is not None:
            self._session.handle_timer(self._now_ns())
        self._drain()

    def _drain(self) -> None:
        """Send what the session has to say, then set the timer for what it will say next."""
        if self._session is not None:
            while (output := self._session.poll_output()) is not None:
                if isinstance(output, LogLine):
                    write = log.warning if output.is_warning else log.info
                    write(output.event, **output.fields)
                elif self._protocol.state is State.OPEN:
                    self._protocol.send_text(output.text)
            self._arm(self._session.next_deadline())
        self._write()

    def _write(self) -> None:
        pieces = self._protocol.data_to_send()
        if data := b"".join(pieces):
            self._transport.write(data)
        if SEND_EOF in pieces:
            self._transport.close()
        if self._transport.get_write_buffer_size() > MAX_UNSENT_OCTETS:
            log.warning("client does not read; dropped")
            self._transport.abort()

    def _arm(self, deadline_ns: Nanoseconds | None) -> None:
        if deadline_ns == self._armed_ns:
            return
        self._cancel_timer()
        if deadline_ns is not None and not self._is_paused and not self._transport.is_closing():
            self._timer = self._loop.call_at(deadline_ns / NS_PER_SECOND, self._on_timer)
            self._armed_ns = deadline_ns

    def _cancel_timer(self) -> None:
        self._armed_ns = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _now_ns(self) -> Nanoseconds:
        return Nanoseconds(int(self._loop.time() * NS_PER_SECOND))


async def serve_local(
    host: str, port: int, on_ready: Callable[[str], None], stop: asyncio.Event | None = None
) -> None:
    """Serve until stopped or cancelled, then end every session.

    Args:
        host: The address to bind.
        port: The port, 0 for any that is free.
        on_ready: Called with the URL once clients can connect; all prompts are loaded by then.
        stop: Set to stop; None serves until cancelled.

    Raises:
        TransportError: The address cannot be bound.
        VoiceError: The package's prompts are missing or damaged.
    """
    server = LocalServer(Speaker(Voice.load()))
    on_ready(await server.start(host, port))
    try:
        await (stop or asyncio.Event()).wait()
    finally:
        await server.close()


def run(listen: str, *, until_stdin_closes: bool = False) -> None:
    """Be the process `telephony local`: print `ready URL` and serve until told to stop.

    SIGTERM, SIGINT and, for a child process, the end of its parent stop it.

    Args:
        listen: `HOST:PORT`, IPv6 in brackets; port 0 takes a free one, which the URL tells.
        until_stdin_closes: Standard input is a pipe from the parent; stop when it closes, as it
            does however the parent ends.

    Raises:
        ConfigurationError: `listen` is no address.
        TransportError: The address cannot be bound.
    """
    host, port = parse_listen(listen)
    asyncio.run(_run(host, port, until_stdin_closes=until_stdin_closes))


async def _run(host: str, port: int, *, until_stdin_closes: bool) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if until_stdin_closes:
        pipe = os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0)
        await loop.connect_read_pipe(lambda: _UntilClosed(stop), pipe)
    await serve_local(host, port, _print_ready, stop)


def _print_ready(url: str) -> None:
    sys.stdout.write(f"ready {url}\n")
    sys.stdout.flush()


def parse_listen(listen: str) -> tuple[str, int]:
    """Read `HOST:PORT`.

    Raises:
        ConfigurationError: It is no address; the user is at fault.
    """
    host, colon, port = listen.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) <= MAX_PORT):
        raise ConfigurationError(f"listen: saw {listen!r}, wanted HOST:PORT such as 127.0.0.1:8765")
    return host.removeprefix("[").removesuffix("]"), int(port)


class _UntilClosed(asyncio.Protocol):
    """Sets an event when the pipe that it reads has closed."""

    def __init__(self, closed: asyncio.Event) -> None:
        self._closed = closed

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._closed.set()
