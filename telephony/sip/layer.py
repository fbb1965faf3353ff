"""The transaction layer: the transactions of our requests and those of peers' requests.

Source: RFC 3261 section 17, RFC 6026, RFC 4320.
"""

from telephony.sip.layer_client import ClientTransactions
from telephony.sip.layer_server import ServerTransactions
from telephony.sip.layer_transactions import Shared
from telephony.sip.transaction_record import ServerUser
from telephony.sip.transmit import FlowId, HostPort
from telephony.units import Nanoseconds

__all__ = ["TransactionLayer"]


class TransactionLayer:
    """All transactions of one endpoint.

    Attributes:
        clients: Those of our requests.
        servers: Those of peers' requests.
    """

    def __init__(self, shared: Shared, user: ServerUser) -> None:
        """Start with no transaction."""
        self.clients = ClientTransactions(shared, user.receive_stray_response)
        self.servers = ServerTransactions(shared, user, lambda: self.count)

    @property
    def count(self) -> int:
        """Transactions alive, of both kinds."""
        return self.clients.count + self.servers.count

    def uses(self, flow: FlowId) -> bool:
        """Say whether a transaction sends over a connection."""
        return self.clients.uses(flow) or self.servers.uses(flow)

    def receive_transport_error(
        self, destination: HostPort, transport: str | None, now_ns: Nanoseconds
    ) -> None:
        """Tell every transaction that sends to a destination that it cannot be reached.

        Args:
            destination: Of what was to be sent.
            transport: The one that failed; None stands for any.
            now_ns: The time.
        """
        for kind in (self.clients, self.servers):
            kind.receive_transport_error(destination, transport, now_ns)
