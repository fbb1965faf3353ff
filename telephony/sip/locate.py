"""From a URI to the next hop: transport, address, port.

Numeric hosts are answered at once. For a name the driver is asked (`Resolve`) and answers with
`Locator.resolved`; the answer is remembered for a minute. The choice by NAPTR and SRV records of
RFC 3263 is not made here.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import replace
from ipaddress import ip_address

from telephony.sip.events import Resolve, SipOutput
from telephony.sip.nat import DEFAULT_PORTS
from telephony.sip.timers import Alarm, DeadlineHeap
from telephony.sip.transmit import Hop, HostPort
from telephony.sip.uri import SipUri, Uri
from telephony.units import NS_PER_SECOND, Nanoseconds

__all__ = ["Located", "Locator"]

Located = Callable[[Hop | None, Nanoseconds], None]
"""What to do once the hop is known; None stands for a place that cannot be reached."""

REMEMBERED_NS = 60 * NS_PER_SECOND
"""How long a name's address is used again: one call's set-up, not a stale carrier."""
RESOLVE_LIMIT_NS = 20 * NS_PER_SECOND
"""A name the driver has no answer to for so long counts as one without address."""
MAX_REMEMBERED = 1024
"""Names remembered at once; the oldest goes first."""
MAX_WAITING = 1024
"""Requests that may wait for names at once."""


class Locator:
    """Finds next hops, asking the driver for the addresses of names."""

    def __init__(
        self,
        emit: Callable[[SipOutput], None],
        transports: Collection[str],
        heap: DeadlineHeap,
    ) -> None:
        """Remember how to ask, which transports we can send by, and where to arm limits."""
        self._emit = emit
        self._heap = heap
        self._limits: dict[Resolve, Alarm] = {}
        self._transports = transports
        self._waiting: dict[Resolve, list[tuple[Hop, Located]]] = {}
        self._remembered: OrderedDict[Resolve, tuple[HostPort, Nanoseconds]] = OrderedDict()

    @property
    def waiting_count(self) -> int:
        """Requests that wait for a name."""
        return sum(map(len, self._waiting.values()))

    def locate(self, uri: Uri, located: Located, now_ns: Nanoseconds) -> None:
        """Call `located` with the hop to `uri`: at once, or when the driver has resolved its name.

        Source: RFC 3261 section 8.1.2 and RFC 3263 section 4.1 (numeric target or none: UDP).
        """
        asked = self._question(uri)
        if asked is None:
            located(None, now_ns)
            return
        question, may_use_tcp = asked
        hop = Hop(question.transport, (question.host, question.port), may_use_tcp=may_use_tcp)
        if _is_numeric(question.host):
            located(hop, now_ns)
            return
        remembered = self._remembered.get(question)
        if remembered is not None and now_ns - remembered[1] < REMEMBERED_NS:
            located(replace(hop, destination=remembered[0]), now_ns)
            return
        if self.waiting_count >= MAX_WAITING:
            located(None, now_ns)
            return
        waiting = self._waiting.setdefault(question, [])
        waiting.append((hop, located))
        if len(waiting) == 1:
            self._limits[question] = self._heap.arm(
                Nanoseconds(now_ns + RESOLVE_LIMIT_NS),
                lambda now_ns: self.resolved(question, None, now_ns),
            )
            self._emit(question)

    def resolved(self, question: Resolve, address: HostPort | None, now_ns: Nanoseconds) -> None:
        """Take the driver's answer; `address` is None where the name has none."""
        if address is not None:
            self._remembered[question] = (address, now_ns)
            self._remembered.move_to_end(question)
            if len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)
        limit = self._limits.pop(question, None)
        if limit is not None:
            self._heap.disarm(limit)
        for hop, located in self._waiting.pop(question, []):
            located(None if address is None else replace(hop, destination=address), now_ns)

    def _question(self, uri: Uri) -> tuple[Resolve, bool] | None:
        if not isinstance(uri, SipUri):
            return None
        named = uri.parameter("transport")
        transport = "TLS" if uri.scheme == "sips" else (named or "UDP").upper()
        if transport not in self._transports:
            return None
        host = (uri.parameter("maddr") or uri.host).strip("[]")
        port = uri.port or DEFAULT_PORTS.get(transport, 5060)
        return Resolve(host, port, transport), not named and "TCP" in self._transports


def _is_numeric(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
