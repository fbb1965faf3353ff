"""The transactions of our requests: sends them, matches the answers.

Source: RFC 3261 sections 9.1, 17.1 and 18.1.1, RFC 6026.
"""

from collections.abc import Callable
from dataclasses import replace

from telephony.errors import RemoteError
from telephony.sip.codes import FIRST_FINAL, FIRST_REFUSAL
from telephony.sip.headers import Headers
from telephony.sip.known import known
from telephony.sip.layer_transactions import Shared, Step, Transactions
from telephony.sip.message import Request, Response
from telephony.sip.timers import Timer
from telephony.sip.transaction import Act, Input, Machine, State
from telephony.sip.transaction_client import CLIENT
from telephony.sip.transaction_client_invite import CLIENT_INVITE
from telephony.sip.transaction_key import client_key
from telephony.sip.transaction_record import ClientTransaction, ClientUser
from telephony.sip.transmit import Hop, Transmit
from telephony.sip.via import MAGIC_COOKIE, Via
from telephony.units import Nanoseconds

__all__ = ["ClientTransactions"]


class ClientTransactions(Transactions[ClientTransaction]):
    """The client transactions of one endpoint."""

    def __init__(self, shared: Shared, stray: Callable[[Response, Nanoseconds], None]) -> None:
        """Start with none; `stray` takes an answer that matches no transaction."""
        super().__init__(shared)
        self._stray = stray

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
            local = self._settings.socket_towards("TCP", hop.destination[0], hop.local)
            fallback, hop = hop, replace(hop, transport="TCP", local=local, flow=None)
            branch, transmit = self._put_via(request, hop)
        key = (branch, request.method)
        transaction = ClientTransaction(request, hop, key, transmit, user)
        transaction.fallback = fallback
        self._alive[key] = transaction
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
        self._alive[key] = transaction
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
        transaction = self._alive.get(client_key(response))
        if transaction is None:
            self._stray(response, now_ns)
            return
        transaction.response = response
        if response.status < FIRST_FINAL:
            what = Input.RECEIVE_PROVISIONAL
        elif response.status < FIRST_REFUSAL:
            what = Input.RECEIVE_SUCCESS
        else:
            what = Input.RECEIVE_FAILURE
        self._run(transaction, what, now_ns)

    def _fail(self, transaction: ClientTransaction, now_ns: Nanoseconds) -> None:
        if not self._fall_back(transaction, now_ns):
            super()._fail(transaction, now_ns)

    def _put_via(self, request: Request, hop: Hop) -> tuple[str, Transmit]:
        host, port = self._settings.reached_at(hop.transport, hop.local)
        branch = MAGIC_COOKIE + self._token()
        request.headers.remove("Via")
        request.headers.prepend(
            "Via", str(Via(hop.transport, host, port, (("branch", branch), ("rport", None))))
        )
        return branch, self._to_hop(request.to_bytes(), hop)

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
        self._alive[transaction.key] = transaction
        self._run(transaction, Input.SEND_REQUEST, now_ns)
        return True

    def _act(self, transaction: ClientTransaction, action: Act, step: Step) -> None:
        if action is Act.SEND_REQUEST:
            self._emit(transaction.transmit)
        elif action is Act.DELIVER:
            transaction.user.receive_response(known(transaction.response), step.now_ns)
        elif action is Act.SEND_ACK:
            if transaction.ack is None:
                to = known(transaction.response).headers.get("To") or ""
                ack = _follow_up(transaction.request, "ACK", to)
                transaction.ack = self._to_hop(ack.to_bytes(), transaction.hop)
            self._emit(transaction.ack)
        else:
            timer = step.what if isinstance(step.what, Timer) else None
            transaction.user.receive_failure(timer, step.now_ns)


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
