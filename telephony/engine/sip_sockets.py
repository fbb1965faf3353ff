"""SIP's sockets: UDP ports and TCP connections, and the endpoint behind them.

The driver's whole duty towards the sans-I/O endpoint: hand in what arrives, drain what comes out,
send it, re-arm one timer. SIP shares the event loop; only RTP has a clock of its own.
"""

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Container, Coroutine
from contextlib import suppress
from typing import Any

from telephony.engine.clock import monotonic_ns
from telephony.engine.settings import SipListen
from telephony.errors import TransportError
from telephony.sip import (
    CloseFlow,
    FlowId,
    ListenAddress,
    Resolve,
    SipEndpoint,
    SipEvent,
    Transmit,
)
from telephony.units import NS_PER_SECOND

__all__ = ["SipSockets"]

FREE_PORT_ATTEMPTS = 32
"""The kernel's free port of one transport may be another program's on the next."""
DATAGRAM_OCTETS = 65_535
DATAGRAMS_PER_READ = 64
"""Per wake-up: a burst is taken at once, a flood lets others run in between."""
RECEIVE_BUFFER_OCTETS = 4 * 1024 * 1024
CONNECT_SECONDS = 4.0
MAX_FLOWS = 512
"""Connections at once: descriptors are needed for calls."""
FLOW_WRITE_LIMIT = 1024 * 1024
"""Octets that a peer may leave unread before its connection is dropped."""
PENDING_LIMIT = 64
"""Messages that wait for one connection to open."""

Address = tuple[str, int]


