"""Answers that find their way back through address translators.

Source: RFC 3261 sections 18.2.1 and 18.2.2, RFC 3581 (`rport`).
"""

from dataclasses import replace

from telephony.sip.transmit import Arrival, Hop
from telephony.sip.via import Via

__all__ = ["DEFAULT_PORTS", "response_hop", "stamp_via"]

DEFAULT_PORTS = {"UDP": 5060, "TCP": 5060, "TLS": 5061}
"""The port a URI or Via without one means, RFC 3261 sections 18.2.2 and 19.1.2."""


def stamp_via(via: Via, arrival: Arrival) -> Via:
    """Note in a request's top Via where the request really came from.

    `received` is added when the address differs from what the sender wrote or `rport` was asked
    for; a bare `rport` is filled in (RFC 3581 section 4). Whatever the peer itself wrote as
    `received` or as `rport`'s value is not believed.
    """
    host, port = arrival.source
    wants_rport = via.has_parameter("rport")
    honest = via.host.lower() == host.lower() and not via.has_parameter("received")
    if honest and not wants_rport:
        return via
    kept = [
        (name, str(port) if name == "rport" else value)
        for name, value in via.parameters
        if name != "received"
    ]
    return replace(via, parameters=(*kept, ("received", host)))


def response_hop(via: Via, arrival: Arrival, *, flow_is_open: bool) -> Hop:
    """Choose where the answers to a request go (RFC 3261 section 18.2.2, RFC 3581 section 4).

    Over a connection: back on it while it is up, else to a new one at the address the request came
    from and the port its Via names. Over UDP: to that address, and to the source port if the
    request asked for that with `rport`, else to the port its Via names; always from the socket
    that took the request. `maddr`, for multicast and for nothing else, is not followed: it would
    let a request aim our answers at a third party.

    Args:
        via: The top Via of the request.
        arrival: How the request came.
        flow_is_open: Whether the connection it came over is still up.
    """
    host, port = arrival.source
    if arrival.flow is not None and flow_is_open:
        return Hop(arrival.transport, arrival.source, arrival.local, arrival.flow)
    if arrival.flow is not None or not via.has_parameter("rport"):
        port = via.port or DEFAULT_PORTS.get(arrival.transport, 5060)
    return Hop(arrival.transport, (host, port), arrival.local)
