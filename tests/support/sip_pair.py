"""Two SIP endpoints joined by a bad network, each with a user of its own, on one virtual clock."""

import itertools
import random
from collections import Counter
from collections.abc import Callable

from telephony.sip import (
    EndpointSettings,
    InviteSession,
    ListenAddress,
    SessionEnded,
    SipEndpoint,
    SipEvent,
    Transmit,
)
from telephony.sip.events import CloseFlow, Resolve
from telephony.units import NS_PER_MS, Nanoseconds
from tests.support.clock import Stage, VirtualClock
from tests.support.netem import Impairments, NetworkEmulator

React = Callable[["Side", SipEvent], None]


class Side:
    """One endpoint and what happened to it."""

    def __init__(self, name: str, host: str, clock: VirtualClock, seed: str, react: React) -> None:
        numbers = itertools.count()
        settings = EndpointSettings(advertised={"UDP": (host, 5060)})
        self.name = name
        self.host = host
        self.local = ListenAddress("UDP", host, 5060)
        self.random = random.Random(seed)
        self.endpoint = SipEndpoint(
            settings, lambda: f"{name}-{next(numbers):x}", self.random.random
        )
        self.clock = clock
        self.react = react
        self.told: Counter[str] = Counter()
        self.ended: dict[InviteSession, SessionEnded] = {}
        self.sent = 0

    @property
    def now(self) -> Nanoseconds:
        return self.clock.now_ns

    def next_deadline(self) -> Nanoseconds | None:
        return self.endpoint.next_deadline()

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        self.endpoint.handle_timer(now_ns)

    def drain_into(self, link: NetworkEmulator) -> None:
        """Send what is to be sent, let the user react to what is told."""
        while (output := self.endpoint.poll_output()) is not None:
            if isinstance(output, Transmit):
                self.sent += 1
                link.push(output.data, self.now)
            else:
                assert not isinstance(output, Resolve | CloseFlow), output
                self._take(output)

    def _take(self, event: SipEvent) -> None:
        self.told[type(event).__name__] += 1
        session = getattr(event, "session", None)
        assert session not in self.ended, f"{event} after SessionEnded"
        if isinstance(event, SessionEnded):
            self.ended[event.session] = event
        self.react(self, event)


class Arrivals:
    """One direction of the network, as something with deadlines."""

    def __init__(self, link: NetworkEmulator, origin: Side, goal: Side) -> None:
        self.link = link
        self.origin = origin
        self.goal = goal

    def next_deadline(self) -> Nanoseconds | None:
        due = self.link.next_deadline()
        return None if due is None else Nanoseconds(due)

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        for data in self.link.pop_due(now_ns):
            source = (self.origin.host, 5060)
            self.goal.endpoint.handle_datagram(data, source, self.goal.local, now_ns)


class Appointments:
    """Things to do at given times, such as hanging up."""

    def __init__(self) -> None:
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def at(self, time_ns: int, action: Callable[[], None]) -> None:
        self._due.append((time_ns, next(self._numbers), action))
        self._due.sort(key=lambda entry: entry[:2])

    def next_deadline(self) -> Nanoseconds | None:
        return Nanoseconds(self._due[0][0]) if self._due else None

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        while self._due and self._due[0][0] <= now_ns:
            self._due.pop(0)[2]()


class Pair:
    """Caller and callee, and the network between them."""

    def __init__(self, impairments: Impairments, seed: str, caller: React, callee: React) -> None:
        self.clock = VirtualClock()
        self.caller = Side("a", "192.0.2.1", self.clock, f"{seed}-a", caller)
        self.callee = Side("b", "192.0.2.2", self.clock, f"{seed}-b", callee)
        self.there = NetworkEmulator(impairments, f"{seed}-there")
        self.back = NetworkEmulator(impairments, f"{seed}-back")
        self.appointments = Appointments()
        self.stage = Stage(
            self.clock,
            Arrivals(self.there, self.caller, self.callee),
            Arrivals(self.back, self.callee, self.caller),
            self.caller,
            self.callee,
            self.appointments,
            drain=self._drain,
        )

    def after_ms(self, ms: float, action: Callable[[], None]) -> None:
        """Do something later."""
        self.appointments.at(self.clock.now_ns + round(ms * NS_PER_MS), action)

    def _drain(self, _: Nanoseconds) -> None:
        self.caller.drain_into(self.there)
        self.callee.drain_into(self.back)
