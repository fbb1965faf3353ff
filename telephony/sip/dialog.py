"""Dialogs: the standing between two user agents that requests inside a call are made from.

Source: RFC 3261 section 12.
"""

from dataclasses import replace
from typing import NamedTuple

from telephony.sip.headers import Headers
from telephony.sip.message import Request, Response
from telephony.sip.name_addr import NameAddr
from telephony.sip.uri import SipUri, Uri

__all__ = ["Dialog", "DialogId", "request_headers"]

MAX_FORWARDS = 70
"""RFC 3261 section 8.1.1.6."""


class DialogId(NamedTuple):
    """What a message's Call-ID and tags must be to belong to a dialog; "" stands for no tag."""

    call_id: str
    local_tag: str
    remote_tag: str


class Dialog:
    """One dialog, of either side's making.

    Attributes:
        id: Call-ID and both tags.
        local: What we put into From, our tag included.
        remote: What we put into To, the peer's tag included.
        local_cseq: The CSeq number of our latest request.
        remote_cseq: That of the peer's latest request, or None.
        route_set: The routes our requests take, the next one first.
        remote_target: The URI of the peer's Contact: where our requests end.
    """

    __slots__ = ("id", "local", "local_cseq", "remote", "remote_cseq", "remote_target", "route_set")

    def __init__(
        self,
        call_id: str,
        local: NameAddr,
        remote: NameAddr,
        remote_target: Uri,
        route_set: tuple[NameAddr, ...],
    ) -> None:
        """Take over what the message that makes the dialog says."""
        self.id = DialogId(call_id, local.tag or "", remote.tag or "")
        self.local = local
        self.remote = remote
        self.local_cseq = 0
        self.remote_cseq: int | None = None
        self.remote_target = remote_target
        self.route_set = route_set

    @classmethod
    def from_request(cls, request: Request, local_tag: str) -> "Dialog":
        """Make the callee's side from the INVITE (section 12.1.1): Record-Route in order.

        An INVITE without Contact, as RFC 2543 elements may send, leaves From's URI as target.

        Raises:
            SipSyntaxError: A header it needs is malformed: the peer's fault.
        """
        contact = request.contact
        dialog = cls(
            request.call_id,
            request.to.with_tag(local_tag),
            request.from_,
            request.from_.uri if contact is None else contact.uri,
            tuple(request.record_routes),
        )
        dialog.remote_cseq = request.cseq.number
        return dialog

    @classmethod
    def from_response(cls, request: Request, response: Response) -> "Dialog":
        """Make the caller's side from an answer to our INVITE (section 12.1.2).

        Record-Route is reversed. An answer without Contact (allowed in 1xx without tag, common
        elsewhere) leaves the Request-URI as target.

        Raises:
            SipSyntaxError: A header it needs is malformed: the peer's fault.
        """
        contact = response.contact
        dialog = cls(
            request.call_id,
            request.from_,
            response.to,
            request.uri if contact is None else contact.uri,
            tuple(reversed(response.record_routes)),
        )
        dialog.local_cseq = request.cseq.number
        return dialog

    def confirm(self, response: Response) -> None:
        """Recompute the route set from the 2xx and take its target (section 13.2.2.4).

        Only for the step from early to confirmed: later answers leave the route set alone.
        """
        self.route_set = tuple(reversed(response.record_routes))
        self.refresh_target(response)

    def refresh_target(self, message: Request | Response) -> None:
        """Take the Contact of a target refresh (section 12.2.1.2, 12.2.2), if it has one."""
        contact = message.contact
        if contact is not None:
            self.remote_target = contact.uri

    @property
    def next_hop(self) -> Uri:
        """Where our requests go first: the first route, else the remote target."""
        return self.route_set[0].uri if self.route_set else self.remote_target

    def take_cseq(self, number: int) -> bool:
        """Note the number of a peer's request; False where it is out of order (section 12.2.2)."""
        if self.remote_cseq is not None and number < self.remote_cseq:
            return False
        self.remote_cseq = number
        return True

    def request(self, method: str) -> Request:
        """Start a request inside the dialog: the next CSeq number, route set and target applied."""
        self.local_cseq += 1
        return self._request(method, self.local_cseq)

    def ack(self, cseq_number: int) -> Request:
        """Start the ACK of a 2xx: the number of its INVITE (section 13.2.2.4)."""
        return self._request("ACK", cseq_number)

    def _request(self, method: str, cseq_number: int) -> Request:
        """Apply section 12.2.1.1: loose routing, or the swap that a strict router needs."""
        uri, routes = _as_request_uri(self.remote_target), self.route_set
        if routes and not _is_loose(routes[0].uri):
            # The strict router takes the Request-URI for its own; the target goes last.
            uri = _as_request_uri(routes[0].uri)
            routes = (*routes[1:], NameAddr(None, self.remote_target))
        headers = request_headers(method, self.local, self.remote, self.id.call_id, cseq_number)
        for route in routes:
            headers.add("Route", str(route))
        return Request(method, uri, headers)


def request_headers(
    method: str, from_: NameAddr, to: NameAddr, call_id: str, cseq_number: int
) -> Headers:
    """Give the header fields each request starts with (section 8.1.1); Via comes on sending."""
    return Headers(
        [
            ("Max-Forwards", str(MAX_FORWARDS)),
            ("From", str(from_)),
            ("To", str(to)),
            ("Call-ID", call_id),
            ("CSeq", f"{cseq_number} {method}"),
        ]
    )


def _is_loose(uri: Uri) -> bool:
    return isinstance(uri, SipUri) and uri.has_parameter("lr")


def _as_request_uri(uri: Uri) -> Uri:
    """Strip what a Request-URI may not hold (section 12.2.1.1, section 19.1.1 table 1)."""
    if not isinstance(uri, SipUri):
        return uri
    kept = tuple(pair for pair in uri.parameters if pair[0].lower() != "method")
    return replace(uri, parameters=kept, headers=())
