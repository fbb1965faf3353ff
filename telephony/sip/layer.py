"""The transaction layer: matches messages to transactions and carries out what the machines ask.

Source: RFC 3261 section 17, RFC 6026, RFC 4320.
"""

from collections.abc import Callable
from dataclasses import replace

from telephony.errors import LocalError, RemoteError
from telephony.sip.codes import (
    FIRST_DIALOG_MAKING,
    FIRST_FINAL,
    FIRST_REFUSAL,
    REQUEST_TIMEOUT,
    SERVICE_UNAVAILABLE,
)
from telephony.sip.events import SipOutput
from telephony.sip.headers import Headers
from telephony.sip.known import known
from telephony.sip.message import Request, Response
from telephony.sip.nat import response_hop, stamp_via
from telephony.sip.settings import EndpointSettings
from telephony.sip.timers import (
    DeadlineHeap,
    Timer,
    first_interval,
    next_interval,
)
from telephony.sip.transaction import (
    Act,
    Arm,
    Disarm,
    Input,
    Machine,
    Pace,
    State,
    TransactionInput,
)
from telephony.sip.transaction_client import CLIENT
from telephony.sip.transaction_client_invite import CLIENT_INVITE
from telephony.sip.transaction_key import (
    ClientKey,
    ServerKey,
    client_key,
    is_unique,
    server_key,
)
from telephony.sip.transaction_record import (
    ClientTransaction,
    ClientUser,
    ServerTransaction,
    ServerUser,
    Transaction,
)
from telephony.sip.transmit import Arrival, FlowId, Hop, HostPort, Transmit
from telephony.sip.via import MAGIC_COOKIE, Via
from telephony.units import Nanoseconds

__all__ = ["TransactionLayer"]

IN_DIALOG_HEADROOM = 8
"""Requests with a To tag may exceed the transaction limit by an eighth: a BYE must get in."""


