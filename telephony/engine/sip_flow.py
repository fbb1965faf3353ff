"""One TCP connection that carries SIP."""

import asyncio
from typing import Protocol

from telephony.sip import FlowId, HostPort, ListenAddress

__all__ = ["FlowKeeper", "SipFlow"]


class FlowKeeper(Protocol):
    """Who keeps the connections."""

    def flow_made(self, flow: "SipFlow", peer: HostPort, *, is_opened_by_us: bool) -> FlowId | None:
        """Name a connection; None refuses it."""

    def flow_received(self, flow_id: FlowId, data: bytes) -> None:
        """Take octets of it."""

    def flow_lost(self, flow_id: FlowId) -> None:
        """Learn that it has ended."""


class SipFlow(asyncio.Protocol):
    """A connection, opened by either side.

    Args:
        keeper: Names it and is told what happens to it.
        dialled: Where we opened it to; None for one that the peer opened.
        local: The address of ours that took it, or that it was opened for, if known.
    """

    _transport: asyncio.Transport

    def __init__(
        self,
        keeper: FlowKeeper,
        dialled: HostPort | None = None,
        local: ListenAddress | None = None,
    ) -> None:
        """Wait for the connection to be made."""
        self.local = local
        self._keeper = keeper
        self._dialled = dialled
        self._flow_id: FlowId | None = None

    @property
    def unread_octets(self) -> int:
        """What the peer's side has not taken yet."""
        return self._transport.get_write_buffer_size()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Have it named, or drop it."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        host, port = self._dialled or transport.get_extra_info("peername")[:2]
        self._flow_id = self._keeper.flow_made(
            self, (host, port), is_opened_by_us=self._dialled is not None
        )
        if self._flow_id is None:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Hand on what arrives."""
        if self._flow_id is not None:
            self._keeper.flow_received(self._flow_id, data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that it is over."""
        del exc
        if self._flow_id is not None:
            self._keeper.flow_lost(self._flow_id)

    def write(self, data: bytes) -> None:
        """Send one message."""
        self._transport.write(data)

    def abort(self) -> None:
        """Drop the connection; what is unsent is lost."""
        self._transport.abort()
