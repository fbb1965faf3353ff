"""What the sessions of one endpoint share: the ways to send, to wait, to tell and to be found."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from telephony.sip.codes import FIRST_FINAL, REQUEST_TIMEOUT, SERVICE_UNAVAILABLE
from telephony.sip.dialog import DialogId
from telephony.sip.errors import SipSyntaxError
from telephony.sip.events import SipOutput
from telephony.sip.flows import Flows
from telephony.sip.layer import TransactionLayer
from telephony.sip.layer_transactions import Shared
from telephony.sip.locate import Located, Locator
from telephony.sip.message import Request, Response
from telephony.sip.settings import EndpointSettings
from telephony.sip.timers import DeadlineHeap, Timer
from telephony.sip.transaction_record import ClientTransaction, ClientUser, ServerUser
from telephony.sip.transmit import FlowId, Hop, ListenAddress
from telephony.sip.uri import SipUri, Uri
from telephony.units import Nanoseconds

if TYPE_CHECKING:
    from telephony.sip.invite import InviteSession

__all__ = [
    "FinalAnswer",
    "HeaderPairs",
    "Path",
    "SipCore",
    "description_of",
    "ignore_answer",
    "set_body",
]

SDP = "application/sdp"
WITH_CONTACT = frozenset({"INVITE", "NOTIFY", "OPTIONS", "REFER"})

HeaderPairs = Iterable[tuple[str, str]]


class Path(NamedTuple):
    """How the messages of one session leave us.

    Attributes:
        direct: A hop to use without looking at routes and target; None: look.
        local: The socket the session belongs to: its first message came to it, or the user chose
            its address; None leaves the choice to the driver.
    """

    direct: Hop | None = None
    local: ListenAddress | None = None


ANY_PATH = Path()
"""Wherever routes and target lead."""


class SipCore:
    """The parts of an endpoint that its sessions use.

    Attributes:
        settings: The endpoint's settings.
        heap: Its alarms.
        flows: Its connections.
        layer: Its transactions.
        locator: Finds next hops.
        token: Mints identifiers.
        random: Gives a number from 0 up to, not including, 1.
        emit: Queues something for `poll_output`.
        dialogs: The session of each dialog, early ones included.
    """

    def __init__(
        self,
        settings: EndpointSettings,
        token: Callable[[], str],
        random: Callable[[], float],
        emit: Callable[[SipOutput], None],
        user: ServerUser,
    ) -> None:
        """Start with no session."""
        self.settings = settings
        self.token = token
        self.random = random
        self.emit = emit
        self.heap = DeadlineHeap()
        self.flows = Flows(settings.flows, self.heap, emit, self._needs)
        shared = Shared(settings, self.heap, token, emit, self.flows.is_open)
        self.layer = TransactionLayer(shared, user)
        self.locator = Locator(emit, settings.advertised, self.heap)
        self.dialogs: dict[DialogId, InviteSession] = {}
        self._contact_user = token()
        self._contacts: dict[tuple[str, ListenAddress | None], str] = {}
        self._allow = ", ".join(settings.methods)
        self._supported = ", ".join(settings.supported)

    def contact(self, transport: str, local: ListenAddress | None) -> str:
        """Give our Contact for requests that are to reach us by a transport, at a socket."""
        key = (transport, local)
        known = self._contacts.get(key)
        if known is None:
            advertised = self.settings.advertised
            if transport not in advertised:
                transport = next(iter(advertised))
            host, port = self.settings.reached_at(transport, local)
            parameters = () if transport == "UDP" else (("transport", transport.lower()),)
            uri = SipUri("sip", self._contact_user, None, host, port, parameters)
            known = self._contacts[key] = f"<{uri}>"
        return known

    def describe(self, message: Request | Response) -> None:
        """Say in a message what we support: Allow, Supported."""
        message.headers.set("Allow", self._allow)
        if self._supported:
            message.headers.set("Supported", self._supported)

    def response(
        self,
        request: Request,
        status: int,
        *,
        reason: str | None = None,
        to_tag: str | None = None,
        headers: HeaderPairs = (),
    ) -> Response:
        """Build an answer to a request; a To tag is minted where neither side has given one."""
        tag = to_tag or (None if request.to.tag else self.token())
        response = Response.for_request(request, status, reason, to_tag=tag)
        response.headers.add("Server", self.settings.user_agent)
        for name, value in headers:
            response.headers.add(name, value)
        return response

    def _needs(self, flow: FlowId) -> bool:
        return self.layer.uses(flow) or any(one.uses(flow) for one in self.dialogs.values())

    def locate(self, next_hop: Uri, path: Path, located: Located, now_ns: Nanoseconds) -> None:
        """Call `located` with the hop to a URI, at once or when its name is resolved."""
        if path.direct is not None:
            located(path.direct, now_ns)
            return

        def from_our_socket(hop: Hop | None, now_ns: Nanoseconds) -> None:
            if hop is not None:
                host = hop.destination[0]
                local = self.settings.socket_towards(hop.transport, host, path.local)
                hop = replace(hop, local=local)
            located(hop, now_ns)

        self.locator.locate(next_hop, from_our_socket, now_ns)

    def launch(
        self, request: Request, hop: Hop, user: ClientUser, now_ns: Nanoseconds
    ) -> ClientTransaction:
        """Send a request, complete but for Via and Contact, to a hop by a new transaction."""
        request.headers.set("User-Agent", self.settings.user_agent)
        if request.method in WITH_CONTACT:
            request.headers.set("Contact", self.contact(hop.transport, hop.local))
        return self.layer.clients.request(request, hop, user, now_ns)

    def send(
        self,
        request: Request,
        next_hop: Uri,
        user: "FinalAnswer",
        now_ns: Nanoseconds,
        *,
        path: Path = ANY_PATH,
    ) -> None:
        """Send a request that is no INVITE, once its next hop is known.

        Args:
            request: The request, complete but for Via and Contact.
            next_hop: The URI to send to, unless `path` says otherwise.
            user: Who takes the answer; it learns of a place that cannot be reached, too.
            now_ns: The time.
            path: How to leave.
        """

        def located(hop: Hop | None, now_ns: Nanoseconds) -> None:
            if hop is None:
                user.receive_failure(None, now_ns)
            else:
                self.launch(request, hop, user, now_ns)

        self.locate(next_hop, path, located, now_ns)


class FinalAnswer(ClientUser):
    """Waits for the one final answer of a request that is no INVITE."""

    def __init__(self, answered: Callable[[int, Response | None, Nanoseconds], None]) -> None:
        """Have `answered(status, response, now_ns)` called once.

        Without a response the status is 408 for silence (RFC 3261 section 8.1.3.1) and 503 for a
        transport that failed.
        """
        self._answered = answered

    def receive_response(self, response: Response, now_ns: Nanoseconds) -> None:
        """Pass on a final answer."""
        if response.status >= FIRST_FINAL:
            self._answered(response.status, response, now_ns)

    def receive_failure(self, timer: Timer | None, now_ns: Nanoseconds) -> None:
        """Pass on what stands for an answer."""
        status = SERVICE_UNAVAILABLE if timer is None else REQUEST_TIMEOUT
        self._answered(status, None, now_ns)


def ignore_answer(status: int, response: Response | None, now_ns: Nanoseconds) -> None:
    """Take the answer to a request whose fate changes nothing."""
    del status, response, now_ns


def description_of(message: Request | Response) -> bytes | None:
    """Give the session description in a message, None where its body is none or something else.

    A body of no stated type is taken for one: an answer's sender is not told what we thought of it.
    """
    if not message.body:
        return None
    try:
        kind = message.content_type
    except SipSyntaxError:
        return None
    return message.body if kind is None or kind.essence == SDP else None


def set_body(message: Request | Response, body: bytes, content_type: str = SDP) -> None:
    """Give a message a body and its media type."""
    message.headers.set("Content-Type", content_type)
    message.body = body