class TransactionLayer:
    """All transactions of one endpoint."""

    def __init__(
        self,
        settings: EndpointSettings,
        heap: DeadlineHeap,
        token: Callable[[], str],
        emit: Callable[[SipOutput], None],
        user: ServerUser,
        is_open: Callable[[FlowId | None], bool],
    ) -> None:
        """Start with no transaction; `is_open` says whether a connection is up."""
        self._settings = settings
        self._heap = heap
        self._token = token
        self._emit = emit
        self._user = user
        self._clients: dict[ClientKey, ClientTransaction] = {}
        self._servers: dict[ServerKey, ServerTransaction] = {}
        self._merged: dict[tuple[object, ...], ServerTransaction] = {}
        self._is_open = is_open

    @property
    def count(self) -> int:
        """Transactions alive, of both kinds."""
        return len(self._clients) + len(self._servers)

    def uses(self, flow: FlowId) -> bool:
        """Say whether a transaction sends over a connection."""
        return any(
            transaction.hop.is_over(flow)
            for kind in (self._clients, self._servers)
            for transaction in kind.values()
        )

    # Requests of ours.

    def request(
        self, request: Request, hop: Hop, user: ClientUser, now_ns: Nanoseconds
    ) -> ClientTransaction:
        """Send a request, which has no Via yet, by a new transaction.

        Source: RFC 3261 section 18.1.1: what is over 1,300 octets goes over TCP where that is
        possible, and back to UDP if no connection comes about.
        """
        fallback = None
        branch, transmit = self._put_via(request, hop)
        limit = self._settings.tcp_above_octets
        if hop.transport == "UDP" and hop.may_use_tcp and limit and len(transmit.data) > limit:
            fallback, hop = hop, replace(hop, transport="TCP", local=None, flow=None)
            branch, transmit = self._put_via(request, hop)
        key = (branch, request.method)
        transaction = ClientTransaction(request, hop, key, transmit, user)
        transaction.fallback = fallback
        self._clients[key] = transaction
        self._run(transaction, Input.SEND_REQUEST, now_ns)
        return transaction

    def cancel(
        self,
        invite: ClientTransaction,
        headers: Headers,
        user: ClientUser,
        now_ns: Nanoseconds,
    ) -> None:
        """Send the CANCEL of an INVITE: same branch, same hop (RFC 3261 section 9.1).

        Args:
            invite: The transaction to cancel; it must have had a provisional answer.
            headers: Further header fields, such as Reason.
            user: Who waits for the answer to the CANCEL.
            now_ns: The time.
        """
        request = _follow_up(invite.request, "CANCEL", invite.request.headers.get("To") or "")
        for name, value in headers.items():
            request.headers.add(name, value)
        key = (invite.key[0], "CANCEL")
        transmit = self._to_hop(request.to_bytes(), invite.hop)
        transaction = ClientTransaction(request, invite.hop, key, transmit, user)
        self._clients[key] = transaction
        self._run(transaction, Input.SEND_REQUEST, now_ns)

    def abandon(self, transaction: ClientTransaction, now_ns: Nanoseconds) -> None:
        """Forget a cancelled INVITE that gets no final answer (RFC 3261 section 9.1)."""
        if transaction.state is not State.TERMINATED:
            self._run(transaction, Input.ABANDON, now_ns)

    def acknowledge(self, ack: Request, hop: Hop) -> Transmit:
        """Send the ACK of a 2xx, a transaction of its own without answer (section 13.2.2.4).

        Returns:
            What was sent, to be sent again at each copy of the 2xx.
        """
        transmit = self._put_via(ack, hop)[1]
        self._emit(transmit)
        return transmit

    def receive_response(self, response: Response, now_ns: Nanoseconds) -> None:
        """Match an answer to its request (RFC 3261 section 17.1.3).

        Raises:
            RemoteError: It has several Via, so that it is not for us (section 8.1.3.3), or its
                transaction has no use for it.
        """
        if len(response.vias) != 1:
            raise RemoteError("a response with more than one Via (RFC 3261 section 8.1.3.3)")
        transaction = self._clients.get(client_key(response))
        if transaction is None:
            self._user.receive_stray_response(response, now_ns)
            return
        transaction.response = response
        if response.status < FIRST_FINAL:
            what = Input.RECEIVE_PROVISIONAL
        elif response.status < FIRST_REFUSAL:
            what = Input.RECEIVE_SUCCESS
        else:
            what = Input.RECEIVE_FAILURE
        self._run(transaction, what, now_ns)

    # Requests of peers.

    def receive_request(self, request: Request, arrival: Arrival, now_ns: Nanoseconds) -> None:
        """Match a request to its transaction, or make one (RFC 3261 section 17.2.3).

        Raises:
            RemoteError: An ACK that came before the final answer.
        """
        key = server_key(request)
        transaction = self._servers.get(key)
        if transaction is not None and not is_unique(key):
            known = transaction.to_tag if request.method == "ACK" else transaction.request.to.tag
            if request.to.tag != known:
                transaction = None
        if request.method == "ACK":
            if transaction is None:
                self._user.receive_ack(request, now_ns)
            else:
                self._run(transaction, Input.RECEIVE_ACK, now_ns, request)
            return
        if transaction is None:
            transaction = self._accept(request, arrival, key)
            if transaction is None:
                return
        self._run(transaction, Input.RECEIVE_REQUEST, now_ns)

    def respond(
        self, transaction: ServerTransaction, response: Response, now_ns: Nanoseconds
    ) -> None:
        """Answer a request.

        Raises:
            LocalError: The transaction has its final answer, or RFC 4320 section 4.1 forbids this
                one: 1xx other than 100, or 408, to anything but INVITE.
        """
        status = response.status
        if transaction.request.method != "INVITE" and (
            FIRST_DIALOG_MAKING <= status < FIRST_FINAL or status == REQUEST_TIMEOUT
        ):
            raise LocalError(f"{status} to {transaction.request.method} (RFC 4320 section 4.1)")
        if status < FIRST_FINAL:
            what = Input.SEND_PROVISIONAL
        elif status < FIRST_REFUSAL:
            what = Input.SEND_SUCCESS
        else:
            what = Input.SEND_FAILURE
        self._run(transaction, what, now_ns, response)

    def repeat_success(self, transaction: ServerTransaction, now_ns: Nanoseconds) -> None:
        """Send the 2xx to an INVITE again (RFC 3261 section 13.3.1.4); nothing after timer L."""
        if transaction.state is State.ACCEPTED:
            self._run(transaction, Input.SEND_SUCCESS, now_ns)

    def invite_of(self, cancel: Request) -> ServerTransaction | None:
        """Find the INVITE that a CANCEL is about (RFC 3261 section 9.2)."""
        return self._servers.get(server_key(cancel, "INVITE"))

    def is_merged(self, transaction: ServerTransaction) -> bool:
        """Say whether the same request came before by another path (RFC 3261 section 8.2.2.2)."""
        if transaction.merge_key is None:
            return False
        return self._merged.get(transaction.merge_key) is not transaction

    def receive_transport_error(
        self, destination: HostPort, transport: str | None, now_ns: Nanoseconds
    ) -> None:
        """Tell every transaction that sends to a destination that it cannot be reached."""
        hit: list[ClientTransaction | ServerTransaction] = [
            transaction
            for kind in (self._clients, self._servers)
            for transaction in kind.values()
            if transaction.hop.destination == destination
            and transport in (None, transaction.hop.transport)
        ]
        for transaction in hit:
            if transaction.state is State.TERMINATED:
                continue
            if isinstance(transaction, ClientTransaction) and self._fall_back(transaction, now_ns):
                continue
            self._run(transaction, Input.TRANSPORT_ERROR, now_ns)

    # Within.

    def _accept(
        self, request: Request, arrival: Arrival, key: ServerKey
    ) -> ServerTransaction | None:
        via = request.via
        hop = response_hop(
            via,
            arrival,
            flow_is_open=self._is_open(arrival.flow),
            force_rport=self._settings.force_rport,
        )
        request.headers.replace_first("Via", str(stamp_via(via, arrival)))
        limit = self._settings.max_transactions
        if request.to.tag:
            limit += limit // IN_DIALOG_HEADROOM
        if self.count >= limit:
            self._refuse_statelessly(request, hop)
            return None
        transaction = ServerTransaction(request, arrival, hop, key)
        self._servers[key] = transaction
        if transaction.merge_key is not None:
            self._merged.setdefault(transaction.merge_key, transaction)
        return transaction

    def _refuse_statelessly(self, request: Request, hop: Hop) -> None:
        response = Response.for_request(
            request, SERVICE_UNAVAILABLE, to_tag=request.to.tag or self._token()
        )
        response.headers.set("Retry-After", str(self._settings.retry_after_s))
        self._emit(self._to_hop(response.to_bytes(), hop))

    def _put_via(self, request: Request, hop: Hop) -> tuple[str, Transmit]:
        host, port = self._settings.advertised[hop.transport]
        branch = MAGIC_COOKIE + self._token()
        request.headers.remove("Via")
        request.headers.prepend(
            "Via", str(Via(hop.transport, host, port, (("branch", branch), ("rport", None))))
        )
        return branch, self._to_hop(request.to_bytes(), hop)

    def _to_hop(self, data: bytes, hop: Hop) -> Transmit:
        flow = hop.flow if self._is_open(hop.flow) else None
        return Transmit(data, hop.transport, hop.destination, hop.local, flow)

    def _fall_back(self, transaction: ClientTransaction, now_ns: Nanoseconds) -> bool:
        hop = transaction.fallback
        if hop is None or transaction.state not in (State.CALLING, State.TRYING):
            return False
        self._drop(transaction)
        branch, transaction.transmit = self._put_via(transaction.request, hop)
        transaction.fallback, transaction.hop, transaction.reliable = None, hop, False
        transaction.key = (branch, transaction.request.method)
        transaction.machine = Machine(
            CLIENT_INVITE if transaction.request.method == "INVITE" else CLIENT
        )
        self._clients[transaction.key] = transaction
        self._run(transaction, Input.SEND_REQUEST, now_ns)
        return True

    def _run(
        self,
        transaction: ClientTransaction | ServerTransaction,
        what: TransactionInput,
        now_ns: Nanoseconds,
        message: Request | Response | None = None,
    ) -> None:
        """Take one step and carry out its actions.

        Args:
            transaction: Which one.
            what: The input.
            now_ns: The time.
            message: The ACK that came, or the answer to send, where the input is about one.
        """
        actions = transaction.machine.advance(what)
        if transaction.machine.state is State.TERMINATED:
            self._drop(transaction)
        for action in actions:
            if isinstance(action, Arm):
                self._arm(transaction, action, now_ns)
            elif isinstance(action, Disarm):
                self._disarm(transaction, action.timer)
            elif isinstance(transaction, ClientTransaction):
                self._act_as_client(transaction, action, what, now_ns)
            else:
                self._act_as_server(transaction, action, now_ns, message)

    def _act_as_client(
        self,
        transaction: ClientTransaction,
        action: Act,
        what: TransactionInput,
        now_ns: Nanoseconds,
    ) -> None:
        if action is Act.SEND_REQUEST:
            self._emit(transaction.transmit)
        elif action is Act.DELIVER:
            transaction.user.receive_response(known(transaction.response), now_ns)
        elif action is Act.SEND_ACK:
            if transaction.ack is None:
                to = known(transaction.response).headers.get("To") or ""
                ack = _follow_up(transaction.request, "ACK", to)
                transaction.ack = self._to_hop(ack.to_bytes(), transaction.hop)
            self._emit(transaction.ack)
        else:
            timer = what if isinstance(what, Timer) else None
            transaction.user.receive_failure(timer, now_ns)

    def _act_as_server(
        self,
        transaction: ServerTransaction,
        action: Act,
        now_ns: Nanoseconds,
        message: Request | Response | None,
    ) -> None:
        if action is Act.SEND_RESPONSE:
            if isinstance(message, Response):
                transaction.latest = message.to_bytes()
                transaction.to_tag = message.to.tag
            if transaction.latest is not None:
                self._emit(self._to_hop(transaction.latest, transaction.hop))
        elif action is Act.SEND_TRYING:
            trying = Response.for_request(transaction.request, 100)
            transaction.latest = trying.to_bytes()
            self._emit(self._to_hop(transaction.latest, transaction.hop))
        elif action is Act.DELIVER:
            if isinstance(message, Request):
                self._user.receive_ack(message, now_ns)
            else:
                self._user.receive_request(transaction, now_ns)
        # The REPORTs change nothing here: an unacknowledged refusal is over either way, and a 2xx
        # that does not arrive shows by its missing ACK.

    def _arm(
        self,
        transaction: ClientTransaction | ServerTransaction,
        action: Arm,
        now_ns: Nanoseconds,
    ) -> None:
        timer, settings = action.timer, self._settings.timers
        if action.pace is Pace.DOUBLED:
            interval = next_interval(timer, transaction.intervals[timer], settings)
        elif action.pace is Pace.T2:
            interval = settings.t2_ns
        else:
            first = first_interval(timer, settings, reliable=transaction.reliable)
            if first is None:
                return
            interval = first
        transaction.intervals[timer] = interval
        self._disarm(transaction, timer)

        def expire(now_ns: Nanoseconds) -> None:
            self._run(transaction, timer, now_ns)

        transaction.alarms[timer] = self._heap.arm(Nanoseconds(now_ns + interval), expire)

    def _disarm(self, transaction: Transaction, timer: Timer) -> None:
        alarm = transaction.alarms.pop(timer, None)
        if alarm is not None:
            self._heap.disarm(alarm)

    def _drop(self, transaction: ClientTransaction | ServerTransaction) -> None:
        for alarm in transaction.alarms.values():
            self._heap.disarm(alarm)
        transaction.alarms.clear()
        if isinstance(transaction, ClientTransaction):
            self._clients.pop(transaction.key, None)
            return
        self._servers.pop(transaction.key, None)
        if (
            transaction.merge_key is not None
            and self._merged.get(transaction.merge_key) is transaction
        ):
            del self._merged[transaction.merge_key]


def _follow_up(request: Request, method: str, to: str) -> Request:
    """Build the ACK of a non-2xx or the CANCEL of a request (RFC 3261 sections 17.1.1.3, 9.1).

    Same Request-URI, top Via, From, Call-ID, CSeq number and Route; credentials stay with it.
    """
    headers = Headers([("Via", str(request.via)), ("Max-Forwards", "70")])
    headers.add("From", request.headers.get("From") or "")
    headers.add("To", to)
    headers.add("Call-ID", request.call_id)
    headers.add("CSeq", f"{request.cseq.number} {method}")
    for name in ("Route", "Authorization", "Proxy-Authorization"):
        for value in request.headers.get_all(name):
            headers.add(name, value)
    return Request(method, request.uri, headers)
