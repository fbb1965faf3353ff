"""Where messages come from and go to, as the socket driver sees it.

The driver tells the endpoint what arrived (`Arrival`), and carries out each `Transmit`.
"""

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Arrival", "FlowId", "Hop", "HostPort", "ListenAddress", "Transmit"]

HostPort = tuple[str, int]
"""A numeric address without brackets, and a port."""


class ListenAddress(NamedTuple):
    """A socket of ours that takes datagrams or connections.

    Attributes:
        transport: "UDP" or "TCP".
        host: Numeric address it is bound to.
        port: Port it is bound to, 1 to 65535.
    """

    transport: str
    host: str
    port: int


class FlowId(NamedTuple):
    """One connection, of either side's making; the driver mints it when the connection is up.

    Attributes:
        transport: "TCP".
        host: Numeric address of the peer.
        port: Port of the peer.
        serial: Tells apart successive connections to one peer; never used twice.
        is_opened_by_us: Who opened it: a CRLF between messages is then a pong, else half a ping.
        local: The socket that took it, or that what it was opened for belongs to, if known.
    """

    transport: str
    host: str
    port: int
    serial: int
    is_opened_by_us: bool = False
    local: ListenAddress | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a message reached us.

    Attributes:
        transport: "UDP" or "TCP".
        source: Where it came from, as the socket saw it.
        local: The socket that took it, or its connection; None if that is not known.
        flow: The connection it came over; None for UDP.
    """

    transport: str
    source: HostPort
    local: ListenAddress | None = None
    flow: FlowId | None = None


@dataclass(frozen=True, slots=True)
class Hop:
    """The next place a request goes to.

    Attributes:
        transport: "UDP" or "TCP".
        destination: Numeric address and port.
        local: The socket to send from; None leaves the choice to the driver.
        flow: An open connection to use; None has the driver find or open one.
        may_use_tcp: Whether a request too large for UDP may go over TCP to the same place.
    """

    transport: str
    destination: HostPort
    local: ListenAddress | None = None
    flow: FlowId | None = None
    may_use_tcp: bool = False

    def is_over(self, flow: FlowId) -> bool:
        """Say whether a connection leads to this place."""
        return self.transport == flow.transport and self.destination == (flow.host, flow.port)


@dataclass(frozen=True, slots=True)
class Transmit:
    """One message to send now.

    Attributes:
        data: The whole message.
        transport: "UDP" or "TCP".
        destination: Numeric address and port. For a connection: where to open one if `flow` is
            None or closed and no other connection to this destination is up.
        local: The socket to send from, or that a new connection is to belong to; None leaves the
            choice to the driver.
        flow: The connection to send over; None has the driver find or open one.
    """

    data: bytes
    transport: str
    destination: HostPort
    local: ListenAddress | None = None
    flow: FlowId | None = None
