"""SIP's TCP connections: whom we let connect, how many, and those that we open."""

import asyncio
import socket
from collections.abc import Container
from dataclasses import dataclass
from typing import Protocol

from telephony.engine.sip_flow import SipFlow
from telephony.sip import FlowId, HostPort, ListenAddress, Transmit

__all__ = ["SipTcp", "TcpLimits", "TcpUser"]

MAX_FLOWS = 512
"""Descriptors are needed for calls."""
FLOWS_PER_SOURCE = 128
"""A quarter: the phones of an office behind one address, and no address takes all."""
UNREAD_OCTETS = 1024 * 1024
PENDING_MESSAGES = 64
CONNECT_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class TcpLimits:
    """What connections may cost us. How long they may be silent is the core's `FlowLimits`.

    Attributes:
        flows: At once; beyond it none that a peer opens is taken.
        flows_per_source: Opened by one address, at once.
        unread_octets: What a peer may leave unread before its connection is dropped.
        pending_messages: What may wait for one connection to open; the rest is lost.
        connect_seconds: For a connection of ours to open.
    """

    flows: int = MAX_FLOWS
    flows_per_source: int = FLOWS_PER_SOURCE
    unread_octets: int = UNREAD_OCTETS
    pending_messages: int = PENDING_MESSAGES
    connect_seconds: float = CONNECT_SECONDS


class TcpUser(Protocol):
    """Who is told of connections."""

    def flow_opened(self, flow_id: FlowId) -> None:
        """Learn that a connection is up."""

    def flow_refused(self, peer: HostPort, why: str) -> None:
        """Learn that a peer's connection was not taken."""

    def flow_received(self, flow_id: FlowId, data: bytes) -> None:
        """Take octets of a connection."""

    def flow_closed(self, flow_id: FlowId) -> None:
        """Learn that a connection has ended."""

    def peer_unreachable(self, destination: HostPort) -> None:
        """Learn that no connection came about: what waited for it is lost."""


class SipTcp:
    """All connections of one endpoint.

    Args:
        user: Is told of them.
        allowed: Hosts that may connect to us.
        limits: What they may cost.
    """

    def __init__(self, user: TcpUser, allowed: Container[str], limits: TcpLimits) -> None:
        """Open nothing yet."""
        self._user = user
        self._allowed = allowed
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._servers: list[asyncio.Server] = []
        self._is_started = False
        self._flows: dict[FlowId, SipFlow] = {}
        self._serial = 0
        self._dialling: dict[HostPort, list[bytes]] = {}
        self._dials: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> ListenAddress:
        """Bind one more address; port 0 takes a free one.

        Raises:
            OSError: The address is in use, or not ours.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.create_server((host, port), family=family)
        address = ListenAddress("TCP", *sock.getsockname()[:2])
        server = await self._loop.create_server(lambda: SipFlow(self, local=address), sock=sock)
        self._servers.append(server)
        return address

    def start(self) -> None:
        """Take connections from now on; those that came before were dropped."""
        self._is_started = True

    def send(self, transmit: Transmit) -> None:
        """Send one message over its connection, another one to its destination, or a new one."""
        flow = self._flows.get(transmit.flow) if transmit.flow is not None else None
        flow = flow or self._flow_to(transmit.destination)
        if flow is not None:
            self._write(flow, transmit.data)
            return
        waiting = self._dialling.get(transmit.destination)
        if waiting is None:
            self._dialling[transmit.destination] = [transmit.data]
            dial = self._loop.create_task(self._dial(transmit.destination, transmit.local))
            self._dials.add(dial)
            dial.add_done_callback(self._dials.discard)
        elif len(waiting) < self._limits.pending_messages:
            waiting.append(transmit.data)

    def close_flow(self, flow_id: FlowId) -> None:
        """Drop one connection; `flow_closed` follows."""
        flow = self._flows.get(flow_id)
        if flow is not None:
            flow.abort()

    def unbind(self) -> None:
        """Listen no more."""
        for server in self._servers:
            server.close()
        self._servers.clear()

    def close(self) -> None:
        """Drop all connections, and listen no more; nobody is told."""
        self._is_started = False
        for dial in self._dials:
            dial.cancel()
        for flow in self._flows.values():
            flow.abort()
        self._flows.clear()
        self.unbind()

    def flow_made(self, flow: SipFlow, peer: HostPort, *, is_opened_by_us: bool) -> FlowId | None:
        """Name a connection; None refuses it. What waited for one of ours goes out first."""
        if is_opened_by_us:
            for data in self._dialling.pop(peer, ()):
                flow.write(data)
        else:
            if not self._is_started:
                return None
            why = self._objection(peer[0])
            if why:
                self._user.flow_refused(peer, why)
                return None
        self._serial += 1
        flow_id = FlowId("TCP", *peer, self._serial, is_opened_by_us, flow.local)
        self._flows[flow_id] = flow
        self._user.flow_opened(flow_id)
        return flow_id

    def flow_received(self, flow_id: FlowId, data: bytes) -> None:
        """Hand on octets of a connection."""
        self._user.flow_received(flow_id, data)

    def flow_lost(self, flow_id: FlowId) -> None:
        """Forget a connection that has ended."""
        if self._flows.pop(flow_id, None) is not None:
            self._user.flow_closed(flow_id)

    def _objection(self, host: str) -> str:
        """Say why an address may not connect; "" where it may."""
        if host not in self._allowed:
            return "a connection from a source that is not allowed"
        if len(self._flows) >= self._limits.flows:
            return f"a connection beyond {self._limits.flows}"
        theirs = sum(one.host == host and not one.is_opened_by_us for one in self._flows)
        if theirs >= self._limits.flows_per_source:
            return f"a connection beyond {theirs} of one source"
        return ""

    def _write(self, flow: SipFlow, data: bytes) -> None:
        """Send over a connection; a peer that reads nothing loses it."""
        if flow.unread_octets > self._limits.unread_octets:
            flow.abort()
        else:
            flow.write(data)

    def _flow_to(self, destination: HostPort) -> SipFlow | None:
        for flow_id, flow in self._flows.items():
            if (flow_id.host, flow_id.port) == destination:
                return flow
        return None

    async def _dial(self, destination: HostPort, local: ListenAddress | None) -> None:
        try:
            async with asyncio.timeout(self._limits.connect_seconds):
                await self._loop.create_connection(
                    lambda: SipFlow(self, destination, local), *destination
                )
        except (OSError, TimeoutError):
            if self._dialling.pop(destination, None) is not None:
                self._user.peer_unreachable(destination)
