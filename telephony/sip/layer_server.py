"""The transactions of peers' requests: takes each once, sends the answers.

Source: RFC 3261 sections 8.2.2.2, 17.2 and 18.2, RFC 6026, RFC 4320.
"""

from collections.abc import Callable

from telephony.errors import LocalError
from telephony.sip.codes import (
    FIRST_DIALOG_MAKING,
    FIRST_FINAL,
    FIRST_REFUSAL,
    REQUEST_TIMEOUT,
    SERVICE_UNAVAILABLE,
)
from telephony.sip.layer_transactions import Shared, Step, Transactions
from telephony.sip.message import Request, Response
from telephony.sip.nat import response_hop, stamp_via
from telephony.sip.transaction import Act, Input, State
from telephony.sip.transaction_key import ServerKey, is_unique, server_key
from telephony.sip.transaction_record import ServerTransaction, ServerUser
from telephony.sip.transmit import Arrival, Hop
from telephony.units import Nanoseconds

__all__ = ["ServerTransactions"]

HEADROOM = 8
"""What is about a call of ours may exceed the transaction limit by an eighth: requests with a To
tag, for a BYE must get in, and the CANCEL of an INVITE that we know."""


class ServerTransactions(Transactions[ServerTransaction]):
    """The server transactions of one endpoint."""

    def __init__(self, shared: Shared, user: ServerUser, total: Callable[[], int]) -> None:
        """Start with none.

        Args:
            shared: What both kinds have in common.
            user: Who takes the requests.
            total: Counts the transactions of both kinds, which share a limit.
        """
        super().__init__(shared)
        self._user = user
        self._total = total
        self._merged: dict[tuple[object, ...], ServerTransaction] = {}

    def receive_request(self, request: Request, arrival: Arrival, now_ns: Nanoseconds) -> None:
        """Match a request to its transaction, or make one (RFC 3261 section 17.2.3).

        Raises:
            RemoteError: An ACK that came before the final answer.
        """
        key = server_key(request)
        transaction = self._alive.get(key)
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

    def knows(self, request: Request) -> bool:
        """Say whether a request is a copy of one that was taken."""
        return server_key(request) in self._alive

    def invite_of(self, cancel: Request) -> ServerTransaction | None:
        """Find the INVITE that a CANCEL is about (RFC 3261 section 9.2)."""
        return self._alive.get(server_key(cancel, "INVITE"))

    def is_merged(self, transaction: ServerTransaction) -> bool:
        """Say whether the same request came before by another path (RFC 3261 section 8.2.2.2)."""
        if transaction.merge_key is None:
            return False
        return self._merged.get(transaction.merge_key) is not transaction

    def _accept(
        self, request: Request, arrival: Arrival, key: ServerKey
    ) -> ServerTransaction | None:
        limit = self._settings.max_transactions
        if request.to.tag or (request.method == "CANCEL" and self.invite_of(request) is not None):
            limit += limit // HEADROOM
        via = request.via
        hop = response_hop(via, arrival, flow_is_open=self._is_open(arrival.flow))
        request.headers.replace_first("Via", str(stamp_via(via, arrival)))
        if self._total() >= limit:
            self._refuse_statelessly(request, hop)
            return None
        transaction = ServerTransaction(request, arrival, hop, key)
        self._alive[key] = transaction
        if transaction.merge_key is not None:
            self._merged.setdefault(transaction.merge_key, transaction)
        return transaction

    def _refuse_statelessly(self, request: Request, hop: Hop) -> None:
        response = Response.for_request(
            request, SERVICE_UNAVAILABLE, to_tag=request.to.tag or self._token()
        )
        response.headers.set("Retry-After", str(self._settings.retry_after_s))
        self._emit(self._to_hop(response.to_bytes(), hop))

    def _act(self, transaction: ServerTransaction, action: Act, step: Step) -> None:
        message = step.message
        if action is Act.SEND_RESPONSE:
            if isinstance(message, Response):
                transaction.latest = message.to_bytes()
                transaction.answer = message
            if transaction.latest is not None:
                self._emit(self._to_hop(transaction.latest, transaction.hop))
        elif action is Act.SEND_TRYING:
            trying = Response.for_request(transaction.request, 100)
            transaction.latest = trying.to_bytes()
            self._emit(self._to_hop(transaction.latest, transaction.hop))
        elif action is Act.DELIVER:
            if isinstance(message, Request):
                self._user.receive_ack(message, step.now_ns)
            else:
                self._user.receive_request(transaction, step.now_ns)
        # The REPORTs change nothing here: an unacknowledged refusal is over either way, and a 2xx
        # that does not arrive shows by its missing ACK.

    def _drop(self, transaction: ServerTransaction) -> None:
        super()._drop(transaction)
        if (
            transaction.merge_key is not None
            and self._merged.get(transaction.merge_key) is transaction
        ):
            del self._merged[transaction.merge_key]
