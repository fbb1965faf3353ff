"""Transactions as the layer keeps them, and who is told of them."""

from collections.abc import Callable
from typing import Protocol

from telephony.sip.message import Request, Response
from telephony.sip.timers import Alarm, Timer
from telephony.sip.transaction import Machine, State, Table
from telephony.sip.transaction_client import CLIENT
from telephony.sip.transaction_client_invite import CLIENT_INVITE
from telephony.sip.transaction_key import ClientKey, ServerKey, merge_key
from telephony.sip.transaction_server import SERVER
from telephony.sip.transaction_server_invite import SERVER_INVITE
from telephony.sip.transmit import Arrival, Hop, Transmit
from telephony.units import Nanoseconds

__all__ = ["ClientTransaction", "ClientUser", "ServerTransaction", "ServerUser"]


class ClientUser(Protocol):
    """Who sent a request and waits for its answers."""

    def receive_response(self, response: Response, now_ns: Nanoseconds) -> None:
        """Take an answer: each 1xx, the final one, and each 2xx to an INVITE."""

    def receive_failure(self, timer: Timer | None, now_ns: Nanoseconds) -> None:
        """Learn that no answer will come: `timer` B or F ran out, or (None) the transport broke."""


class ServerUser(Protocol):
    """Who takes the requests: the endpoint."""

    def receive_request(self, transaction: "ServerTransaction", now_ns: Nanoseconds) -> None:
        """Take a new request, once; it has to be answered by `TransactionLayer.respond`."""

    def receive_ack(self, request: Request, now_ns: Nanoseconds) -> None:
        """Take the ACK of a 2xx, or one that belongs to nothing."""

    def receive_stray_response(self, response: Response, now_ns: Nanoseconds) -> None:
        """Take an answer that matches no transaction."""


class Transaction:
    """What a client and a server transaction share: machine, alarms and their intervals."""

    __slots__ = ("alarms", "intervals", "machine", "reliable")

    def __init__(self, table: Table, *, reliable: bool) -> None:
        """Begin in INITIAL."""
        self.machine = Machine(table)
        self.reliable = reliable
        self.alarms: dict[Timer, Alarm] = {}
        self.intervals: dict[Timer, Nanoseconds] = {}

    @property
    def state(self) -> State:
        """Where its machine stands."""
        return self.machine.state


class ClientTransaction(Transaction):
    """A request of ours on its way.

    Attributes:
        request: The request, with our Via on top.
        hop: Where it goes.
        user: Who waits for the answers.
        response: The latest answer.
    """

    __slots__ = ("ack", "fallback", "hop", "key", "request", "response", "transmit", "user")

    def __init__(
        self, request: Request, hop: Hop, key: ClientKey, transmit: Transmit, user: ClientUser
    ) -> None:
        """Make it ready to send."""
        table = CLIENT_INVITE if request.method == "INVITE" else CLIENT
        super().__init__(table, reliable=hop.transport != "UDP")
        self.request = request
        self.hop = hop
        self.key = key
        self.transmit = transmit
        self.user = user
        self.fallback: Hop | None = None
        self.response: Response | None = None
        self.ack: Transmit | None = None


class ServerTransaction(Transaction):
    """A request of a peer that we answer.

    Attributes:
        request: The request, its top Via stamped.
        arrival: How it came.
        hop: Where the answers go.
        answer: The latest answer, unless that was a 100 of the transaction's own.
        on_cancel: For an INVITE: whom to tell of its CANCEL.
    """

    __slots__ = ("answer", "arrival", "hop", "key", "latest", "merge_key", "on_cancel", "request")

    def __init__(self, request: Request, arrival: Arrival, hop: Hop, key: ServerKey) -> None:
        """Make it ready to take its request."""
        table = SERVER_INVITE if request.method == "INVITE" else SERVER
        super().__init__(table, reliable=arrival.transport != "UDP")
        self.request = request
        self.arrival = arrival
        self.hop = hop
        self.key = key
        self.merge_key = None if request.to.tag else merge_key(request)
        self.answer: Response | None = None
        self.latest: bytes | None = None
        self.on_cancel: Callable[[Request, Nanoseconds], None] | None = None

    @property
    def to_tag(self) -> str | None:
        """The To tag of the latest answer; None where there is neither."""
        return None if self.answer is None else self.answer.to.tag
