"""SIP's sockets and the endpoint behind them.

The driver's whole duty towards the sans-I/O endpoint: hand in what arrives, drain what comes out,
send it, re-arm one timer. SIP shares the event loop; only RTP has a clock of its own.
"""

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Container
from contextlib import suppress

from telephony.engine.clock import monotonic_ns
from telephony.engine.settings import SipListen
from telephony.engine.sip_tcp import SipTcp, TcpLimits
from telephony.engine.sip_udp import SipUdp
from telephony.errors import TransportError
from telephony.sip import (
    CloseFlow,
    FlowId,
    HostPort,
    ListenAddress,
    MessageRejected,
    Resolve,
    SipEndpoint,
    SipEvent,
    Transmit,
)
from telephony.units import NS_PER_SECOND

__all__ = ["SipSockets"]

FREE_PORT_ATTEMPTS = 32
"""The kernel's free port of one transport may be another program's on the next."""
TCP_LIMITS = TcpLimits()


class SipSockets:
    """The sockets of one endpoint.

    Args:
        on_event: Takes the core's events, in order.
        allowed: Hosts that may connect to us.
        tcp_limits: What connections may cost us.
    """

    def __init__(
        self,
        on_event: Callable[[SipEvent], None],
        allowed: Container[str],
        tcp_limits: TcpLimits = TCP_LIMITS,
    ) -> None:
        """Open nothing yet."""
        self._on_event = on_event
        self._endpoint: SipEndpoint | None = None
        self._loop = asyncio.get_running_loop()
        self._udp = SipUdp(self)
        self._tcp = SipTcp(self, allowed, tcp_limits)
        self._resolving: set[asyncio.Task[None]] = set()
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
                self._udp.close()
                self._tcp.unbind()
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
                    self.addresses.append(self._udp.listen(listen.host, port))
                else:
                    self.addresses.append(await self._tcp.listen(listen.host, port))
            except OSError as failed:
                where = f"{listen.transport.lower()}:{listen.host}:{listen.port}"
                reason = os.strerror(failed.errno) if failed.errno else failed
                is_our_choice = port != listen.port and failed.errno == errno.EADDRINUSE
                kind = _PortTakenError if is_our_choice else TransportError
                raise kind(f"cannot listen on {where}: {reason}") from failed

    def _port_of(self, listen: SipListen) -> int:
        """Give the port to bind: the other transport's where a free one was asked for."""
        if listen.port:
            return listen.port
        return next((one.port for one in self.addresses if one.host == listen.host), 0)

    def start(self, endpoint: SipEndpoint) -> None:
        """Hand in what arrives from now on."""
        self._endpoint = endpoint
        self._udp.start()
        self._tcp.start()

    def datagram_received(self, data: bytes, source: HostPort, local: ListenAddress) -> None:
        """Hand in a datagram; `drain` follows."""
        assert self._endpoint is not None
        self._endpoint.handle_datagram(data, source, local, monotonic_ns())

    def flow_opened(self, flow_id: FlowId) -> None:
        """Tell of a new connection."""
        assert self._endpoint is not None
        self._endpoint.handle_flow_opened(flow_id, monotonic_ns())
        self.drain()

    def flow_refused(self, peer: HostPort, why: str) -> None:
        """Tell of a connection that was not taken."""
        self._on_event(MessageRejected(why, peer))

    def flow_received(self, flow_id: FlowId, data: bytes) -> None:
        """Hand in octets of a connection."""
        assert self._endpoint is not None
        self._endpoint.handle_stream(flow_id, data, monotonic_ns())
        self.drain()

    def flow_closed(self, flow_id: FlowId) -> None:
        """Tell of a connection's end."""
        assert self._endpoint is not None
        self._endpoint.handle_flow_closed(flow_id, monotonic_ns())
        self.drain()

    def peer_unreachable(self, destination: HostPort, transport: str = "TCP") -> None:
        """Tell that nothing can be sent to a place."""
        assert self._endpoint is not None
        self._endpoint.handle_transport_error(destination, monotonic_ns(), transport=transport)
        self.drain()

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
                    self._resolve(output)
                elif isinstance(output, CloseFlow):
                    self._tcp.close_flow(output.flow)
                else:
                    self._on_event(output)
        finally:
            self._is_draining = False
        self._arm(endpoint)

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
        if transmit.transport != "UDP":
            self._tcp.send(transmit)
        elif not self._udp.send(transmit):
            # Later: the core is being drained.
            self._loop.call_soon(self.peer_unreachable, transmit.destination, "UDP")

    def _resolve(self, wanted: Resolve) -> None:
        task = self._loop.create_task(self._look_up(wanted))
        self._resolving.add(task)
        task.add_done_callback(self._resolving.discard)

    async def _look_up(self, wanted: Resolve) -> None:
        kind = socket.SOCK_DGRAM if wanted.transport == "UDP" else socket.SOCK_STREAM
        address: HostPort | None = None
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
        for task in self._resolving:
            task.cancel()
        self._udp.close()
        self._tcp.close()


class _PortTakenError(TransportError):
    """The free port that one transport was given is in use on another."""
