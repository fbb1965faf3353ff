"""A SIP user agent, server and client, over any transports.

It has no socket and no clock: a driver hands it what arrived and when, sends what `poll_output`
gives and calls `handle_timer` at `next_deadline`.

Source: RFC 3261 sections 8 to 18, RFC 6026, RFC 3581, RFC 4320.
"""

from collections import deque
from collections.abc import Callable, Iterable

from telephony.errors import LocalError, RemoteError
from telephony.sip.admission import (
    SDP,
    Refusal,
    examine_content,
    examine_method,
    examine_require,
)
from telephony.sip.codes import CALL_DOES_NOT_EXIST, DECLINE, FORBIDDEN, OK, SERVICE_UNAVAILABLE
from telephony.sip.core import FinalAnswer, HeaderPairs, SipCore, description_of, set_body
from telephony.sip.dialog import DialogId, request_headers
from telephony.sip.errors import SipSyntaxError
from telephony.sip.events import (
    CloseFlow,
    IncomingInvite,
    MessageRejected,
    OptionsAnswered,
    RequestForbidden,
    Resolve,
    SipOutput,
)
from telephony.sip.framing import KeepAlive, is_keep_alive
from telephony.sip.invite_incoming import IncomingSession
from telephony.sip.invite_outgoing import OutgoingSession
from telephony.sip.message import (
    Request,
    Response,
    check_request,
    check_response,
    parse_message,
)
from telephony.sip.name_addr import NameAddr
from telephony.sip.nat import response_hop, stamp_via
from telephony.sip.settings import EndpointSettings
from telephony.sip.transaction_record import ServerTransaction, ServerUser
from telephony.sip.transmit import Arrival, FlowId, HostPort, ListenAddress, Transmit
from telephony.sip.uri import Uri
from telephony.units import Nanoseconds

__all__ = ["SipEndpoint"]

IN_DIALOG_ONLY = frozenset({"BYE", "INFO", "UPDATE", "NOTIFY", "PRACK"})
"""Methods that mean nothing outside a dialog: 481 (sections 12.2.2 and 15.1.2)."""