class SipSockets:
    """The sockets of one endpoint.

    Args:
        endpoint: The SIP core.
        on_event: Takes the core's events, in order.
        allowed: Hosts that may connect to us.
    """

    def __init__(self, on_event: Callable[[SipEvent], None], allowed: Container[str]) -> None:
        """Open nothing yet."""
        self._allowed = allowed
        self._on_event = on_event
        self._endpoint: SipEndpoint | None = None
        self._loop = asyncio.get_running_loop()
        self._udp: dict[ListenAddress, socket.socket] = {}
        self._servers: list[asyncio.Server] = []
        self._flows: dict[FlowId, _Flow] = {}
        self._serial = 0
        self._dialling: dict[Address, list[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns: int | None = None
        self._is_draining = False
        self.addresses: list[ListenAddress] = []

    async def open(self, listens: tuple[SipListen, ...]) -> None:
        """Bind every address; all transports of one host share the free port of a `port` 0.

        Raises:
            TransportError: One of them is in use, or not ours.
        """
        for attempts_left in reversed(range(FREE_PORT_ATTEMPTS)):
            try:
                await self._bind(listens)
            except TransportError as refused:
                self._unbind()
                self.addresses.clear()
                if not (attempts_left and isinstance(refused, _PortTakenError)):
                    raise
            else:
                return

    async def _bind(self, listens: tuple[SipListen, ...]) -> None:
        for listen in listens:
            port = self._port_of(listen)
            try:
                if listen.transport == "UDP":
                    self._open_udp(listen.host, port)
                else:
                    await self._open_tcp(listen.host, port)
            except OSError as failed:
                where = f"{listen.transport.lower()}:{listen.host}:{listen.port}"
                reason = os.strerror(failed.errno) if failed.errno else failed
                is_our_choice = port != listen.port and failed.errno == errno.EADDRINUSE
                kind = _PortTakenError if is_our_choice else TransportError
                raise kind(f"cannot listen on {where}: {reason}") from failed

    def start(self, endpoint: SipEndpoint) -> None:
        """Hand in what arrives from now on."""
        self._endpoint = endpoint
        for address, sock in self._udp.items():
            self._loop.add_reader(sock.fileno(), self._read_udp, sock, address)

    def _open_udp(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS)
        try:
            sock.bind((host, port))
        except OSError:
            sock.close()
            raise
        host, port = sock.getsockname()[:2]
        self._udp[ListenAddress("UDP", host, port)] = sock
        self.addresses.append(ListenAddress("UDP", host, port))

    async def _open_tcp(self, host: str, port: int) -> None:
        server = await self._loop.create_server(lambda: _Flow(self, None), host, port)
        self._servers.append(server)
        host, port = server.sockets[0].getsockname()[:2]
        self.addresses.append(ListenAddress("TCP", host, port))

    def _port_of(self, listen: SipListen) -> int:
        """Give the port to bind: the other transport's where a free one was asked for."""
        if listen.port:
            return listen.port
        return next((one.port for one in self.addresses if one.host == listen.host), 0)

    # ---- in -----------------------------------------------------------------------------------

    def _read_udp(self, sock: socket.socket, address: ListenAddress) -> None:
        assert self._endpoint is not None
        for _ in range(DATAGRAMS_PER_READ):
            try:
                data, source = sock.recvfrom(DATAGRAM_OCTETS)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                continue  # an ICMP error of an earlier send; the transaction's timer deals with it
            self._endpoint.handle_datagram(data, source[:2], address, monotonic_ns())
        self.drain()

    def flow_opened(self, flow: "_Flow", peer: Address, *, is_opened_by_us: bool) -> FlowId | None:
        """Name a connection; None refuses it: its source is not allowed, or there are too many."""
        if not is_opened_by_us and (len(self._flows) >= MAX_FLOWS or peer[0] not in self._allowed):
            return None
        self._serial += 1
        flow_id = FlowId("TCP", peer[0], peer[1], self._serial, is_opened_by_us)
        self._flows[flow_id] = flow
        if self._endpoint is not None:
            self._endpoint.handle_flow_opened(flow_id, monotonic_ns())
            self.drain()
        return flow_id

    def flow_received(self, flow_id: FlowId, data: bytes) -> None:
        """Hand in octets of a connection."""
        assert self._endpoint is not None
        self._endpoint.handle_stream(flow_id, data, monotonic_ns())
        self.drain()

    def flow_closed(self, flow_id: FlowId) -> None:
        """Learn that a connection has ended."""
        if self._flows.pop(flow_id, None) is not None and self._endpoint is not None:
            self._endpoint.handle_flow_closed(flow_id, monotonic_ns())
            self.drain()

    # ---- out ----------------------------------------------------------------------------------

    def drain(self) -> None:
        """Send and tell all that the core has to say, then re-arm its timer.

        Call it after every command to the core. A command given from within `on_event` is drained
        by the call that is under way.
        """
        endpoint = self._endpoint
        if endpoint is None or self._is_draining:
            return
        self._is_draining = True
        try:
            while (output := endpoint.poll_output()) is not None:
                if isinstance(output, Transmit):
                    self._send(output)
                elif isinstance(output, Resolve):
                    self._spawn(self._resolve(output))
                elif isinstance(output, CloseFlow):
                    self._close_flow(output.flow)
                else:
                    self._on_event(output)
        finally:
            self._is_draining = False
        self._arm(endpoint)

    def _close_flow(self, flow_id: FlowId) -> None:
        flow = self._flows.get(flow_id)
        if flow is not None:
            flow.abort()

    def _arm(self, endpoint: SipEndpoint) -> None:
        deadline_ns = endpoint.next_deadline()
        if deadline_ns == self._timer_ns:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_ns = deadline_ns
        if deadline_ns is not None:
            delay_s = max(0, deadline_ns - monotonic_ns()) / NS_PER_SECOND
            self._timer = self._loop.call_later(delay_s, self._fire)

    def _fire(self) -> None:
        assert self._endpoint is not None
        self._timer = None
        self._timer_ns = None
        self._endpoint.handle_timer(monotonic_ns())
        self.drain()

    def _send(self, transmit: Transmit) -> None:
        if transmit.transport == "UDP":
            self._send_udp(transmit)
            return
        flow = self._flows.get(transmit.flow) if transmit.flow is not None else None
        flow = flow or self._flow_to(transmit.destination)
        if flow is not None:
            flow.write(transmit.data)
            return
        waiting = self._dialling.get(transmit.destination)
        if waiting is None:
            self._dialling[transmit.destination] = [transmit.data]
            self._spawn(self._dial(transmit.destination))
        elif len(waiting) < PENDING_LIMIT:
            waiting.append(transmit.data)

    def _send_udp(self, transmit: Transmit) -> None:
        sock = self._udp.get(transmit.local) if transmit.local is not None else None
        if sock is None:
            is_v6 = ":" in transmit.destination[0]
            fitting = [one for at, one in self._udp.items() if (":" in at.host) == is_v6]
            if not fitting:
                self._failed(transmit.destination)
                return
            sock = fitting[0]
        try:
            sock.sendto(transmit.data, transmit.destination)
        except BlockingIOError:
            return  # the kernel's buffer is full: lost as on the wire, repeated by its timer
        except OSError:
            self._failed(transmit.destination)

    def _failed(self, destination: Address) -> None:
        self._loop.call_soon(self._report_failure, destination, "UDP")

    def _report_failure(self, destination: Address, transport: str) -> None:
        assert self._endpoint is not None
        self._endpoint.handle_transport_error(destination, monotonic_ns(), transport=transport)
        self.drain()

    def _flow_to(self, destination: Address) -> "_Flow | None":
        for flow_id, flow in self._flows.items():
            if (flow_id.host, flow_id.port) == destination:
                return flow
        return None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _dial(self, destination: Address) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, flow = await self._loop.create_connection(
                    lambda: _Flow(self, destination), *destination
                )
        except (OSError, TimeoutError):
            self._dialling.pop(destination, None)
            self._report_failure(destination, "TCP")
            return
        for data in self._dialling.pop(destination, []):
            flow.write(data)

    async def _resolve(self, wanted: Resolve) -> None:
        kind = socket.SOCK_DGRAM if wanted.transport == "UDP" else socket.SOCK_STREAM
        address: Address | None = None
        with suppress(OSError, UnicodeError):
            found = await self._loop.getaddrinfo(wanted.host, wanted.port, type=kind)
            address = (str(found[0][4][0]), int(found[0][4][1]))
        assert self._endpoint is not None
        self._endpoint.handle_resolved(wanted, address, monotonic_ns())
        self.drain()

    async def close(self) -> None:
        """Close all sockets; what the core still wanted to send is lost."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        for flow in list(self._flows.values()):
            flow.abort()
        self._unbind()

    def _unbind(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()
        for sock in self._udp.values():
            self._loop.remove_reader(sock.fileno())
            sock.close()
        self._udp.clear()


class _PortTakenError(TransportError):
    """The free port that one transport was given is in use on another."""


class _Flow(asyncio.Protocol):
    """One TCP connection."""

    def __init__(self, sockets: SipSockets, dialled: Address | None) -> None:
        self._sockets = sockets
        self._dialled = dialled
        self._transport: asyncio.Transport | None = None
        self._flow_id: FlowId | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        host, port = self._dialled or transport.get_extra_info("peername")[:2]
        self._flow_id = self._sockets.flow_opened(
            self, (host, port), is_opened_by_us=self._dialled is not None
        )
        if self._flow_id is None:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._flow_id is not None:
            self._sockets.flow_received(self._flow_id, data)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._flow_id is not None:
            self._sockets.flow_closed(self._flow_id)

    def write(self, data: bytes) -> None:
        """Send one message; a peer that reads nothing loses the connection."""
        if self._transport is None:
            return
        if self._transport.get_write_buffer_size() > FLOW_WRITE_LIMIT:
            self._transport.abort()
            return
        self._transport.write(data)

    def abort(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()