class SipEndpoint(ServerUser):
    """One user agent: all its transactions, dialogs and sessions.

    After each method that takes `now_ns`, drain `poll_output()` to None and re-arm one timer with
    `next_deadline()`.

    Attributes:
        draining: While true new INVITEs and OPTIONS outside dialogs are answered 503; calls that
            are up go on.
    """

    def __init__(
        self,
        settings: EndpointSettings,
        token: Callable[[], str],
        random: Callable[[], float],
    ) -> None:
        """Start with nothing under way.

        Args:
            settings: What the endpoint is told about itself.
            token: Mints identifiers, each a token of RFC 3261 and never the same twice: Call-IDs,
                tags, branches and the user of our Contact begin with what it gives.
            random: Gives a number from 0 up to, not including, 1.
        """
        self.draining = False
        self._settings = settings
        self._token = token
        self._output: deque[SipOutput] = deque()
        self._core = SipCore(settings, token, random, self._output.append, self)
        self._stateless_tag = token()

    @property
    def transaction_count(self) -> int:
        """Transactions alive."""
        return self._core.layer.count

    @property
    def dialog_count(self) -> int:
        """Dialogs alive, early ones included."""
        return len(self._core.dialogs)

    @property
    def timer_count(self) -> int:
        """Alarms armed."""
        return len(self._core.heap)

    def handle_datagram(
        self, data: bytes, source: HostPort, local: ListenAddress, now_ns: Nanoseconds
    ) -> None:
        """Take one datagram.

        Args:
            data: What arrived; anything at all.
            source: Numeric address and port it came from.
            local: The socket that took it.
            now_ns: The time.
        """
        if not is_keep_alive(data):
            self._take(data, Arrival(local.transport, source, local), now_ns)

    def handle_flow_opened(self, flow: FlowId, now_ns: Nanoseconds) -> None:
        """Learn that a connection is up, of either side's making."""
        self._core.flows.open(flow, now_ns)

    def handle_stream(self, flow: FlowId, data: bytes, now_ns: Nanoseconds) -> None:
        """Take octets of a connection, in order, cut anywhere.

        Args:
            flow: The connection; octets of one that is not up are dropped.
            data: What arrived.
            now_ns: The time.
        """
        source = (flow.host, flow.port)
        arrival = Arrival(flow.transport, source, flow.local, flow)
        try:
            for piece in self._core.flows.receive(flow, data, now_ns):
                if piece is KeepAlive.PING:
                    self._output.append(Transmit(b"\r\n", flow.transport, source, flow=flow))
                elif isinstance(piece, bytes):
                    self._take(piece, arrival, now_ns)
        except SipSyntaxError as error:
            self._reject(error, arrival)
            self._output.append(CloseFlow(flow))

    def handle_flow_closed(self, flow: FlowId, now_ns: Nanoseconds) -> None:
        """Learn that a connection is gone.

        Answers still owed to it will go to a new one; requests of ours that wait for an answer go
        on waiting, as the peer may bring it over a new one (RFC 3261 section 18.2.2).
        """
        del now_ns
        self._core.flows.close(flow)

    def handle_transport_error(
        self, destination: HostPort, now_ns: Nanoseconds, *, transport: str | None = None
    ) -> None:
        """Learn that what was sent to a destination did not arrive, or no connection came about.

        Args:
            destination: Of the `Transmit`.
            now_ns: The time.
            transport: Of the `Transmit`; None stands for any.
        """
        self._core.layer.receive_transport_error(destination, transport, now_ns)

    def handle_resolved(
        self, question: Resolve, address: HostPort | None, now_ns: Nanoseconds
    ) -> None:
        """Take the answer to a `Resolve`; `address` is None where the name has none."""
        self._core.locator.resolved(question, address, now_ns)

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        """Run what is due."""
        self._core.heap.run_due(now_ns)

    def poll_output(self) -> SipOutput | None:
        """Give the next message to send, question to the driver or event, or None."""
        return self._output.popleft() if self._output else None

    def next_deadline(self) -> Nanoseconds | None:
        """Give the time `handle_timer` has to be called at, or None."""
        return self._core.heap.next_deadline()

    def invite(
        self,
        target: Uri,
        *,
        from_: NameAddr,
        to: NameAddr,
        sdp: bytes | None,
        headers: HeaderPairs = (),
        route: Iterable[Uri] = (),
        local: ListenAddress | None = None,
        now_ns: Nanoseconds,
    ) -> OutgoingSession:
        """Place a call.

        Args:
            target: Request-URI.
            from_: Who calls; a tag is added.
            to: Who is called.
            sdp: Our offer; None leaves the offer to the peer.
            headers: Further header fields.
            route: Proxies to go through first, such as a trunk's; each needs `;lr`.
            local: The socket whose address the call is to go by, of any transport; None leaves it
                to the settings.
            now_ns: The time.

        Raises:
            LocalError: There are as many dialogs as the settings allow.
        """
        if self.dialog_count >= self._settings.max_dialogs:
            raise LocalError(f"{self.dialog_count} dialogs are up, as many as allowed")
        request, next_hop = self._new_request("INVITE", target, from_, to, route)
        self._core.describe(request)
        for name, value in headers:
            request.headers.add(name, value)
        if sdp is not None:
            set_body(request, sdp)
        session = OutgoingSession(self._core, request, local)
        session.send(next_hop, now_ns)
        return session

    def options(self, target: Uri, *, from_: NameAddr, now_ns: Nanoseconds) -> str:
        """Ask a peer what it supports, or whether it is there; `OptionsAnswered` follows.

        Returns:
            The Call-ID that `OptionsAnswered` will name.
        """
        request, next_hop = self._new_request("OPTIONS", target, from_, NameAddr(None, target), ())
        request.headers.add("Accept", SDP)

        def answered(status: int, _: Response | None, now_ns: Nanoseconds) -> None:
            del now_ns
            self._output.append(OptionsAnswered(request.call_id, status))

        self._core.send(request, next_hop, FinalAnswer(answered), now_ns)
        return request.call_id

    def receive_request(self, transaction: ServerTransaction, now_ns: Nanoseconds) -> None:
        """Take a new request, once, and see that it gets an answer."""
        try:
            refusal = self._examine(transaction)
            if refusal is not None:
                self._refuse(transaction, refusal, now_ns)
            else:
                self._dispatch(transaction, now_ns)
        except RemoteError as error:
            source = transaction.arrival.source
            self._output.append(MessageRejected(str(error), source))
            self._refuse(transaction, Refusal(error.sip_status), now_ns)

    def receive_ack(self, request: Request, now_ns: Nanoseconds) -> None:
        """Bring an ACK to its session; one that belongs to nothing is dropped."""
        session = self._core.dialogs.get(_dialog_id(request))
        if session is not None:
            session.receive_ack(request, now_ns)

    def receive_stray_response(self, response: Response, now_ns: Nanoseconds) -> None:
        """Drop an answer that matches no transaction (RFC 6026 section 7.3)."""
        del now_ns
        text = f"a {response.status} that answers nothing of ours"
        self._output.append(MessageRejected(text, None))

    def _take(self, data: bytes, arrival: Arrival, now_ns: Nanoseconds) -> None:
        """Read one message and bring it to its transaction."""
        try:
            message = parse_message(data, stream=arrival.flow is not None)
            if isinstance(message, Response):
                fault = check_response(message)
                if fault is not None:
                    raise fault
                _ = message.record_routes
                self._core.layer.clients.receive_response(message, now_ns)
            else:
                fault = check_request(message)
                if fault is not None:
                    raise fault
                if self._is_welcome(message, arrival):
                    self._core.layer.servers.receive_request(message, arrival, now_ns)
                else:
                    self._turn_away(message, arrival)
        except SipSyntaxError as error:
            self._reject(error, arrival)
        except RemoteError as error:
            self._output.append(MessageRejected(str(error), arrival.source))

    def _reject(self, error: SipSyntaxError, arrival: Arrival) -> None:
        """Answer what cannot be a transaction, if there is enough to answer to (section 8.2.7)."""
        self._output.append(MessageRejected(str(error), arrival.source))
        request = error.partial
        if request is not None and request.method != "ACK":
            self._answer_statelessly(request, arrival, error.sip_status, error.reason)

    def _is_welcome(self, request: Request, arrival: Arrival) -> bool:
        """Say whether a request may cost us a transaction.

        It may if it comes from an allowed source, belongs to a dialog, which those we call may be
        in from anywhere, or is a copy of what was taken. An ACK never costs one.
        """
        allowed = self._settings.allowed_sources
        return (
            allowed is None
            or request.method == "ACK"
            or arrival.source[0] in allowed
            or _dialog_id(request) in self._core.dialogs
            or self._core.layer.servers.knows(request)
        )

    def _turn_away(self, request: Request, arrival: Arrival) -> None:
        """Answer what is not welcome, once for each copy, and keep nothing of it (section 8.2.7).

        It is answered, not dropped, so that a trunk we were not told of reads why its calls fail.
        Over UDP its source may be forged: the one answer, about as long as the request, is not
        repeated as a transaction's would be, and gives a forger nothing to gain.
        """
        if request.to.tag:
            # A peer that hangs up when we just did is no stranger.
            self._answer_statelessly(request, arrival, CALL_DOES_NOT_EXIST)
        else:
            self._answer_statelessly(request, arrival, FORBIDDEN)
            self._output.append(RequestForbidden(request.method, arrival.source))

    def _answer_statelessly(
        self, request: Request, arrival: Arrival, status: int, reason: str | None = None
    ) -> None:
        is_open = self._core.flows.is_open(arrival.flow)
        hop = response_hop(request.via, arrival, flow_is_open=is_open)
        request.headers.replace_first("Via", str(stamp_via(request.via, arrival)))
        response = Response.for_request(request, status, reason, to_tag=self._stateless_tag)
        response.headers.add("Server", self._settings.user_agent)
        data = response.to_bytes()
        self._output.append(Transmit(data, hop.transport, hop.destination, hop.local, hop.flow))

    def _examine(self, transaction: ServerTransaction) -> Refusal | None:
        """Hold a request against section 8.2, in its order."""
        request = transaction.request
        refusal = examine_method(request, self._settings)
        if refusal is None and self._core.layer.servers.is_merged(transaction):
            refusal = Refusal(482)
        return refusal or examine_require(request, self._settings) or examine_content(request)

    def _dispatch(self, transaction: ServerTransaction, now_ns: Nanoseconds) -> None:
        """Bring a request that passed to its dialog first, to the rules for new ones else."""
        request = transaction.request
        if request.method == "CANCEL":
            self._cancel(transaction, now_ns)
        elif request.to.tag:
            session = self._core.dialogs.get(_dialog_id(request))
            if session is None:
                self._refuse(transaction, Refusal(CALL_DOES_NOT_EXIST), now_ns)
            else:
                session.receive_request(transaction, now_ns)
        elif request.method == "INVITE":
            self._take_call(transaction, now_ns)
        elif request.method == "OPTIONS":
            self._answer_options(transaction, now_ns)
        elif request.method in IN_DIALOG_ONLY:
            self._refuse(transaction, Refusal(CALL_DOES_NOT_EXIST), now_ns)
        else:
            self._refuse(transaction, Refusal(DECLINE), now_ns)

    def _take_call(self, transaction: ServerTransaction, now_ns: Nanoseconds) -> None:
        request = transaction.request
        if self.draining or self.dialog_count >= self._settings.max_dialogs:
            self._refuse(transaction, self._unavailable(), now_ns)
        elif "Replaces" in request.headers:
            # RFC 3891 section 3: a call is replaced for those only whom we let.
            self._refuse(transaction, Refusal(DECLINE), now_ns)
        else:
            session = IncomingSession(self._core, transaction, now_ns)
            offer = description_of(request)
            self._output.append(IncomingInvite(session, offer, request))

    def _answer_options(self, transaction: ServerTransaction, now_ns: Nanoseconds) -> None:
        """Answer as an INVITE would be (section 11.2)."""
        if self.draining or self.dialog_count >= self._settings.max_dialogs:
            self._refuse(transaction, self._unavailable(), now_ns)
            return
        arrival = transaction.arrival
        contact = self._core.contact(arrival.transport, arrival.local)
        response = self._core.response(
            transaction.request, OK, headers=(("Accept", SDP), ("Contact", contact))
        )
        self._core.describe(response)
        self._core.layer.servers.respond(transaction, response, now_ns)

    def _cancel(self, transaction: ServerTransaction, now_ns: Nanoseconds) -> None:
        """Answer CANCEL and tell whoever holds the INVITE (section 9.2)."""
        invite = self._core.layer.servers.invite_of(transaction.request)
        if invite is None:
            self._refuse(transaction, Refusal(CALL_DOES_NOT_EXIST), now_ns)
            return
        response = self._core.response(transaction.request, OK, to_tag=invite.to_tag)
        self._core.layer.servers.respond(transaction, response, now_ns)
        if invite.on_cancel is not None:
            invite.on_cancel(transaction.request, now_ns)

    def _refuse(
        self, transaction: ServerTransaction, refusal: Refusal, now_ns: Nanoseconds
    ) -> None:
        response = self._core.response(transaction.request, refusal.status, headers=refusal.headers)
        self._core.layer.servers.respond(transaction, response, now_ns)

    def _unavailable(self) -> Refusal:
        return Refusal(SERVICE_UNAVAILABLE, (("Retry-After", str(self._settings.retry_after_s)),))

    def _new_request(
        self, method: str, target: Uri, from_: NameAddr, to: NameAddr, route: Iterable[Uri]
    ) -> tuple[Request, Uri]:
        """Start a request outside any dialog (section 8.1.1); give its next hop, too."""
        headers = request_headers(method, from_.with_tag(self._token()), to, self._token(), 1)
        routes = list(route)
        for uri in routes:
            headers.add("Route", f"<{uri}>")
        return Request(method, target, headers), routes[0] if routes else target


def _dialog_id(request: Request) -> DialogId:
    return DialogId(request.call_id, request.to.tag or "", request.from_.tag or "")
